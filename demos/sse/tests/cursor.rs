//! What an `EventSource` is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, Told, records};

/// Comes back with a `Last-Event-ID`, as a browser does, and reads event by event.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.connect();
    wire.get_with("/events", &[("Last-Event-ID", cursor)]);
    assert_eq!(wire.status(), 200);
    records(move || {
        let event = wire.block().expect("the stream goes on");
        match (event.name.as_str(), event.data) {
            ("gap", Some(json)) => vec![Told::json(&json)],
            ("", Some(text)) => vec![Told::message(&text)],
            _ => Vec::new(), // the number of listeners, a retry, a sign of life
        }
    })
}
