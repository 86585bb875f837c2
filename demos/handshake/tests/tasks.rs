//! The answers to the tasks of the opening handshake do what the chapter says.

use tests::{Server, Wire, start};

/// A handshake with this target and origin.
fn knock(demo: &Server, target: &str, origin: &str) -> Wire {
    let mut wire = demo.connect();
    let host = demo.host();
    let origin = if origin.is_empty() { format!("http://{host}") } else { origin.to_string() };
    wire.send(format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {origin}\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ));
    wire
}

#[test]
fn a_guest_with_a_token() {
    let answer = start("handshake/guests");
    let status = |target: &str, origin: &str| knock(&answer, target, origin).any_head().status;
    assert_eq!(status("/socket?token=open-sesame", ""), 101);
    assert_eq!(status("/socket?token=open-sesame", "http://localhost:8000"), 101);
    assert_eq!(status("/socket?token=open-sesame", "http://localhost:8000.evil.example"), 403);
    assert_eq!(status("/socket?token=open", ""), 403);
    let demo = start("handshake");
    assert_eq!(
        knock(&demo, "/socket", "http://localhost:8000").any_head().status,
        403,
        "the demo has no guests"
    );
}
