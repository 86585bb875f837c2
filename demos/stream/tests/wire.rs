//! Fetch streaming's promises, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- stream::`

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{
    A_WHILE, DEADLINE, Message, PATIENCE, Server, Wire, check_heard, needs_our_server,
    over_a_bad_cable, start, start_with,
};

/// A stream with its head read.
fn listen(demo: &Server, path: &str) -> Wire {
    let mut stream = demo.get(path);
    assert_eq!(stream.status(), 200);
    stream
}

/// The lines of a stream, cut out of its chunks as a reader must: a chunk may end anywhere.
struct Lines {
    wire: Wire,
    rest: Vec<u8>,
}

impl Lines {
    fn of(wire: Wire) -> Lines {
        Lines { wire, rest: Vec::new() }
    }

    /// The next line without its end; `None` when the stream broke.
    fn next_within(&mut self, patience: Duration) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.pop();
                return Some(line);
            }
            let chunk = self.wire.try_chunk(patience)?;
            self.rest.extend(chunk);
        }
    }

    /// The next line as JSON, passing over heartbeats and filler.
    fn json(&mut self) -> Value {
        loop {
            let line = self.next_within(DEADLINE).expect("the stream goes on");
            let text = String::from_utf8(line).expect("the stream is UTF-8");
            if !text.is_empty() && !text.starts_with("{\"filler\"") {
                return serde_json::from_str(&text)
                    .unwrap_or_else(|e| panic!("a line is JSON ({e}): {text:?}"));
            }
        }
    }

    fn message(&mut self) -> Message {
        Message::from(&self.json())
    }
}

/// A stream from a cursor on, and its first line: where it begins.
fn begin(demo: &Server, path: &str) -> (Lines, Value) {
    let mut lines = Lines::of(listen(demo, path));
    let place = lines.json();
    assert!(place["life"].is_string(), "a stream begins with its place: {place}");
    (lines, place)
}

fn lines(demo: &Server, after: u64) -> Lines {
    begin(demo, &format!("/stream?after={after}")).0
}

#[test]
fn the_answer_is_ndjson_that_no_cache_or_proxy_may_hold_back() {
    let demo = start("stream");
    let head = demo.get("/stream").head();
    assert_eq!(head.status, 200);
    assert_eq!(head.field("Content-Type"), Some("application/x-ndjson"));
    assert_eq!(
        head.field("Transfer-Encoding"),
        Some("chunked"),
        "an answer without an end has no length"
    );
    assert!(
        head.field("Cache-Control").is_some_and(|cache| cache.contains("no-transform")),
        "{head:?}"
    );
    assert_eq!(head.field("X-Accel-Buffering"), Some("no"));
}

#[test]
fn a_message_is_a_line_and_a_line_is_a_message() {
    let demo = start("stream");
    let mut stream = lines(&demo, demo.say("before").id);
    for text in ["one", "two\nlines", "a \"quoted\" \\ one", "grüße 🙂", "a\u{2028}b", "</script>"]
    {
        let said = demo.say(text);
        assert_eq!(stream.message(), said, "a newline inside of a message must not end its line");
    }
}

#[test]
fn nothing_is_said_while_nobody_speaks() {
    let demo = start("stream");
    let mut stream = lines(&demo, demo.say("before").id);
    assert!(
        stream.wire.is_silent_for(A_WHILE),
        "no message, no beat due: the stream should be silent"
    );
}

#[test]
fn everyone_hears_everyone() {
    let demo = start("stream");
    let last = demo.say("before").id;
    let mut streams: Vec<_> = (0..10).map(|_| lines(&demo, last)).collect();
    let said = demo.say("to all of you");
    for stream in &mut streams {
        assert_eq!(stream.message(), said);
    }
}

#[test]
fn a_stream_begins_after_the_cursor() {
    let demo = start("stream");
    let said: Vec<_> = ["one", "two", "three"].into_iter().map(|text| demo.say(text)).collect();
    let mut stream = lines(&demo, said[0].id);
    assert_eq!(stream.message(), said[1]);
    assert_eq!(stream.message(), said[2]);
}

#[test]
fn a_silent_stream_has_empty_lines_for_a_heartbeat() {
    let demo = start("stream");
    let last = demo.say("before").id;
    let (mut stream, _) = begin(&demo, &format!("/stream?after={last}&beat=0.1"));
    for _ in 0..3 {
        assert_eq!(
            stream.next_within(DEADLINE).as_deref(),
            Some(&b""[..]),
            "an empty line is no message"
        );
    }
}

#[test]
fn a_cursor_that_is_too_old_is_told_how_much_it_missed() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("stream", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let (mut stream, place) = begin(&demo, "/stream?after=4");
    assert_eq!((&place["missed"], &place["after"]), (&3.into(), &7.into()), "5, 6 and 7 are gone");
    assert_eq!(stream.message().id, 8);
}

#[test]
fn a_cursor_from_before_a_restart_starts_again() {
    let demo = start("stream");
    let said = demo.say("first words of a new life");
    for other_life in [format!("{}", said.id + 50), format!("1-{}", said.id)] {
        let (mut stream, place) = begin(&demo, &format!("/stream?after={other_life}"));
        assert_eq!(place["restarted"], true, "{other_life}");
        let mut message = stream.message();
        while message.id != said.id {
            message = stream.message();
        }
        assert_eq!(message, said);
    }
}

// ---- Back-pressure ----

/// What the server tells of a tab's stream: bytes written, and for how many milliseconds its write has been waiting.
fn flow(demo: &Server, tab: &str) -> Option<(u64, u64)> {
    let (head, body) = demo.get(&format!("/flow?tab={tab}")).answer();
    let flow: Value = serde_json::from_str(&body).ok()?;
    (head.status == 200)
        .then(|| (flow["written"].as_u64().unwrap_or(0), flow["waiting"].as_u64().unwrap_or(0)))
}

/// Looks until what is seen fits: again at each heartbeat of a stream beside.
fn until<T>(demo: &Server, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + 2 * DEADLINE;
    let mut beats = listen(demo, "/stream?beat=0.05");
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what} did not come to pass");
        beats.chunk();
    }
}

#[test]
fn a_reader_that_does_not_read_makes_the_write_wait_and_fills_nobodys_memory() {
    needs_our_server!("filler, and GET /flow");
    let demo = start_with("stream", &["--quiet"]);
    let last = demo.say("before").id;
    let before = demo.memory();
    let slow = listen(&demo, &format!("/stream?after={last}&filler=16384&tab=slow"));
    let stuck = || flow(&demo, "slow").filter(|(_, waiting)| *waiting >= 500);
    let (written, _) = until(&demo, "a write that waits for half a second", stuck);
    let mut eager = lines(&demo, last);
    let said: Vec<_> =
        (0..50).map(|n| demo.say(&format!("while one does not read: {n}"))).collect();
    for message in &said {
        assert_eq!(eager.message(), *message, "others should not be held up");
    }
    let (later, waiting) = flow(&demo, "slow").expect("the stream is still there");
    assert_eq!(later, written, "a write that waits writes nothing");
    println!(
        "{written} bytes lie between a server and a reader that does not read; the write waited {waiting} ms"
    );
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        println!("resident memory: {before} KiB before, {after} KiB after");
        assert!(
            after < before + 16 * 1024,
            "memory grew from {before} to {after} KiB: who keeps a queue?"
        );
    }

    // Now it reads: all that lies on the way, and behind it what was said meanwhile, from the room.
    let mut slow = Lines::of(slow);
    assert!(slow.json()["life"].is_string(), "its place");
    for message in &said {
        assert_eq!(slow.message(), *message, "nothing is lost by reading slowly");
    }
    until(&demo, "a write that goes on", || {
        flow(&demo, "slow").filter(|(now, waiting)| *now > written && *waiting < 500)
    });
}

#[test]
fn a_reader_that_leaves_takes_its_stream_with_it() {
    needs_our_server!("GET /flow");
    let demo = start("stream");
    for filler in [0, 16_384] {
        let stream = listen(&demo, &format!("/stream?beat=0.1&filler={filler}&tab=leaves"));
        assert!(flow(&demo, "leaves").is_some());
        stream.reset();
        until(&demo, "the end of the stream", || flow(&demo, "leaves").is_none().then_some(()));
        // One that goes while the server's write waits for it.
        let stream = listen(&demo, "/stream?filler=16384&tab=stuck");
        until(&demo, "a write that waits", || {
            flow(&demo, "stuck").filter(|(_, waiting)| *waiting >= 300)
        });
        drop(stream);
        until(&demo, "the end of the stream", || flow(&demo, "stuck").is_none().then_some(()));
    }
}

// ---- Peers that mean no good ----

#[test]
fn nonsense_in_the_query_is_passed_over() {
    let demo = start("stream");
    let said = demo.say("heard all the same");
    for query in [
        "?after=abc",
        "?after=-x",
        "?after=99999999999999999999999",
        "?after",
        "?beat=NaN",
        "?beat=-1",
        "?beat=1e99",
        "?filler=-5",
        "?filler=x",
        "?&&==&after=&",
        "?tab=%00%ff",
    ] {
        assert_eq!(begin(&demo, &format!("/stream{query}")).0.message(), said, "{query}");
    }
}

#[test]
fn wrong_methods_and_paths_are_told_so() {
    let demo = start("stream");
    let (head, _) = demo.post("/stream", "x").answer();
    assert_eq!((head.status, head.field("Allow")), (405, Some("GET, HEAD")));
    let (head, _) = demo.get("/say").answer();
    assert_eq!((head.status, head.field("Allow")), (405, Some("POST")));
    assert_eq!(demo.get("/nowhere").status(), 404);
    assert_eq!(demo.post("/say", " \n ").status(), 400, "an empty message");
    assert_eq!(demo.post("/say", &"x".repeat(1_001)).status(), 413, "an over-long message");
}

#[test]
fn half_a_message_and_then_silence_holds_up_nobody() {
    let demo = start("stream");
    let host = demo.host().to_string();
    let _half_heads: Vec<_> =
        (0..10).map(|_| demo.send(format!("GET /stream HTTP/1.1\r\nHost: {host}\r\n"))).collect();
    let half = format!("POST /say HTTP/1.1\r\nHost: {host}\r\nContent-Length: 50\r\n\r\nhalf of a");
    let _half_bodies: Vec<_> = (0..10).map(|_| demo.send(&half)).collect();
    demo.lives_on();
}

#[test]
fn over_a_bad_cable_no_message_is_lost_doubled_or_swapped() {
    needs_our_server!("our bench");
    let demo = start_with("stream", &["--quiet"]);
    let heard = over_a_bad_cable(&demo, |demo, hear| {
        let mut after = 0;
        loop {
            let Ok(mut wire) = Wire::try_connect(demo.host()) else { continue };
            if wire.try_get(&format!("/stream?after={after}&beat=1"), &[]).is_err() {
                continue;
            }
            if wire.try_head(PATIENCE).is_none_or(|head| head.status != 200) {
                continue;
            }
            let mut lines = Lines::of(wire);
            while let Some(line) = lines.next_within(PATIENCE) {
                if line.is_empty() {
                    continue;
                }
                let record: Value = serde_json::from_slice(&line).expect("a line is JSON");
                if record["id"].is_null() {
                    continue; // where the stream begins
                }
                let message = Message::from(&record);
                after = message.id;
                if !hear(message.text) {
                    return;
                }
            }
        }
    });
    check_heard(&heard);
}
