//! What a reader of scaleout is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, polls};

/// Asks again and again, at once.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.connect();
    polls(cursor, move |cursor| {
        wire.get(&format!("/messages?after={cursor}"));
        wire.answer().1
    })
}
