//! "How it breaks", walked as the chapter on HTTP/2 tells it.

use std::time::{Duration, Instant};

use tests::browser::Browser;
use tests::page::{hears, messages, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    cut_all_streams_wait_together
    dripping_what_one_stream_gets_the_others_wait_for
    reset_all_streams_end_at_once_and_come_back
}

/// Walks "Cut." in http2.md.
fn cut_all_streams_wait_together(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    tab.click("#twenty");
    tab.until_text("#all", "20 of 20 streams are open");
    press(&tab, "Cut", "cut");
    say(&tab, "into the cut cable");
    assert!(messages(&tab).is_empty());
    press(&tab, "Repair", "whole");
    hears(&tab, "into the cut cable");
    tab.until_words("#all", "20 of 20 streams heard the newest message");
}

/// Walks "Drip." in http2.md.
fn dripping_what_one_stream_gets_the_others_wait_for(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    tab.click("#twenty");
    tab.until_text("#all", "20 of 20 streams are open");
    demo.bench().cable("drip 2");
    let before = Instant::now();
    say(&tab, "drop by drop");
    tab.until_words("#all", "20 of 20 streams heard the newest message");
    // Twenty-one times 9 bytes of a frame, 13 of an id, and 20 of text: one queue, a byte in 2 ms.
    let least = Duration::from_millis(21 * (9 + 13 + 20) * 2);
    assert!(before.elapsed() >= least, "{:?}", before.elapsed());
}

/// Walks "Reset." in http2.md.
fn reset_all_streams_end_at_once_and_come_back(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "EventSource 1 OPEN");
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("reset");
    tab.until_said(0.0, "the stream has ended");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "after"]);
}
