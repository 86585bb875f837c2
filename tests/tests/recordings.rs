//! The book's recordings, made again and compared: when the wire changes, this says which chapter is stale.
//!
//! `make record` (`RECORD=1 cargo test -p tests --test recordings`) writes them anew.

use tests::record::{EVENT_SOURCE, FETCH, Tape, head};

#[test]
fn polling() {
    let mut tape = Tape::start("polling", "polling", 8001, &[]);
    let mut page = tape.connect();
    let mut poll = |tape: &mut Tape, page: &mut tests::Wire, after: u64, name: &str| {
        tape.send(page, FETCH, &format!("/messages?after={after}"));
        page.answer();
        let question = tape.expect(name, "up", "request", "GET /messages");
        let answer = tape.expect(&format!("{name}-answer"), "down", "response", "200");
        (question, answer)
    };
    let (question, answer) = poll(&mut tape, &mut page, 0, "ask");
    for _ in 0..3 {
        tape.pause(1000);
        poll(&mut tape, &mut page, 0, "");
    }
    tape.pause(400);
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    let said = tape.expect("said", "up", "request", "POST /say");
    tape.pause(600);
    let (_, news) = poll(&mut tape, &mut page, 0, "late");
    tape.pause(1000);
    poll(&mut tape, &mut page, 1, "");
    drop((page, other));
    let (up, down) = (tape.message_size(&question), tape.message_size(&answer));
    tape.figure("ask", up);
    tape.figure("empty", down);
    tape.figure("news", tape.message_size(&news));
    tape.figure("extra", tape.message_size(&news) - down);
    tape.figure("round", up + down);
    tape.time("said_at", Tape::at(&said));
    tape.figure("minute", 60 * (up + down));
    tape.figure("hour", 3600 * (up + down) / 1_000);
    tape.figure("class_requests", 30 * 60);
    tape.figure("class_minute", 30 * 60 * (up + down) / 1_000);
    tape.finish();
}

#[test]
fn longpoll() {
    let mut tape = Tape::start("longpoll", "longpoll", 8003, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FETCH, "/wait?after=0&hold=25&beat=1");
    tape.expect("ask", "up", "request", "GET /wait");
    tape.pause(2400);
    let beat = tape.expect("beat", "down", "interim", "100");
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    let said = tape.expect("said", "up", "body", "hello");
    page.answer();
    let news = tape.expect("news", "down", "response", "200");
    // Between two questions nobody listens, and two messages are said.
    tape.say(&mut other, "are you there?");
    tape.say(&mut other, "yes");
    tape.pause(200);
    tape.send(&mut page, FETCH, "/wait?after=1&hold=25");
    page.answer();
    let question = tape.expect("between", "up", "request", "after=1");
    tape.expect("both", "down", "response", "200");
    tape.send(&mut page, FETCH, "/wait?after=3&hold=2");
    page.answer();
    let timeout = tape.expect("timeout", "down", "response", "204");
    drop((page, other));
    let (up, down) = (tape.message_size(&question), tape.message_size(&news));
    let timeout = tape.message_size(&timeout);
    tape.figure("ask", up);
    tape.figure("news", down);
    tape.figure("round", up + down);
    tape.figure("timeout", timeout);
    tape.time("said_at", Tape::at(&said));
    tape.time("push_ms", Tape::between(&said, &news));
    tape.figure("silent_hour", 3600 / 25 * (up + timeout) / 1_000);
    tape.figure("beat", beat.number("size"));
    tape.finish();
}

const EVENTS: &str = "/events?tab=1f0e9c8d7b6a&after=0&retry=2000&beat=2";

#[test]
fn sse() {
    let mut tape = Tape::start("sse", "sse", 8008, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, EVENT_SOURCE, EVENTS);
    let question = tape.expect("ask", "up", "request", "GET /events");
    page.head();
    let opening = tape.expect("opening", "down", "response", "200");
    page.event("listeners");
    tape.pause(300);
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    let event = tape.expect("event", "down", "chunk", "message 1");
    page.event("");
    tape.pause(400);
    tape.say(&mut other, "two\nlines");
    let lines = tape.expect("lines", "down", "chunk", "message 2");
    page.event("");
    let beat = tape.expect("beat", "down", "chunk", "comment");
    tape.pause(300);
    // The connection breaks, something is said, and the browser comes back with the last id it has.
    page.reset();
    tape.pause(300);
    tape.say(&mut other, "while you were away");
    tape.pause(1200);
    let mut page = tape.connect();
    let places = [("path", EVENTS), ("host", tape.host())];
    page.send(head(EVENT_SOURCE, &places).replace("\r\nReferer:", "\r\nLast-Event-ID: 2\r\nReferer:"));
    page.head();
    let again = tape.expect("again", "up", "request", "GET /events");
    page.event("");
    drop((page, other));
    tape.figure("ask", tape.message_size(&question));
    tape.figure("opening", opening.number("size"));
    tape.time("again_at", Tape::at(&again));
    tape.figure("event", event.number("size"));
    tape.figure("lines", lines.number("size"));
    tape.figure("beat", beat.number("size"));
    tape.figure("again", again.number("size"));
    tape.finish();
}
