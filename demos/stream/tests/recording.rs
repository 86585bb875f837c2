//! The recording of fetch streaming in the book, made again and compared.

use tests::record::{FETCH, Tape};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("stream", "stream", 8006, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FETCH, "/stream?after=-0&filler=0&tab=1f0e9c8d7b6a&beat=6");
    let question = tape.expect("ask", "up", "request", "GET /stream");
    page.head();
    let opening = tape.expect("opening", "down", "response", "200");
    tape.expect("place", "down", "chunk", "life");
    let mut other = tape.connect();
    tape.pause(600);
    tape.say(&mut other, "hello");
    let said = tape.find("said", "up", "body", "hello");
    let message = tape.expect("message", "down", "chunk", "hello");
    tape.pause(600);
    tape.say(&mut other, "gr\u{fc}n \u{1f33b}");
    tape.expect("umlaut", "down", "chunk", "\u{1f33b}");
    let beat = tape.expect("beat", "down", "chunk", "");
    tape.pause(300);
    page.reset();
    tape.pause(100);
    drop(other);
    tape.figure("ask", tape.message_size(&question));
    tape.figure("opening", opening.number("size"));
    tape.figure("message", message.number("size"));
    tape.figure("beat", beat.number("size"));
    tape.time("push_ms", Tape::between(&said, &message));
    tape.finish();
}
