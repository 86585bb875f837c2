//! "How it breaks", walked as the chapter on frames tells it.

use tests::browser::Browser;
use tests::page::{hears, messages, press, say, set};
use tests::{in_both_browsers, start};

in_both_browsers! {
    a_length_that_lies_is_too_long_before_a_byte_is_kept
    a_dripping_message_arrives_whole_and_after_a_reset_again
    reset_shows_1006
    a_server_that_is_killed_shows_1006
}

/// Walks "A length that lies." in frames.md.
fn a_length_that_lies_is_too_long_before_a_byte_is_kept(browser: &Browser) {
    let demo = start("frames");
    let before = demo.memory();
    let tab = browser.visit(&demo);
    tab.run("document.getElementById('composer').open = true", &[]);
    set(&tab, "#frame [name=form]", "64");
    set(&tab, "#frame [name=length]", "9223372036854775807");
    tab.click("#send");
    tab.until_words("#answer", "close 1009");
    tab.until_words("#answer", "long");
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 32 * 1024, "memory grew from {before} to {after} KiB");
    }
}

/// Walks "Drip." in frames.md.
fn a_dripping_message_arrives_whole_and_after_a_reset_again(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("drip 4");
    say(&tab, "whole");
    hears(&tab, "whole");
    let long = "x".repeat(900);
    say(&tab, &long);
    let half = |row: &tests::Row| {
        row.text("dir") == "up" && row.text("kind") == "frame" && row.number("size") > 800
    };
    demo.bench().feed().row(half); // on its way, and it takes seconds
    press(&tab, "Reset", "drip");
    press(&tab, "Repair", "whole");
    hears(&tab, &long);
    assert_eq!(messages(&tab), ["whole", &long], "once, and whole");
}

/// Walks "Reset" in closing.md.
fn reset_shows_1006(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("reset"); // the button does the same, and does not show when it is done
    tab.until_said(0.0, "3 CLOSED with 1006"); // for a moment only: the page comes back at once
}

/// Walks "Kill the server." in closing.md.
fn a_server_that_is_killed_shows_1006(browser: &Browser) {
    let mut demo = start("frames");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.kill();
    tab.until_said(0.0, "3 CLOSED with 1006");
}
