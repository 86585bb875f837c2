//! What the page of HTTP/2 promises, in real browsers.

use std::collections::BTreeSet;

use tests::browser::{Browser, Kind};
use tests::page::{hears, open_details, say};
use tests::{Row, Server, in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    twenty_streams_and_more_share_one_connection
    a_websocket_is_a_stream_of_the_same_connection
    the_browser_says_that_it_takes_no_push
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "http2");
}

/// The requests of this kind inside of the browser's connections, as soon as there are that many.
fn requests(demo: &Server, words: &str, count: usize) -> Vec<Row> {
    let mut feed = demo.bench().feed();
    let mut found: Vec<Row> = Vec::new();
    while found.len() < count {
        let seen: BTreeSet<u64> = found.iter().map(|row| row.number("n")).collect();
        let fits = |row: &Row| {
            row.whole() && row.text("mean").starts_with(words) && row.json["in"].is_u64()
        };
        found.push(feed.row(|row| fits(row) && !seen.contains(&row.number("n"))));
    }
    found
}

fn connections(rows: &[Row]) -> BTreeSet<u64> {
    rows.iter().map(|row| row.number("conn")).collect()
}

fn twenty_streams_and_more_share_one_connection(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    tab.click("#twenty");
    tab.until_text("#all", "20 of 20 streams are open");
    demo.say("to all of them");
    hears(&tab, "to all of them");
    tab.until_words("#all", "20 of 20 streams heard the newest message");
    let asked = requests(&demo, "GET /events", 21);
    assert_eq!(connections(&asked).len(), 1, "{asked:?}");
    let streams: BTreeSet<u64> = asked.iter().map(|row| row.number("stream")).collect();
    assert_eq!(streams.len(), 21);
    assert!(streams.iter().all(|stream| stream % 2 == 1));
}

fn a_websocket_is_a_stream_of_the_same_connection(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "EventSource 1 OPEN");
    tab.click("#socket");
    tab.until_words("#doing", "WebSocket 1 OPEN");
    say(&tab, "over the WebSocket");
    hears(&tab, "over the WebSocket");
    let (connect, events) =
        (requests(&demo, "CONNECT /room", 1), requests(&demo, "GET /events", 1));
    assert_eq!(connections(&connect), connections(&events));
    let said = requests(&demo, "DATA, stream", 1);
    assert_eq!(connections(&said), connections(&events));
}

fn the_browser_says_that_it_takes_no_push(browser: &Browser) {
    let demo = start("http2");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    open_details(&tab, "browser");
    tab.until_words("#push", "ENABLE_PUSH is 0");
    let settings = requests(&demo, "SETTINGS: ", 1);
    assert!(settings[0].text("mean").contains("ENABLE_PUSH 0"), "{settings:?}");
    // What else each of them says; the chapter names it.
    let window = if matches!(browser.kind(), Kind::Chromium) { "6291456" } else { "131072" };
    tab.until_words("#settings", window);
}
