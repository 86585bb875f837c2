//! "How it breaks", walked as the chapter on the Flash socket tells it.

use super::pages::connected;
use tests::browser::Browser;
use tests::in_both_browsers;
use tests::page::{faults, hears, listen_for_faults, meanwhile, press, say};

in_both_browsers! {
    cut_the_page_is_told_nothing
    zero_bytes_are_taken_out_of_what_is_said
    restarted_the_page_comes_back_and_says_so_once
}

/// Walks "Cut." in flash.md.
fn cut_the_page_is_told_nothing(browser: &Browser) {
    let Some((demo, tab)) = connected(browser) else { return };
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    meanwhile(&tab, 2_000);
    assert_eq!(faults(&tab), "", "over TCP neither side learns that the cable is cut");
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

/// Walks "Restart the server." in flash.md.
fn restarted_the_page_comes_back_and_says_so_once(browser: &Browser) {
    let Some((mut demo, tab)) = connected(browser) else { return };
    say(&tab, "in the old life");
    hears(&tab, "in the old life");
    tab.until_text("#unsaid", "0"); // or the page would say it again in the new life
    demo.start_again();
    tab.until("document.querySelector('#messages .note') !== null");
    say(&tab, "in the new life");
    hears(&tab, "in the new life");
    assert_eq!(
        tab.texts("#messages .note"),
        ["The server was started again: its messages count from 1."]
    );
    demo.lives_on();
}
