//! The answers to the chapters' tasks do what the chapters say; and the demos as they are do not, or there would be nothing
//! to do.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tests::record::frame;
use tests::{A_WHILE, Message, Server, Wire, start};

/// The size of the answer to a request, head and all.
fn size_of_answer(demo: &Server, path: &str) -> usize {
    let mut wire = demo.connect();
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"));
    wire.rest().len()
}

#[test]
fn short_polling_with_a_short_head() {
    let (demo, answer) = (start("polling"), start("polling/short"));
    let (long, short) = (size_of_answer(&demo, "/messages?after=0"), size_of_answer(&answer, "/messages?after=0"));
    assert!(short < 80 && long > 2 * short, "{long} bytes became {short}");
    answer.say("hello");
    let (_, news) = answer.get("/messages?after=0").answer();
    assert_eq!(Message::list(&news).len(), 1, "the page still finds its messages: {news}");
}

#[test]
fn short_polling_with_304() {
    let answer = start("polling/etag");
    let ask = |tag: &str| {
        let mut wire = answer.connect();
        wire.get_with("/messages?after=0", &[("If-None-Match", tag)]);
        wire.any_head()
    };
    assert_eq!(ask("").status, 200);
    assert_eq!(ask("\"0\"").status, 304, "nothing was said since");
    answer.say("hello");
    let head = ask("\"0\"");
    assert_eq!((head.status, head.field("ETag")), (200, Some("\"1\"")));
    let demo = start("polling");
    let mut wire = demo.connect();
    wire.get_with("/messages?after=0", &[("If-None-Match", "\"0\"")]);
    assert_eq!(wire.status(), 200, "the demo itself knows no tags");
}

#[test]
fn long_polling_that_gathers() {
    let answer = start("longpoll/gather");
    let mut waiting = answer.get("/wait?after=0");
    assert!(waiting.is_silent_for(A_WHILE));
    let mut sayers: Vec<Wire> = (0..3).map(|_| answer.get("/")).collect(); // connections that are open already
    sayers.iter_mut().for_each(|wire| drop(wire.answer()));
    for (wire, text) in sayers.iter_mut().zip(["one", "two", "three"]) {
        wire.post("/say", &[], text); // nobody waits for the answers in between
    }
    let (_, news) = waiting.answer();
    assert!(Message::list(&news).len() > 1, "a burst comes in one answer: {news}");
}

#[test]
fn long_polling_with_a_hundred_seats() {
    let answer = start("longpoll/limit");
    let mut seated: Vec<Wire> = (0..100).map(|_| answer.get("/wait?after=0&hold=30")).collect();
    assert!(seated.iter_mut().all(|wire| wire.is_silent_for(Duration::from_millis(5))));
    let head = loop {
        // The last of the hundred may still be on their way in.
        let mut one_more = answer.get("/wait?after=0&hold=0");
        let head = one_more.head();
        if head.status == 503 {
            break head;
        }
    };
    assert_eq!(head.field("Retry-After"), Some("1"));
    answer.say("now all of you can go");
    assert_eq!(seated[0].status(), 200);
}

/// Says something, hears it, and ends; starts again and says three things more. Returns what the old cursor then gets.
fn after_another_life(name: &str) -> String {
    let mut demo = start(name);
    demo.say("old");
    let (_, heard) = demo.get("/wait?after=0").answer();
    let cursor = Message::list(&heard).last().expect("one message").id;
    demo.kill();
    let demo = start(name);
    for text in ["new 1", "new 2", "new 3"] {
        demo.say(text);
    }
    demo.get(&format!("/wait?after={cursor}")).answer().1
}

#[test]
fn long_polling_with_a_life_in_its_cursor_loses_nothing_over_a_restart() {
    let texts = |news: &str| Message::list(news).into_iter().map(|message| message.text).collect::<Vec<_>>();
    // What the chapter says of the demo: a cursor that is not above the newest number looks like one of this life.
    let news = after_another_life("longpoll");
    assert_eq!(texts(&news), ["new 2", "new 3"], "{news}");
    assert!(!news.contains("restarted"), "{news}");
    let news = after_another_life("longpoll/life");
    assert_eq!(texts(&news), ["new 1", "new 2", "new 3"], "{news}");
    assert!(news.contains("\"restarted\":true"), "{news}");
    // Within one life it holds and answers like the demo.
    let answer = start("longpoll/life");
    answer.say("one");
    let (_, news) = answer.get("/wait?after=0").answer();
    let cursor = Message::list(&news)[0].id;
    assert_eq!(answer.get(&format!("/wait?after={cursor}&hold=0")).status(), 204);
    let mut waiting = answer.get(&format!("/wait?after={cursor}"));
    assert!(waiting.is_silent_for(A_WHILE));
    answer.say("two");
    assert_eq!(texts(&waiting.answer().1), ["two"]);
}

#[test]
fn events_with_a_retry_of_their_own() {
    let answer = start("sse/apart");
    let retry = || {
        let mut wire = answer.get("/events");
        wire.head();
        wire.chunk()
    };
    let times: Vec<Vec<u8>> = (0..8).map(|_| retry()).collect();
    for time in &times {
        let text = String::from_utf8_lossy(time);
        let millis: u64 = text.trim().strip_prefix("retry: ").and_then(|number| number.parse().ok()).unwrap_or(0);
        assert!((1_000..=3_000).contains(&millis), "{text:?}");
    }
    assert!(times.iter().any(|time| time != &times[0]), "eight streams, and all have the same time: {:?}", times[0]);
}

#[test]
fn events_of_the_newest_twenty() {
    let answer = start("sse/recent");
    for number in 1..=25 {
        answer.say(&number.to_string());
    }
    let mut wire = answer.get("/events");
    wire.head();
    let gap = wire.event("gap");
    assert_eq!((gap.data.as_deref(), gap.id.as_deref()), (Some("{\"missed\":5}"), Some("5")));
    assert_eq!(wire.event("").data.as_deref(), Some("6"));
}

#[test]
fn jsonp_for_pages_of_this_site() {
    let answer = start("jsonp/strict");
    let data = answer.prints("data: ").trim().rsplit(' ').next().expect("host and port").to_string();
    let ask = |callback: &str, site: &str| {
        let mut wire = Wire::connect(&data);
        wire.get_with(&format!("/messages?after=0&callback={callback}"), &[("Sec-Fetch-Site", site)]);
        wire.status()
    };
    assert_eq!(ask("jsonp_1", "same-site"), 200);
    assert_eq!(ask("jsonp_1", "cross-site"), 403);
    assert_eq!(ask("alert", "same-site"), 400);
    assert_eq!(ask("jsonp_1x", "same-site"), 400);
}

#[test]
fn a_frame_with_few_scripts_that_ends_by_its_size() {
    let answer = start("iframe/few");
    for _ in 0..80 {
        answer.say(&"x".repeat(1_000));
    }
    let mut wire = answer.get("/frame?after=0");
    wire.head();
    wire.chunk(); // the padding
    let script = String::from_utf8(wire.chunk()).expect("text");
    assert_eq!((script.matches("<script>").count(), script.matches("parent.hear(").count()), (1, 80));
    let over = String::from_utf8(wire.chunk()).expect("text");
    assert!(over.contains("parent.over()"), "80 KB are enough for one document: {over}");
    assert_eq!(wire.chunk(), b"", "and the answer ends with the last chunk");
}

#[test]
fn parts_with_a_short_boundary() {
    let answer = start("multipart/boundary");
    answer.say("#<b>hi</b>");
    let mut wire = answer.get("/parts?after=0");
    let head = wire.head();
    let boundary = head.field("Content-Type").and_then(|kind| kind.split_once("boundary=")).expect("a boundary").1;
    assert_eq!(boundary.len(), 10);
    assert_eq!(wire.chunk(), format!("--{boundary}\r\n").as_bytes());
    let part = String::from_utf8(wire.chunk()).expect("text");
    assert!(part.starts_with("Content-Type: text/html; charset=utf-8\r\nId: 1\r\n"), "{part}");
    assert!(part.ends_with(&format!("\r\n\r\n#<b>hi</b>\r\n--{boundary}\r\n")), "{part}");
}

#[test]
fn a_stream_of_some_messages_and_an_end() {
    let answer = start("stream/filter");
    for text in ["one apple", "two pears", "three apples", "four apples"] {
        answer.say(text);
    }
    let mut wire = answer.get("/stream?after=0&word=apple&most=2");
    wire.head();
    let lines = String::from_utf8(wire.chunk()).expect("text");
    assert_eq!((lines.lines().count(), lines.contains("pears")), (2, false), "{lines}");
    assert_eq!(wire.chunk(), b"", "an end on purpose has a last chunk");
}

/// A handshake with this target and origin.
fn knock(demo: &Server, target: &str, origin: &str) -> Wire {
    let mut wire = demo.connect();
    let host = demo.host();
    let origin = if origin.is_empty() { format!("http://{host}") } else { origin.to_string() };
    wire.send(format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {origin}\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ));
    wire
}

#[test]
fn a_guest_with_a_token() {
    let answer = start("handshake/guests");
    let status = |target: &str, origin: &str| knock(&answer, target, origin).any_head().status;
    assert_eq!(status("/socket?token=open-sesame", ""), 101);
    assert_eq!(status("/socket?token=open-sesame", "http://localhost:8000"), 101);
    assert_eq!(status("/socket?token=open-sesame", "http://localhost:8000.evil.example"), 403);
    assert_eq!(status("/socket?token=open", ""), 403);
    let demo = start("handshake");
    assert_eq!(knock(&demo, "/socket", "http://localhost:8000").any_head().status, 403, "the demo has no guests");
}

#[test]
fn an_echo_that_shouts_and_counts() {
    let answer = start("frames/shout");
    let mut wire = knock(&answer, "/", "");
    assert_eq!(wire.any_head().status, 101);
    wire.send(frame(0x81, b"hello"));
    assert_eq!(wire.exactly(7), b"\x81\x05HELLO");
    let count = b"11 bytes up in one frame, 7 down";
    assert_eq!(wire.exactly(2 + count.len())[2..], count[..]);
}

#[test]
fn ten_messages_in_pieces_and_a_reason() {
    let answer = start("frames/ten");
    let mut wire = knock(&answer, "/", "");
    assert_eq!(wire.any_head().status, 101);
    wire.send(frame(0x81, "0123456789abcdef".as_bytes()));
    let (mut fragments, mut length) = (0, 0);
    loop {
        let head = wire.exactly(2);
        assert_eq!(head[0] & 0x0f, u8::from(fragments == 0), "the first fragment says text, the others continue");
        let size = match head[1] {
            126 => usize::from(u16::from_be_bytes([wire.exactly(1)[0], wire.exactly(1)[0]])),
            short => usize::from(short),
        };
        wire.exactly(size);
        (fragments, length) = (fragments + 1, length + size);
        if head[0] & 0x80 != 0 {
            break;
        }
    }
    assert_eq!((fragments, length), (2, 1_600));
    for _ in 1..10 {
        wire.send(frame(0x81, b"x"));
        wire.exactly(2 + 100);
    }
    assert_eq!(wire.exactly(4), [0x88, 16, 0x0f, 0xa0], "a Close frame with code 4000");
    assert_eq!(wire.exactly(14), b"ten are enough");
}

#[test]
fn who_falls_silent_is_noticed_in_time() {
    let demo = start("heartbeat");
    let mut command = example("heartbeat", "notice");
    let output = command.arg(demo.host()).output().expect("the example runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("20 of 20 were noticed, after "), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let times: Vec<f64> = said.lines().next().unwrap_or("").split(' ').filter_map(|word| word.parse().ok()).collect();
    let [.., _, longest] = times[..] else { panic!("two times: {said}") };
    assert!(longest < 2.5, "long after its patience: {said}");
    // When a client began to be silent is one thing, when the server last heard of it another: it gives up by that.
    for connection in 1..=20 {
        let line = demo.prints(&format!("connection {connection} is over: given up after "));
        let silence = line.split(' ').filter_map(|word| word.parse::<f64>().ok()).next_back();
        assert!(silence.is_some_and(|silence| silence >= 1.5), "before its patience is over: {line}");
    }
}

#[test]
fn a_client_that_asks_notices_too() {
    use std::io::{BufRead, BufReader};
    let demo = start("heartbeat");
    let mut child =
        example("heartbeat", "asks").arg(demo.host()).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "the server is there"), "the server answers its pings");
    let cut = Instant::now();
    demo.bench().cable("cut");
    assert!(lines.any(|line| line.contains("the cable is out")), "silence is noticed");
    assert!(cut.elapsed() < Duration::from_secs(4), "and soon");
    child.wait().expect("it ends");
}

#[test]
fn a_room_of_netstrings() {
    let answer = start("tcp/netstring");
    let line = answer.prints("room: 127.0.0.1:");
    let mut wire = Wire::connect(line.trim().rsplit(' ').next().expect("host and port"));
    wire.send("5:hel");
    assert!(wire.is_silent_for(A_WHILE), "half a message is no message");
    wire.send("lo,11:a:b,c\nd,e,f,");
    assert_eq!(wire.exactly(8), b"1:1,1:2,");
    wire.send("9999999:");
    assert!(wire.rest().is_empty(), "a length that can't be true ends the connection");
}

#[test]
fn flash_without_the_movie() {
    let demo = start("flash");
    demo.get("/").answer(); // the policy names the host by which the page was asked for
    let line = demo.prints("socket: 127.0.0.1:");
    let socket = line.trim().rsplit(' ').next().expect("host and port").to_string();
    let output = example("flash", "knock").arg(socket).output().expect("the example runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("<allow-access-from domain=\"127.0.0.1\""), "{said}");
    assert!(
        said.lines().any(|line| line.starts_with("message 1 ") && line.ends_with(" hello from a terminal")),
        "{said}"
    );
}

/// An example that is no demo but a client of one: built by `cargo build --examples`, started from where it lies.
fn example(package: &str, name: &str) -> std::process::Command {
    let own = std::env::current_exe().expect("a test program knows where it is");
    let profile = own.ancestors().nth(2).expect("a test program lies in TARGET/PROFILE/deps");
    let target = profile.parent().expect("and PROFILE lies in TARGET");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = std::process::Command::new(cargo);
    build.args(["build", "-q", "-p", package, "--example", name, "--target-dir"]).arg(target);
    assert!(build.status().expect("cargo runs").success(), "cargo build -p {package} --example {name} fails");
    std::process::Command::new(profile.join("examples").join(name.to_string() + std::env::consts::EXE_SUFFIX))
}

#[test]
fn every_example_is_tried_here() {
    let demos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos");
    let own = include_str!("answers.rs");
    for demo in fs::read_dir(demos).expect("there are demos").flatten() {
        for example in fs::read_dir(demo.path().join("examples")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(example.path()).expect("an example is text");
            if !text.starts_with("//! An answer to ") {
                continue; // a tool of the demo's own
            }
            let demo = demo.file_name().into_string().expect("a plain name");
            let name = example.path().file_stem().expect("a name").to_string_lossy().into_owned();
            let tried = own.contains(&format!("\"{demo}/{name}\"")) || own.contains(&format!("\"{demo}\", \"{name}\""));
            assert!(tried, "nobody tries the answer {demo}/{name}");
        }
    }
}
