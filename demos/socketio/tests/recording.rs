//! The recording of socketio in the book, made again and compared.

use tests::record::{FETCH, Tape};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("socketio", "socketio", 8019, &[]);
    let mut page = tape.connect();
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    tape.send(&mut page, FETCH, "/messages?after=0");
    page.answer();
    let question = tape.expect("ask", "up", "request", "GET /messages");
    let news = tape.expect("news", "down", "response", "200");
    drop((page, other));
    tape.figure("ask", tape.message_size(&question));
    tape.figure("news", tape.message_size(&news));
    tape.finish();
}
