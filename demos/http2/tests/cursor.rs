//! What an `EventSource` in a stream of HTTP/2 is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, Told, records};
use tests::http2::DATA;

/// Comes back with a `Last-Event-ID`, as a browser does, and reads event by event.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut client = demo.http2();
    client.ask(1, "GET", "/events", &[("last-event-id", cursor)], tests::http2::END_STREAM);
    let mut text = String::new();
    records(move || {
        text += &String::from_utf8_lossy(&client.until(DATA, 1).payload);
        let mut told = Vec::new();
        while let Some((event, rest)) =
            text.split_once("\n\n").map(|(event, rest)| (event.to_string(), rest.to_string()))
        {
            text = rest;
            let value = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_string)
            };
            match (value("event: ").unwrap_or_default().as_str(), value("data: ")) {
                ("gap", Some(json)) => told.push(Told::json(&json)),
                ("", Some(text)) => told.push(Told::message(&text)),
                _ => {} // the number of the stream, a sign of life
            }
        }
        told
    })
}
