//! What a reader of lines is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, Told, records};

/// Reads line by line; an empty line is a sign of life.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.get(&format!("/stream?after={cursor}"));
    assert_eq!(wire.status(), 200);
    let mut unread = Vec::new();
    records(move || {
        unread.extend(wire.chunk());
        let whole = unread.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let lines = String::from_utf8(unread.drain(..whole).collect()).expect("NDJSON is text");
        lines.lines().filter(|line| !line.is_empty()).map(Told::json).collect()
    })
}
