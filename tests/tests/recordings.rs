//! The book's recordings, made again and compared: when the wire changes, this says which chapter is stale.
//!
//! `make record` (`RECORD=1 cargo test -p tests --test recordings`) writes them anew.

use tests::record::{EVENT_SOURCE, FETCH, FRAME, NAVIGATE, SCRIPT, Tape, WEBSOCKET, frame, head};

#[test]
fn polling() {
    let mut tape = Tape::start("polling", "polling", 8001, &[]);
    let mut page = tape.connect();
    let poll = |tape: &mut Tape, page: &mut tests::Wire, after: u64, name: &str| {
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
    tape.figure("say", tape.message_size(&said));
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
    let said = tape.find("said", "up", "body", "hello");
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
    tape.time("push_ms", Tape::between(&said, &event));
    tape.finish();
}

#[test]
fn jsonp() {
    let mut tape = Tape::start("jsonp", "jsonp", 8002, &[]);
    let mut other = tape.connect();
    tape.say(&mut other, "hello");
    let mut data = tape.connect_beside("data");
    let page = tape.host().to_string();
    let ask = |data: &mut tests::Wire, path: &str| {
        data.send(head(SCRIPT, &[("path", path), ("host", "127.0.0.1:8102"), ("origin", &page)]));
        data.answer()
    };
    ask(&mut data, "/messages?after=0&callback=jsonp_1");
    let question = tape.expect("ask", "up", "request", "GET /messages");
    let answer = tape.expect("news", "down", "response", "200");
    let body = tape.expect("script", "down", "body", "");
    tape.pause(1000);
    ask(&mut data, "/messages?after=1&callback=jsonp_2");
    let empty = tape.expect("empty", "down", "response", "200");
    tape.pause(500);
    tape.say(&mut other, "</script><b>hi</b>");
    tape.pause(500);
    ask(&mut data, "/messages?after=1&callback=jsonp_3");
    tape.expect("", "down", "response", "200");
    tape.expect("escaped", "down", "body", "");
    tape.pause(500);
    ask(&mut data, "/messages?after=2&callback=alert(1)//");
    tape.expect("bad", "up", "request", "alert");
    tape.expect("refused", "down", "response", "400");
    drop((data, other));
    tape.figure("ask", tape.message_size(&question));
    tape.figure("news", tape.message_size(&answer));
    tape.figure("script", body.number("size"));
    tape.figure("empty", tape.message_size(&empty));
    tape.figure("round", tape.message_size(&question) + tape.message_size(&empty));
    tape.finish();
}

#[test]
fn iframe() {
    let mut tape = Tape::start("iframe", "iframe", 8004, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FRAME, "/frame?after=0&scripts=4&padding=256&beat=2");
    let question = tape.expect("ask", "up", "request", "GET /frame");
    page.head();
    let opening = tape.expect("opening", "down", "response", "200");
    let padding = tape.expect("padding", "down", "chunk", "");
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

#[test]
fn multipart() {
    let mut tape = Tape::start("multipart", "multipart", 8005, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FETCH, "/parts?after=0&beat=2");
    let question = tape.expect("ask", "up", "request", "GET /parts");
    page.head();
    let opening = tape.expect("opening", "down", "response", "200");
    let mut other = tape.connect();
    tape.pause(600);
    tape.say(&mut other, "hello");
    let said = tape.find("said", "up", "body", "hello");
    let message = tape.expect("message", "down", "chunk", "part 1");
    let beat = tape.expect("beat", "down", "chunk", "part 2");
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

#[test]
fn stream() {
    let mut tape = Tape::start("stream", "stream", 8006, &[]);
    let mut page = tape.connect();
    tape.send(&mut page, FETCH, "/stream?after=0&filler=0&tab=1f0e9c8d7b6a&beat=2");
    let question = tape.expect("ask", "up", "request", "GET /stream");
    page.head();
    let opening = tape.expect("opening", "down", "response", "200");
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

#[test]
fn handshake() {
    let mut tape = Tape::start("handshake", "handshake", 8010, &[]);
    let mut page = tape.websocket("/socket?tab=1f0e9c8d7b6a", "room.v2, room.v1");
    let question = tape.expect("ask", "up", "request", "GET /socket");
    let answer = tape.expect("switch", "down", "response", "101");
    tape.pause(500);
    page.send(frame(0x81, b"Hello"));
    let hello = tape.expect("hello", "up", "frame", "Hello");
    tape.pause(500);
    drop(page);
    let refused = |tape: &mut Tape, name: &str, change: &dyn Fn(String) -> String, status: &str| {
        tape.pause(300);
        let mut wire = tape.connect();
        wire.send(change(tape.head(WEBSOCKET, "/socket")));
        wire.any_head();
        wire.end();
        tape.expect(name, "down", "response", status)
    };
    refused(&mut tape, "version", &|head| head.replace("Version: 13", "Version: 8"), "426");
    refused(&mut tape, "key", &|head| head.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), "400");
    refused(&mut tape, "upgrade", &|head| head.replace("Upgrade: websocket\r\n", ""), "400");
    refused(
        &mut tape,
        "origin",
        &|head| head.replace("Origin: http://127.0.0.1:8010", "Origin: http://evil.example"),
        "403",
    );
    tape.figure("ask", tape.message_size(&question));
    tape.figure("switch", answer.number("size"));
    tape.figure("once", tape.message_size(&question) + answer.number("size"));
    tape.figure("hello", hello.number("size"));
    tape.finish();
}

#[test]
fn frames() {
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
    echo.send(frame(0x82, &[7; 300]));
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

#[test]
fn closing() {
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

#[test]
fn heartbeat() {
    let mut tape = Tape::start("heartbeat", "heartbeat", 8012, &[]);
    let mut page = tape.websocket("/?after=0&tab=one&every=1&patience=3", "room");
    tape.expect("", "down", "response", "101");
    let ping = tape.expect("ping", "down", "frame", "ping");
    page.send(frame(0x8a, &1u64.to_be_bytes()));
    let pong = tape.expect("pong", "up", "frame", "pong");
    tape.expect("", "down", "frame", "ping");
    page.send(frame(0x8a, &2u64.to_be_bytes()));
    page.send(frame(0x81, br#"{"type":"beat","sent":1000}"#));
    let beat = tape.expect("beat", "up", "frame", "beat");
    let back = tape.expect("beat-back", "down", "frame", "beat");
    // Now the cable is out.
    let cable = tape.demo.bench();
    let number = cable.number_of(&page);
    cable.cable_of(number, "cut");
    tape.loose();
    let end = tape.expect("given-up", "down", "fin", "");
    cable.cable("repair");
    drop(page);
    tape.time("noticed_s", (Tape::between(&beat, &end) / 100.0).round() / 10.0);
    tape.figure("ping", ping.number("size"));
    tape.figure("pong", pong.number("size"));
    tape.figure("beat", beat.number("size"));
    tape.figure("beat_back", back.number("size"));
    tape.finish();
}

#[test]
fn tcp() {
    let mut tape = Tape::start("tcp", "tcp", 8009, &[]);
    let mut one = tape.connect_beside("room");
    tape.expect("welcome", "down", "", "You are in");
    tape.pause(300);
    one.send("hel");
    tape.pause(400);
    one.send("lo\n");
    let half = tape.find("said", "up", "", "lo");
    let heard = tape.expect("heard", "down", "", "1 hello");
    tape.pause(400);
    // Three messages in one write.
    one.send("one\ntwo\nthree\n");
    tape.expect("three", "down", "", "4 three");
    tape.pause(300);
    one.finish();
    one.end();
    drop(one);
    tape.figure("heard", heard.number("size"));
    tape.figure("half", half.number("size"));
    tape.time("halves_s", ((half.number("sent") - half.number("start")) as f64 / 1e5).round() / 10.0);
    tape.figure("frame", 2);
    tape.finish();
}

#[test]
fn flash() {
    let mut tape = Tape::start("flash", "flash", 8007, &[]);
    // The policy names the host by which the page was asked for.
    let mut page = tape.connect();
    tape.send(&mut page, NAVIGATE, "/");
    page.answer();
    drop(page);
    tape.begin_here();
    let mut player = tape.connect_beside("xmlsocket");
    player.send("<policy-file-request/>\0");
    let ask = tape.expect("policy-ask", "up", "", "asks for the policy");
    let policy = tape.expect("policy", "down", "", "policy file");
    player.end();
    drop(player);
    tape.pause(300);
    let mut movie = tape.connect_beside("xmlsocket");
    movie.send("after 0\0");
    tape.expect("after", "up", "", "after 0");
    tape.expect("here", "down", "", "here 0");
    tape.pause(500);
    // Another one says it: what one connection is told of its own words and of the room's news has no order.
    let mut other = tape.connect_beside("xmlsocket");
    other.send("say k1 hello\0");
    let say = tape.expect("say", "up", "", "say k1");
    let message = tape.find("message", "down", "", "message 1");
    let said = tape.find("said", "down", "", "said k1");
    tape.pause(300);
    other.finish();
    other.end();
    drop(other);
    movie.finish();
    movie.end();
    drop(movie);
    tape.figure("policy_ask", ask.number("size"));
    tape.figure("policy", policy.number("size"));
    tape.figure("say", say.number("size"));
    tape.figure("message", message.number("size"));
    tape.figure("said", said.number("size"));
    tape.finish();
}
