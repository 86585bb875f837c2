//! The Flash socket's promises: the TCP server, its policy file, the bridge, the SWF.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tests::{
    A_WHILE, DEADLINE, End, PATIENCE, Random, Server, Setup, Wire, check_heard, needs_our_server,
    over_a_bad_cable, start, start_with,
};
use tungstenite::{Message, WebSocket};

const NUL: u8 = 0;

// ---- The socket server ----------------------------------------------------------------------------------------------

/// A connection to the socket server, and these messages on it.
fn socket(demo: &Server, messages: &[&str]) -> Wire {
    let mut wire = Wire::connect(&demo.beside("xmlsocket"));
    for message in messages {
        wire.send(format!("{message}\0"));
    }
    wire
}

/// Number and text of a `message 7 1760000000000 hello`; passes over everything else.
fn next_message(wire: &mut Wire) -> (u64, String) {
    loop {
        if let Some(message) = read_message(&wire.message(NUL)) {
            return message;
        }
    }
}

fn read_message(line: &str) -> Option<(u64, String)> {
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    match words[..] {
        ["message", id, _, text] => {
            Some((id.parse().expect("an id is a number"), text.to_string()))
        }
        _ => None,
    }
}

#[test]
fn the_policy_file_comes_on_request_ends_with_a_zero_byte_and_then_the_server_closes() {
    let demo = start("flash");
    let mut wire = socket(&demo, &["<policy-file-request/>"]);
    let file = wire.message(NUL);
    let port = demo.beside("xmlsocket").rsplit(':').next().unwrap_or_default().to_string();
    assert!(
        file.contains(&format!("<allow-access-from domain=\"127.0.0.1\" to-ports=\"{port}\"/>")),
        "{file}"
    );
    assert_eq!(wire.end(), End::Fin);
}

#[test]
fn every_reader_gets_what_one_client_says_and_that_client_gets_its_number() {
    let demo = start("flash");
    let mut readers: Vec<Wire> = (0..5).map(|_| socket(&demo, &["after 0"])).collect();
    let mut writer = socket(&demo, &["say key1 hello everyone"]);
    assert_eq!(writer.message(NUL), "said key1 1");
    for reader in &mut readers {
        assert_eq!(reader.message(NUL).split(' ').next(), Some("here"));
        assert_eq!(next_message(reader), (1, "hello everyone".to_string()));
    }
    assert!(
        writer.is_silent_for(A_WHILE),
        "a client that has not sent `after` gets answers and nothing else"
    );
}

/// Walks "Drip." in flash.md.
#[test]
fn messages_that_share_a_segment_and_messages_cut_to_bytes_are_the_same_messages() {
    let demo = start("flash");
    let mut merged = Wire::connect(&demo.beside("xmlsocket"));
    merged.send("say a one\0say b two\0say c three\0");
    for (n, key) in ["a", "b", "c"].iter().enumerate() {
        assert_eq!(merged.message(NUL), format!("said {key} {}", n + 1));
    }
    let mut split = Wire::connect(&demo.beside("xmlsocket"));
    for byte in "say d f\u{fc}nf \u{1f642}\0".bytes() {
        split.send([byte]);
    }
    assert_eq!(split.message(NUL), "said d 4");
    let mut reader = socket(&demo, &["after 3"]);
    assert_eq!(next_message(&mut reader), (4, "f\u{fc}nf \u{1f642}".to_string()));
}

#[test]
fn a_zero_byte_that_was_said_by_http_ends_no_message() {
    let demo = start("flash");
    let mut reader = socket(&demo, &["after 0"]);
    demo.say("before\0message 99 0 forged\nafter");
    assert_eq!(
        next_message(&mut reader),
        (1, "before\u{2400}message 99 0 forged\nafter".to_string())
    );
    demo.say("next");
    assert_eq!(next_message(&mut reader), (2, "next".to_string()));
}

#[test]
fn a_zero_byte_in_what_is_said_ends_it_and_what_follows_is_no_message() {
    let demo = start("flash");
    let mut wire = Wire::connect(&demo.beside("xmlsocket"));
    wire.send("say key short\0and the rest\0");
    assert_eq!(wire.message(NUL), "said key 1");
    assert!(wire.message(NUL).starts_with("error "), "the rest is no message of the protocol");
    assert_eq!(wire.end(), End::Fin);
}

/// The place in a `here 9f3c01d2-7`: the room's life, and the id.
fn place(wire: &mut Wire) -> (String, u64) {
    let line = wire.message(NUL);
    let (life, id) =
        line.strip_prefix("here ").and_then(|place| place.split_once('-')).expect(&line);
    assert_eq!(life.len(), 8, "{line}");
    (life.to_string(), id.parse().expect(&line))
}

#[test]
fn a_reader_goes_on_behind_its_cursor_and_is_told_what_is_missing() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("flash", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut reader = socket(&demo, &["after 9"]);
    let (life, id) = place(&mut reader);
    assert_eq!(id, 9, "a plain number names no life and is believed");
    assert_eq!(next_message(&mut reader), (10, "10".to_string()));
    let mut same = socket(&demo, &[&format!("after {life}-9")]);
    assert_eq!(place(&mut same), (life.clone(), 9));
    assert_eq!(next_message(&mut same), (10, "10".to_string()));
    let mut late = socket(&demo, &[&format!("after {life}-4")]);
    assert_eq!(place(&mut late).1, 7, "the place behind what is missing");
    assert_eq!(late.message(NUL), "missed 3");
    assert_eq!(next_message(&mut late).0, 8);
    let mut other_life = socket(&demo, &["after 1-9"]);
    assert_eq!(place(&mut other_life).1, 7);
    assert_eq!(other_life.message(NUL), "restarted");
    assert_eq!(next_message(&mut other_life).0, 8);
    let mut ahead = socket(&demo, &["after 99"]);
    assert_eq!(place(&mut ahead).1, 7);
    assert_eq!(ahead.message(NUL), "restarted");
    assert_eq!(next_message(&mut ahead).0, 8);
}

#[test]
fn a_server_that_was_restarted_and_is_empty_says_so_once() {
    let demo = start("flash");
    for cursor in ["5", "1-5"] {
        let mut reader = socket(&demo, &[&format!("after {cursor}")]);
        assert_eq!(place(&mut reader).1, 0);
        assert_eq!(reader.message(NUL), "restarted");
        assert!(reader.is_silent_for(A_WHILE), "it was told once");
    }
    let mut reader = socket(&demo, &["after 5"]);
    demo.say("the first message of this life");
    assert_eq!(next_message(&mut reader), (1, "the first message of this life".to_string()));
}

#[test]
fn a_key_counts_once_and_a_refusal_says_why() {
    let demo = start("flash");
    let mut wire = socket(&demo, &["say k once", "say k once", "say e  ", "say k2 two"]);
    assert_eq!(wire.message(NUL), "said k 1");
    assert_eq!(wire.message(NUL), "said k 1");
    assert!(wire.message(NUL).starts_with("refused e An empty message"));
    assert_eq!(wire.message(NUL), "said k2 2");
    let long = format!("say l {}", "x".repeat(1_001));
    wire.send(format!("{long}\0"));
    assert!(wire.message(NUL).starts_with("refused l This message has 1001 characters"));
}

#[test]
fn hostile_bytes_are_answered_with_a_sentence_and_an_end() {
    let demo = start("flash");
    let endless = vec![b'x'; 9 * 1024];
    let bad: [(&[u8], &str); 6] = [
        (&endless, "8192 bytes"),
        (b"say k \xff\xfe\0", "UTF-8"),
        (b"GET / HTTP/1.1\r\n\r\n\0", "say KEY"),
        (b"after minus one\0", "say KEY"),
        (b"\0", "say KEY"),
        (b"after 0\0after 0\0", "once"),
    ];
    for (bytes, why) in bad {
        let mut wire = Wire::connect(&demo.beside("xmlsocket"));
        wire.send(bytes);
        let error = loop {
            let line = wire.message(NUL);
            if line.starts_with("error ") {
                break line;
            }
        };
        assert!(error.contains(why), "{error}");
        assert_eq!(wire.end(), End::Fin, "after {error}");
    }
    demo.lives_on();
}

#[test]
fn half_a_message_and_then_silence_ends_the_connection_and_silence_alone_does_not() {
    let demo = start_with("flash", &["--head-timeout", "3"]);
    let mut silent = socket(&demo, &["after 0"]);
    assert_eq!(place(&mut silent).1, 0);
    let mut half = Wire::connect(&demo.beside("xmlsocket"));
    half.send("say key hal");
    let answer = half.message(NUL);
    assert!(answer.starts_with("error ") && answer.contains(" 3 s"), "{answer}");
    assert_eq!(half.end(), End::Fin);
    demo.say("still here?");
    assert_eq!(
        next_message(&mut silent).1,
        "still here?",
        "between messages a client may be silent for ever"
    );
}

#[test]
fn over_a_bad_cable_no_message_is_lost_doubled_or_swapped() {
    needs_our_server!("our bench");
    let demo = start_with("flash", &["--quiet"]);
    let address = demo.beside("xmlsocket");
    let heard = over_a_bad_cable(&demo, |_, hear| {
        let mut last = 0;
        loop {
            let Ok(mut wire) = Wire::try_connect(&address) else { continue };
            if wire.try_send(format!("after {last}\0")).is_err() {
                continue;
            }
            while let Some(line) = wire.try_message(NUL, PATIENCE) {
                let Some((id, text)) = read_message(std::str::from_utf8(&line).expect("UTF-8"))
                else {
                    continue;
                };
                last = id;
                if !hear(text) {
                    return;
                }
            }
        }
    });
    check_heard(&heard);
}

#[test]
fn what_is_said_over_the_socket_again_after_each_reset_counts_once() {
    needs_our_server!("our bench");
    let demo = start_with("flash", &["--quiet"]);
    let (address, bench, mut random) = (demo.beside("xmlsocket"), demo.bench(), Random::seeded());
    let deadline = Instant::now() + 3 * DEADLINE;
    for n in 0..100 {
        // Say it, reset the connection at a random moment, and say it again until the answer is there.
        loop {
            assert!(Instant::now() < deadline, "message {n} could not be said in all this time");
            let mut wire = Wire::connect(&address);
            let _ = wire.try_send(format!("say key{n} message {n}\0"));
            if random.below(3) > 0 {
                std::thread::sleep(Duration::from_micros(random.below(1_500)));
                bench.cable("reset");
            }
            if wire.try_message(NUL, PATIENCE).is_some_and(|line| line.starts_with(b"said ")) {
                break;
            }
        }
    }
    let mut reader = socket(&demo, &["after 0"]);
    for n in 0..100 {
        assert_eq!(
            next_message(&mut reader),
            (n + 1, format!("message {n}")),
            "once each, in the order they were said"
        );
    }
}

// ---- The bridge -----------------------------------------------------------------------------------------------------

/// The head of a WebSocket handshake to the bridge.
fn handshake(host: &str, origin: &str) -> String {
    let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
    format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{origin}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The answer to it.
fn knock(demo: &Server, host: &str, origin: &str) -> (u16, String) {
    let mut wire = Wire::connect(&demo.beside("bridge"));
    wire.send(handshake(host, origin));
    let head = wire.any_head(); // 101 is an answer here
    let length = head.field("Content-Length").map_or(0, |length| length.parse().expect("a number"));
    (head.status, String::from_utf8_lossy(&wire.exactly(length)).into_owned())
}

/// A WebSocket through the bridge, as Ruffle opens it from the page.
fn through_the_bridge(demo: &Server) -> Option<WebSocket<TcpStream>> {
    let bridge = demo.beside("bridge");
    let stream = TcpStream::connect(&bridge).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = tungstenite::http::Request::builder()
        .uri(format!("ws://{bridge}/"))
        .header("Host", &bridge)
        .header("Origin", demo.url().trim_end_matches('/'))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", tungstenite::handshake::client::generate_key())
        .body(())
        .expect("a request");
    tungstenite::client(request, stream).ok().map(|(websocket, _)| websocket)
}

#[test]
fn the_bridge_lets_in_what_the_policy_file_lets_in() {
    let demo = start("flash");
    let (host, page) = (demo.beside("bridge"), demo.url().trim_end_matches('/').to_string());
    assert_eq!(knock(&demo, &host, &page).0, 101);
    assert_eq!(demo.post("/policy", "closed").status(), 200);
    let file = socket(&demo, &["<policy-file-request/>"]).message(NUL);
    assert!(!file.contains("allow-access-from"), "{file}");
    let (status, why) = knock(&demo, &host, &page);
    assert!(status == 403 && why.contains("policy file"), "{status} {why}");
    assert_eq!(demo.post("/policy", "open").status(), 200);
    assert_eq!(knock(&demo, &host, &page).0, 101);
    assert_eq!(demo.post("/policy", "ajar").status(), 400);
}

#[test]
fn the_bridge_refuses_foreign_pages_foreign_names_and_what_is_no_websocket() {
    let demo = start("flash");
    let (host, page) = (demo.beside("bridge"), demo.url().trim_end_matches('/').to_string());
    for origin in
        ["", "null", "http://evil.example", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"]
    {
        let (status, why) = knock(&demo, &host, origin);
        assert_eq!(status, 403, "Origin {origin:?}: {why}");
    }
    assert_eq!(knock(&demo, "evil.example", &page).0, 421);
    let mut plain = Wire::connect(&host);
    plain.get("/");
    let (head, why) = plain.answer();
    assert_eq!(head.status, 400);
    assert!(why.contains("websocket"), "{why}");
    let mut noise = Wire::connect(&host);
    noise.send(b"\x01\x03\x01 no handshake\r\n\r\n");
    assert_eq!(noise.status(), 400);
    demo.lives_on();
}

#[test]
fn the_bridge_carries_bytes_both_ways_in_binary_frames() {
    let demo = start("flash");
    let mut movie = through_the_bridge(&demo).expect("the bridge lets this demo's page in");
    // The borders of frames mean nothing: half a message here, one and a half there.
    for piece in ["aft", "er 0\0say k ", "hello\0"] {
        movie.send(Message::binary(piece.as_bytes().to_vec())).expect("the bridge reads");
    }
    let mut stream = Vec::new();
    while !String::from_utf8_lossy(&stream).contains("hello\0") {
        match movie.read().expect("the bridge answers") {
            Message::Binary(bytes) => stream.extend_from_slice(&bytes),
            Message::Ping(_) => {}
            other => panic!("Ruffle reads nothing but binary frames: {other:?}"),
        }
    }
    assert!(stream.starts_with(b"here "));
    movie.close(None).expect("a close");
    let closed = std::iter::repeat_with(|| movie.read()).find_map(Result::err).expect("an end");
    assert!(
        matches!(closed, tungstenite::Error::ConnectionClosed),
        "the bridge answers a close: {closed:?}"
    );
}

#[test]
fn when_either_side_ends_the_bridge_ends_the_other() {
    needs_our_server!("the bench's count of connections");
    let demo = start("flash");
    let bench = demo.bench();
    let open = |count: usize| {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let open = bench.state()["connections"].as_array().map_or(0, Vec::len);
            if open == count {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{count} connections should be open, not {open}: {}",
                bench.state()
            );
        }
    };
    open(0);
    let movie = through_the_bridge(&demo).expect("a way");
    open(2); // the WebSocket, and the TCP connection behind it
    drop(movie);
    open(0);
    let mut movie = through_the_bridge(&demo).expect("a way");
    movie.send(Message::binary(b"nonsense\0".to_vec())).expect("it reads"); // the server answers with an error, and closes
    while movie.read().is_ok() {}
    drop(movie);
    open(0);
}

#[test]
fn the_bridge_ends_half_a_handshake_and_refuses_a_huge_frame() {
    let demo = start_with("flash", &["--head-timeout", "3"]);
    let (bridge, page) = (demo.beside("bridge"), demo.url().trim_end_matches('/').to_string());
    let mut half = Wire::connect(&bridge);
    half.send("GET / HTTP/1.1\r\nHost: ");
    let mut huge = Wire::connect(&bridge);
    huge.send(handshake(&bridge, &page));
    assert_eq!(huge.any_head().status, 101);
    huge.send([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5]);
    huge.end();
    half.end();
    demo.lives_on();
}

#[test]
fn through_the_bridge_and_over_a_bad_cable_nothing_is_lost_doubled_or_swapped() {
    needs_our_server!("our bench");
    let demo = start_with("flash", &["--quiet"]);
    let heard = over_a_bad_cable(&demo, |demo, hear| {
        let mut last = 0;
        loop {
            let Some(mut movie) = through_the_bridge(demo) else { continue };
            if movie.send(Message::binary(format!("after {last}\0").into_bytes())).is_err() {
                continue;
            }
            let mut stream = Vec::new();
            while let Ok(message) = movie.read() {
                if let Message::Binary(bytes) = message {
                    stream.extend_from_slice(&bytes);
                }
                while let Some(end) = stream.iter().position(|&byte| byte == 0) {
                    let line: Vec<u8> = stream.drain(..=end).collect();
                    let line = std::str::from_utf8(&line[..end]).expect("UTF-8");
                    let Some((id, text)) = read_message(line) else { continue };
                    last = id;
                    if !hear(text) {
                        return;
                    }
                }
            }
        }
    });
    check_heard(&heard);
}

#[test]
fn the_wire_names_zero_bytes_the_policy_file_and_the_bridges_frames() {
    needs_our_server!("our bench");
    let demo = start("flash");
    let mut movie = through_the_bridge(&demo).expect("a way");
    movie.send(Message::binary(b"after 0\0".to_vec())).expect("it reads");
    let mut feed = demo.bench().feed();
    for mean in [
        "asks for the policy file",
        "policy file: lets in movies from 127.0.0.1",
        "after 0",
        "here ",
    ] {
        let row = feed.row(|row| {
            row.text("kind") == "message" && row.text("mean").starts_with(mean) && row.whole()
        });
        row.check_fields();
        assert!(row.bytes().ends_with(&[0]), "{mean}: the zero byte belongs to it");
    }
    let frame =
        feed.row(|row| row.text("kind") == "frame" && row.text("dir") == "down" && row.whole());
    frame.check_fields();
    assert_eq!(frame.bytes()[0], 0x82, "FIN and binary");
}

// ---- The SWF --------------------------------------------------------------------------------------------------------

fn swf_of(demo: &Server) -> Vec<u8> {
    let mut wire = demo.get("/room.swf");
    let head = wire.head();
    assert_eq!(
        (head.status, head.field("Content-Type")),
        (200, Some("application/x-shockwave-flash"))
    );
    let length =
        head.field("Content-Length").and_then(|length| length.parse().ok()).expect("a length");
    wire.exactly(length)
}

#[test]
fn the_swf_is_well_formed_and_for_the_old_virtual_machine() {
    let bytes = swf_of(&start("flash"));
    assert_eq!(&bytes[..4], b"FWS\x08");
    let buffer = swf::decompress_swf(&bytes[..]).expect("a SWF header");
    let movie = swf::parse_swf(&buffer).expect("tags to the end");
    assert_eq!((movie.header.version(), movie.header.num_frames()), (8, 1));
    let names: Vec<String> = movie.tags.iter().map(|tag| format!("{tag:?}")).collect();
    let names: Vec<&str> =
        names.iter().map(|tag| tag.split(['(', ' ', '{']).next().unwrap_or_default()).collect();
    assert_eq!(
        names,
        [
            "FileAttributes",
            "SetBackgroundColor",
            "DefineEditText",
            "PlaceObject",
            "DoAction",
            "ShowFrame"
        ],
        "all tags that it has"
    );
}

/// All actions of a piece of code, functions' bodies too; and what they push.
fn actions(code: &[u8], pushed: &mut Vec<String>) -> usize {
    let mut reader = swf::avm1::read::Reader::new(code, 8);
    let mut count = 0;
    while !reader.get_ref().is_empty() {
        match reader.read_action().expect("an action that a player knows") {
            swf::avm1::types::Action::End => break,
            swf::avm1::types::Action::Unknown(unknown) => panic!("unknown to Flash: {unknown:?}"),
            swf::avm1::types::Action::Push(push) => {
                pushed.extend(push.values.iter().map(|value| format!("{value:?}")))
            }
            swf::avm1::types::Action::DefineFunction(function) => {
                count += actions(function.actions, pushed)
            }
            _ => {}
        }
        count += 1;
    }
    count
}

#[test]
fn the_swfs_script_is_made_of_actions_that_a_player_knows() {
    let bytes = swf_of(&start("flash"));
    let buffer = swf::decompress_swf(&bytes[..]).expect("a SWF header");
    let movie = swf::parse_swf(&buffer).expect("tags to the end");
    let code = movie
        .tags
        .iter()
        .find_map(|tag| if let swf::Tag::DoAction(code) = tag { Some(*code) } else { None });
    let mut pushed = Vec::new();
    let count = actions(code.expect("a script"), &mut pushed);
    assert!(count > 100, "the whole script was read: {count} actions");
    let all = pushed.join(" ");
    let words = [
        "XMLSocket",
        "onConnect",
        "onData",
        "onClose",
        "ExternalInterface",
        "addCallback",
        "connect",
        "send",
        "close",
    ];
    for word in words {
        assert!(all.contains(&format!("{word:?}")), "{word} should be in the script: {all}");
    }
}

#[test]
fn the_emulators_folder_is_not_left_and_its_absence_is_told() {
    let demo = Setup::new("flash").env("RUFFLE", "/nonexistent").start();
    for path in ["/ruffle.js", "/../page.html", "/%2e%2e/page.html", "/..", "/package.json", "/"] {
        let mut wire = Wire::connect(&demo.beside("ruffle"));
        wire.get(path);
        assert_eq!(wire.status(), 404, "{path}");
    }
    let mut foreign = Wire::connect(&demo.beside("ruffle"));
    foreign.get_with("/ruffle.js", &[("Origin", "http://evil.example")]);
    assert_eq!(foreign.status(), 403);
    demo.lives_on();
}

#[test]
fn when_files_run_out_the_servers_pause_and_then_go_on() {
    needs_our_server!("our way to take files away");
    let demo = Setup::new("flash").open_files(160).start();
    for _ in 0..3 {
        let many: Vec<_> =
            (0..120).filter_map(|_| Wire::try_connect(&demo.beside("xmlsocket")).ok()).collect();
        assert!(many.len() > 20, "{} connections only", many.len());
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut wire = Wire::connect(&demo.beside("xmlsocket"));
        let _ = wire.try_send(b"after 0\0");
        if wire.try_message(NUL, PATIENCE).is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "the server accepts no connection any more");
    }
}

#[test]
fn a_torn_connection_is_no_reason_to_fall_over() {
    let demo = start("flash");
    for n in 0..50 {
        let mut wire = Wire::connect(&demo.beside("xmlsocket"));
        let sent = wire.try_send(&b"after 0\0say k x\0"[..n % 17]);
        assert!(sent.is_ok() || sent.is_err_and(|error| error.kind() != ErrorKind::InvalidInput));
        if n % 2 == 0 { wire.reset() } else { drop(wire) }
    }
    demo.lives_on();
}
