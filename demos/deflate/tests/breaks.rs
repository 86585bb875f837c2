//! "How it breaks", walked as the chapter on deflate tells it.

use tests::browser::Browser;
use tests::page::{STUCK, hears, messages, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    after_a_reset_the_window_is_empty_and_nothing_is_lost
}

/// Walks "Reset." in deflate.md.
fn after_a_reset_the_window_is_empty_and_nothing_is_lost(browser: &Browser) {
    let demo = start("deflate");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    for text in ["a message before the reset", "another message before the reset"] {
        say(&tab, text);
        hears(&tab, text);
    }
    press(&tab, "Cut", "cut");
    say(&tab, "a message into the cut cable");
    tab.until(STUCK);
    demo.bench().cable("reset");
    press(&tab, "Repair", "whole");
    hears(&tab, "a message into the cut cable");
    say(&tab, "a message after the reset");
    hears(&tab, "a message after the reset");
    assert_eq!(messages(&tab).len(), 4, "once each");
}
