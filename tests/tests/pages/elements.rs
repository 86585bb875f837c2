//! The elements that all pages share: the wire view, the cable, the page's history; whatever demo they stand beside.

use std::fs;

use serde_json::{Value, json};
use tests::browser::{self, Browser, Kind};
use tests::page::{hears, press, say};
use tests::{in_both_browsers, start, start_with, workspace};

in_both_browsers! {
    the_wire_can_be_paused_and_cleared
    the_ladder_holds_a_window_of_rows_and_not_all_of_them
    a_row_that_is_open_stays_in_sight_while_rows_come
    one_connection_can_be_chosen
    the_history_keeps_a_state_that_lasted_a_moment
    a_toggle_is_on_or_off_and_says_so
    each_rarer_fault_has_a_button_and_the_box_says_it_in_words
}

#[test]
fn no_page_breaks_its_own_content_security_policy() {
    browser::run(Kind::Chromium, |browser| {
        browser.complaints(); // of pages that other tests looked at
        let demos = fs::read_dir(workspace().join("demos")).expect("there are demos").flatten();
        for demo in demos.filter(|demo| demo.path().is_dir()) {
            let name = demo.file_name().to_string_lossy().into_owned();
            let demo = start_with(&name, &["--quiet"]);
            let tab = browser.visit(&demo);
            press(&tab, "Delay", "delay"); // the drawn cable has a style of its own for it
            press(&tab, "Repair", "whole");
            tab.until("(document.querySelector('wire-view .row.up:not([hidden])').click(), true)");
            tab.run("document.querySelectorAll('details').forEach((details) => (details.open = true))", &[]);
            tab.until("!document.querySelector('wire-view .detail').hidden");
            let complaints = browser.complaints();
            let refused: Vec<_> = complaints.iter().filter(|line| line.contains("Content Security Policy")).collect();
            assert!(refused.is_empty(), "{name}: {refused:#?}");
        }
    });
}

fn the_wire_can_be_paused_and_cleared(browser: &Browser) {
    let demo = start("longpoll");
    let tab = browser.visit(&demo);
    say(&tab, "before the pause");
    hears(&tab, "before the pause");
    let button = |name: &str| {
        let name = json!(name);
        tab.until(&format!(
            "[...document.querySelectorAll('wire-view .tools button')].some((one) => one.textContent === {name})"
        ));
        tab.run(
            "[...document.querySelectorAll('wire-view .tools button')].find((one) => one.textContent === arguments[0]).click()",
            &[name],
        );
    };
    button("Pause");
    tab.until_words("wire-view .stage .status", "Paused");
    demo.say("during the pause");
    hears(&tab, "during the pause");
    tab.until_words("wire-view .stage .status", "wait");
    let shown = |words: &str| tab.texts("wire-view .row:not([hidden]) .mean").iter().any(|mean| mean.contains(words));
    assert!(!shown("during the pause"), "the room goes on, the picture stands still");
    button("Go on");
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].some((row) => row.textContent.includes('during the pause'))");
    button("Clear");
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].every((row) => !row.textContent.includes('the pause'))");
    demo.say("after it was cleared");
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].some((row) => row.textContent.includes('after it was cleared'))");
}

fn the_ladder_holds_a_window_of_rows_and_not_all_of_them(browser: &Browser) {
    let demo = start_with("polling", &["--quiet"]);
    let tab = browser.visit(&demo);
    let mut wire = demo.connect();
    for n in 0..600 {
        wire.get(&format!("/messages?after={n}"));
        wire.answer();
    }
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].some((row) => row.textContent.includes('after=599'))");
    let rows = tab.value("document.querySelectorAll('wire-view .row').length").as_u64().unwrap_or_default();
    assert!(
        (5..150).contains(&rows),
        "1,800 rows went by; the document should hold those that can be seen, and holds {rows}"
    );
}

fn a_row_that_is_open_stays_in_sight_while_rows_come(browser: &Browser) {
    let demo = start_with("longpoll", &["--quiet"]);
    let tab = browser.visit(&demo);
    let fill = |name: &str| {
        let texts: Vec<String> = (0..30).map(|n| format!("{name} {n}")).collect();
        demo.say_all(&texts);
        hears(&tab, &texts[29]);
    };
    fill("before"); // the ladder is full, and shows the newest rows
    let newest = "[...document.querySelectorAll('wire-view .row.down:not([hidden])')].findLast((row) => row.textContent.includes('before 29'))";
    tab.until(&format!("({newest}.click(), true)"));
    let in_sight = "((row, ladder) => row.top >= ladder.top && row.bottom <= ladder.bottom)\
         (document.querySelector('wire-view .row.open:not([hidden])').getBoundingClientRect(), \
          document.querySelector('wire-view .ladder').getBoundingClientRect())";
    // The bytes take half of the ladder, from below, where the row was.
    tab.until("document.querySelector('wire-view .detail:not([hidden]) .dump') !== null");
    tab.until(in_sight);
    fill("more");
    tab.until(
        "parseInt(document.querySelector('wire-view .newest:not([hidden])')?.textContent.replace(/\\D/g, '')) >= 60",
    );
    assert_eq!(tab.value(in_sight), true, "sixty rows have come, and the one that is read is still there");
    tab.click("wire-view .newest");
    tab.until("document.querySelector('wire-view .newest').hidden");
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].some((row) => row.textContent.includes('more 29'))");
}

fn one_connection_can_be_chosen(browser: &Browser) {
    let demo = start_with("longpoll", &["--quiet"]);
    let tab = browser.visit(&demo);
    demo.say("by another");
    hears(&tab, "by another");
    let said = "[...document.querySelectorAll('wire-view .row.up:not([hidden])')].find((row) => row.textContent.includes('POST /say'))";
    tab.until(&format!("{said} !== undefined"));
    let connection = tab.value(&format!("{said}.querySelector('.conn').textContent"));
    let choice = format!(
        "document.querySelector('wire-view select[aria-label=\"Connections shown\"]').value = {connection}.slice(1) + '/0'"
    );
    tab.run(&choice, &[]);
    tab.run("document.querySelector('wire-view select[aria-label=\"Connections shown\"]').dispatchEvent(new Event('change'))", &[]);
    let shown = "[...document.querySelectorAll('wire-view .row:not([hidden]) .conn')].map((conn) => conn.textContent).filter(Boolean)";
    tab.until(&format!("{shown}.length > 2 && {shown}.every((conn) => conn === {connection})"));
}

fn the_history_keeps_a_state_that_lasted_a_moment(browser: &Browser) {
    let demo = start_with("stream", &["--quiet"]);
    let tab = browser.visit(&demo);
    tab.until_text("#doing", "reading");
    let before = tab.now();
    press(&tab, "Reset", "whole");
    let sentence = tab.until_said(before, "asking again in");
    demo.say("after the moment"); // the page reads again, and hears it
    hears(&tab, "after the moment");
    tab.until_text("#doing", "reading");
    let entry = tab.value(&format!(
        "document.querySelector('#history').entries.find(({{ text }}) => text === {})",
        json!(sentence)
    ));
    assert_eq!(entry["id"], "doing", "the history tells where it was said");
    assert_eq!(entry["fault"], true, "the history tells that it was a fault");
    assert!(entry["t"].as_f64() >= Some(before.floor()), "the history tells when it was said: {entry}");
    tab.click("details.history summary");
    tab.until(&format!(
        "[...document.querySelectorAll('#history li.fault')].some((item) => item.textContent.includes({}))",
        json!(sentence)
    ));
}

fn a_toggle_is_on_or_off_and_says_so(browser: &Browser) {
    let demo = start_with("stream", &["--quiet"]);
    let tab = browser.visit(&demo);
    let pressed = |state: &str| tab.until(&format!("listening.getAttribute('aria-pressed') === '{state}'"));
    tab.until_text("#doing", "reading");
    pressed("true");
    tab.click("#listening");
    pressed("false");
    tab.until_words("#doing", "aborted");
    tab.click("#listening");
    pressed("true");
    tab.until_text("#doing", "reading");
}

fn each_rarer_fault_has_a_button_and_the_box_says_it_in_words(browser: &Browser) {
    let demo = start_with("longpoll", &["--quiet"]);
    let tab = browser.visit(&demo);
    let more = "[...document.querySelectorAll('cable-box button')].find((one) => one.textContent === 'More')";
    tab.until(&format!("{more} !== undefined"));
    let unfolded = |state: bool| {
        tab.until(&format!("{more}.getAttribute('aria-expanded') === '{state}'"));
        tab.until(&format!(
            "document.querySelector('cable-box .tools[aria-label=\"Rarer faults\"]').hidden === {}",
            !state
        ));
    };
    unfolded(false);
    tab.run(&format!("{more}.click()"), &[]);
    unfolded(true);
    for (button, order, word, words) in [
        ("Garble", "garble", "garbled", "flips one bit"),
        ("No upgrade", "no-upgrade", "no upgrade", "takes the field Upgrade out of each request"),
        ("Idle", "idle 30", "idle: 30 s", "resets a connection after 30 s"),
        ("Forget", "forget 30", "forgets: 30 s", "Neither side is told"),
    ] {
        press(&tab, button, order.split(' ').next().unwrap_or_default());
        assert_eq!(demo.bench().state()["cable"], order, "what the button {button} orders");
        tab.until_text("cable-box .state strong", word);
        tab.until_words("cable-box .state", words);
        let pressed = tab.texts("cable-box button[aria-pressed='true']");
        assert_eq!(pressed, [button], "the button that holds, and no other");
        let drawn = tab.value("[...document.querySelectorAll('cable-box [class^=\"on-\"]')].filter((one) => getComputedStyle(one).display !== 'none').length");
        assert_eq!(drawn, Value::from(1), "the cable is drawn as it is: {button}");
    }
    press(&tab, "Repair", "whole");
}
