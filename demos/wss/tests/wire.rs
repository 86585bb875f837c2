//! The promises about TLS: what it seals, what it refuses, and what can still be told from outside.

use std::io::ErrorKind;
use std::io::{Read, Write};
use std::process::Command;

use serde_json::{Value, json};
use tests::tls::rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};
use tests::tls::rustls::version::{TLS12, TLS13};
use tests::tls::{Client, authority};
use tests::websocket::{TEXT, frame, handshake};
use tests::{End, Row, Server, Setup, Wire, start, start_with};

fn say(text: &str, key: &str) -> Vec<u8> {
    frame(TEXT, json!({ "type": "say", "text": text, "key": key }).to_string())
}

/// What the server knows of its newest TLS connections, once this is so.
fn sessions(demo: &Server, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut all = Vec::new();
    tests::until("the sessions", || {
        let (_, text) = demo.get("/sessions").answer();
        all = serde_json::from_str(&text).expect("a list of sessions");
        is_so(&all)
    });
    all
}

#[test]
fn what_is_said_over_wss_is_heard_over_ws_and_the_other_way_round() {
    let demo = start("wss");
    let (mut sealed, mut plain) = (Client::of(&demo).websocket(&demo, "/"), demo.websocket("/"));
    sealed.send(say("from a sealed one", "k1"));
    assert_eq!(plain.told("message")["text"], "from a sealed one");
    plain.send(say("from a plain one", "k2"));
    assert_eq!(sealed.told("message")["text"], "from a sealed one");
    assert_eq!(sealed.told("message")["text"], "from a plain one");
}

#[test]
fn both_versions_are_spoken_and_the_name_and_the_protocol_are_agreed_on() {
    let demo = start("wss");
    for (version, expected) in [(&TLS12, TLSv1_2), (&TLS13, TLSv1_3)] {
        for name in ["localhost", "127.0.0.1", "::1"] {
            let client = Client::new(&authority(&demo), &[version], &["h2", "http/1.1"]);
            let mut wire = client.try_connect(demo.sealed_host(), name).expect(name);
            assert_eq!(wire.tls().protocol_version(), Some(expected));
            assert_eq!(wire.tls().alpn_protocol(), Some(&b"http/1.1"[..]));
            wire.get("/sessions");
            let (_, text) = wire.answer();
            assert!(text.contains(if name == "localhost" { "localhost" } else { "an address" }));
        }
    }
}

/// A ClientHello of the version TLS 1.1, with two suites of that time.
const OLD_HELLO: &[u8] = b"\x16\x03\x01\x00\x41\x01\x00\x00\x3d\x03\x02\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x04\xc0\x13\x00\x2f\x01\x00\
    \x00\x10\x00\x0a\x00\x04\x00\x02\x00\x17\x00\x0d\x00\x04\x00\x02\x04\x03";

#[test]
fn an_old_version_and_an_unknown_protocol_are_refused_with_their_alerts() {
    let demo = start("wss");
    let mut wire = Wire::connect(demo.sealed_host());
    wire.send(OLD_HELLO);
    assert_eq!(wire.exactly(7)[5..], [2, 70], "protocol_version");
    wire.end();
    let strange = Client::new(&authority(&demo), &[&TLS13], &["gopher"]);
    let error = strange.try_connect(demo.sealed_host(), "localhost").err().expect("an alert");
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn plain_http_on_the_tls_port_and_tls_on_a_plain_port_are_told_so() {
    let demo = start("wss");
    let mut wire = Wire::connect(demo.sealed_host());
    wire.get("/");
    let (head, text) = wire.answer();
    assert_eq!(head.status, 400);
    assert!(text.contains("https://"), "{text}");
    let mut wire = demo.send(OLD_HELLO);
    assert_eq!(wire.rest(), [21, 3, 1, 0, 2, 2, 10], "a fatal alert, unexpected_message");
    demo.prints("this was TLS");
}

#[test]
fn a_handshake_that_stalls_is_given_up_in_time() {
    let demo = start_with("wss", &["--head-timeout", "0.3"]);
    for begun in [&OLD_HELLO[..1], &OLD_HELLO[..20], b""] {
        let mut wire = Wire::connect(demo.sealed_host());
        wire.send(begun);
        wire.end();
        assert!(wire.unread().is_empty());
    }
    demo.prints("the handshake took too long");
}

#[test]
fn garbage_and_records_that_are_too_long_end_the_connection_and_no_other() {
    let demo = start("wss");
    let mut alive = Client::of(&demo).websocket(&demo, "/");
    let huge = [&[22, 3, 1, 0xff, 0xff][..], &[0; 0xffff]].concat();
    for garbage in [&[0; 64][..], b"\x80\x2e\x01\x00\x02", &[22, 3, 1, 0, 4, 9, 0, 0, 0], &huge] {
        let mut wire = Wire::connect(demo.sealed_host());
        let _refused = wire.try_send(garbage);
        let answer = wire.rest();
        assert!(answer.is_empty() || answer[0] == 21, "an alert or nothing: {answer:02x?}");
    }
    assert!(alive.answers_a_ping());
}

/// Walks "One flipped bit." in wss.md.
#[test]
fn a_flipped_bit_is_another_letter_over_ws_and_the_end_of_the_connection_over_wss() {
    let demo = start("wss");
    let bench = demo.bench();
    let mut plain = demo.websocket("/");
    bench.cable_of(bench.number_of(&plain), "garble");
    plain.send(say("hello", "k1"));
    let mut other = demo.websocket("/?after=-0");
    assert_eq!(other.told("message")["text"], "helln", "and nothing noticed");

    let mut sealed = Client::of(&demo).websocket(&demo, "/");
    sealed.told("here");
    bench.cable_of(bench.number_of(&sealed), "garble");
    let _refused = sealed.try_send(say("hello", "k2"));
    assert!(sealed.ends_within(tests::DEADLINE));
    let all = sessions(&demo, |all| all.last().is_some_and(|one| one["ended"].is_string()));
    let why = all.last().map(|one| one["ended"].to_string()).unwrap_or_default();
    assert!(why.contains("cannot decrypt"), "{why}");
    other.send(say("only this", "k3"));
    assert_eq!(
        other.told("message")["text"],
        "only this",
        "what was garbled under TLS is in no room"
    );
}

#[test]
fn a_flipped_bit_is_answered_with_the_alert_bad_record_mac() {
    let demo = start("wss");
    let mut tls = Client::of(&demo).shake_hands(demo.sealed_host(), "127.0.0.1").unwrap();
    tls.conn.writer().write_all(b"GET /sessions HTTP/1.1\r\n\r\n").unwrap();
    let mut record = Vec::new();
    tls.conn.write_tls(&mut record).unwrap();
    *record.last_mut().expect("a record") ^= 1; // here, since the cable would flip a bit of the alert, too
    tls.sock.write_all(&record).unwrap();
    let error = tls.read(&mut [0; 100]).expect_err("an alert is no data").to_string();
    assert!(error.contains("BadRecordMac"), "{error}");
}

/// Walks "An old proxy." in wss.md.
#[test]
fn an_old_proxy_breaks_ws_and_passes_wss() {
    let demo = start("wss");
    demo.bench().cable("no-upgrade");
    let mut plain = demo.send(handshake(demo.host(), "/"));
    let (head, text) = plain.answer();
    assert_eq!((head.status, text.trim()), (400, "Upgrade: websocket is missing."));
    let mut sealed = Client::of(&demo).websocket(&demo, "/");
    sealed.send(say("hello", "k1"));
    assert_eq!(sealed.told("said")["id"], 1);
}

/// Walks "An end that is cut off." in wss.md.
#[test]
fn an_end_without_close_notify_is_told_from_an_end_in_order() {
    let demo = start("wss");
    let mut cut = Client::of(&demo).websocket(&demo, "/");
    cut.told("here");
    cut.finish(); // a FIN, which anybody on the way can send
    let all = sessions(&demo, |all| all[0]["ended"].is_string());
    assert!(all[0]["ended"].to_string().contains("truncated"), "{:?}", all[0]);
    let mut wire = Client::of(&demo).connect(&demo);
    wire.get("/sessions");
    wire.answer();
    assert_eq!(wire.end(), End::Fin, "rustls takes only close_notify for an end");
}

#[test]
fn a_second_connection_resumes_the_first_in_both_versions() {
    let demo = start("wss");
    for version in [&TLS12, &TLS13] {
        let client = Client::new(&authority(&demo), &[version], &["http/1.1"]);
        for resumed in [false, true] {
            let mut wire = client.connect(&demo);
            wire.get("/sessions");
            let (_, text) = wire.answer();
            wire.end(); // the tickets have come by then
            let all: Vec<Value> = serde_json::from_str(&text).expect("a list");
            assert_eq!(all.last().map(|one| &one["resumed"]), Some(&json!(resumed)), "{version:?}");
        }
    }
}

/// Walks "A man in the middle." in wss.md.
#[test]
fn a_client_that_trusts_the_authority_refuses_the_man_in_the_middle() {
    let demo = start("wss");
    let error = Client::of(&demo).try_connect(&demo.beside("middle"), "127.0.0.1");
    let error = error.err().expect("the certificate is a stranger's");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
}

/// The row of the feed with these words, which lies in another connection or in none.
fn row(demo: &Server, words: &str, inside: bool) -> Row {
    demo.bench().feed().row(|row| {
        row.text("mean").contains(words) && row.json["in"].is_u64() == inside && row.whole()
    })
}

#[test]
fn one_connection_has_two_ladders_and_the_outer_one_tells_lengths_only() {
    let demo = start("wss");
    let mut feed = demo.bench().feed();
    let mut wire = Client::of(&demo).websocket(&demo, "/");
    wire.told("here");
    let said = say("a secret", "k1");
    wire.send(&said);
    wire.told("said");
    let hello = feed.row(|row| row.text("mean").starts_with("ClientHello"));
    assert!(
        hello.text("mean").contains("TLS 1.3 TLS 1.2, ALPN http/1.1"),
        "{}",
        hello.text("mean")
    );
    feed.row(|row| row.text("mean").starts_with("ServerHello: TLS 1.3, TLS_AES_256_GCM_SHA384"));
    let inside = feed.row(|row| row.text("mean").contains("a secret") && row.text("dir") == "up");
    assert_eq!(inside.json["in"], hello.json["conn"], "the leg lies in the connection");
    let length = format!("sealed: {} bytes of content", said.len());
    let outside = feed.row(|row| row.text("mean") == length && row.text("dir") == "up");
    assert_eq!(outside.json["conn"], hello.json["conn"]);
    assert_eq!(
        outside.number("size"),
        said.len() as u64 + 22,
        "a header of 5, a type of 1, a tag of 16"
    );
    let seen = feed.rows().iter().filter(|row| row.json["in"].is_null());
    assert!(!seen.map(|row| row.json.to_string()).any(|row| row.contains("a secret")));
}

#[test]
fn the_cable_acts_on_the_outer_connection_and_not_on_its_leg() {
    let demo = start("wss");
    let mut wire = Client::of(&demo).websocket(&demo, "/");
    wire.told("here");
    let bench = demo.bench();
    let number = bench.number_of(&wire);
    let listed = || -> Vec<u64> {
        let state = bench.state();
        let all = state["connections"].as_array().into_iter().flatten();
        all.filter_map(|one| one["id"].as_u64()).collect()
    };
    // The connection that fetched the authority may still be closing; a leg would stay.
    tests::until("this connection is the only one on the list", || listed() == [number]);
    let counted = bench.counters();
    row(&demo, "101 Switching Protocols", true);
    assert!(
        counted["up"].as_u64().is_some_and(|up| up < 1_500),
        "what lies inside is not counted twice: {counted}"
    );
    bench.cable("idle 0.1");
    assert_eq!(wire.end(), End::Reset);
}

#[test]
fn without_the_bench_it_is_the_same() {
    let demo = start_with("wss", &["--no-bench"]);
    let mut wire = Client::of(&demo).websocket(&demo, "/");
    wire.send(say("hello", "k1"));
    assert_eq!(wire.told("said")["id"], 1);
    assert!(wire.answers_a_ping());
}

// ---- The key log ------------------------------------------------------------------------------------------------------

/// What an eavesdropper on the network would have recorded of this connection, as a file that Wireshark reads: the records
/// that the bench saw outside, each in a packet of its own (pcap, link type 101: bare IP).
fn capture(rows: &[Row], connection: &Value) -> Vec<u8> {
    let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 101];
    let mut file: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut sent = [1_u32, 1];
    let records =
        rows.iter().filter(|row| row.json["conn"] == *connection && row.number("size") > 0);
    for (number, row) in records.enumerate() {
        let (bytes, up) = (row.bytes(), row.text("dir") == "up");
        let (from, to) = if up { (0, 1) } else { (1, 0) };
        let length = 40 + bytes.len() as u32;
        let stamp = [number as u32, 0, length, length];
        file.extend(stamp.iter().flat_map(|number| number.to_le_bytes()));
        let ports = [50_000_u16, 8_017];
        file.extend([0x45, 0, (length >> 8) as u8, length as u8, 0, 0, 0, 0, 64, 6, 0, 0]);
        file.extend([127, 0, 0, 1 + from, 127, 0, 0, 1 + to]);
        file.extend(
            [ports[usize::from(from)], ports[usize::from(to)]]
                .iter()
                .flat_map(|port| port.to_be_bytes()),
        );
        file.extend(sent[usize::from(from)].to_be_bytes());
        file.extend(sent[usize::from(to)].to_be_bytes());
        file.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]); // 20 bytes of header; ACK and PSH
        sent[usize::from(from)] += bytes.len() as u32;
        file.extend(bytes);
    }
    file
}

/// Walks "Look inside with Wireshark." in wss.md.
#[test]
fn with_the_key_log_a_recording_can_be_read_and_without_it_not() {
    if Command::new("tshark").arg("--version").output().is_err() {
        return tests::skipped("no tshark on this machine");
    }
    let folder = std::env::temp_dir().join(format!("wss-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (keys, file) = (folder.join("keys"), folder.join("recorded.pcap"));
    let demo = Setup::new("wss").env("SSLKEYLOGFILE", &keys.display().to_string()).start();
    let mut feed = demo.bench().feed();
    let mut wire = Client::of(&demo).websocket(&demo, "/");
    wire.send(say("a secret", "k1"));
    wire.told("said");
    let inside = feed.row(|row| row.text("mean").contains("\"said\"") && row.whole());
    let outer = inside.json["in"].clone();
    wire.send(frame(0x88, b"\x03\xe8"));
    wire.end();
    feed.row(|row| {
        row.json["conn"] == outer && row.text("dir") == "down" && row.text("kind") == "fin"
    });
    std::fs::write(&file, capture(feed.rows(), &outer)).expect("a file");
    let follow = |more: &[&str]| {
        let output = Command::new("tshark")
            .args([
                "-r",
                file.to_str().unwrap_or_default(),
                "-d",
                "tcp.port==8017,tls",
                "-q",
                "-z",
                "follow,tls,ascii,0",
            ])
            .args(more)
            .output()
            .expect("tshark runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let without = follow(&[]);
    let with = follow(&["-o", &format!("tls.keylog_file:{}", keys.display())]);
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    assert!(!without.contains("a secret"), "{without}");
    assert!(with.contains("GET / HTTP/1.1") && with.contains("a secret"), "{with}");
}
