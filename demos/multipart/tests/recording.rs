//! The recording of multipart streaming in the book, made again and compared.

use tests::record::{FETCH, Tape};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("multipart", "multipart", 8005, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FETCH, "/parts?after=-0&beat=6");
    let question = tape.expect("ask", "up", "request", "GET /parts");
    page.head();
    let opening = tape.expect("opening", "down", "response", "200");
    tape.expect("place", "down", "chunk", "part 1");
    let mut other = tape.connect();
    tape.pause(600);
    tape.say(&mut other, "hello");
    let said = tape.find("said", "up", "body", "hello");
    let message = tape.expect("message", "down", "chunk", "part 2");
    let beat = tape.expect("beat", "down", "chunk", "part 3");
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
