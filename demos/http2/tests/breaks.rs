//! "How it breaks", walked as the chapter on HTTP/2 tells it.

use std::collections::BTreeSet;

use tests::browser::Browser;
use tests::page::{hears, messages, press, say};
use tests::{Row, Server, in_both_browsers, start};

in_both_browsers! {
    cut_all_streams_wait_together
    dripping_what_one_stream_gets_the_others_wait_for
    reset_all_streams_end_at_once_and_come_back
}

/// Walks "Cut." in http2.md.
fn cut_all_streams_wait_together(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    tab.click("#twenty");
    tab.until_text("#all", "20 of 20 streams are open");
    press(&tab, "Cut", "cut");
    say(&tab, "into the cut cable");
    assert!(messages(&tab).is_empty());
    press(&tab, "Repair", "whole");
    hears(&tab, "into the cut cable");
    tab.until_words("#all", "20 of 20 streams heard the newest message");
}

/// Walks "Drip." in http2.md.
fn dripping_what_one_stream_gets_the_others_wait_for(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    tab.click("#twenty");
    tab.until_text("#all", "20 of 20 streams are open");
    demo.bench().cable("drip 1");
    say(&tab, "drop by drop");
    tab.until_words("#all", "20 of 20 streams heard the newest message");
    hears(&tab, "drop by drop");
    // Each stream was told, and all of them on one connection.
    let told = events_told(&demo, 21);
    let streams: BTreeSet<u64> = told.iter().map(|row| row.number("stream")).collect();
    assert_eq!(streams.len(), 21, "{told:?}");
    let connections: BTreeSet<u64> = told.iter().map(|row| row.number("in")).collect();
    assert_eq!(connections.len(), 1, "{told:?}");
    // What carried the events dripped out of the cable in one queue: each record waited there, and behind the one before.
    let records = records_since(&demo, &told);
    assert!(records.iter().all(|row| row.number("sent") < row.number("heard")), "{records:?}");
    assert!(
        records.is_sorted_by(|one, next| one.number("heard") < next.number("heard")),
        "{records:?}"
    );
}

/// The rows of the DATA frames that brought an event with a message.
fn events_told(demo: &Server, count: usize) -> Vec<Row> {
    let mut feed = demo.bench().feed();
    let is_event = |row: &&Row| {
        row.json["in"].is_u64() && row.whole() && row.text("mean").contains("event: message")
    };
    loop {
        let told: Vec<Row> = feed.rows().iter().filter(is_event).cloned().collect();
        if told.len() >= count {
            return told;
        }
        feed.next_event();
    }
}

/// The TLS records that brought these events to the browser, as soon as all of them have arrived.
fn records_since(demo: &Server, told: &[Row]) -> Vec<Row> {
    let connection = told[0].number("in");
    let first = told.iter().map(|row| row.number("sent")).min().unwrap_or(0);
    let last = told.iter().map(|row| row.number("sent")).max().unwrap_or(0);
    let mut feed = demo.bench().feed();
    let is_record =
        |row: &Row| row.json["conn"] == connection && row.text("dir") == "down" && row.whole();
    let end = feed
        .row(|row| is_record(row) && row.number("start") >= last && row.json["heard"].is_u64())
        .number("to");
    let rows = feed
        .rows()
        .iter()
        .filter(|row| is_record(row) && row.number("start") >= first && row.number("to") <= end);
    rows.cloned().collect()
}

/// Walks "Reset." in http2.md.
fn reset_all_streams_end_at_once_and_come_back(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "EventSource 1 OPEN");
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("reset");
    tab.until_said(0.0, "the stream has ended");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "after"]);
}
