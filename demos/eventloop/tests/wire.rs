//! The promises about a server with one thread. That its frames are right, the tests of `frames` and the conformance suite
//! say; here is what an event loop can get wrong.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};
use tests::websocket::{BINARY, CLOSE, TEXT, frame, handshake};
use tests::{Random, Server, Wire, start, start_with};

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 / 7) as u8).collect()
}

fn say(text: &str, key: &str) -> Vec<u8> {
    frame(TEXT, json!({ "type": "say", "text": text, "key": key }).to_string())
}

/// How many threads the demo has, where the system tells.
fn threads(demo: &Server) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", demo.process()?)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
    line.trim().parse().ok()
}

#[test]
fn a_thousand_connections_take_no_thread_and_hear_what_one_says() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let mut first = demo.websocket("/");
    let (before, memory) = (threads(&demo), demo.memory());
    let mut wires: Vec<Wire> = (0..1_000).map(|_| demo.websocket("/")).collect();
    if let (Some(before), Some(after)) = (before, threads(&demo)) {
        // A thread of the start may be late; a thread for each connection would be a thousand.
        assert!(after < before + 5, "1,000 connections took {} threads", after - before);
    }
    if let (Some(before), Some(after)) = (memory, demo.memory()) {
        assert!(after < before + 8_000, "1,000 connections took {} KiB", after - before);
    }
    first.send(say("hello, all", ""));
    for wire in &mut wires {
        assert_eq!(wire.told("message")["text"], "hello, all");
    }
}

#[test]
fn what_one_says_all_hear_and_a_client_that_comes_later_hears_the_rest() {
    let demo = start("eventloop");
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

/// More than one turn tells.
#[test]
fn a_client_that_comes_late_hears_hundreds_of_messages_in_order() {
    let demo = start("eventloop");
    let mut talker = demo.websocket("/");
    for n in 1..=300 {
        talker.send(say(&format!("message {n}"), ""));
    }
    let mut late = demo.websocket("/?after=0");
    for n in 1..=300 {
        assert_eq!(late.told("message")["text"], format!("message {n}"));
    }
}

#[test]
fn messages_of_every_length_come_back_whole_and_thousands_in_one_write_in_order() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let mut wire = demo.websocket("/echo");
    for length in [0, 1, 125, 126, 65_535, 65_536, 1_000_000, 16 << 20] {
        wire.send(frame(BINARY, bytes(length)));
        assert_eq!(wire.frame(), (BINARY, bytes(length)), "{length} bytes");
    }
    // 10,000 small ones, written at once: many frames in a read, and more than one read.
    wire.send(frame(TEXT, "sixteen letters.").repeat(10_000));
    for _ in 0..10_000 {
        assert_eq!(wire.frame(), (TEXT, b"sixteen letters.".to_vec()));
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_gives_the_same_answers() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let mut random = Random::seeded();
    let stream = [
        handshake(demo.host(), "/echo").into_bytes(),
        frame(TEXT, "one"),
        frame(0x01, "Hel"),
        frame(0x89, "?"),
        frame(0x80, "lo"),
        frame(BINARY, bytes(300)),
        frame(CLOSE, 1000_u16.to_be_bytes()),
    ]
    .concat();
    for _ in 0..20 {
        let (mut wire, mut rest) = (demo.connect(), &stream[..]);
        while !rest.is_empty() {
            let (some, more) = rest.split_at((1 + random.below(90) as usize).min(rest.len()));
            wire.send(some);
            rest = more;
            thread::yield_now();
        }
        assert_eq!(wire.any_head().status, 101);
        assert_eq!(wire.frame(), (TEXT, b"one".to_vec()));
        assert_eq!(wire.frame(), (0x8A, b"?".to_vec()));
        assert_eq!(wire.frame(), (TEXT, b"Hello".to_vec()));
        assert_eq!(wire.frame(), (BINARY, bytes(300)));
        assert_eq!(wire.closed_with(), 1000);
    }
}

#[test]
fn a_rule_that_is_broken_closes_with_its_code() {
    let demo = start_with("eventloop", &["--no-bench"]);
    for (wrong, code) in [
        (b"\x81\x05Hello".to_vec(), 1002),
        (frame(0xC1, "x"), 1002),
        (frame(0x80, "x"), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(), 1009),
    ] {
        let mut wire = demo.websocket("/echo");
        wire.send(&wrong);
        assert_eq!(wire.closed_with(), code, "{wrong:02x?}");
    }
    let mut wire = demo.websocket("/");
    wire.send(frame(BINARY, "the room takes text"));
    wire.told("crowd");
    assert_eq!(wire.closed_with(), 1003);
}

/// Walks "One that reads nothing." in eventloop.md.
///
/// What is kept for it is 128 KiB and one message at most; the kernel holds some more.
#[test]
fn a_client_that_reads_nothing_is_not_read_and_is_closed_with_1013() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let before = demo.memory();
    let greedy = TcpStream::connect(demo.address()).unwrap();
    (&greedy).write_all(handshake(demo.host(), "/echo").as_bytes()).unwrap();
    let frames = frame(BINARY, bytes(1_000)).repeat(1_000);
    let written = AtomicUsize::new(0); // millions of bytes
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while (&greedy).write_all(&frames).is_ok() {
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        demo.prints("closed with 1013");
        let written = written.load(Ordering::Relaxed);
        assert!(written < 200, "{written} MB went in, and nothing had come out");
        if let (Some(before), Some(after)) = (before, demo.memory()) {
            assert!(after < before + 4_000, "it took {} KiB of memory", after - before);
        }
        let mut all = Vec::new();
        (&greedy).read_to_end(&mut all).unwrap();
        let reason = b"you take nothing of what is sent to you";
        assert!(all.ends_with(reason), "the last frame: {:02x?}", &all[all.len() - 50..]);
        assert_eq!(all[all.len() - reason.len() - 4..][..4], [CLOSE, 41, 0x03, 0xf5]);
        let _gone = greedy.shutdown(Shutdown::Both); // ends the writer
        writer.join().unwrap();
    });
}

#[test]
fn clients_that_read_nothing_and_heads_that_do_not_end_hold_up_no_other() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let _slow: Vec<Wire> = (0..20).map(|_| demo.websocket("/")).collect();
    let _slowloris: Vec<Wire> =
        (0..200).map(|_| demo.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")).collect();
    let mut stalled = demo.websocket("/");
    stalled.send(&say("never finished", "")[..10]);
    let (mut talker, mut listener) = (demo.websocket("/"), demo.websocket("/"));
    let before = demo.memory();
    for n in 0..500 {
        let text = format!("{n} {}", "x".repeat(900));
        talker.send(say(&text, ""));
        assert_eq!(listener.told("message")["text"], text);
    }
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 8 * 1024, "20 slow readers took {} KiB", after - before);
    }
}

/// One client has always more to be answered; another one's ping is answered between two of its turns.
#[test]
fn a_client_with_endless_work_leaves_the_others_their_turns() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let busy = TcpStream::connect(demo.address()).unwrap();
    (&busy).write_all(handshake(demo.host(), "/echo").as_bytes()).unwrap();
    let (frames, mut quiet) = (frame(TEXT, "").repeat(10_000), demo.websocket("/echo"));
    thread::scope(|scope| {
        scope.spawn(|| while (&busy).write_all(&frames).is_ok() {});
        scope.spawn(|| while let Ok(1..) = (&busy).read(&mut [0; 65_536]) {});
        for _ in 0..100 {
            assert!(quiet.answers_a_ping());
        }
        busy.shutdown(Shutdown::Both).unwrap();
    });
}

#[test]
fn a_head_that_is_not_whole_in_time_is_answered_with_408() {
    let demo = start_with("eventloop", &["--no-bench", "--head-timeout", "2"]);
    let mut silent = demo.connect();
    let mut half = demo.send("GET / HTTP/1.1\r\nHost: ");
    assert_eq!(half.any_head().status, 408);
    silent.end();
    let mut wire = demo.websocket("/");
    assert!(wire.answers_a_ping(), "the limit is for the head only");
}

#[test]
fn a_head_that_is_too_long_wrong_or_foreign_is_refused() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let long = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: {}\r\n", demo.host(), "x".repeat(20_000));
    assert_eq!(demo.send(long).any_head().status, 431);
    let refused = |head: &str| demo.send(head.replace("HOST", demo.host())).any_head().status;
    assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421);
    assert_eq!(refused("GET /nothing HTTP/1.1\r\nHost: HOST\r\n\r\n"), 404);
    assert_eq!(refused("GET /echo HTTP/1.1\r\nHost: HOST\r\n\r\n"), 426);
    assert_eq!(refused("POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"), 405);
    let foreign =
        handshake(demo.host(), "/").replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n");
    assert_eq!(refused(&foreign), 403);
    assert_eq!(refused(&handshake(demo.host(), "/nothing")), 404);
    assert_eq!(refused(&handshake(demo.host(), "/").replace("n: 13", "n: 8")), 426);
}

#[test]
fn over_any_number_of_resets_the_server_stays_and_keeps_no_connection() {
    let demo = start_with("eventloop", &["--no-bench"]);
    let mut random = Random::seeded();
    let mut other = demo.websocket("/");
    for n in 0..200 {
        let mut wire = demo.websocket(if n % 2 == 0 { "/" } else { "/echo" });
        let message = say(&format!("message {n}"), "");
        let cut = random.below(message.len() as u64 + 1) as usize;
        let _ = wire.try_send(&message[..cut]);
        wire.reset();
    }
    other.send(say("still there", "k"));
    assert_eq!(other.told("said")["key"], "k");
    let files =
        || std::fs::read_dir(format!("/proc/{}/fd", demo.process()?)).ok().map(|all| all.count());
    let deadline = Instant::now() + tests::DEADLINE;
    while files().is_some_and(|count| count > 40) {
        assert!(Instant::now() < deadline, "{:?} files are open", files());
        thread::yield_now();
    }
}

#[test]
fn a_crowd_is_opened_on_both_servers_and_let_go() {
    let demo = start("eventloop");
    let mut page = demo.websocket("/");
    for (on, other) in [("loop", "threads"), ("threads", "loop")] {
        page.send(frame(TEXT, json!({ "type": "crowd", "on": on, "count": 60 }).to_string()));
        let crowd = until(&mut page, |crowd| crowd[on]["open"] == 60 && crowd["working"] == false);
        assert_eq!(crowd[on]["why"], json!(null));
        if crowd["known"] == true {
            let threads = if on == "loop" { 0 } else { 60 };
            assert_eq!(crowd[on]["threads"], threads, "{crowd}");
        }
        page.send(frame(TEXT, json!({ "type": "crowd", "on": on, "count": 0 }).to_string()));
        let crowd = until(&mut page, |crowd| crowd[on]["open"] == 0 && crowd["working"] == false);
        assert_eq!(crowd[other]["open"], 0);
    }
    for wrong in [json!({ "on": "loop", "count": 10_001 }), json!({ "on": "x", "count": 1 })] {
        let mut order = wrong.clone();
        order["type"] = json!("crowd");
        page.send(frame(TEXT, order.to_string()));
        assert!(page.told("ordered")["why"].is_string(), "{wrong}");
    }
}

/// Reads until the crowd is told to be so.
fn until(page: &mut Wire, wanted: impl Fn(&Value) -> bool) -> Value {
    std::iter::repeat_with(|| page.told("crowd")).find(wanted).expect("it goes on for ever")
}
