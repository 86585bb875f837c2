//! What a WebSocket with compression is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, Told, records};
use tests::websocket::TEXT;

/// Resumes behind the cursor, and reads event by event. The client offers no compression, so it gets none.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.websocket(&format!("/?after={cursor}"));
    records(move || {
        let (first, payload) = wire.frame();
        let event = String::from_utf8_lossy(&payload).into_owned();
        let tells =
            ["\"type\":\"here\"", "\"type\":\"message\""].iter().any(|kind| event.contains(kind));
        if first == TEXT && tells { vec![Told::json(&event)] } else { Vec::new() }
    })
}
