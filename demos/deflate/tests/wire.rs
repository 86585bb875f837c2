//! What deflate promises on the wire, one test each. Aim them at your own server:
//! `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- deflate::`

use serde_json::{Value, json};
use tests::websocket::{KEY, PING, PONG, TEXT, frame};
use tests::{Server, Setup, Wire, aimed, start};

/// A first byte with RSV1: a compressed text.
const PACKED: u8 = 0xC1;

/// "Hello", compressed, and again by the window of the first (RFC 7692, 7.2.3.1 and 7.2.3.2).
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";

/// Asks for a WebSocket with these extensions.
fn ask(demo: &Server, path: &str, extensions: &str) -> Wire {
    demo.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: {extensions}\r\n\r\n",
        demo.host()
    ))
}

/// An open WebSocket that compresses.
fn open(demo: &Server, path: &str) -> Wire {
    let mut wire = ask(demo, path, "permessage-deflate");
    let head = wire.any_head();
    assert_eq!(head.status, 101, "{head:?}");
    assert!(head.field("Sec-WebSocket-Extensions").is_some(), "{head:?}");
    wire
}

/// DEFLATE of this many zeros in a thousandth of the bytes, made bit by bit (RFC 1951, 3.2.6): a zero, and then "258 bytes
/// from one byte back" again and again.
fn bomb(zeros: usize) -> Vec<u8> {
    let (mut bytes, mut bit) = (vec![0], 0);
    let mut push = |bits: &str| {
        for one in bits.chars() {
            if bit == 8 {
                (bit, _) = (0, bytes.push(0));
            }
            *bytes.last_mut().unwrap() |= u8::from(one == '1') << bit;
            bit += 1;
        }
    };
    push("010"); // not the last block; fixed codes
    push("00110000"); // the byte 0
    for _ in 0..zeros / 258 {
        push("11000101"); // length 258
        push("00000"); // distance 1
    }
    push("0000000"); // the end of the block
    push("000"); // an empty block behind it; its tail is left out
    bytes
}

#[test]
fn the_answer_says_what_was_agreed_on() {
    let demo = start("deflate");
    for (path, offer, expected) in [
        ("/echo", "permessage-deflate", Some("permessage-deflate")),
        (
            "/echo",
            "permessage-deflate; client_max_window_bits",
            Some("permessage-deflate; client_max_window_bits=15"),
        ),
        ("/echo", "x-webkit-deflate-frame", None),
        ("/echo", "permessage-deflate; unknown", None),
        ("/?compress=0", "permessage-deflate", None),
        (
            "/?takeover=0&bits=9",
            "permessage-deflate; server_max_window_bits=20, permessage-deflate; client_max_window_bits",
            Some(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=9; client_max_window_bits=9",
            ),
        ),
    ] {
        let head = ask(&demo, path, offer).any_head();
        assert_eq!(head.status, 101, "{offer}");
        assert_eq!(head.field("Sec-WebSocket-Extensions"), expected, "{path} {offer}");
    }
    assert_eq!(ask(&demo, "/echo", "permessage-deflate; =").any_head().status, 400);
}

#[test]
fn a_message_is_compressed_by_the_one_before_it() {
    let demo = start("deflate");
    let mut wire = open(&demo, "/echo");
    for packed in [HELLO, HELLO_AGAIN] {
        wire.send(frame(PACKED, packed));
        assert_eq!(wire.frame(), (PACKED, packed.to_vec()));
    }
    wire.send(frame(TEXT, "Hello")); // the client may send it as it is, which does not touch its window
    let (first, payload) = wire.frame();
    assert!(
        first == PACKED && payload.len() <= HELLO_AGAIN.len(),
        "the server compresses it all the same"
    );
    wire.send(frame(PACKED, HELLO_AGAIN));
    assert_eq!(wire.frame().0, PACKED);
}

#[test]
fn without_take_over_each_message_begins_anew() {
    let demo = start("deflate");
    let mut wire = open(&demo, "/echo?takeover=0");
    for _ in 0..2 {
        wire.send(frame(PACKED, HELLO));
        assert_eq!(wire.frame(), (PACKED, HELLO.to_vec()));
    }
    wire.send(frame(PACKED, HELLO_AGAIN)); // a reference to nothing
    assert_eq!(wire.closed_with(), 1007);
}

#[test]
fn an_empty_message_is_one_byte_and_fragments_have_one_mark() {
    let demo = start("deflate");
    let mut wire = open(&demo, "/echo");
    wire.send(frame(PACKED, [0]));
    assert_eq!(wire.frame(), (PACKED, vec![0]));
    wire.send(frame(0x41, &HELLO[..3]));
    wire.send(frame(PING, "?"));
    wire.send(frame(0x80, &HELLO[3..]));
    assert_eq!(wire.frame(), (PONG, b"?".to_vec()));
    assert_eq!(wire.frame(), (PACKED, HELLO.to_vec()));
}

#[test]
fn rsv1_at_the_wrong_place_ends_the_connection_with_1002() {
    let demo = start("deflate");
    for (what, frames) in [
        ("a ping", frame(0xC9, "")),
        ("a continuation", [frame(0x41, &HELLO[..3]), frame(0xC0, &HELLO[3..])].concat()),
        ("a message in a message", [frame(0x01, "x"), frame(PACKED, HELLO)].concat()),
    ] {
        let mut wire = open(&demo, "/echo");
        wire.send(frames);
        assert_eq!(wire.closed_with(), 1002, "{what}");
    }
    let mut wire = demo.websocket("/echo"); // no extension was offered
    wire.send(frame(PACKED, HELLO));
    assert_eq!(wire.closed_with(), 1002);
}

/// Walks "A message gone wrong." in deflate.md.
#[test]
fn what_does_not_inflate_to_a_message_ends_the_connection_with_1007() {
    let demo = start("deflate");
    for (what, payload) in [
        ("no DEFLATE", &b"\xff\xff"[..]),
        ("text that is not UTF-8, in a block without compression", b"\x00\x01\x00\xfe\xff\xff\x00"),
    ] {
        let mut wire = open(&demo, "/echo");
        wire.send(frame(PACKED, payload));
        assert_eq!(wire.closed_with(), 1007, "{what}");
    }
}

/// 100 MB in 630 kB, and 10 MB in 63 kB, ten times each.
/// Walks "A bomb." in deflate.md.
#[test]
fn a_bomb_costs_no_memory_and_gets_1009() {
    let demo =
        Setup::new("deflate").env("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072").start();
    let payload = bomb(100_000_000);
    assert!(payload.len() < 650_000, "{} bytes", payload.len());
    let before = demo.memory();
    for path in ["/echo", "/"].repeat(10) {
        let payload = if path == "/" { bomb(10_000_000) } else { payload.clone() };
        let mut wire = open(&demo, path);
        if path == "/" {
            wire.frame(); // where the client is
        }
        wire.send(frame(0xC2, payload));
        assert_eq!(wire.closed_with(), 1009);
    }
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 48 * 1024, "memory grew from {before} to {after} KiB");
    }
}

#[test]
fn a_window_is_memory_of_each_connection_and_without_take_over_there_is_none() {
    if aimed() {
        return tests::skipped("the memory of another server is not known");
    }
    let grown = |path: &str| -> Option<u64> {
        // What is freed goes back to the system at once: glibc would keep it, and that is all that would be measured.
        let glibc = "glibc.malloc.mmap_threshold=131072";
        let demo = Setup::new("deflate").env("GLIBC_TUNABLES", glibc).start();
        let mut idle = Vec::new();
        let mut connect = |count| {
            for _ in 0..count {
                let mut wire = open(&demo, path);
                wire.send(frame(PACKED, HELLO));
                wire.frame();
                idle.push(wire);
            }
        };
        connect(10); // what is made once is made now
        let before = demo.memory()?;
        connect(100);
        Some((demo.memory()? - before) / 100)
    };
    let (kept, small, forgotten) =
        (grown("/echo"), grown("/echo?bits=9"), grown("/echo?takeover=0"));
    println!(
        "KiB per idle connection: {kept:?}, with 2^9 bytes {small:?}, without take-over {forgotten:?}"
    );
    if let (Some(kept), Some(small), Some(forgotten)) = (kept, small, forgotten) {
        assert!((280..=520).contains(&kept), "the page says 408 KiB: {kept}");
        assert!(small < kept, "{small} KiB with a small window, {kept} KiB with the largest");
        assert!(forgotten < 120, "{forgotten} KiB without take-over");
    }
}

fn guess(demo: &Server, defence: &str) -> Value {
    let (head, report) = demo.post(&format!("/guess?defence={defence}"), "").answer();
    assert_eq!(head.status, 200, "{report}");
    serde_json::from_str(&report).unwrap()
}

#[test]
fn a_secret_is_found_by_lengths_alone_unless_it_is_masked_or_not_compressed() {
    let demo = start("deflate");
    let report = guess(&demo, "none");
    assert_eq!(report["found"], report["secret"], "{report}");
    assert_eq!(report["steps"].as_array().map(Vec::len), Some(12));
    let report = guess(&demo, "mask");
    assert_ne!(report["found"], report["secret"], "{report}");
    let report = guess(&demo, "off");
    assert_eq!((&report["found"], &report["searches"]), (&json!(""), &json!(64)), "{report}");
    assert_eq!(demo.post("/guess?defence=prayer", "").answer().0.status, 400);
    assert_eq!(demo.get("/guess").answer().0.status, 405);
}
