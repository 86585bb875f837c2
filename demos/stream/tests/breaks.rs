//! "How it breaks", walked as the chapter on fetch streaming tells it.

use tests::browser::Browser;
use tests::page::{Walk, hears, listen_for_faults, messages, press, say, until_fault};
use tests::{in_both_browsers, start};

in_both_browsers! {
    what_is_silent_is_given_up_after_some_seconds
    reset_in_a_dripping_line_brings_the_message_again_whole
}

/// Two walks whose pages wait at the same time.
fn what_is_silent_is_given_up_after_some_seconds(browser: &Browser) {
    let walks = [
        cut_the_page_gives_up_and_brings_what_was_said_meanwhile,
        held_the_page_hears_nothing_and_asks_again_in_vain,
    ];
    let second_halves = walks.map(|first_half| first_half(browser));
    for see in second_halves {
        see();
    }
}

/// Walks "Cut." in stream.md.
fn cut_the_page_gives_up_and_brings_what_was_said_meanwhile(browser: &Browser) -> Walk<'_> {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    say(&tab, "meanwhile");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&tab, "12 s of silence, not even a heartbeat");
        press(&tab, "Repair", "whole");
        hears(&tab, "meanwhile");
        assert_eq!(messages(&tab), ["before", "meanwhile"]);
    })
}

/// Walks "Hold." in stream.md.
fn held_the_page_hears_nothing_and_asks_again_in_vain(browser: &Browser) -> Walk<'_> {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    press(&tab, "Hold", "hold");
    demo.say("held back");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&tab, "12 s of silence");
        tab.until_words("#doing", "asking for what comes after message 1");
        assert_eq!(messages(&tab), ["before"], "in vain: the new answer is held back, too");
        press(&tab, "Repair", "whole");
        hears(&tab, "held back");
    })
}

/// Walks "Cut off." in stream.md.
fn reset_in_a_dripping_line_brings_the_message_again_whole(browser: &Browser) {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    // So slow that the line is not whole before the reset, and only for the stream.
    let asks = |row: &tests::Row| row.text("mean").starts_with("GET /stream?");
    demo.bench().cable_of(demo.bench().feed().row(asks).number("conn"), "drip 200");
    let long = "a long line, so that there is time to tear it off: ".repeat(4);
    say(&tab, &long);
    tab.until("Number(document.querySelector('#cut-lines').textContent) >= 10");
    assert_eq!(messages(&tab), ["before"], "half a line is no message");
    press(&tab, "Reset", "whole"); // the dripping cable goes with its connection
    hears(&tab, &long);
    assert_eq!(messages(&tab), ["before", &long], "once, and whole");
}
