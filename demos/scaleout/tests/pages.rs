//! What the page of two servers promises, in real browsers.

use tests::browser::{Browser, Tab};
use tests::in_both_browsers;
use tests::page::{hears, say};
use tests::promises::{self, Promise};

#[path = "machines.rs"]
pub mod machines;

use machines::{is_installed, start_with_redis};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    the_boxes_show_which_listener_is_where_and_the_page_fits_a_phone
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    if !is_installed("redis-server") {
        return;
    }
    let promises: &[Promise] = &[
        promises::what_is_said_in_one_tab_is_heard_in_the_other,
        promises::markup_and_emoji_arrive_as_they_were_typed,
        promises::a_message_said_into_a_cut_cable_arrives_once_when_it_is_repaired,
        promises::a_reset_cable_loses_nothing,
        promises::a_server_that_was_started_again_is_told_of,
        promises::the_other_tab_leaves,
        promises::no_serious_fault_of_accessibility_is_found,
        promises::an_empty_and_an_over_long_message_are_told_in_words,
        promises::the_page_fits_a_narrow_screen,
        promises::everything_can_be_done_by_keyboard,
        promises::the_wire_shows_the_true_bytes_of_what_was_said,
        promises::nothing_moves_under_the_pointer_whatever_happens_on_the_wire,
    ];
    promises::these_are_kept(browser, "scaleout", promises);
}

/// Waits until each listener of the tab is on a server.
fn until_seated(tab: &Tab) {
    tab.until("['sse', 'longpoll', 'frames'].every((one) => /^[a-z]$/.test(document.getElementById(`${one}-server`)?.textContent))");
}

fn the_boxes_show_which_listener_is_where_and_the_page_fits_a_phone(browser: &Browser) {
    let Some((demo, _control)) = start_with_redis(&["--servers", "3"]) else { return };
    let tab = browser.visit(&demo);
    until_seated(&tab);
    tab.until("document.querySelectorAll('#fleet .server, #fleet .servers .box').length === 3");
    tab.until("document.querySelectorAll('#fleet .tabs .own').length === 3");
    say(&tab, "<i>to</i> everyone");
    hears(&tab, "<i>to</i> everyone");
    tab.until("['sse', 'longpoll', 'frames'].every((one) => document.getElementById(one + '-heard').textContent === '1')");
    let width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    promises::narrow(&tab);
    assert_eq!(tab.value(width), 0, "three servers fit a phone");
    promises::wide(&tab);
}
