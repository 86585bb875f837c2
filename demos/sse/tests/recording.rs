//! The recording of Server-Sent Events in the book, made again and compared.

use tests::record::{EVENT_SOURCE, Tape, head};

const EVENTS: &str = "/events?tab=1f0e9c8d7b6a&after=-0&retry=2000&beat=6";

#[test]
fn the_recording_is_what_the_wire_says() {
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
    let said = tape.find("said", "up", "body", "hello");
    let event = tape.expect("event", "down", "chunk", "event: message");
    let id = page.event("").id.expect("a message has an id");
    let life = id.split('-').next().unwrap_or_default().to_string();
    tape.pause(400);
    tape.say(&mut other, "two\nlines");
    let lines = tape.expect("lines", "down", "chunk", "event: message");
    page.event("");
    let beat = tape.expect("beat", "down", "chunk", "comment");
    tape.pause(300);
    // The connection breaks, something is said, and the browser comes back with the last id it has.
    page.reset();
    tape.pause(300);
    tape.say(&mut other, "while you were away");
    tape.demo.prints("a stream was abandoned");
    let mut page = tape.connect();
    let places = [("path", EVENTS), ("host", tape.host())];
    page.send(
        head(EVENT_SOURCE, &places)
            .replace("\r\nReferer:", &format!("\r\nLast-Event-ID: {life}-2\r\nReferer:")),
    );
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
    tape.time("push_ms", Tape::between(&said, &event));
    tape.finish();
}
