//! The recording of a program behind a WebSocket, made again and compared.

use tests::record::Tape;
use tests::websocket::{CLOSE, TEXT, frame};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("process", "process", 8015, &[]);
    let mut page = tape.websocket("/?name=Ada", "");
    tape.expect("switch", "down", "response", "101");
    tape.expect("", "down", "frame", "hello");
    tape.expect("", "down", "frame", "capitals");
    tape.pause(500);
    page.send(frame(TEXT, "hello"));
    let hello = tape.expect("line", "up", "frame", "hello");
    let answer = tape.expect("answer", "down", "frame", "HELLO");
    tape.pause(500);
    page.send(frame(TEXT, "count 3"));
    tape.expect("", "up", "frame", "count 3");
    for n in ["1", "2", "3"] {
        tape.expect("", "down", "frame", n);
    }
    tape.pause(500);
    page.send(frame(TEXT, "exit 3"));
    tape.expect("", "up", "frame", "exit 3");
    let close = tape.expect("close", "down", "frame", "4003");
    page.send(frame(CLOSE, 4003u16.to_be_bytes()));
    tape.expect("", "up", "frame", "4003");
    tape.expect("", "down", "fin", "");
    tape.figure("line", hello.number("size"));
    tape.figure("answer", answer.number("size"));
    tape.figure("close", close.number("size"));
    tape.finish();
}
