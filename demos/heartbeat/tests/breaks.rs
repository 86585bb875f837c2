//! "How it breaks", walked as the chapter on the heartbeat tells it.

use tests::browser::Browser;
use tests::page::{hears, meanwhile, press_for_one, say, set};
use tests::{in_both_browsers, start};

in_both_browsers! {
    heartbeat_off_a_cut_that_was_not_noticed_costs_nothing
    a_heartbeat_that_is_too_eager_gives_up_peers_that_are_there
}

/// Walks "Cut, heartbeat off." in heartbeat.md.
fn heartbeat_off_a_cut_that_was_not_noticed_costs_nothing(browser: &Browser) {
    let demo = start("heartbeat");
    let one = browser.visit(&demo);
    one.until("document.querySelectorAll('#peers tbody tr').length === 1");
    let other = browser.visit(&demo);
    other.until("document.querySelectorAll('#peers tbody tr').length === 2");
    // The lower number of those that ask for websocket is the tab that came first.
    let socket = demo
        .bench()
        .feed()
        .row(|row| row.text("mean").ends_with("asks for websocket"))
        .number("conn");
    one.run("document.querySelector('cable-box details').open = true", &[]);
    let asked =
        one.until_words(&format!("cable-box details li[data-id='{socket}'] .asked"), "GET /");
    assert!(
        asked.ends_with("asks for websocket"),
        "the list tells which connection it is: {asked}"
    );
    press_for_one(&one, "Cut", socket);
    one.until("[...document.querySelectorAll('cable-box .how')].some((how) => how.textContent.includes('cut'))");
    say(&one, "said in the cut tab");
    one.until_text("#unsaid", "1");
    meanwhile(&one, 2_000);
    assert_eq!(
        (one.texts("#doing")[0].as_str(), one.texts("#unsaid")[0].as_str()),
        ("1 OPEN", "1")
    );
    assert_eq!(
        other.value("document.querySelectorAll('#peers tbody tr').length"),
        2,
        "the table still shows it"
    );
    press_for_one(&one, "Repair", socket);
    one.until_text("#unsaid", "0");
    hears(&other, "said in the cut tab");
    assert_eq!(one.texts("#reconnects"), ["0"]);
}

/// Walks "Too eager." in heartbeat.md.
fn a_heartbeat_that_is_too_eager_gives_up_peers_that_are_there(browser: &Browser) {
    let demo = start("heartbeat");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    set(&tab, "#patience", "2");
    tab.click("#on");
    tab.until("/ms/.test(document.querySelector('#round-trip').textContent)");
    demo.bench().cable("delay 1500");
    tab.until("Number(document.querySelector('#reconnects').textContent) >= 2");
    demo.bench().cable("repair");
    tab.until_words("#doing", "1 OPEN");
}
