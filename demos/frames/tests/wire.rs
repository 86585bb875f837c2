//! The promises about frames and messages (RFC 6455, 5 to 8), and every mistake in them that others have published.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::websocket::{BINARY, CLOSE, PING, PONG, TEXT, frame};
use tests::{Random, Server, Wire, start, start_with};

/// What `/echo` answers to these bytes: the next frame.
fn echo(demo: &Server, bytes: impl AsRef<[u8]>) -> (u8, Vec<u8>) {
    let mut wire = demo.websocket("/echo");
    wire.send(bytes);
    wire.frame()
}

/// The code with which `/echo` closes after these bytes.
fn refused(demo: &Server, bytes: impl AsRef<[u8]>) -> u16 {
    let mut wire = demo.websocket("/echo");
    let _ = wire.try_send(bytes);
    wire.closed_with()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 / 7) as u8).collect()
}

// ---- Published mistakes -----------------------------------------------------------------------------------------------

/// `length >> 2` where `length >> 8` was meant.
#[test]
fn published_mistake_a_16_bit_length_with_a_wrong_high_byte() {
    let demo = start("frames");
    for length in [256, 1_000, 16_448, 65_535] {
        assert_eq!(
            echo(&demo, frame(BINARY, bytes(length))),
            (BINARY, bytes(length)),
            "{length} bytes"
        );
    }
}

#[test]
fn published_mistake_payloads_of_126_bytes_and_more_are_truncated() {
    let demo = start("frames");
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000] {
        assert_eq!(
            echo(&demo, frame(BINARY, bytes(length))),
            (BINARY, bytes(length)),
            "{length} bytes"
        );
    }
}

#[test]
fn published_mistake_one_read_is_taken_for_one_frame() {
    let demo = start("frames");
    let mut wire = demo.websocket("/echo");
    wire.send([frame(TEXT, "one"), frame(TEXT, "two"), frame(TEXT, "three")].concat());
    for text in ["one", "two", "three"] {
        assert_eq!(wire.frame(), (TEXT, text.as_bytes().to_vec()));
    }
    for byte in frame(TEXT, "byte by byte") {
        wire.send([byte]);
        thread::sleep(Duration::from_millis(1)); // a drip: or the kernel would put the bytes together
    }
    assert_eq!(wire.frame(), (TEXT, b"byte by byte".to_vec()));
}

#[test]
fn published_mistake_rsv_bits_are_ignored() {
    let demo = start("frames");
    for first in [0xC1, 0xA1, 0x91, 0xF1, 0xC9] {
        assert_eq!(refused(&demo, frame(first, "x")), 1002, "first byte {first:08b}");
    }
}

#[test]
fn published_mistake_no_utf_8_check() {
    let demo = start("frames");
    assert_eq!(refused(&demo, frame(TEXT, b"\xff")), 1007);
    assert_eq!(refused(&demo, frame(TEXT, b"\xed\xa0\x80")), 1007, "a surrogate");
    assert_eq!(
        refused(&demo, [frame(0x01, b"\xf4"), frame(0x00, b"\x90")].concat()),
        1007,
        "over two fragments"
    );
    assert_eq!(
        refused(&demo, &frame(TEXT, [b'a', 0xff, b'b', b'c'])[..8]),
        1007,
        "before the frame is whole"
    );
    assert_eq!(
        refused(&demo, frame(CLOSE, b"\x03\xe8\xff")),
        1007,
        "in the reason of a Close frame"
    );
}

#[test]
fn published_mistake_a_length_that_is_not_minimal_is_accepted() {
    let demo = start("frames");
    assert_eq!(refused(&demo, [TEXT, 0x80 | 126, 0, 5, 0, 0, 0, 0]), 1002);
    assert_eq!(refused(&demo, [TEXT, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]), 1002);
}

#[test]
fn published_mistake_control_frames_longer_than_125_bytes() {
    let demo = start("frames");
    for first in [PING, PONG, CLOSE] {
        assert_eq!(refused(&demo, frame(first, bytes(126))), 1002);
        assert_eq!(refused(&demo, frame(first & 0x0F, "x")), 1002, "in fragments");
    }
    assert_eq!(echo(&demo, frame(PING, bytes(125))), (PONG, bytes(125)));
}

#[test]
fn published_mistake_a_close_is_not_echoed() {
    let demo = start("frames");
    assert_eq!(refused(&demo, frame(CLOSE, b"\x03\xe8bye")), 1000);
    assert_eq!(refused(&demo, frame(CLOSE, 4_999_u16.to_be_bytes())), 4_999);
    let mut wire = demo.websocket("/echo");
    wire.send(frame(CLOSE, ""));
    assert_eq!(wire.frame(), (CLOSE, vec![]), "no code is answered by no code");
    wire.end();
}

/// The example in a popular page does not say what it claims to; the one in RFC 6455, 5.7 does.
#[test]
fn published_mistake_masked_example_bytes_typed_by_hand() {
    let demo = start("frames");
    assert_eq!(
        echo(&demo, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        (TEXT, b"Hello".to_vec())
    );
}

// ---- The other rules --------------------------------------------------------------------------------------------------

#[test]
fn a_ping_between_fragments_is_answered_before_the_message() {
    let demo = start("frames");
    let mut wire = demo.websocket("/echo");
    wire.send([frame(0x01, "Hel"), frame(PING, "?")].concat());
    assert_eq!(wire.frame(), (PONG, b"?".to_vec()), "the message is not whole yet");
    wire.send(frame(0x80, "lo"));
    assert_eq!(wire.frame(), (TEXT, b"Hello".to_vec()));
}

#[test]
fn what_breaks_the_protocol_is_refused_with_its_code() {
    let demo = start("frames");
    assert_eq!(refused(&demo, b"\x81\x05Hello"), 1002, "a client's frame without a mask");
    assert_eq!(refused(&demo, frame(0x83, "x")), 1002, "a reserved opcode");
    assert_eq!(refused(&demo, frame(0x8B, "x")), 1002, "a reserved opcode of a control frame");
    assert_eq!(refused(&demo, frame(0x80, "x")), 1002, "a continuation of nothing");
    assert_eq!(
        refused(&demo, [frame(0x01, "x"), frame(TEXT, "y")].concat()),
        1002,
        "a message inside a message"
    );
    assert_eq!(refused(&demo, frame(CLOSE, "x")), 1002, "half a close code");
    assert_eq!(
        refused(&demo, frame(CLOSE, 1_005_u16.to_be_bytes())),
        1002,
        "a code that is not for the wire"
    );
}

#[test]
fn an_oversize_message_is_refused_by_its_head_and_costs_nothing() {
    let demo = start("frames");
    let promise =
        |length: u64| [&[BINARY, 0x80 | 127][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat();
    assert_eq!(refused(&demo, promise(16 * 1024 * 1024 + 1)), 1009);
    assert_eq!(refused(&demo, promise(i64::MAX as u64)), 1009);
    assert_eq!(refused(&demo, promise(1 << 63)), 1002, "its first bit must be 0");
    let before = demo.memory();
    let wires: Vec<Wire> = (0..100)
        .map(|_| {
            let mut wire = demo.websocket("/echo");
            wire.send(promise(16 * 1024 * 1024));
            assert!(wire.answers_nothing_yet());
            wire
        })
        .collect();
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 50 * 1024, "100 promises of 16 MiB took {} KiB", after - before);
    }
    drop(wires);
}

trait Frames {
    fn answers_nothing_yet(&mut self) -> bool;
}

impl Frames for Wire {
    fn answers_nothing_yet(&mut self) -> bool {
        self.is_silent_for(Duration::from_millis(5))
    }
}

// ---- The room ---------------------------------------------------------------------------------------------------------

fn say(text: &str, key: &str) -> Vec<u8> {
    frame(TEXT, json!({ "type": "say", "text": text, "key": key }).to_string())
}

#[test]
fn what_one_says_all_hear_and_who_comes_later_hears_the_rest() {
    let demo = start("frames");
    let (mut one, mut other) = (demo.websocket("/"), demo.websocket("/"));
    one.send(say("<b>hello</b> \u{1f980}", "k1"));
    assert_eq!(one.told("said")["id"], 1);
    assert_eq!(other.told("message")["text"], "<b>hello</b> \u{1f980}");
    one.send(say("<b>hello</b> \u{1f980}", "k1"));
    assert_eq!(one.told("said")["id"], 1, "the same key again is the same message");
    one.send(frame(TEXT, "by hand"));
    let mut late = demo.websocket("/?after=1");
    assert_eq!(late.told("here")["after"], 1);
    assert_eq!(late.told("message")["id"], 2);
    late.send(say(" ", "k2"));
    assert!(late.told("refused")["why"].as_str().is_some_and(|why| why.contains("empty")));
}

/// The cursor of a connection's first event, as the next connection sends it.
fn cursor(here: &Value) -> String {
    format!("{}-{}", here["life"].as_str().expect("a life"), here["after"])
}

#[test]
fn a_cursor_that_is_too_old_or_of_another_life_is_told_so_in_the_first_event() {
    let demo = start_with("frames", &["--capacity", "3"]);
    let mut wire = demo.websocket("/");
    let start = cursor(&wire.told("here"));
    assert!(start.ends_with("-0"), "{start}");
    for n in 1..=5 {
        wire.send(say(&n.to_string(), ""));
        wire.told("said");
    }
    let mut late = demo.websocket(&format!("/?after={start}"));
    let here = late.told("here");
    assert_eq!((&here["missed"], &here["after"]), (&json!(2), &json!(2)));
    assert_eq!(late.told("message")["id"], 3);
    for other_life in ["99", "00000001-2"] {
        let mut wire = demo.websocket(&format!("/?after={other_life}"));
        let here = wire.told("here");
        assert_eq!(
            (&here["restarted"], &here["after"]),
            (&json!(true), &json!(2)),
            "after={other_life}"
        );
        assert_eq!(wire.told("message")["id"], 3, "all that the room has");
    }
}

/// A message of one letter under a key of 60 kB: of 150 of them the room would keep 9 MB.
#[test]
fn a_long_key_is_refused_and_takes_no_memory() {
    let demo = start_with("frames", &["--no-bench"]);
    let mut wire = demo.websocket("/");
    let key = "k".repeat(60_000);
    let before = demo.memory();
    for _ in 0..150 {
        wire.send(say("x", &key));
        assert!(wire.told("refused")["why"].as_str().is_some_and(|why| why.contains("key")));
    }
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 4 * 1024, "150 long keys took {} KiB", after - before);
    }
    let mut wire = demo.websocket("/");
    wire.told("here"); // the close may overtake what the room still has to say
    let _ = wire.try_send(say("x", &"k".repeat(70_000)));
    assert_eq!(wire.closed_with(), 1009, "the room takes 64 KiB");
}

/// Each of 12 clients begins a message of 16 MiB and does not end it: 192 MiB, where the budget is 64 MiB.
#[test]
fn all_messages_that_have_begun_share_one_budget() {
    let demo = start_with("frames", &["--no-bench"]);
    let before = demo.memory();
    let mut refused = 0;
    let mut wires = Vec::new();
    // A fragment that is not the last one. The answer to the ping behind it says that all was kept.
    let begun = [frame(0x02, vec![7; (16 << 20) - 1]), frame(PING, "")].concat();
    for _ in 0..12 {
        let mut wire = demo.websocket("/echo");
        let sent = wire.try_send(&begun);
        match wire.try_frame(tests::DEADLINE) {
            Some((PONG, _)) if sent.is_ok() => wires.push(wire),
            _ => refused += 1,
        }
    }
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 110 * 1024, "12 unfinished messages took {} KiB", after - before);
    }
    assert!(refused >= 8, "{refused} of 12 were refused");
    // Short messages pass as before; and the budget comes back with the clients that go.
    assert_eq!(echo(&demo, frame(TEXT, "short")), (TEXT, b"short".to_vec()));
    drop(wires);
    let deadline = Instant::now() + tests::DEADLINE;
    loop {
        let mut wire = demo.websocket("/echo");
        if wire.try_send(frame(BINARY, bytes(16 << 20))).is_ok() && wire.frame().0 == BINARY {
            return;
        }
        assert!(Instant::now() < deadline, "the budget should be free again");
    }
}

#[test]
fn the_room_speaks_text_only() {
    let demo = start("frames");
    let mut wire = demo.websocket("/");
    wire.send(frame(BINARY, "x"));
    // The place may come before it, from the thread that tells the news.
    let close = std::iter::repeat_with(|| wire.frame()).find(|(first, _)| *first == CLOSE);
    assert_eq!(close.expect("a Close frame").1[..2], 1003_u16.to_be_bytes());
    wire.send(frame(CLOSE, 1003_u16.to_be_bytes()));
    wire.end();
}

/// 300 messages from two talkers whose connections are torn down at random; each says again what was not answered.
#[test]
fn over_any_number_of_resets_every_message_is_heard_once_and_in_order() {
    let demo = start("frames");
    let mut random = Random::seeded();
    let patience = Duration::from_secs(1);
    let (mut heard, mut life, mut after, mut said, mut resets) =
        (Vec::new(), String::new(), 0, 0, 0);
    let deadline = Instant::now() + 3 * tests::DEADLINE;
    'connection: while heard.len() < 300 {
        assert!(Instant::now() < deadline, "only {} messages after {resets} resets", heard.len());
        let mut wire = demo.websocket(&format!("/?after={life}-{after}"));
        loop {
            for n in said..(said + 3).min(300) {
                if wire.try_send(say(&format!("message {n}"), &format!("key {n}"))).is_err() {
                    continue 'connection;
                }
            }
            let answers = 1 + random.below(3); // so many come in any case
            for _ in 0..answers {
                let Some((TEXT, payload)) = wire.try_frame(patience) else { continue 'connection };
                let event: Value = serde_json::from_slice(&payload).unwrap();
                match event["type"].as_str().unwrap() {
                    "here" => {
                        assert!(
                            event.get("restarted").is_none() && event.get("missed").is_none(),
                            "{event}"
                        );
                        life = event["life"].as_str().unwrap().to_string();
                        after = event["after"].as_u64().unwrap();
                    }
                    "message" => {
                        after = event["id"].as_u64().unwrap();
                        heard.push(event["text"].as_str().unwrap().to_string());
                    }
                    "said" => {
                        let key: usize = event["key"].as_str().unwrap()[4..].parse().unwrap();
                        said = said.max(key + 1);
                    }
                    other => panic!("an event {other:?}"),
                }
                if heard.len() >= 300 || said >= 300 {
                    break;
                }
            }
            if random.below(4) == 0 {
                wire.reset();
                resets += 1;
                continue 'connection;
            }
        }
    }
    let expected: Vec<String> = (0..300).map(|n| format!("message {n}")).collect();
    assert_eq!(heard, expected);
    assert!(resets > 5, "the connection was torn down {resets} times only");
}

#[test]
fn a_slow_reader_and_a_stalled_writer_hold_up_no_other_client_and_cost_no_memory() {
    let demo = start("frames");
    let slow: Vec<Wire> = (0..3).map(|_| demo.websocket("/")).collect(); // these never read
    let mut stalled = demo.websocket("/");
    stalled.send(&say("never finished", "")[..10]);
    let (mut talker, mut listener) = (demo.websocket("/"), demo.websocket("/"));
    let before = demo.memory();
    let mut talk = |count| {
        for n in 0..count {
            let text = format!("{n} {}", "\u{1f642}".repeat(990));
            talker.send(say(&text, ""));
            assert_eq!(listener.told("message")["text"], text);
        }
    };
    // The system's buffers take some megabytes for each reader. When they are full, a reader falls behind, and may be given
    // up later.
    let all = || demo.bench().state()["connections"].as_array().cloned().unwrap_or_default();
    let is_behind = |all: &[Value], wire: &Wire| {
        let heard = |one: &Value| one["down"].as_u64().unwrap_or_default();
        let most = all.iter().map(heard).max().unwrap_or_default();
        let own = all.iter().find(|one| one["peer"] == wire.name().to_string());
        own.is_none_or(|own| heard(own) + 512 * 1024 < most)
    };
    let deadline = Instant::now() + tests::DEADLINE;
    while !slow.iter().all(|wire| is_behind(&all(), wire)) {
        talk(50);
        assert!(Instant::now() < deadline, "readers that do not read still take everything");
    }
    talk(100);
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 30 * 1024, "3 slow readers took {} KiB", after - before);
    }
}

#[test]
fn a_thousand_connections_at_once() {
    let demo = start_with("frames", &["--no-bench"]);
    let mut wires: Vec<Wire> = (0..1_000).map(|_| demo.websocket("/")).collect();
    wires[0].send(say("hello, all", ""));
    for wire in &mut wires {
        assert_eq!(wire.told("message")["text"], "hello, all");
    }
    let mut echoes: Vec<Wire> = (0..50).map(|_| demo.websocket("/echo")).collect();
    for wire in &mut echoes {
        assert!(wire.answers_a_ping());
    }
}

// ---- The composer -----------------------------------------------------------------------------------------------------

#[test]
fn the_composer_sends_any_bytes_and_tells_the_answer() {
    let demo = start("frames");
    let compose = |order: &str| demo.post("/compose", order).answer();
    let (head, text) = compose(r#"{"pieces":["818537fa213d7f9f4d5158"]}"#);
    assert_eq!(head.status, 200, "{text}");
    assert!(
        text.contains(r#""hex":"810548656c6c6f""#) && text.contains(r#""closed":false"#),
        "{text}"
    );
    let (_, text) = compose(r#"{"pieces":["c18537fa213d7f9f4d5158"]}"#);
    assert!(text.contains(r#""code":1002"#) && text.contains(r#""closed":true"#), "{text}");
    assert_eq!(compose("not JSON").0.status, 400);
    let mut foreign = demo.connect();
    foreign.post("/compose", &[("Origin", "http://evil.example")], r#"{"pieces":["81"]}"#);
    assert_eq!(foreign.status(), 403);
}
