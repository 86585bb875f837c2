//! What a reader of Socket.IO is told of its cursor.

use tests::Server;
use tests::cursor::{Listener, Told, records};
use tests::websocket::{TEXT, frame};

/// Joins the room behind the cursor, and reads event by event.
pub fn listen(demo: &Server, cursor: &str) -> Listener {
    let mut wire = demo.websocket("/socket.io/?EIO=4&transport=websocket");
    wire.send(frame(TEXT, format!(r#"40/room,{{"after":"{cursor}"}}"#)));
    records(move || {
        let packet = String::from_utf8_lossy(&wire.frame().1).into_owned();
        let Some(event) = packet.strip_prefix("42/room,") else { return Vec::new() };
        let event: serde_json::Value = serde_json::from_str(event).expect("an event is JSON");
        let tells = event[0] == "here" || event[0] == "message";
        if tells { vec![Told::json(&event[1].to_string())] } else { Vec::new() }
    })
}
