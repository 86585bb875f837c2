//! What the page of long polling promises, in real browsers.

use tests::browser::Browser;
use tests::page::{hears, say};
use tests::{Setup, in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    two_tabs_have_two_questions_on_the_wire_at_once
    the_page_comes_back_when_the_server_comes_back
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "longpoll");
}

/// "Run it" in longpoll.md: were the browser's cache asked, the second question would wait
/// for the first answer.
fn two_tabs_have_two_questions_on_the_wire_at_once(browser: &Browser) {
    let demo = start("longpoll");
    let mut feed = demo.bench().feed();
    let one = browser.visit(&demo);
    let asks = |row: &tests::Row| row.text("mean").starts_with("GET /wait?after=-0");
    let first = feed.row(asks).number("conn");
    // Chromium holds a second question back until the first answer's head comes, for 20 s at most.
    demo.bench().cable_of(first, "cut");
    let other = browser.visit(&demo);
    let second = feed.row(|row| asks(row) && row.number("conn") != first).number("sent");
    let loads = |row: &&tests::Row| row.text("mean") == "GET /";
    let loaded = feed.rows().iter().filter(loads).map(|row| row.number("sent")).max();
    let waited = second - loaded.expect("the page was loaded");
    assert!(waited < 15_000_000, "the second tab's question waited for {waited} microseconds");
    demo.bench().cable_of(first, "repair");
    demo.say("to both");
    hears(&one, "to both");
    hears(&other, "to both");
}

/// Walks "Restart." in longpoll.md.
fn the_page_comes_back_when_the_server_comes_back(browser: &Browser) {
    let mut demo = Setup::new("longpoll").on_a_port_of_its_own().start();
    let tab = browser.visit(&demo);
    // Not said in the page: were the server killed before its 201 is there, the page would say it again, to the new one.
    for text in ["before", "just before"] {
        demo.say(text);
        hears(&tab, text);
    }
    demo.kill();
    tab.until_said(0.0, "retrying in");
    demo.start_again();
    demo.say("a new life");
    hears(&tab, "a new life");
    assert!(
        tab.texts("#messages .note").iter().any(|note| note.contains("started again")),
        "the page says what happened"
    );
    say(&tab, "back again");
    hears(&tab, "back again");
}
