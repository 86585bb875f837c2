//! What a WebSocket is told of its cursor, behind TLS.

use tests::Server;
use tests::cursor::{Listener, Told, records};
use tests::tls::Client;
use tests::websocket::TEXT;

/// Resumes behind the cursor, and reads event by event.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = Client::of(demo).websocket(demo, &format!("/?after={cursor}"));
    records(move || {
        let (first, payload) = wire.frame();
        let event = String::from_utf8_lossy(&payload).into_owned();
        let tells =
            ["\"type\":\"here\"", "\"type\":\"message\""].iter().any(|kind| event.contains(kind));
        if first == TEXT && tells { vec![Told::json(&event)] } else { Vec::new() }
    })
}
