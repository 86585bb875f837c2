//! The cable's promises, and what long polling and Server-Sent Events promise over a bad one.

use std::time::{Duration, Instant};

use tests::{
    A_WHILE, DEADLINE, End, Event, Message, PATIENCE, Server, Wire, check_heard, over_a_bad_cable, start, start_with,
};

macro_rules! ours_only {
    () => {
        tests::needs_our_server!("our bench")
    };
}

// ---- One order after the other ----

#[test]
fn a_cut_cable_keeps_the_bytes_and_a_repair_lets_them_through() {
    ours_only!();
    for name in ["polling", "longpoll", "sse"] {
        let demo = start(name);
        let bench = demo.bench();
        let mut wire = demo.connect();
        wire.get("/nowhere");
        assert_eq!(wire.answer().0.status, 404, "{name}: a whole cable carries both ways");

        bench.cable("cut");
        assert_eq!(bench.state()["cable"], "cut");
        wire.get("/nowhere");
        assert!(wire.is_silent_for(A_WHILE), "{name}: an answer came through a cable that is cut");

        bench.cable("repair");
        assert_eq!(wire.answer().0.status, 404, "{name}: what waited in the cable is lost");
        assert_eq!(bench.state()["cable"], "whole");
    }
}

#[test]
fn what_the_server_says_into_a_cut_cable_arrives_after_the_repair_in_order() {
    ours_only!();
    let demo = start("sse");
    let bench = demo.bench();
    let mut stream = listen(&demo, demo.say("before").id);
    stream.event("listeners"); // it is told at the start
    let mut speaker = demo.connect();
    speaker.get("/nowhere");
    speaker.answer();
    bench.cable("cut");
    bench.cable_of(bench.number_of(&speaker), "repair"); // all are cut but this one
    for n in 1..=20 {
        speaker.post("/say", &[], &format!("message {n}"));
        assert_eq!(speaker.answer().0.status, 201, "the speaker's own cable is whole");
    }
    assert!(stream.is_silent_for(A_WHILE), "a message came through a cable that is cut");
    bench.cable("repair");
    for n in 1..=20 {
        assert_eq!(stream.event("").data, Some(format!("message {n}")));
    }
}

#[test]
fn one_connection_can_be_cut_alone() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let [mut one, mut other] = [demo.get("/nowhere"), demo.get("/nowhere")];
    assert_eq!((one.answer().0.status, other.answer().0.status), (404, 404));
    let number = bench.number_of(&one);
    bench.cable_of(number, "cut");
    assert_eq!(bench.connection(one.name()).expect("it is open")["cable"], "cut");
    assert_eq!(bench.state()["cable"], "whole", "only one connection is cut");
    one.get("/nowhere");
    other.get("/nowhere");
    assert_eq!(other.answer().0.status, 404, "the other connection is whole");
    assert!(one.is_silent_for(A_WHILE), "this one is cut");
    bench.cable_of(number, "repair");
    assert_eq!(one.answer().0.status, 404);
}

#[test]
fn a_connection_opened_while_the_cable_is_cut_waits_too() {
    ours_only!();
    let demo = start("polling");
    demo.bench().cable("cut");
    let mut wire = demo.get("/messages?after=0");
    assert!(wire.is_silent_for(A_WHILE));
    demo.bench().cable("repair");
    assert_eq!(wire.status(), 200);
}

#[test]
fn a_reset_tears_every_connection_down_and_new_ones_are_whole() {
    ours_only!();
    for name in ["polling", "longpoll", "sse"] {
        let demo = start(name);
        let bench = demo.bench();
        let mut wires: Vec<_> = (0..3).map(|_| demo.get("/nowhere")).collect();
        for wire in &mut wires {
            assert_eq!(wire.answer().0.status, 404);
        }
        bench.cable("reset");
        for wire in &mut wires {
            assert_eq!(wire.end(), End::Reset, "{name}: reset means RST, not FIN");
        }
        assert_eq!(bench.state()["cable"], "whole", "a reset is done once; the cable stays whole");
        demo.lives_on();
    }
}

#[test]
fn one_connection_can_be_reset_alone() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let [mut one, mut other] = [demo.get("/nowhere"), demo.get("/nowhere")];
    assert_eq!((one.answer().0.status, other.answer().0.status), (404, 404));
    bench.cable_of(bench.number_of(&one), "reset");
    assert_eq!(one.end(), End::Reset);
    other.get("/nowhere");
    assert_eq!(other.answer().0.status, 404);
}

#[test]
fn a_reset_ends_a_held_request_on_the_servers_side_too() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let mut waiting: Vec<_> = (0..4).map(|_| demo.get("/wait?after=0&hold=60&beat=0.2")).collect();
    for wire in &mut waiting {
        assert_eq!(wire.any_head().status, 200, "it is held, and has had its first beat");
    }
    bench.cable("reset");
    let mut wire = demo.connect();
    let deadline = Instant::now() + DEADLINE;
    loop {
        wire.get("/waiting");
        let held = wire.answer().1;
        if held.trim() == "0" {
            return;
        }
        assert!(Instant::now() < deadline, "the server still holds {} requests of nobody", held.trim());
        assert!(wire.is_silent_for(Duration::from_millis(20)));
    }
}

#[test]
fn a_delay_is_paid_each_way() {
    ours_only!();
    let demo = start("longpoll");
    let mut wire = demo.get("/nowhere");
    wire.answer();
    demo.bench().cable("delay 150");
    let asked = Instant::now();
    wire.get("/nowhere");
    assert_eq!(wire.answer().0.status, 404);
    let took = asked.elapsed();
    assert!(took >= Duration::from_millis(300), "150 ms there and 150 ms back took {took:?}");
    assert!(took < Duration::from_secs(30), "150 ms there and 150 ms back took {took:?}");
}

#[test]
fn a_delay_does_not_make_the_wire_narrower() {
    ours_only!();
    let demo = start("polling");
    let mut wire = demo.get("/nowhere");
    wire.answer();
    demo.bench().cable("delay 200");
    let asked = Instant::now();
    for _ in 0..100 {
        wire.get("/nowhere");
    }
    for _ in 0..100 {
        assert_eq!(wire.answer().0.status, 404);
    }
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(20), "100 requests one behind the other should need 0.4 s, not {took:?}");
}

#[test]
fn a_dripping_cable_lets_one_byte_through_at_a_time() {
    ours_only!();
    let demo = start("polling");
    let bench = demo.bench();
    let mut wire = demo.get("/messages?after=0");
    let whole = wire.answer();
    bench.cable("drip 2");
    let asked = Instant::now();
    wire.get("/messages?after=0");
    let dripped = wire.answer();
    assert_eq!(dripped.1, whole.1, "the same bytes, only slower");
    assert!(asked.elapsed() >= Duration::from_millis(200), "200 bytes at 2 ms each: {:?}", asked.elapsed());
    let mut feed = bench.feed();
    let row = feed.row(|row| row.text("kind") == "request" && row.number("from") > 0 && row.whole());
    let at_once = feed.row(|row| row.text("kind") == "request" && row.number("from") == 0);
    assert_eq!(row.text("mean"), at_once.text("mean"), "read byte by byte, the request means the same");
    assert_eq!(row.bytes(), at_once.bytes());
}

#[test]
fn a_buffering_proxy_holds_events_back_until_the_answer_ends() {
    ours_only!();
    let demo = start("sse");
    let bench = demo.bench();
    let last = demo.say("before").id;
    bench.cable("hold");
    let mut stream = demo.get(&format!("/events?after={last}&tab=held"));
    assert_eq!(demo.say("an answer of its own length passes").text, "an answer of its own length passes");
    assert!(stream.is_silent_for(A_WHILE), "this is what a buffering proxy does to an event stream: nothing comes");
    bench.feed().row(|row| row.text("dir") == "down" && row.text("mean").contains("event: message"));
    demo.post("/stop?tab=held", "").answer();
    assert_eq!(stream.status(), 200, "the answer has ended: now all of it comes");
    assert_eq!(stream.event("").data.as_deref(), Some("an answer of its own length passes"));
}

#[test]
fn a_buffering_proxy_passes_sixteen_kibibytes_on() {
    ours_only!();
    let demo = start("sse");
    let last = demo.say("before").id;
    demo.bench().cable("hold");
    let mut stream = demo.get(&format!("/events?after={last}"));
    let text = "x".repeat(1_000);
    for _ in 0..17 {
        demo.say(&text);
    }
    assert_eq!(stream.status(), 200, "the buffer is full: it passes on what it has");
    for _ in 0..15 {
        assert_eq!(stream.event("").data.as_ref(), Some(&text));
    }
}

#[test]
fn a_repair_undoes_everything() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let mut wire = demo.get("/nowhere");
    wire.answer();
    for order in ["cut", "delay 60000", "drip 60000", "hold"] {
        bench.cable(order);
        bench.cable_of(bench.number_of(&wire), "cut");
        bench.cable("repair");
        let state = bench.state();
        assert_eq!(state["cable"], "whole");
        assert!(state["connections"].as_array().expect("a list").iter().all(|one| one["cable"].is_null()), "{state}");
        wire.get("/nowhere");
        let asked = Instant::now();
        assert_eq!(wire.answer().0.status, 404);
        assert!(asked.elapsed() < Duration::from_secs(30), "after {order:?} and a repair: {:?}", asked.elapsed());
    }
}

#[test]
fn the_bench_itself_is_never_cut() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let mut feed = bench.feed();
    for order in ["cut", "delay 60000", "drip 60000", "hold", "reset"] {
        bench.cable(order);
        assert_eq!(bench.get("/counters").0.status, 200, "after {order:?}");
    }
    feed.event("cable");
    bench.cable("repair");
}

// ---- The ends of connections ----

#[test]
fn a_reset_by_the_client_reaches_the_server_and_a_fin_stays_a_fin() {
    ours_only!();
    let demo = start("longpoll");
    let mut feed = demo.bench().feed();
    let wire = demo.get("/wait?after=0&hold=60");
    feed.row(|row| row.text("kind") == "request");
    wire.reset();
    let row = feed.row(|row| row.text("kind") == "reset");
    assert_eq!((row.number("conn"), row.text("dir")), (1, "up"));

    let mut wire = demo.get("/nowhere");
    wire.answer();
    wire.finish();
    assert_eq!(wire.end(), End::Fin);
    feed.row(|row| row.text("kind") == "fin" && row.number("conn") == 2 && row.text("dir") == "up");
    feed.row(|row| row.text("kind") == "fin" && row.number("conn") == 2 && row.text("dir") == "down");
}

#[test]
fn the_end_of_a_connection_waits_in_a_cut_cable_like_its_bytes() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let mut wire = demo.get("/nowhere");
    wire.answer();
    bench.cable("cut");
    wire.get("/nowhere");
    wire.finish();
    assert!(wire.is_silent_for(A_WHILE), "neither the answer nor the end may come through");
    bench.cable("repair");
    assert_eq!(wire.answer().0.status, 404);
    assert_eq!(wire.end(), End::Fin);
}

// ---- Back-pressure ----

#[test]
fn a_reader_that_does_not_read_fills_nobodys_memory() {
    ours_only!();
    for order in ["repair", "cut", "delay 60000", "drip 1000"] {
        let demo = start_with("polling", &["--quiet"]);
        let text = "🙂".repeat(1_000);
        for _ in 0..250 {
            demo.say(&text);
        }
        let mut lazy: Vec<Wire> = (0..5).map(|_| demo.get("/nowhere")).collect();
        for wire in &mut lazy {
            wire.answer();
        }
        let Some(before) = demo.memory() else { return tests::skipped("this system does not tell a process's memory") };
        demo.bench().cable(order);
        // Each of the five asks for 60 answers of a megabyte: 300 MB, if anybody were to keep them.
        for wire in &mut lazy {
            for _ in 0..60 {
                wire.get("/messages?after=0");
            }
        }
        let mut witness = demo.bench().connect();
        let mut most = 0;
        for _ in 0..10 {
            assert!(witness.is_silent_for(Duration::from_millis(100)));
            most = most.max(demo.memory().unwrap_or_default());
        }
        assert!(most < before + 64 * 1024, "{order}: memory grew from {before} to {most} KiB");
        demo.bench().cable("repair");
        demo.lives_on();
    }
}

// ---- Five hundred messages over the worst cable there is ----

#[test]
fn longpoll_loses_doubles_and_swaps_no_message_whatever_the_cable_does() {
    ours_only!();
    let demo = start_with("longpoll", &["--quiet"]);
    let heard = over_a_bad_cable(&demo, |demo, hear| {
        let mut after = 0;
        loop {
            for message in poll(demo, after).unwrap_or_default() {
                after = message.id;
                if !hear(message.text) {
                    return;
                }
            }
        }
    });
    check_heard(&heard);
}

/// One long poll as a client does it that trusts nothing: `None` when it went wrong in any way.
fn poll(demo: &Server, after: u64) -> Option<Vec<Message>> {
    let mut wire = Wire::try_connect(demo.host()).ok()?;
    wire.try_get(&format!("/wait?after={after}&hold=5"), &[]).ok()?;
    let (head, body) = wire.try_answer(PATIENCE)?;
    (head.status == 200).then(|| Message::list(&body))
}

#[test]
fn sse_loses_doubles_and_swaps_no_message_whatever_the_cable_does() {
    ours_only!();
    let demo = start_with("sse", &["--quiet"]);
    let heard = over_a_bad_cable(&demo, |demo, hear| {
        let mut last_event_id = String::from("0");
        loop {
            // What EventSource does: read events, and after any break ask again from the last id on.
            let Ok(mut stream) = Wire::try_connect(demo.host()) else { continue };
            if stream.try_get("/events?beat=1", &[("Last-Event-ID", &last_event_id)]).is_err() {
                continue;
            }
            if stream.try_head(PATIENCE).is_none_or(|head| head.status != 200) {
                continue;
            }
            while let Some(event) = stream.try_block(PATIENCE) {
                let Event { name, id, data: Some(data), .. } = event else { continue };
                last_event_id = id.unwrap_or(last_event_id);
                if name.is_empty() && !hear(data) {
                    return;
                }
            }
        }
    });
    check_heard(&heard);
}

fn listen(demo: &Server, after: u64) -> Wire {
    let mut stream = demo.get(&format!("/events?after={after}"));
    assert_eq!(stream.status(), 200);
    stream
}
