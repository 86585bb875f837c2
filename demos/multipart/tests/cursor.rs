//! What a reader of parts is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, Told, records};

/// Reads part by part: the server writes each in a chunk of its own, with the boundary behind it.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.get(&format!("/parts?after={cursor}"));
    assert_eq!(wire.status(), 200);
    records(move || {
        let part = String::from_utf8(wire.chunk()).expect("these parts are text");
        let Some((head, content)) = part.split_once("\r\n\r\n") else { return Vec::new() }; // the first boundary
        let content = content.rsplit_once("\r\n--").expect("a boundary behind the part").0;
        match head.contains("application/json") {
            true => vec![Told::json(content)],
            false if head.contains("text/plain") => vec![Told::message(content)],
            false => Vec::new(), // a sign of life
        }
    })
}
