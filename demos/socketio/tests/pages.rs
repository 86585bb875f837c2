//! What the page of Socket.IO promises, in real browsers.

use tests::browser::{Browser, Tab};
use tests::page::{hears, messages, press, say, set};
use tests::promises::{self, Promise};
use tests::{in_both_browsers, skipped, start, workspace};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    without_an_upgrade_the_page_stays_on_long_polling_and_afterwards_goes_over
    rooms_and_roll_calls_reach_those_whom_they_concern
    packets_can_be_written_by_hand
}

/// Whether the official client was fetched; without it, the page says what to do, and that is all there is to test.
fn client_is_here() -> bool {
    let there =
        workspace().join("demos/socketio/node_modules/socket.io-client/package.json").exists();
    let required = std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1");
    assert!(
        there || !required,
        "this run must not skip anything: `make socketio` fetches the client"
    );
    if !there {
        skipped("socket.io-client is not here; `make socketio` fetches it");
    }
    there
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    if !client_is_here() {
        return;
    }
    let promises: &[Promise] = &[
        promises::what_is_said_in_one_tab_is_heard_in_the_other,
        promises::markup_and_emoji_arrive_as_they_were_typed,
        promises::a_message_said_into_a_cut_cable_arrives_once_when_it_is_repaired,
        promises::a_reset_cable_loses_nothing,
        promises::over_resets_everything_is_heard_once_and_in_order,
        promises::a_server_that_was_started_again_is_told_of,
        promises::the_other_tab_leaves,
        promises::no_serious_fault_of_accessibility_is_found,
        promises::an_empty_and_an_over_long_message_are_told_in_words,
        promises::a_gap_is_told_in_the_page,
        promises::the_page_fits_a_narrow_screen,
        promises::everything_can_be_done_by_keyboard,
        promises::nothing_moves_under_the_pointer_whatever_happens_on_the_wire,
    ];
    promises::these_are_kept(browser, "socketio", promises);
}

fn said(tab: &Tab, words: &str) {
    tab.until_said(0.0, words);
}

/// Walks "No upgrade." in socketio.md.
fn without_an_upgrade_the_page_stays_on_long_polling_and_afterwards_goes_over(browser: &Browser) {
    if !client_is_here() {
        return;
    }
    let demo = start("socketio");
    demo.bench().cable("no-upgrade");
    let tab = browser.visit(&demo);
    said(&tab, "connected over polling");
    let refused = "[...document.querySelectorAll('wire-view .row')].some((row) => row.textContent.includes('400'))";
    tab.until(refused);
    say(&tab, "without an upgrade");
    hears(&tab, "without an upgrade");
    assert_eq!(tab.texts("#transport"), ["polling"]);
    let row = "[...document.querySelectorAll('#costs tbody tr.up')].find((row) => row.textContent.includes('without an'))";
    let cells = tab.until(&format!(
        "{row} && [...{row}.cells].slice(1).map((cell) => cell.textContent.replaceAll(',', '')).join(' ')"
    ));
    let cells: Vec<u64> = cells
        .as_str()
        .unwrap_or_default()
        .split(' ')
        .filter_map(|cell| cell.parse().ok())
        .collect();
    let cost = |at: usize| cells[at];
    assert_eq!(cost(1), cost(0) + 6, "a bare WebSocket adds six bytes: {cells:?}");
    assert!(cost(2) > cost(1) + 200, "a request and its answer have two heads: {cells:?}");

    demo.bench().cable("repair");
    let before = tab.now();
    tab.run("document.querySelector('#again').click()", &[]);
    tab.until_said(before, "connected over websocket");
    say(&tab, "over the WebSocket");
    hears(&tab, "over the WebSocket");
    for step in ["ping probe", "pong probe", "upgrade"] {
        tab.until(&format!(
            "[...document.querySelectorAll('wire-view .row')].some((row) => row.textContent.includes('{step}'))"
        ));
    }
    set(&tab, "#transports", "websocket");
    tab.until_said(before, "connected over websocket");
    assert_eq!(messages(&tab), ["without an upgrade", "over the WebSocket"], "nothing is doubled");
}

fn rooms_and_roll_calls_reach_those_whom_they_concern(browser: &Browser) {
    if !client_is_here() {
        return;
    }
    let demo = start("socketio");
    let (one, other) = (browser.visit(&demo), browser.visit(&demo));
    for tab in [&one, &other] {
        said(tab, "connected over");
    }
    one.run("document.querySelector('#roll').click()", &[]);
    said(&one, "2 answered:");
    for tab in [&one, &other] {
        tab.run("document.querySelector('#join').click()", &[]);
        said(tab, "In red.");
    }
    one.paste("#words", "is anybody here?");
    one.run("document.querySelector('#shout').requestSubmit()", &[]);
    said(&one, "1 heard it.");
    said(&other, "shouts in red: is anybody here?");
    let before = one.now();
    one.run("document.querySelector('#away').click()", &[]);
    one.until_said(before, "disconnected: io server disconnect");
    one.run("document.querySelector('#again').click()", &[]);
    one.until_said(before, "connected over websocket");
    press(&one, "Reset", "whole");
    one.until("Number(document.querySelector('#recovered').textContent) > 0");
}

fn packets_can_be_written_by_hand(browser: &Browser) {
    let demo = start("socketio");
    let tab = browser.visit(&demo);
    tests::page::open_details(&tab, "composer");
    for (packet, answer) in [
        ("40", "40{\"sid\":"),
        ("42[\"message\",\"<b>by hand\"]", "42[\"message-back\",\"<b>by hand\"]"),
        ("4abc", "closed with"),
    ] {
        tab.paste("#packet", packet);
        tab.run("document.querySelector('#composer form').requestSubmit()", &[]);
        let answer = serde_json::json!(answer);
        tab.until(&format!(
            "[...document.querySelectorAll('#exchange .down')].some((line) => line.textContent.includes({answer}))"
        ));
    }
}
