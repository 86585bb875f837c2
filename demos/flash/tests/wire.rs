//! The Flash socket's promises: the TCP server, its policy file, the bridge, the SWF; and the page, where Ruffle is.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tests::browser::{self, Browser, Kind, Tab};
use tests::{
    A_WHILE, DEADLINE, End, PATIENCE, Random, Server, Setup, Wire, check_heard, needs_our_server, over_a_bad_cable,
    start, start_with,
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
        ["message", id, _, text] => Some((id.parse().expect("an id is a number"), text.to_string())),
        _ => None,
    }
}

#[test]
fn the_policy_file_comes_on_request_ends_with_a_zero_byte_and_then_the_server_closes() {
    let demo = start("flash");
    assert_eq!(demo.get("/").status(), 200);
    let mut wire = socket(&demo, &["<policy-file-request/>"]);
    let file = wire.message(NUL);
    let port = demo.beside("xmlsocket").rsplit(':').next().unwrap_or_default().to_string();
    assert!(file.contains(&format!("<allow-access-from domain=\"127.0.0.1\" to-ports=\"{port}\"/>")), "{file}");
    assert_eq!(wire.end(), End::Fin);
}

#[test]
fn a_policy_that_was_never_asked_for_by_a_page_names_nobody() {
    let demo = start("flash");
    assert!(!socket(&demo, &["<policy-file-request/>"]).message(NUL).contains("allow-access-from"));
}

#[test]
fn what_one_says_everyone_hears_and_the_speaker_is_told_its_number() {
    let demo = start("flash");
    let mut ears: Vec<Wire> = (0..5).map(|_| socket(&demo, &["after 0"])).collect();
    let mut mouth = socket(&demo, &["say key1 hello everyone"]);
    assert_eq!(mouth.message(NUL), "said key1 1");
    for ear in &mut ears {
        assert_eq!(ear.message(NUL).split(' ').next(), Some("here"));
        assert_eq!(next_message(ear), (1, "hello everyone".to_string()));
    }
    assert!(mouth.is_silent_for(A_WHILE), "who did not ask with `after` hears nothing but answers");
}

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
    let mut ear = socket(&demo, &["after 3"]);
    assert_eq!(next_message(&mut ear), (4, "f\u{fc}nf \u{1f642}".to_string()));
}

#[test]
fn a_zero_byte_that_came_by_another_door_ends_no_message() {
    let demo = start("flash");
    let mut ear = socket(&demo, &["after 0"]);
    demo.say("before\0message 99 0 forged\nafter");
    assert_eq!(next_message(&mut ear), (1, "before\u{2400}message 99 0 forged\nafter".to_string()));
    demo.say("next");
    assert_eq!(next_message(&mut ear), (2, "next".to_string()));
}

#[test]
fn a_zero_byte_in_what_is_said_ends_it_and_what_follows_is_no_message() {
    let demo = start("flash");
    let mut wire = Wire::connect(&demo.beside("xmlsocket"));
    wire.send("say key short\0and the rest\0");
    assert_eq!(wire.message(NUL), "said key 1");
    assert!(wire.message(NUL).starts_with("error "), "the rest is not said under anybody's name");
    assert_eq!(wire.end(), End::Fin);
}

#[test]
fn a_cursor_goes_on_where_it_stood_and_is_told_what_is_gone() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("flash", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut ear = socket(&demo, &["after 9"]);
    assert_eq!(ear.message(NUL), "here 10");
    assert_eq!(next_message(&mut ear), (10, "10".to_string()));
    let mut late = socket(&demo, &["after 4"]);
    assert_eq!(late.message(NUL), "here 10");
    assert_eq!(late.message(NUL), "missed 3");
    assert_eq!(next_message(&mut late).0, 8);
    let mut early = socket(&demo, &["after 99"]);
    assert_eq!(early.message(NUL), "here 10");
    assert_eq!(early.message(NUL), "restarted");
    assert_eq!(next_message(&mut early).0, 8);
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
        (&endless, "8 KiB"),
        (b"say k \xff\xfe\0", "UTF-8"),
        (b"GET / HTTP/1.1\r\n\r\n\0", "knows"),
        (b"after minus one\0", "knows"),
        (b"\0", "knows"),
        (b"after 0\0after 0\0", "hears"),
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
fn half_a_message_and_then_silence_is_ended_while_silence_alone_is_not() {
    let demo = start("flash");
    let mut silent = socket(&demo, &["after 0"]);
    assert_eq!(silent.message(NUL), "here 0");
    let mut half = Wire::connect(&demo.beside("xmlsocket"));
    half.send("say key hal");
    let began = Instant::now();
    let answer = half.message(NUL);
    assert!(answer.starts_with("error ") && answer.contains("10 s"), "{answer}");
    assert!(began.elapsed() > Duration::from_secs(9), "a slow writer has 10 s");
    assert_eq!(half.end(), End::Fin);
    demo.say("still here?");
    assert_eq!(next_message(&mut silent).1, "still here?", "between messages one may be silent for ever");
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
                let Some((id, text)) = read_message(std::str::from_utf8(&line).expect("UTF-8")) else { continue };
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
        // Say it, break the connection off at a moment nobody chose, and say it again until the answer is there.
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
    let mut ear = socket(&demo, &["after 0"]);
    for n in 0..100 {
        assert_eq!(next_message(&mut ear), (n + 1, format!("message {n}")), "once each, in the order they were said");
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

/// A page of this demo has been loaded, so the policy knows it.
fn loaded(demo: &Server) {
    assert_eq!(demo.get("/").status(), 200);
}

#[test]
fn the_bridge_lets_in_what_the_policy_file_lets_in() {
    let demo = start("flash");
    let (host, page) = (demo.beside("bridge"), demo.url().trim_end_matches('/').to_string());
    let (status, why) = knock(&demo, &host, &page);
    assert_eq!(status, 403, "no page was loaded yet, so the policy file names nobody");
    assert!(why.contains("policy file"), "{why}");
    loaded(&demo);
    assert_eq!(knock(&demo, &host, &page).0, 101);
    let (head, file) = demo.post("/policy", "closed").answer();
    assert!(head.status == 200 && !file.contains("allow-access-from"), "{file}");
    assert_eq!(knock(&demo, &host, &page).0, 403);
    assert_eq!(demo.post("/policy", "open").status(), 200);
    assert_eq!(knock(&demo, &host, &page).0, 101);
    assert_eq!(demo.post("/policy", "ajar").status(), 400);
}

#[test]
fn the_bridge_refuses_foreign_pages_foreign_names_and_what_is_no_websocket() {
    let demo = start("flash");
    loaded(&demo);
    let (host, page) = (demo.beside("bridge"), demo.url().trim_end_matches('/').to_string());
    for origin in ["", "null", "http://evil.example", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"] {
        let (status, why) = knock(&demo, &host, origin);
        assert_eq!(status, 403, "Origin {origin:?}: {why}");
    }
    assert_eq!(knock(&demo, "evil.example", &page).0, 421);
    let mut plain = Wire::connect(&host);
    plain.get("/");
    let (head, why) = plain.answer();
    assert_eq!(head.status, 400);
    assert!(why.contains("WebSocket"), "{why}");
    let mut noise = Wire::connect(&host);
    noise.send(b"\x16\x03\x01 no handshake\r\n\r\n");
    assert_eq!(noise.status(), 400);
    demo.lives_on();
}

#[test]
fn the_bridge_carries_bytes_both_ways_in_binary_frames() {
    let demo = start("flash");
    loaded(&demo);
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
    assert!(stream.starts_with(b"here 0\0"));
    movie.close(None).expect("a close");
    let closed = std::iter::repeat_with(|| movie.read()).find_map(Result::err).expect("an end");
    assert!(matches!(closed, tungstenite::Error::ConnectionClosed), "the bridge answers a close: {closed:?}");
}

#[test]
fn when_either_side_ends_the_bridge_ends_the_other() {
    needs_our_server!("the bench's count of connections");
    let demo = start("flash");
    loaded(&demo);
    let bench = demo.bench();
    let open = |count: usize| {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let open = bench.state()["connections"].as_array().map_or(0, Vec::len);
            if open == count {
                return;
            }
            assert!(Instant::now() < deadline, "{count} connections should be open, not {open}: {}", bench.state());
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
fn half_a_frame_or_half_a_handshake_and_then_silence_is_ended_and_a_huge_frame_is_refused() {
    let demo = start("flash");
    loaded(&demo);
    let (bridge, page) = (demo.beside("bridge"), demo.url().trim_end_matches('/').to_string());
    let mut half_handshake = Wire::connect(&bridge);
    half_handshake.send("GET / HTTP/1.1\r\nHost: ");
    let mut half_frame = Wire::connect(&bridge);
    half_frame.send(handshake(&bridge, &page));
    assert_eq!(half_frame.any_head().status, 101);
    half_frame.send([0x82, 0xfe, 0x10]);
    let mut huge = Wire::connect(&bridge);
    huge.send(handshake(&bridge, &page));
    assert_eq!(huge.any_head().status, 101);
    huge.send([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5]);
    huge.end();
    half_frame.end();
    half_handshake.end();
    demo.lives_on();
}

#[test]
fn through_the_bridge_and_over_a_bad_cable_nothing_is_lost_doubled_or_swapped() {
    needs_our_server!("our bench");
    let demo = start_with("flash", &["--quiet"]);
    loaded(&demo);
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
    loaded(&demo);
    let mut movie = through_the_bridge(&demo).expect("a way");
    movie.send(Message::binary(b"after 0\0".to_vec())).expect("it reads");
    let mut feed = demo.bench().feed();
    for mean in ["asks for the policy file", "policy file: lets in movies from 127.0.0.1", "after 0", "here 0"] {
        let row = feed.row(|row| row.text("kind") == "message" && row.text("mean") == mean && row.whole());
        row.check_fields();
        assert!(row.bytes().ends_with(&[0]), "{mean}: the zero byte belongs to it");
    }
    let frame = feed.row(|row| row.text("kind") == "frame" && row.text("dir") == "down" && row.whole());
    frame.check_fields();
    assert_eq!(frame.bytes()[0], 0x82, "FIN and binary");
}

// ---- The SWF --------------------------------------------------------------------------------------------------------

fn swf_of(demo: &Server) -> Vec<u8> {
    let mut wire = demo.get("/room.swf");
    let head = wire.head();
    assert_eq!((head.status, head.field("Content-Type")), (200, Some("application/x-shockwave-flash")));
    let length = head.field("Content-Length").and_then(|length| length.parse().ok()).expect("a length");
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
    let names: Vec<&str> = names.iter().map(|tag| tag.split(['(', ' ', '{']).next().unwrap_or_default()).collect();
    assert_eq!(
        names,
        ["FileAttributes", "SetBackgroundColor", "DefineEditText", "PlaceObject", "DoAction", "ShowFrame"],
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
            swf::avm1::types::Action::Push(push) => pushed.extend(push.values.iter().map(|value| format!("{value:?}"))),
            swf::avm1::types::Action::DefineFunction(function) => count += actions(function.actions, pushed),
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
    let code = movie.tags.iter().find_map(|tag| if let swf::Tag::DoAction(code) = tag { Some(*code) } else { None });
    let mut pushed = Vec::new();
    let count = actions(code.expect("a script"), &mut pushed);
    assert!(count > 100, "the whole script was read: {count} actions");
    let all = pushed.join(" ");
    let words =
        ["XMLSocket", "onConnect", "onData", "onClose", "ExternalInterface", "addCallback", "connect", "send", "close"];
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
        let many: Vec<_> = (0..120).filter_map(|_| Wire::try_connect(&demo.beside("xmlsocket")).ok()).collect();
        assert!(many.len() > 20, "{} connections only", many.len());
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut wire = Wire::connect(&demo.beside("xmlsocket"));
        let _ = wire.try_send(b"after 0\0");
        if wire.try_message(NUL, PATIENCE).is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "the server takes nobody any more");
    }
}

// ---- The page -------------------------------------------------------------------------------------------------------

/// Whether `make ruffle` was done. A run that must not skip anything fails without.
fn ruffle_is_here() -> bool {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../demos/flash/node_modules/@ruffle-rs/ruffle/ruffle.js");
    let here = here.is_file();
    let required = std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1");
    assert!(here || !required, "Ruffle is missing, and this run must not skip the test: `make ruffle` fetches it");
    if !here {
        tests::skipped("Ruffle is not here: `make ruffle` fetches it");
    }
    here
}

fn say(tab: &Tab, text: &str) {
    tab.keys("#text", text);
    tab.click("#say button");
}

fn hears(tab: &Tab, text: &str) {
    let text = serde_json::json!(text);
    tab.until(&format!("[...document.querySelectorAll('#messages li .text')].at(-1)?.textContent === {text}"));
}

fn the_room_ticks_through_the_movie(browser: &Browser) {
    if !ruffle_is_here() {
        return;
    }
    let demo = start("flash");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "connected: TCP");
    // From the room, by another way than the movie, to the page.
    demo.say("from the room <b>as typed</b>");
    hears(&tab, "from the room <b>as typed</b>");
    // From the page through the movie to a bare TCP client.
    let mut ear = socket(&demo, &["after 1"]);
    say(&tab, "from the page");
    assert_eq!(next_message(&mut ear), (2, "from the page".to_string()));
    hears(&tab, "from the page");
    tab.until("document.querySelector('#open-words').textContent === '0'");
    assert_eq!(tab.value("document.querySelector('#heard').textContent"), "2");
    let mut feed = demo.bench().feed();
    feed.row(|row| row.text("kind") == "message" && row.text("mean").ends_with("from the page"));

    // A reset loses nothing: the page comes back with its cursor, and with what was not acknowledged.
    demo.bench().cable("reset");
    demo.say("while the movie was away");
    hears(&tab, "while the movie was away");
    tab.until("document.querySelector('#opened').textContent === '2'");
    say(&tab, "after the reset");
    hears(&tab, "after the reset");
    // What the room does not want is told in words, and is there to be mended.
    tab.click("#say button");
    tab.until_words("#say .status", "empty");
    tab.paste("#text", &"x".repeat(1_001));
    tab.click("#say button");
    tab.until_words("#say .status", "1001 characters");
    tab.until("document.querySelector('#text').value.length === 1001");
    tab.paste("#text", "");
    let all = ["from the room <b>as typed</b>", "from the page", "while the movie was away", "after the reset"];
    assert_eq!(tab.texts("#messages li .text"), all);

    // A policy file that lets nobody in: who is in stays in, who comes is refused.
    tab.click("#policy");
    tab.until("document.querySelector('#policy').getAttribute('aria-pressed') === 'true'");
    demo.bench().cable("reset");
    tab.until_words("#doing", "no way through");
    tab.click("#policy");
    tab.until_words("#doing", "connected: TCP");
    tab.click("#socket");
    tab.until_words("#doing", "closed");
    say(&tab, "said while closed");
    tab.until("document.querySelector('#open-words').textContent === '1'");
    tab.click("#socket");
    hears(&tab, "said while closed");
}

#[test]
fn in_chromium_the_room_ticks_through_the_movie() {
    browser::run(Kind::Chromium, the_room_ticks_through_the_movie);
}

#[test]
fn in_firefox_the_room_ticks_through_the_movie() {
    browser::run(Kind::Firefox, the_room_ticks_through_the_movie);
}

#[test]
fn without_the_emulator_the_page_says_what_to_do_and_still_explains() {
    needs_our_server!("our own page");
    let Some(browser) = browser::start(Kind::Chromium) else { return };
    let demo = Setup::new("flash").env("RUFFLE", "/nonexistent").start();
    let tab = browser.visit(&demo);
    tab.until_words("#stage", "make ruffle");
    assert!(tab.texts("details").join(" ").contains("12 January 2021"), "the history is there");
    say(&tab, "by HTTP");
    assert_eq!(next_message(&mut socket(&demo, &["after 0"])).1, "by HTTP");
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
