//! What the page of the heartbeat promises, in real browsers.

use tests::browser::Browser;
use tests::page::{hears, messages, say, set};
use tests::{Server, in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    without_a_heartbeat_a_cut_cable_is_not_noticed
    with_a_heartbeat_both_sides_find_out_and_nothing_is_lost
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "heartbeat");
}

/// Cuts the cable of the first tab's WebSocket. (A browser opens connections in advance, too: their numbers tell nothing.)
fn cut_the_first(demo: &Server) {
    let upgrade = demo.bench().feed().row(|row| row.text("mean").ends_with("asks for websocket"));
    demo.bench().cable_of(upgrade.number("conn"), "cut");
}

fn without_a_heartbeat_a_cut_cable_is_not_noticed(browser: &Browser) {
    let demo = start("heartbeat");
    let one = browser.visit(&demo);
    one.until("document.querySelectorAll('#peers tbody tr').length === 1");
    let other = browser.visit(&demo);
    other.until("document.querySelectorAll('#peers tbody tr').length === 2");
    cut_the_first(&demo);
    say(&other, "can you hear me?");
    hears(&other, "can you hear me?");
    one.until_words("#says", "No heartbeat: nothing was heard for");
    assert_eq!(one.texts("#doing"), ["1 OPEN"]);
    assert!(messages(&one).is_empty());
    assert!(other.texts("#peers tbody tr").iter().all(|row| row.contains("not asked")));
}

/// Walks "Cut, heartbeat on." in heartbeat.md.
fn with_a_heartbeat_both_sides_find_out_and_nothing_is_lost(browser: &Browser) {
    let demo = start("heartbeat");
    let one = browser.visit(&demo);
    one.until("document.querySelectorAll('#peers tbody tr').length === 1");
    set(&one, "#every", "0.5");
    set(&one, "#patience", "5"); // a busy machine is silent, too, for a second or two
    one.click("#on");
    let other = browser.visit(&demo);
    other.until("/there/.test(document.querySelector('#peers tbody').textContent)");
    one.until("/ms/.test(document.querySelector('#round-trip').textContent)");
    say(&other, "before");
    hears(&one, "before");
    cut_the_first(&demo);
    say(&other, "meanwhile");
    other.until("/given up after 5\\.|its tab came back/.test(document.querySelector('#peers tbody').textContent)");
    hears(&one, "meanwhile");
    one.until_words("#doing", "1 OPEN");
    assert_eq!(messages(&one), ["before", "meanwhile"]);
    assert_ne!(one.texts("#reconnects"), ["0"]);
    one.click("#on");
    one.until_words("#says", "No heartbeat");
    other.until("/not asked.*not asked/s.test(document.querySelector('#peers tbody').textContent)");
}
