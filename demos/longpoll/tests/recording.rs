//! The recording of long polling in the book, made again and compared.

use tests::record::{FETCH, Tape};

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("longpoll", "longpoll", 8003, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FETCH, "/wait?after=-0&hold=25&beat=1");
    tape.expect("ask", "up", "request", "GET /wait");
    tape.pause(2400);
    tape.expect("begun", "down", "response", "200");
    let beat = tape.expect("beat", "down", "chunk", "");
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    let said = tape.expect("said", "up", "body", "hello");
    let life = tests::life(&page.answer().1);
    let pushed = tape.expect("news", "down", "chunk", "after");
    // Between two questions the page does not listen, and two messages are said.
    tape.say(&mut other, "are you there?");
    tape.say(&mut other, "yes");
    tape.pause(200);
    tape.send(&mut page, FETCH, &format!("/wait?after={life}-1&hold=25"));
    page.answer();
    tape.expect("between", "up", "request", "GET /wait");
    tape.expect("both", "down", "response", "200");
    tape.send(&mut page, FETCH, &format!("/wait?after={life}-3&hold=25"));
    let question = tape.expect("again", "up", "request", "GET /wait");
    tape.pause(300);
    tape.say(&mut other, "hello");
    page.answer();
    let news = tape.expect("at-once", "down", "response", "200");
    // As many signs of life as in 25 seconds with one every five.
    tape.send(&mut page, FETCH, &format!("/wait?after={life}-4&hold=2.5&beat=0.5"));
    page.answer();
    let timeout = tape.expect("timeout", "down", "response", "200");
    tape.expect("timeout-end", "down", "last-chunk", "");
    tape.pause(100);
    drop((page, other));
    let (up, down) = (tape.message_size(&question), tape.message_size(&news));
    let timeout = tape.message_size(&timeout);
    tape.figure("ask", up);
    tape.figure("news", down);
    tape.figure("round", up + down);
    tape.figure("timeout", timeout);
    tape.time("said_at", Tape::at(&said));
    tape.time("push_ms", Tape::between(&said, &pushed));
    tape.figure("silent_hour", 3600 / 25 * (up + timeout) / 1_000);
    tape.figure("beat", beat.number("size"));
    tape.finish();
}
