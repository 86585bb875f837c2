//! The recording of the forever iframe in the book, made again and compared.

use tests::record::{FRAME, Tape};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("iframe", "iframe", 8004, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FRAME, "/frame?after=-0&scripts=4&padding=256&beat=6&tab=1f0e9c8d");
    let question = tape.expect("ask", "up", "request", "GET /frame");
    page.head();
    let opening = tape.expect("opening", "down", "response", "200");
    let padding = tape.expect("padding", "down", "chunk", "");
    tape.expect("place", "down", "chunk", "here");
    let mut other = tape.connect();
    tape.pause(700);
    tape.say(&mut other, "hello");
    let said = tape.find("said", "up", "body", "hello");
    let message = tape.expect("message", "down", "chunk", "hello");
    tape.pause(700);
    tape.say(&mut other, "</script>");
    tape.expect("escaped", "down", "chunk", "");
    let beat = tape.expect("beat", "down", "chunk", "beat");
    tape.pause(300);
    tape.say(&mut other, "last");
    tape.expect("over", "down", "chunk", "over");
    tape.expect("end", "down", "last-chunk", "");
    drop((page, other));
    tape.figure("ask", tape.message_size(&question));
    tape.figure("opening", opening.number("size"));
    tape.figure("padding", padding.number("size"));
    tape.figure("message", message.number("size"));
    tape.figure("beat", beat.number("size"));
    tape.time("push_ms", Tape::between(&said, &message));
    tape.finish();
}
