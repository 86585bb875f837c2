//! The recording of deflate in the book, made again and compared.

use tests::record::Tape;
use tests::websocket::frame;

/// "Hello", compressed, and again by the window of the first (RFC 7692, 7.2.3.1 and 7.2.3.2).
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("deflate", "deflate", 8013, &[]);
    let mut wire = tape.websocket("/echo", "");
    tape.expect("offer", "up", "request", "GET /echo");
    tape.expect("answer", "down", "response", "101");
    for (name, packed) in [("first", HELLO), ("again", HELLO_AGAIN)] {
        tape.pause(300);
        wire.send(frame(0xc1, packed));
        let up =
            tape.expect(&format!("{name}-up"), "up", "frame", "compressed from 5 bytes: Hello");
        let down = tape.expect(name, "down", "frame", "compressed from 5 bytes: Hello");
        tape.figure(&format!("{name}_up"), up.number("size"));
        tape.figure(name, down.number("size"));
    }
    // Three events of the room: what only changes in a few letters.
    for (number, text) in [(1, "one"), (2, "two"), (3, "three")] {
        tape.pause(300);
        let event = format!(
            r#"{{"at":1763730000{number}00,"id":{number},"text":"message {text}","type":"message"}}"#
        );
        wire.send(frame(0x81, &event));
        tape.expect("", "up", "frame", "message");
        let down = tape.expect(&format!("event-{number}"), "down", "frame", "compressed from");
        tape.figure(&format!("event_{number}"), down.number("size"));
        tape.figure(&format!("plain_{number}"), event.len() + 2);
    }
    tape.pause(300);
    // RSV1 where no extension gives it a meaning.
    wire.send(frame(0xc9, ""));
    tape.expect("marked-ping", "up", "frame", "ping");
    tape.expect("failed", "down", "frame", "1002");
    wire.end();
    // As `costs.js` computes it, and as a test of the wire measures it within bounds.
    tape.figure("kept_kib", 4 * 32 + 240 + 40);
    tape.figure("small_kib", 2 + 240 + 40);
    tape.finish();
}
