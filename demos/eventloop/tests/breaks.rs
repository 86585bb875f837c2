//! "How it breaks", walked as the chapter on event loops tells it.

use tests::browser::Browser;
use tests::page::{hears, messages, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    cut_the_other_tab_is_served_on
    reset_nothing_is_lost
}

/// Walks "Cut." in eventloop.md.
fn cut_the_other_tab_is_served_on(browser: &Browser) {
    let demo = start("eventloop");
    let one = browser.visit(&demo);
    one.until_words("#doing", "1 OPEN");
    let other = browser.visit(&demo);
    let upgrade = demo.bench().feed().row(|row| row.text("mean").ends_with("asks for websocket"));
    demo.bench().cable_of(upgrade.number("conn"), "cut");
    say(&other, "the loop goes on");
    hears(&other, "the loop goes on");
    assert!(messages(&one).is_empty());
    press(&one, "Repair", "whole");
    hears(&one, "the loop goes on");
}

/// Walks "Reset." in eventloop.md.
fn reset_nothing_is_lost(browser: &Browser) {
    let demo = start("eventloop");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    say(&tab, "before");
    hears(&tab, "before");
    demo.bench().cable("reset");
    tab.until_said(0.0, "3 CLOSED with 1006");
    say(&tab, "after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "after"]);
}
