//! The recording of frames in the book, made again and compared.

use tests::record::Tape;
use tests::websocket::frame;

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("frames", "frames", 8011, &[]);
    let mut page = tape.websocket("/?after=0", "room");
    tape.expect("ask", "up", "request", "GET /");
    tape.expect("switch", "down", "response", "101");
    tape.pause(500);
    page.send(frame(0x81, b"hello"));
    let said = tape.expect("said", "up", "frame", "hello");
    let heard = tape.find("heard", "down", "frame", "\"type\":\"message\"");
    tape.find("ok", "down", "frame", "\"type\":\"said\"");
    let mut echo = tape.websocket("/echo", "");
    tape.pause(300);
    echo.send(frame(0x81, b"Hello"));
    let masked = tape.expect("masked", "up", "frame", "Hello");
    let plain = tape.expect("plain", "down", "frame", "Hello");
    tape.pause(300);
    echo.send(frame(0x82, [7; 300]));
    let long_up = tape.expect("long-up", "up", "frame", "");
    let long = tape.expect("long", "down", "frame", "");
    tape.pause(300);
    // The published mistake: a frame that is not masked.
    echo.send([0x81, 5, b'H', b'e', b'l', b'l', b'o']);
    tape.expect("unmasked", "up", "frame", "");
    tape.expect("failed", "down", "frame", "1002");
    echo.end();
    tape.pause(200);
    drop(page);
    tape.figure("said", said.number("size"));
    tape.figure("heard", heard.number("size"));
    tape.figure("masked", masked.number("size"));
    tape.figure("plain", plain.number("size"));
    tape.figure("over_up", masked.number("size") - 5);
    tape.figure("over_down", plain.number("size") - 5);
    tape.figure("long", 300);
    tape.figure("long_over_up", long_up.number("size") - 300);
    tape.figure("long_over_down", long.number("size") - 300);
    tape.time("push_ms", Tape::between(&said, &heard));
    tape.finish();
}

/// Walks "Half a character." in closing.md.
#[test]
fn the_recording_of_closing_is_what_the_wire_says() {
    let mut tape = Tape::start("closing", "frames", 8011, &[]);
    let mut echo = tape.websocket("/echo", "");
    tape.expect("", "down", "response", "101");
    tape.pause(300);
    echo.send(frame(0x01, b"Hel"));
    tape.expect("first", "up", "frame", "");
    tape.pause(300);
    echo.send(frame(0x89, b"?"));
    tape.expect("ping", "up", "frame", "");
    tape.expect("pong", "down", "frame", "");
    tape.pause(300);
    echo.send(frame(0x80, b"lo"));
    tape.expect("last", "up", "frame", "");
    tape.expect("whole", "down", "frame", "Hello");
    tape.pause(300);
    echo.send(frame(0x88, b"\x03\xe8done"));
    let close = tape.expect("close", "up", "frame", "1000");
    let answer = tape.expect("close-answer", "down", "frame", "1000");
    echo.end();
    drop(echo);
    tape.pause(300);
    // Text that is cut inside of a character, and goes on wrong.
    let mut echo = tape.websocket("/echo", "");
    tape.expect("", "down", "response", "101");
    echo.send(frame(0x01, b"\xe2\x82"));
    tape.pause(200);
    echo.send(frame(0x80, b"A"));
    tape.expect("not-utf8", "down", "frame", "1007");
    echo.end();
    tape.figure("close", close.number("size"));
    tape.figure("close_answer", answer.number("size"));
    tape.finish();
}
