//! The recording of the opening handshake in the book, made again and compared.

use tests::record::{Tape, WEBSOCKET};
use tests::websocket::frame;

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("handshake", "handshake", 8010, &[]);
    let mut page = tape.websocket("/socket?tab=1f0e9c8d7b6a", "room.v2, room.v1");
    let question = tape.expect("ask", "up", "request", "GET /socket");
    let answer = tape.expect("switch", "down", "response", "101");
    tape.pause(500);
    page.send(frame(0x81, b"Hello"));
    let hello = tape.expect("hello", "up", "frame", "Hello");
    tape.pause(500);
    drop(page);
    let refused = |tape: &mut Tape, name: &str, change: &dyn Fn(String) -> String, status: &str| {
        tape.pause(300);
        let mut wire = tape.connect();
        wire.send(change(tape.head(WEBSOCKET, "/socket")));
        wire.any_head();
        wire.end();
        tape.expect(name, "down", "response", status)
    };
    refused(&mut tape, "version", &|head| head.replace("Version: 13", "Version: 8"), "426");
    refused(&mut tape, "key", &|head| head.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), "400");
    refused(&mut tape, "upgrade", &|head| head.replace("Upgrade: websocket\r\n", ""), "400");
    refused(
        &mut tape,
        "origin",
        &|head| head.replace("Origin: http://127.0.0.1:8010", "Origin: http://evil.example"),
        "403",
    );
    tape.figure("ask", question.number("size"));
    tape.figure("switch", answer.number("size"));
    tape.figure("once", question.number("size") + answer.number("size"));
    tape.figure("hello", hello.number("size"));
    tape.finish();
}
