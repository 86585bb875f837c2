//! "How it breaks", walked as the chapter on socketio tells it.

use tests::browser::Browser;
use tests::page::{hears, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    cut_the_page_hears_nothing_until_it_is_repaired
}

/// Walks "Cut." in socketio.md.
fn cut_the_page_hears_nothing_until_it_is_repaired(browser: &Browser) {
    let demo = start("socketio");
    let tab = browser.visit(&demo);
    press(&tab, "Cut", "cut");
    say(&tab, "into the cut cable");
    press(&tab, "Repair", "whole");
    hears(&tab, "into the cut cable");
}
