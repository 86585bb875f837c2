//! The feed's promises: the rows of the wire view show the true bytes, all of them, and say so when some are gone.

use tests::{A_WHILE, start, start_with};

macro_rules! ours_only {
    () => {
        tests::needs_our_server!("our bench")
    };
}

#[test]
fn the_rows_of_a_request_and_its_answer_hold_the_very_bytes_that_were_sent() {
    ours_only!();
    let demo = start("longpoll");
    let mut feed = demo.bench().feed();
    let request =
        format!("POST /say HTTP/1.1\r\nHost: {}\r\nX-Odd:   spaces  \r\nContent-Length: 18\r\n\r\n", demo.host());
    let mut wire = demo.send(format!("{request}hello \u{1f642} <b>wire"));
    let head = wire.any_head_as_sent();
    let body =
        wire.exactly(head.windows(16).position(|w| w == b"Content-Length: ").map_or(0, |at| number(&head[at + 16..])));

    let row = feed.row(|row| row.text("kind") == "request" && row.whole());
    assert_eq!(row.bytes(), request.as_bytes(), "the head, as it was sent");
    assert_eq!((row.number("from"), row.number("to")), (0, request.len() as u64));
    assert_eq!(row.text("dir"), "up");
    row.check_fields();
    let after = request.len() as u64;
    let row = feed.row(|row| row.text("dir") == "up" && row.number("from") == after && row.whole());
    assert_eq!(row.bytes(), "hello \u{1f642} <b>wire".as_bytes(), "the body, as it was sent");
    row.check_fields();

    let row = feed.row(|row| row.text("kind") == "response" && row.whole());
    assert_eq!(row.bytes(), head, "the answer's head, as it came");
    assert_eq!(row.text("dir"), "down");
    row.check_fields();
    let row = feed.row(|row| row.text("dir") == "down" && row.number("from") == head.len() as u64 && row.whole());
    assert_eq!(row.bytes(), body, "the answer's body, as it came");
    row.check_fields();
}

fn number(bytes: &[u8]) -> usize {
    let digits: String = bytes.iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[test]
fn the_rows_of_a_connection_join_without_a_gap_and_without_overlap() {
    ours_only!();
    for name in ["polling", "longpoll", "sse"] {
        let demo = start(name);
        let mut feed = demo.bench().feed();
        let mut wire = demo.connect();
        let mut sent = 0;
        for n in 0..20 {
            let text = "x".repeat(n * 40 + 1);
            let post =
                format!("POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{text}", demo.host(), text.len());
            sent += post.len() as u64;
            wire.send(post);
            assert_eq!(wire.answer().0.status, 201);
        }
        wire.finish();
        wire.end();
        feed.row(|row| row.text("kind") == "fin" && row.text("dir") == "down");
        for dir in ["up", "down"] {
            let mut at = 0;
            let mut rows: Vec<_> =
                feed.rows().iter().filter(|row| row.text("dir") == dir && row.number("size") > 0).collect();
            rows.sort_by_key(|row| row.number("from"));
            for row in rows {
                assert_eq!(row.number("from"), at, "{name}, {dir}: a row is missing, or comes twice: {}", row.json);
                assert_eq!(row.number("to") - row.number("from"), row.number("size"));
                assert!(row.whole(), "{}", row.json);
                row.check_fields();
                at = row.number("to");
            }
            if dir == "up" {
                assert_eq!(at, sent, "{name}: the rows should end where the bytes end");
            }
        }
    }
}

#[test]
fn every_chunk_of_a_stream_is_a_row_when_it_comes() {
    ours_only!();
    let demo = start("sse");
    let mut feed = demo.bench().feed();
    let mut stream = demo.get("/events");
    stream.head();
    demo.say("hello \u{1f642}");
    let event = "-1\ndata: hello \u{1f642}\n\n".as_bytes(); // behind the id, which names the room's life
    let row = feed.row(|row| row.number("conn") == 1 && row.bytes().windows(event.len()).any(|bytes| bytes == event));
    assert_eq!((row.text("dir"), row.text("kind")), ("down", "chunk"));
    assert!(row.number("start") > 0 && row.number("sent") >= row.number("start"), "{}", row.json);
    row.check_fields();
}

#[test]
fn a_unit_that_is_not_complete_yet_is_shown_and_later_replaced() {
    ours_only!();
    let demo = start("longpoll");
    let mut feed = demo.bench().feed();
    let mut wire = demo.send("GET /messages");
    let half = feed.row(|row| row.text("dir") == "up" && row.number("size") > 0);
    assert!(!half.whole());
    assert_eq!(half.bytes(), b"GET /messages");
    wire.send(format!("-of-old HTTP/1.1\r\nHost: {}\r\n\r\n", demo.host()));
    wire.answer();
    let whole = feed.row(|row| row.text("dir") == "up" && row.whole() && row.number("size") > 0);
    assert_eq!(whole.number("n"), half.number("n"), "the same row, complete now");
    assert!(whole.bytes().starts_with(b"GET /messages-of-old HTTP/1.1\r\n"));
}

#[test]
fn an_arrow_stops_half_way_while_its_bytes_wait_in_the_cable() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let mut feed = bench.feed();
    bench.cable("cut");
    let mut wire = demo.get("/nowhere");
    let row = feed.row(|row| row.text("kind") == "request" && row.whole());
    assert!(row.json["heard"].is_null(), "nobody has heard it: the cable is cut: {}", row.json);
    assert!(wire.is_silent_for(A_WHILE));
    bench.cable("repair");
    assert_eq!(wire.answer().0.status, 404);
    let row = feed.row(|row| row.text("kind") == "request" && !row.json["heard"].is_null());
    let waited = row.number("heard") - row.number("sent");
    assert!(
        waited >= A_WHILE.as_micros() as u64,
        "it waited in the cable for {waited} microseconds only: {}",
        row.json
    );
}

#[test]
fn a_reader_that_comes_back_goes_on_after_its_last_event_id() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    demo.say("one");
    let mut feed = bench.feed();
    let seen = feed.row(|row| row.text("kind") == "response" && row.whole());
    drop(feed);
    demo.say("two");
    let mut again = bench.feed_after(Some(&seen.id));
    let mut event = again.next_event();
    while event.id.is_none() {
        event = again.next_event();
    }
    let (next, last): (u64, u64) =
        (event.id.and_then(|id| id.parse().ok()).expect("a number"), seen.id.parse().expect("a number"));
    assert_eq!(next, last + 1, "nothing should be told twice and nothing left out");
    again.row(|row| row.text("dir") == "up" && row.bytes() == b"two");
    assert!(again.rows().iter().all(|row| row.bytes() != b"one"), "this was told before");
}

#[test]
fn what_no_longer_fits_is_counted_and_told() {
    ours_only!();
    let demo = start_with("polling", &["--tap", "20000", "--quiet"]);
    let bench = demo.bench();
    // Nobody looks while 200 KB go by, on one connection, so that the hole is in the middle of it.
    let mut wire = demo.connect();
    for n in 0..200 {
        wire.post("/say", &[], &format!("{n} {}", "x".repeat(900)));
        assert_eq!(wire.answer().0.status, 201);
    }
    let mut feed = bench.feed();
    let newest = feed.row(|row| row.text("dir") == "down" && String::from_utf8_lossy(&row.bytes()).contains("\"199 x"));
    assert!(newest.number("from") > 100_000, "the offsets go on counting: {}", newest.json);
    let bytes: u64 = feed.rows().iter().map(|row| row.number("size")).sum();
    assert!(bytes < 60_000, "a tap of 20,000 bytes should not show {bytes}");
    feed.row(|row| row.text("kind") == "lost");
}

#[test]
fn a_feed_is_told_in_pieces() {
    ours_only!();
    let demo = start_with("polling", &["--quiet"]);
    let bench = demo.bench();
    let text = "x".repeat(900);
    demo.say_all(&[&text; 300]);
    let mut feed = bench.feed();
    feed.row(|row| row.text("dir") == "down" && String::from_utf8_lossy(&row.bytes()).contains("\"id\":300,"));
    // All of it is decoded by now: another reader could be told it in one piece.
    let mut wire = bench.connect();
    wire.get("/feed");
    assert_eq!(wire.status(), 200);
    let mut told = 0;
    while told < 400 * 1024 {
        let piece = wire.chunk().len();
        assert!(piece < 128 * 1024, "a piece of {} KiB", piece / 1024);
        told += piece;
    }
}

#[test]
fn the_tap_never_grows_beyond_its_bound() {
    ours_only!();
    let demo = start_with("polling", &["--tap", "100000", "--quiet"]);
    let text = "🙂".repeat(1_000);
    for _ in 0..100 {
        demo.say(&text);
    }
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", demo.process()?)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let mut wire = demo.connect();
    let mut ask = |times| {
        for _ in 0..times {
            wire.get("/messages?after=0");
            wire.answer();
        }
    };
    ask(20);
    let Some(before) = memory() else { return tests::skipped("this system does not tell a process's memory") };
    ask(200); // 80 MB
    let after = memory().unwrap_or_default();
    assert!(after < before + 16 * 1024, "80 MB over the wire left {} KiB behind", after - before);
}

#[test]
fn the_counters_count_what_went_over_the_wire() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let mut wire = demo.connect();
    let ask = format!("GET /nowhere HTTP/1.1\r\nHost: {}\r\n\r\n", demo.host());
    let mut down = 0;
    for _ in 0..10 {
        wire.send(&ask);
        let head = wire.any_head_as_sent();
        let length = head.windows(16).position(|w| w == b"Content-Length: ").map_or(0, |at| number(&head[at + 16..]));
        down += head.len() + wire.exactly(length).len();
    }
    let counters = bench.counters();
    assert_eq!(counters["requests"], 10);
    assert_eq!(counters["opened"], 1);
    assert_eq!(counters["open"], 1);
    assert_eq!(counters["up"], 10 * ask.len());
    assert_eq!(counters["down"], down);
    assert_eq!(counters["messages"], 0);
    demo.say("one");
    let mut feed = bench.feed();
    while feed.event("counters")["messages"] != 1 {}
}

#[test]
fn the_feed_shows_the_demos_wire_and_nothing_of_its_own() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    for _ in 0..5 {
        bench.get("/counters");
        bench.get("/style.css");
    }
    demo.say("hello");
    let mut feed = bench.feed();
    feed.row(|row| row.text("kind") == "response" && row.whole());
    for row in feed.rows() {
        assert_eq!(row.number("conn"), 1, "only the demo's one connection: {}", row.json);
    }
    assert_eq!(bench.counters()["opened"], 1);
}

#[test]
fn what_the_front_door_answers_is_on_the_wire_too() {
    ours_only!();
    let demo = start("longpoll");
    let mut feed = demo.bench().feed();
    let mut wire = demo.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(wire.answer().0.status, 421);
    let row = feed.row(|row| row.text("kind") == "response" && row.whole());
    assert!(row.bytes().starts_with(b"HTTP/1.1 421 "));
    row.check_fields();
}

#[test]
fn a_feed_that_nobody_reads_holds_up_nothing() {
    ours_only!();
    let demo = start_with("polling", &["--quiet"]);
    let bench = demo.bench();
    let lazy: Vec<_> = (0..5).map(|_| bench.feed()).collect();
    let text = "x".repeat(1_000);
    let mut wire = demo.connect();
    for _ in 0..2_000 {
        wire.post("/say", &[], &text);
        assert_eq!(wire.answer().0.status, 201);
    }
    bench.feed().row(|row| row.text("kind") == "response" && row.whole());
    drop(lazy);
}

#[test]
fn fifteen_hundred_rows_arrive_within_seconds() {
    ours_only!();
    let demo = start_with("polling", &["--quiet"]);
    let mut feed = demo.bench().feed();
    let mut wire = demo.connect();
    let began = std::time::Instant::now();
    for n in 0..500 {
        wire.get(&format!("/messages?after={n}"));
        wire.answer();
    }
    feed.row(|row| row.text("dir") == "up" && row.text("mean").contains("after=499"));
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "1,500 rows took {:?}", began.elapsed());
}
