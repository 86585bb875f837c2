//! The recording of the event loop in the book, made again and compared.

use tests::record::Tape;
use tests::websocket::frame;

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("eventloop", "eventloop", 8016, &[]);
    let mut page = tape.websocket("/?after=0", "room");
    tape.expect("ask", "up", "request", "GET /");
    tape.expect("switch", "down", "response", "101");
    tape.find("crowd", "down", "frame", "\"known\"");
    tape.pause(300);
    page.send(frame(0x81, b"hello"));
    tape.expect("said", "up", "frame", "hello");
    tape.find("heard", "down", "frame", "\"type\":\"message\"");
    let mut echo = tape.websocket("/echo", "");
    tape.expect("", "down", "response", "101");
    tape.pause(300);
    echo.send([frame(0x81, b"one"), frame(0x89, b"?"), frame(0x81, b"two")].concat());
    let one = tape.expect("one", "down", "frame", "one");
    let pong = tape.expect("pong", "down", "frame", "pong");
    let two = tape.expect("two", "down", "frame", "two");
    tape.pause(300);
    // Half a frame: the loop keeps it, and serves others.
    let half = frame(0x81, b"in two writes");
    echo.send(&half[..9]);
    tape.pause(300);
    page.send(frame(0x81, b"meanwhile"));
    tape.find("meanwhile", "down", "frame", "\"text\":\"meanwhile\"");
    tape.pause(300);
    echo.send(&half[9..]);
    tape.expect("whole", "down", "frame", "in two writes");
    echo.send(frame(0x88, b"\x03\xe8"));
    tape.expect("close", "down", "frame", "1000");
    echo.end();
    drop(echo);
    drop(page);
    let size = |row: &tests::Row| row.number("size");
    tape.figure("three", size(&one) + size(&pong) + size(&two));
    tape.figure("half", 9);
    tape.figure("rest", half.len() - 9);
    tape.finish();
}
