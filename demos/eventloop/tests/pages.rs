//! What the page of the event loop promises, in real browsers.

use tests::browser::Browser;
use tests::page::{hears, say, set};
use tests::promises::{self, Promise};
use tests::{in_both_browsers, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    a_crowd_is_opened_on_a_button_and_its_cost_is_shown
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    let promises: &[Promise] = &[
        promises::what_is_said_in_one_tab_is_heard_in_the_other,
        promises::markup_and_emoji_arrive_as_they_were_typed,
        promises::over_resets_everything_is_heard_once_and_in_order,
        promises::the_other_tab_leaves,
        promises::no_serious_fault_of_accessibility_is_found,
        promises::an_empty_and_an_over_long_message_are_told_in_words,
        promises::the_page_fits_a_narrow_screen,
    ];
    promises::these_are_kept(browser, "eventloop", promises);
}

/// As "Run it" in eventloop.md asks for, with fewer.
fn a_crowd_is_opened_on_a_button_and_its_cost_is_shown(browser: &Browser) {
    let demo = start("eventloop");
    let tab = browser.visit(&demo);
    tab.until_words("#ordered", "Idle connections: 0 on the loop, 0 on threads.");
    set(&tab, "#count", "70");
    tab.click("#open-loop");
    tab.until_words("#ordered", "Idle connections: 70 on the loop");
    tab.click("#open-threads");
    tab.until_words("#ordered", "Idle connections: 70 on the loop, 70 on threads.");
    if demo.memory().is_some() {
        tab.until_text("#loop-threads", "+0");
        tab.until_text("#threads-threads", "+70");
        tab.until_words("#threads-each", "KiB");
    }
    say(&tab, "among 140 that say nothing");
    hears(&tab, "among 140 that say nothing");
    tab.click("#let-go");
    tab.until_words("#ordered", "Idle connections: 0 on the loop, 0 on threads.");
    set(&tab, "#count", "20000");
    tab.click("#open-loop");
    tab.until_words("#ordered", "0 to 10000 connections");
}
