//! "How it breaks", walked as the chapter on the Flash socket tells it.

use super::pages::connected;
use tests::browser::Browser;
use tests::in_both_browsers;
use tests::page::{faults, hears, listen_for_faults, meanwhile, press, say};

in_both_browsers! {
    cut_the_page_is_told_nothing
    zero_bytes_are_taken_out_of_what_is_said
}

/// Walks "Cut." in flash.md.
fn cut_the_page_is_told_nothing(browser: &Browser) {
    let Some((demo, tab)) = connected(browser) else { return };
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    meanwhile(&tab, 2_000);
    assert_eq!(faults(&tab), "", "it is TCP: nobody tells anybody");
    press(&tab, "Repair", "whole");
    demo.say("after");
    hears(&tab, "after");
}

/// Walks "A zero byte in a message." in flash.md.
fn zero_bytes_are_taken_out_of_what_is_said(browser: &Browser) {
    let Some((_demo, tab)) = connected(browser) else { return };
    say(&tab, "zero\0byte");
    hears(&tab, "zerobyte");
}
