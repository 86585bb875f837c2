//! Server-Sent Events' promises, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- sse::`

use std::time::{Duration, Instant};

use tests::{A_WHILE, Server, Wire, needs_our_server, start, start_with};

/// A stream from a cursor on, with its head read.
fn listen(demo: &Server, after: u64) -> Wire {
    let mut stream = demo.get(&format!("/events?after={after}"));
    let head = stream.head();
    assert_eq!(head.status, 200);
    stream
}

#[test]
fn the_answer_is_an_event_stream_that_no_cache_or_proxy_may_hold_back() {
    let demo = start("sse");
    let head = demo.get("/events").head();
    assert_eq!(head.status, 200);
    assert_eq!(head.field("Content-Type"), Some("text/event-stream"), "or EventSource gives up");
    assert!(head.field("Content-Length").is_none(), "an answer without an end has no length");
    let cache = head.field("Cache-Control").unwrap_or_default();
    assert!(
        cache.contains("no-transform"),
        "a proxy that compresses the stream holds it back: {cache:?}"
    );
    assert_eq!(
        head.field("X-Accel-Buffering"),
        Some("no"),
        "nginx gathers answers unless it is told not to"
    );
}

#[test]
fn a_message_is_an_event_with_its_id() {
    let demo = start("sse");
    let mut stream = listen(&demo, demo.say("before").id);
    let said = demo.say("hello");
    let event = stream.event("");
    assert_eq!(event.data.as_deref(), Some("hello"));
    let id = event.id.expect("without an id the browser can't say where it was");
    let (life, number) =
        id.split_once('-').expect("the room's life, a hyphen, the message's number");
    assert!(life.len() == 8 && number == said.id.to_string(), "{id}");
}

#[test]
fn nothing_is_said_while_nobody_speaks() {
    let demo = start("sse");
    let mut stream = listen(&demo, demo.say("before").id);
    stream.event("listeners");
    assert!(stream.is_silent_for(A_WHILE), "no message, no beat due: the stream should be silent");
}

#[test]
fn each_line_of_a_message_is_a_data_field_of_its_own() {
    let demo = start("sse");
    let mut stream = listen(&demo, demo.say("before").id);
    demo.say("one\ntwo\n\nfour");
    assert_eq!(
        stream.event("").data.as_deref(),
        Some("one\ntwo\n\nfour"),
        "an empty line must not end the event early"
    );
}

#[test]
fn a_carriage_return_in_a_message_does_not_start_a_field() {
    let demo = start("sse");
    let mut stream = listen(&demo, demo.say("before").id);
    demo.say("harmless\revent: gap\r\nid: 99");
    let event = stream.event("");
    assert_eq!(
        event.data.as_deref(),
        Some("harmless\nevent: gap\nid: 99"),
        "CR ends a line of the stream too (9.2.6)"
    );
}

#[test]
fn a_message_that_starts_with_a_space_or_a_colon_arrives_as_typed() {
    let demo = start("sse");
    let mut stream = listen(&demo, demo.say("before").id);
    for text in [" indented", ": a comment?", "data: data", "<b>bold</b> 🙂"] {
        demo.say(text);
        assert_eq!(stream.event("").data.as_deref(), Some(text));
    }
}

#[test]
fn everyone_hears_everyone() {
    let demo = start("sse");
    let last = demo.say("before").id;
    let mut streams: Vec<_> = (0..10).map(|_| listen(&demo, last)).collect();
    demo.say("to all of you");
    for stream in &mut streams {
        assert_eq!(stream.event("").data.as_deref(), Some("to all of you"));
    }
}

#[test]
fn a_stream_goes_on_after_the_last_event_id() {
    let demo = start("sse");
    let first = demo.say("one");
    demo.say("two");
    demo.say("three");
    let mut stream = demo.connect();
    // The cursor in the address is where the page began; the header is where it has got to.
    stream.get_with("/events?after=0", &[("Last-Event-ID", &first.id.to_string())]);
    assert_eq!(stream.status(), 200);
    assert_eq!(
        stream.event("").data.as_deref(),
        Some("two"),
        "Last-Event-ID should decide: was it read?"
    );
    assert_eq!(stream.event("").data.as_deref(), Some("three"));
}

#[test]
fn over_any_number_of_breaks_every_message_is_heard_once_and_in_order() {
    let demo = start("sse");
    let mut last = demo.say("before").id.to_string();
    let (mut said, mut heard) = (Vec::new(), Vec::new());
    for away in 0..20 {
        for n in 0..away {
            said.push(format!("{n} of {away} while nobody listened"));
            demo.say(&said[said.len() - 1]);
        }
        let mut stream = demo.connect();
        stream.get_with("/events", &[("Last-Event-ID", &last)]);
        assert_eq!(stream.status(), 200);
        said.push(format!("said after break {away}"));
        demo.say(&said[said.len() - 1]);
        // Every other time the connection is torn while there is more to hear.
        let leave = if away % 2 == 0 { said.len() } else { said.len() - away / 2 };
        while heard.len() < leave {
            let event = stream.event("");
            heard.push(event.data.expect("a message is the data of its event"));
            last = event.id.expect("a message has an id");
            assert_eq!(heard[..], said[..heard.len()], "one was lost, or came twice, or too early");
        }
        stream.reset();
    }
    assert_eq!(heard.len(), said.len() - 19 / 2, "all but what was left over at the last break");
}

#[test]
fn the_stream_tells_the_browser_how_long_to_wait_before_it_reconnects() {
    let demo = start("sse");
    let retry = |path: &str| {
        let mut stream = demo.get(path);
        assert_eq!(stream.status(), 200);
        loop {
            let block = stream.block().expect("the stream goes on");
            if let Some(retry) = block.retry {
                return retry;
            }
        }
    };
    assert_eq!(retry("/events"), 2_000, "milliseconds");
    assert_eq!(retry("/events?retry=350"), 350, "as the page asked");
}

#[test]
fn a_silent_stream_has_a_heartbeat_that_the_browser_does_not_see() {
    let demo = start("sse");
    let last = demo.say("before").id;
    let mut stream = demo.get(&format!("/events?after={last}&beat=0.1"));
    assert_eq!(stream.status(), 200);
    let mut beats = 0;
    while beats < 3 {
        let block = stream.block().expect("the stream goes on");
        if block.comment.is_some() {
            assert_eq!(block.data, None, "a comment is no event");
            beats += 1;
        }
    }
}

#[test]
fn a_cursor_that_is_too_old_gets_a_gap_event_and_then_what_is_left() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("sse", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut stream = listen(&demo, 4);
    let gap = stream.event("gap");
    assert!(gap.data.is_some_and(|data| data.contains("\"missed\":3")), "5, 6 and 7 are gone");
    assert!(gap.id.is_some_and(|id| id.ends_with("-7")), "the gap itself moves the cursor on");
    assert_eq!(stream.event("").data.as_deref(), Some("8"));
}

#[test]
fn a_cursor_from_before_a_restart_gets_a_gap_event_and_then_everything() {
    let demo = start("sse");
    let said = demo.say("first words of a new life");
    for other_life in [format!("{}", said.id + 50), format!("1-{}", said.id)] {
        let mut stream = demo.connect();
        stream.get_with("/events", &[("Last-Event-ID", &other_life)]);
        assert_eq!(stream.status(), 200);
        let gap = stream.event("gap").data.unwrap_or_default();
        assert!(gap.contains("\"restarted\":true"), "{other_life}: {gap}");
        while stream.event("").data.as_deref() != Some("first words of a new life") {}
    }
}

#[test]
fn a_tab_that_says_stop_gets_an_end_and_then_204_until_it_says_resume() {
    let demo = start("sse");
    let mut stream = demo.get("/events?tab=stopper");
    assert_eq!(stream.status(), 200);
    stream.event("listeners");
    assert_eq!(demo.post("/stop?tab=stopper", "").status(), 200);
    while stream.block().is_some() {} // the last chunk: an end, not a break

    let mut again = demo.get("/events?tab=stopper");
    assert_eq!(again.status(), 204, "after 204 an EventSource does not come back");
    assert_eq!(demo.get("/events?tab=other").status(), 200, "other tabs go on");

    assert_eq!(demo.post("/resume?tab=stopper", "").status(), 200);
    assert_eq!(demo.get("/events?tab=stopper").status(), 200);
}

#[test]
fn the_text_of_a_request_reaches_the_terminal_escaped() {
    needs_our_server!("what it prints");
    let request =
        b"GET /events?beat=0.1&tab=\x1b]0;x\x07\x1b[2J HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let demo = start("sse");
    assert_eq!(demo.send(request).status(), 400, "the front door knows no such target");
    demo.prints("refused 400");
    assert!(!demo.output().contains('\x1b'), "{:?}", demo.output());

    let demo = start_with("sse", &["--no-bench"]);
    let mut stream = demo.send(request);
    assert_eq!(stream.status(), 200);
    stream.reset();
    let line = demo.prints("a stream was abandoned");
    assert!(line.contains("\\u{1b}]0;x") && !line.contains('\x1b'), "{line:?}");
}

#[test]
fn the_number_of_listeners_is_an_event_with_a_name() {
    needs_our_server!("a room with nobody else in it");
    let demo = start("sse");
    let mut first = listen(&demo, 0);
    assert_eq!(first.event("listeners").data.as_deref(), Some("1"));
    let second = listen(&demo, 0);
    assert_eq!(first.event("listeners").data.as_deref(), Some("2"));
    drop(second);
    // The server notices at its next write, so it is given something to write.
    let deadline = Instant::now() + tests::DEADLINE;
    loop {
        demo.say("is anybody listening?");
        let event = first.block().expect("the stream goes on");
        if event.name == "listeners" {
            assert_eq!(event.data.as_deref(), Some("1"), "the one who left should not be counted");
            return;
        }
        assert!(Instant::now() < deadline, "the server never noticed that a listener left");
    }
}

#[test]
fn a_listener_that_does_not_read_slows_nobody_else() {
    needs_our_server!("its word that it does not fall over");
    let demo = start("sse");
    let last = demo.say("before").id;
    let lazy: Vec<_> = (0..5).map(|_| listen(&demo, last)).collect();
    let mut eager = listen(&demo, last);
    let words = "🙂".repeat(1_000);
    let began = Instant::now();
    for _ in 0..1_000 {
        demo.say(&words);
        assert_eq!(eager.event("").data.as_ref(), Some(&words));
    }
    assert!(
        began.elapsed() < Duration::from_secs(150),
        "the eager listener was held up: {:?}",
        began.elapsed()
    );
    drop(lazy);
}
