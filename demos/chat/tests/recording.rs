//! The recording of the chat in the book, made again and compared.

use tests::record::Tape;
use tests::websocket::frame;

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("chat", "chat", 8014, &[]);
    let mut ann = tape.websocket("/?room=lobby&name=ann&tab=5d0c1f2e8a9b&after=-0", "room");
    tape.expect("ask", "up", "request", "GET /");
    tape.expect("switch", "down", "response", "101");
    tape.expect("here", "down", "frame", "\"type\":\"here\"");
    tape.pause(400);
    let bob = tape.websocket("/?room=lobby&name=bob&tab=c6d3e27b11aa&after=-0", "room");
    tape.find("joined", "down", "frame", "\"type\":\"joined\""); // another thread's: in front or behind
    tape.expect("", "down", "frame", "\"type\":\"here\"");
    tape.pause(400);
    ann.send(frame(0x81, br#"{"type":"typing"}"#));
    let typing = tape.expect("typing", "down", "frame", "\"type\":\"typing\"");
    tape.pause(400);
    ann.send(frame(0x81, br#"{"type":"say","text":"hello","key":"5d0c1f2e8a9b47c6d3e20001"}"#));
    let said = tape.expect("said", "up", "frame", "hello");
    let heard = tape.find("heard", "down", "frame", "\"type\":\"message\"");
    tape.find("answer", "down", "frame", "\"type\":\"said\"");
    tape.pause(400);
    ann.send(frame(
        0x81,
        br#"{"type":"private","to":"bob","text":"psst","key":"5d0c1f2e8a9b47c6d3e20002"}"#,
    ));
    let private = tape.find("private", "down", "frame", "\"type\":\"private\"");
    tape.pause(400);
    ann.send(frame(0x88, b"\x03\xe9"));
    tape.expect("close", "up", "frame", "1001");
    tape.find("close-answer", "down", "frame", "1001");
    ann.end();
    tape.find("", "down", "fin", ""); // or the recording may end before it
    tape.find("left", "down", "frame", "\"type\":\"left\"");
    drop(ann);
    tape.pause(200);
    drop(bob);
    tape.figure("typing", typing.number("size"));
    tape.figure("said", said.number("size"));
    tape.figure("heard", heard.number("size"));
    tape.figure("private", private.number("size"));
    tape.time("push_ms", Tape::between(&said, &heard));
    tape.finish();
}
