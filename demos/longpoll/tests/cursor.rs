//! What a page that waits for its answers is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, polls};

/// Asks, waits, and asks again.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.connect();
    polls(cursor, move |cursor| {
        wire.get(&format!("/wait?after={cursor}"));
        wire.answer().1
    })
}
