//! "How it breaks", walked as the chapter on Server-Sent Events tells it.

use tests::browser::Browser;
use tests::page::{STUCK, faults, hears, listen_for_faults, meanwhile, messages, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    cut_the_stream_stays_open_for_ever
    held_the_message_stays_in_the_proxy
    dripping_the_event_comes_whole
}

/// Walks "Cut." in sse.md.
fn cut_the_stream_stays_open_for_ever(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    meanwhile(&tab, 5_000);
    assert!(tab.texts("#doing")[0].contains("1 OPEN"), "{:?}", tab.texts("#doing"));
    assert_eq!(faults(&tab), "");
}

/// Walks "Hold." in sse.md.
fn held_the_message_stays_in_the_proxy(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    press(&tab, "Hold", "hold");
    demo.say("held back");
    tab.until(STUCK); // it has left the server
    meanwhile(&tab, 1_000);
    assert_eq!(messages(&tab).len(), 0, "and does not arrive");
    press(&tab, "Repair", "whole");
    hears(&tab, "held back");
}

/// Walks "Drip." in sse.md.
fn dripping_the_event_comes_whole(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("drip 4");
    say(&tab, "whole");
    hears(&tab, "whole");
}
