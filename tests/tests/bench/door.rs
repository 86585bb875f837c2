//! The front door's promises: what a demo is never troubled with, and that the server lives on in each case.

use std::thread;
use std::time::{Duration, Instant};

use tests::{A_WHILE, End, Head, Message, Server, Setup, Wire, start, start_with};

macro_rules! ours_only {
    () => {
        tests::needs_our_server!("our front door")
    };
}

/// Fails unless the answer is this error, told in a sentence, and the connection ends after it.
fn refused(wire: &mut Wire, status: u16, what: &str) -> Head {
    let (head, why) = wire.answer();
    assert_eq!(head.status, status, "{what} should be answered {status}; the answer was {:?}: {why}", head.line);
    assert!(why.trim().ends_with('.') && why.trim().len() > 10, "{what}: the answer should say why, in words: {why:?}");
    wire.end();
    head
}

/// Whether the connection ended without an answer, or with this error.
fn refused_or_closed(wire: &mut Wire, statuses: &[u16], what: &str) {
    wire.end();
    if !wire.unread().is_empty() {
        let status = wire.status();
        assert!(statuses.contains(&status), "{what} was answered {status}");
    }
}

fn demos() -> [Server; 3] {
    ["polling", "longpoll", "sse"].map(start)
}

// ---- Who is asking ----

#[test]
fn a_host_that_is_not_ours_is_sent_away_with_421() {
    ours_only!();
    for demo in demos() {
        for host in
            ["evil.example", "evil.example:8003", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"]
        {
            let mut wire = demo.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            refused(&mut wire, 421, &format!("Host: {host} (DNS rebinding)"));
        }
        demo.lives_on();
    }
}

#[test]
fn every_loopback_name_is_ours() {
    ours_only!();
    let demo = start("polling");
    let port = demo.address().port();
    for name in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"] {
        let mut wire = demo.send(format!("GET /messages?after=0 HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n"));
        assert_eq!(wire.status(), 200, "Host: {name}:{port}");
    }
}

#[test]
fn a_request_without_a_host_or_with_two_is_a_bad_request() {
    ours_only!();
    let demo = start("polling");
    let host = demo.host();
    refused(&mut demo.send("GET / HTTP/1.1\r\n\r\n"), 400, "a request without Host (RFC 9112, 3.2)");
    let two = format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n");
    refused(&mut demo.send(two), 400, "a request with two Host header fields (RFC 9112, 3.2)");
    demo.lives_on();
}

#[test]
fn a_page_of_another_origin_may_read_nothing_and_say_nothing() {
    ours_only!();
    for demo in demos() {
        let port = demo.address().port();
        let last = demo.say("before").id;
        for origin in [
            "http://evil.example".to_string(),
            format!("http://evil.example:{port}"),
            format!("http://127.0.0.1:{port}.evil.example"),
            format!("http://evil.example/127.0.0.1:{port}"),
            format!("https://127.0.0.1:{port}"),
            "http://127.0.0.1:1".to_string(),
            "null".to_string(),
        ] {
            let mut wire = demo.connect();
            wire.post("/say", &[("Origin", &origin)], "I am from elsewhere");
            let (head, text) = wire.answer();
            assert_eq!(head.status, 403, "a page of {origin} spoke: {text}");
            let mut wire = demo.connect();
            wire.get_with("/", &[("Origin", &origin)]);
            let (head, _) = wire.answer();
            assert_eq!(head.status, 403, "a page of {origin} read");
            assert_eq!(head.field("Access-Control-Allow-Origin"), None);
        }
        assert_eq!(demo.say("after").id, last + 1, "something was said by a foreign page");
    }
}

#[test]
fn the_demos_own_page_may_speak() {
    ours_only!();
    let demo = start("longpoll");
    let mut wire = demo.connect();
    wire.post("/say", &[("Origin", demo.url())], "I am from here");
    assert_eq!(wire.status(), 201);
}

#[test]
fn the_bench_is_for_the_demos_own_page_only() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    for path in ["/feed", "/cable", "/counters", "/bench.js"] {
        let mut wire = bench.connect();
        wire.get_with(path, &[("Origin", "http://evil.example")]);
        assert_eq!(wire.status(), 403, "a foreign page read {path}");
        let mut wire = bench.connect();
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
        assert_eq!(wire.status(), 421, "a rebound name read {path}");
    }
    for origin in ["http://evil.example", "http://127.0.0.1:1", "null"] {
        let mut wire = bench.connect();
        wire.post("/cable", &[("Origin", origin)], "cut");
        assert_eq!(wire.status(), 403, "a page of {origin} cut the cable");
    }
    assert_eq!(bench.state()["cable"], "whole");

    let mut wire = bench.connect();
    wire.get_with("/counters", &[("Origin", demo.url())]);
    let (head, _) = wire.answer();
    assert_eq!(head.status, 200);
    assert_eq!(head.field("Access-Control-Allow-Origin"), Some(demo.url()), "the page must be allowed to read it");
}

// ---- How much ----

#[test]
fn a_head_without_end_is_refused_before_it_fills_memory() {
    ours_only!();
    for demo in demos() {
        let mut wire = demo.connect();
        let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Long: ", demo.host());
        let _ = wire.try_send(head + &"x".repeat(17 * 1024));
        refused(&mut wire, 431, "a header field of 17 KiB");

        let mut wire = demo.connect();
        let _ = wire.try_send(format!("GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(17 * 1024), demo.host()));
        let status = wire.status();
        assert!(matches!(status, 414 | 431), "a target of 17 KiB was answered {status}");
        demo.lives_on();
    }
}

#[test]
fn many_small_header_fields_are_as_much_as_one_long_one() {
    ours_only!();
    let demo = start("longpoll");
    let mut wire = demo.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n", demo.host()));
    for n in 0..2_000 {
        if wire.try_send(format!("X-{n}: 12345678\r\n")).is_err() {
            break;
        }
    }
    refused_or_closed(&mut wire, &[431], "a head of 30 KB in small fields");
    demo.lives_on();
}

#[test]
fn a_body_that_is_too_long_is_refused_by_its_length_alone() {
    ours_only!();
    for demo in demos() {
        let mut wire =
            demo.send(format!("POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 65537\r\n\r\n", demo.host()));
        refused(&mut wire, 413, "a body of 64 KiB and a byte");
        demo.lives_on();
    }
}

#[test]
fn a_chunked_body_that_does_not_tell_its_length_is_counted() {
    ours_only!();
    let demo = start("longpoll");
    let mut wire = demo.connect();
    let head = format!("POST /say HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n", demo.host());
    wire.send(head);
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    for _ in 0..100 {
        if wire.try_send(&chunk).is_err() {
            break;
        }
    }
    refused_or_closed(&mut wire, &[413], "a chunked body of 400 KiB");
    demo.lives_on();
}

#[test]
fn a_body_shorter_than_its_content_length_is_not_taken_for_a_message() {
    ours_only!();
    for demo in demos() {
        let last = demo.say("before").id;
        let mut wire =
            demo.send(format!("POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 50\r\n\r\nhello", demo.host()));
        wire.finish();
        wire.end();
        assert!(!wire.unread().starts_with(b"HTTP/1.1 2"), "half a message was taken: {:?}", wire.unread());
        assert_eq!(demo.say("after").id, last + 1, "half a message was taken");
    }
}

#[test]
fn content_lengths_that_lie_are_bad_requests() {
    ours_only!();
    let demo = start("polling");
    let host = demo.host();
    for lie in [
        "Content-Length: five\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Content-Length : 5\r\n",
    ] {
        let mut wire = demo.send(format!("POST /say HTTP/1.1\r\nHost: {host}\r\n{lie}\r\nhello"));
        let status = wire.status();
        assert!(matches!(status, 400 | 413 | 501), "{lie:?} was answered {status}");
        wire.end();
    }
    demo.lives_on();
}

#[test]
fn what_follows_a_short_content_length_is_the_next_request() {
    ours_only!();
    let demo = start("polling");
    let last = demo.say("before").id;
    let mut wire = demo.send(format!("POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n\r\nhello", demo.host()));
    assert_eq!(wire.answer().0.status, 201, "five bytes were announced, and five came");
    wire.send("and more\r\n\r\n");
    refused(&mut wire, 400, "the rest, which is no request,");
    let (_, news) = demo.get(&format!("/messages?after={last}")).answer();
    let texts: Vec<_> = Message::list(&news).into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["hello"], "Content-Length alone says where a message ends");
    demo.lives_on();
}

#[test]
fn binary_rubbish_is_a_bad_request_or_the_end() {
    ours_only!();
    for demo in demos() {
        let mut random = tests::Random::seeded();
        for _ in 0..30 {
            let mut rubbish: Vec<u8> = (0..200 + random.below(3_000)).map(|_| random.below(256) as u8).collect();
            rubbish[0] &= 0xef; // not 22: a TLS client is answered with an alert
            rubbish.extend(b"\r\n\r\n");
            let mut wire = demo.connect();
            let _ = wire.try_send(&rubbish);
            refused_or_closed(&mut wire, &[400, 408, 431, 505], "rubbish");
        }
        for almost in [
            "GET\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "\x01\x03\x01\x02\x00\x01\x00\r\n\r\n",
            " / HTTP/1.1\r\n\r\n",
        ] {
            let mut wire = demo.send(almost);
            let status = wire.status();
            assert!(matches!(status, 400 | 505), "{almost:?} was answered {status}");
        }
        demo.lives_on();
    }
}

// ---- How long ----

#[test]
fn half_a_head_is_answered_408_when_its_time_is_over() {
    ours_only!();
    let check = |name| {
        let demo = start_with(name, &["--head-timeout", "4"]);
        let began = Instant::now();
        let mut wire = demo.send("GET / HTTP/1.1\r\nHost: 127");
        refused(&mut wire, 408, "half a head");
        assert!(began.elapsed() >= Duration::from_millis(3_900), "that was too early: {:?}", began.elapsed());
        demo.prints("408");
        until_served(&demo);
    };
    thread::scope(|scope| {
        for name in ["polling", "longpoll", "sse"] {
            scope.spawn(move || check(name));
        }
    });
}

#[test]
fn a_head_that_drips_in_has_no_more_time_than_one_that_stops() {
    ours_only!();
    let demo = start_with("longpoll", &["--head-timeout", "4"]);
    let mut wire = demo.send("GET / HTTP/1.1\r\n");
    let began = Instant::now();
    // A slow loris: it never stops, and never gets to the end.
    while wire.is_silent_for(Duration::from_millis(50)) && began.elapsed() < Duration::from_secs(60) {
        let _ = wire.try_send("X-A: b\r\n");
    }
    assert!(began.elapsed() < Duration::from_secs(60), "each byte bought it more time");
    refused_or_closed(&mut wire, &[408], "a head that drips in");
    until_served(&demo);
}

#[test]
fn a_body_that_stops_half_way_is_given_up() {
    ours_only!();
    let demo = start_with("longpoll", &["--head-timeout", "4"]);
    let mut wire = demo.send(format!("POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 500\r\n\r\nhalf", demo.host()));
    refused_or_closed(&mut wire, &[400, 408], "half a body");
    until_served(&demo);
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    ours_only!();
    for name in ["polling", "longpoll", "sse"] {
        let demo = start_with(name, &["--head-timeout", "1"]);
        let mut wire = demo.connect();
        refused_or_closed(&mut wire, &[408], "a connection that says nothing");
        until_served(&demo);
    }
}

#[test]
fn a_request_that_waits_for_its_answer_is_not_silent() {
    ours_only!();
    let demo = start_with("longpoll", &["--head-timeout", "4"]);
    let last = demo.say("before").id;
    let mut waiting = demo.get(&format!("/wait?after={last}&beat=60"));
    assert!(waiting.is_silent_for(Duration::from_secs(5)), "the limit is for what comes from the browser");
    demo.say("now");
    assert_eq!(waiting.status(), 200);
}

// ---- Where ----

#[test]
fn an_unknown_path_is_404_and_a_wrong_method_405_with_the_right_ones() {
    ours_only!();
    for demo in demos() {
        let mut wire = demo.connect();
        wire.get("/nowhere");
        assert_eq!(wire.answer().0.status, 404);
        wire.get("/say");
        let (head, _) = wire.answer();
        assert_eq!((head.status, head.field("Allow")), (405, Some("POST")), "GET /say");
        wire.post("/", &[], "");
        let (head, _) = wire.answer();
        assert_eq!((head.status, head.field("Allow")), (405, Some("GET, HEAD")), "POST /");
        demo.lives_on();
    }
}

#[test]
fn the_bench_knows_its_paths_and_words() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    assert_eq!(bench.get("/nowhere.js").0.status, 404);
    assert_eq!(bench.get("/../Cargo.toml").0.status, 404);
    assert_eq!(bench.get("/%2e%2e/Cargo.toml").0.status, 404);
    assert_eq!(bench.post("/feed", "").0.status, 405);
    let (head, why) = bench.post("/cable", "explode");
    assert_eq!(head.status, 400);
    assert!(why.contains("repair"), "the answer should list the words that there are: {why:?}");
    assert_eq!(bench.post("/cable?connection=999999", "cut").0.status, 404);
    assert_eq!(bench.post("/cable?connection=first", "cut").0.status, 400);
    for order in ["", "delay", "delay never", "delay -1", "drip 1e9", "cut cut"] {
        let status = bench.post("/cable", order).0.status;
        assert!(matches!(status, 200 | 400), "{order:?} was answered {status}");
        bench.cable("repair");
    }
    demo.lives_on();
}

// ---- How many ----

#[test]
fn one_connection_too_many_is_told_to_come_back() {
    ours_only!();
    for name in ["polling", "longpoll", "sse"] {
        let demo = start_with(name, &["--max-connections", "3"]);
        let mut served: Vec<_> = (0..3).map(|_| demo.get("/nowhere")).collect();
        for wire in &mut served {
            assert_eq!(wire.answer().0.status, 404, "the first three are served");
        }
        let mut fourth = demo.get("/nowhere");
        let head = refused(&mut fourth, 503, "the fourth connection of three");
        let seconds = head.field("Retry-After").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(seconds.is_some(), "503 should say when to come back: {head:?}");
        demo.prints("503");

        for wire in &mut served {
            wire.get("/nowhere");
            assert_eq!(wire.answer().0.status, 404, "and the three notice nothing of it");
        }
        drop(served);
        until_served(&demo);
    }
}

/// Knocks until a connection is let in again; each answer sets the pace.
fn until_served(demo: &Server) {
    let deadline = Instant::now() + tests::DEADLINE;
    loop {
        let mut wire = demo.connect();
        let asked = wire.try_send(format!("GET /nowhere HTTP/1.1\r\nHost: {}\r\n\r\n", demo.host()));
        if asked.is_ok() && !wire.gone_before_a_byte() && wire.status() == 404 {
            return;
        }
        assert!(Instant::now() < deadline, "the server has free places and lets nobody in");
    }
}

#[test]
fn ten_thousand_connections_opened_and_dropped_leave_nothing_behind() {
    ours_only!();
    let demo = start_with("longpoll", &["--quiet"]);
    demo.lives_on();
    let (threads, memory) = usage(&demo);
    for n in 0..10_000 {
        let Ok(mut wire) = Wire::try_connect(demo.host()) else { panic!("connection {n} was not accepted") };
        match n % 4 {
            0 => {}
            1 => drop(wire.try_send("GET /wait?after=")),
            2 => drop(wire.try_send(format!("GET /wait?after=0 HTTP/1.1\r\nHost: {}\r\n\r\n", demo.host()))),
            _ => wire.reset(),
        }
    }
    until_served(&demo);
    // Idle threads end by themselves after a while: wait for it, asking.
    let deadline = Instant::now() + 3 * tests::DEADLINE;
    let mut wire = demo.connect();
    loop {
        let (threads_now, memory_now) = usage(&demo);
        if threads_now <= threads + 20 {
            let grown = memory_now.saturating_sub(memory);
            assert!(grown < 48 * 1024, "10,000 connections left {grown} KiB behind");
            return;
        }
        assert!(Instant::now() < deadline, "{threads} threads before, {threads_now} long after");
        wire.get("/waiting");
        wire.answer();
        assert!(wire.is_silent_for(A_WHILE));
    }
}

/// Threads and resident memory (KiB) of the demo's process, where the system tells (Linux); zeros elsewhere.
fn usage(demo: &Server) -> (u64, u64) {
    let status = demo.process().and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok());
    let number = |name: &str| {
        let line = status.as_deref()?.lines().find(|line| line.starts_with(name))?;
        line.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    (number("Threads:").unwrap_or(0), number("VmRSS:").unwrap_or(0))
}

#[cfg(unix)]
#[test]
fn when_no_more_files_can_be_opened_the_server_waits_and_goes_on() {
    ours_only!();
    for name in ["longpoll", "sse"] {
        let demo = Setup::new(name).open_files(120).start();
        demo.lives_on();
        let mut crowd: Vec<Wire> = Vec::new();
        for _ in 0..300 {
            let Ok(mut wire) = Wire::try_connect(demo.host()) else { break };
            let _ = wire.try_send(format!("GET /nowhere HTTP/1.1\r\nHost: {}\r\n\r\n", demo.host()));
            crowd.push(wire);
        }
        assert!(crowd.len() > 50, "the crowd did not get to the door");
        drop(crowd);
        until_served(&demo);
        demo.lives_on();
        demo.bench().state();
    }
}

#[test]
fn a_client_may_end_its_side_and_still_hear_the_answer() {
    ours_only!();
    let demo = start("longpoll");
    let last = demo.say("before").id;
    let mut waiting = demo.get(&format!("/wait?after={last}"));
    waiting.finish();
    assert!(waiting.is_silent_for(A_WHILE), "a half-close is no good-bye (RFC 9293, 3.6)");
    demo.say("still there?");
    assert!(waiting.answer().1.contains("still there?"));
    assert_eq!(waiting.end(), End::Fin);
}

// ---- What it costs ----

#[test]
fn the_bench_makes_nobody_wait() {
    ours_only!();
    let (with, without) = (start_with("longpoll", &["--quiet"]), start_with("longpoll", &["--quiet", "--no-bench"]));
    let [new, kept, bare] = quick(&with, &without);
    // 40 ms are what TCP makes a small second write wait for the acknowledgement of the first. A slow machine takes its time
    // without the bench, too.
    let most = Duration::from_millis(25) + 2 * bare;
    assert!(new < most, "a message on a new connection took {new:?}; {bare:?} without the bench");
    assert!(kept < most, "a message on a connection that was kept took {kept:?}; {bare:?} without the bench");
}

/// How long a message takes with the bench on a new connection, on one that was kept, and on one that was kept without the
/// bench. They take turns: what slows the machine slows all three. Of fifty, the thirteenth: on a busy machine the slower ones
/// tell of the machine.
fn quick(with: &Server, without: &Server) -> [Duration; 3] {
    for demo in [with, without] {
        demo.say("the first takes its time to start threads");
    }
    let timed = |say: &mut dyn FnMut()| {
        let began = Instant::now();
        say();
        began.elapsed()
    };
    let [mut kept, mut bare] = [with, without].map(Server::connect);
    let say = |wire: &mut Wire, text: &str| {
        wire.post("/say", &[], text);
        assert_eq!(wire.answer().0.status, 201);
    };
    let mut took = [const { Vec::new() }; 3];
    for n in 0..50 {
        let text = format!("{n} {}", "x".repeat(900));
        took[0].push(timed(&mut || drop(with.say(&text))));
        took[1].push(timed(&mut || say(&mut kept, &text)));
        took[2].push(timed(&mut || say(&mut bare, &text)));
    }
    took.map(|mut took| {
        took.sort();
        took[12]
    })
}

#[test]
fn requests_sent_ahead_take_no_thread_each() {
    ours_only!();
    let demo = start_with("longpoll", &["--quiet"]);
    let last = demo.say("before").id;
    let (before, _) = usage(&demo);
    let mut greedy = demo.connect();
    for _ in 0..500 {
        let asked =
            greedy.try_send(format!("GET /wait?after={last}&hold=30 HTTP/1.1\r\nHost: {}\r\n\r\n", demo.host()));
        if asked.is_err() {
            break;
        }
    }
    assert!(greedy.is_silent_for(A_WHILE));
    let (now, _) = usage(&demo);
    assert!(now < before + 50, "500 requests on one connection started {} threads", now - before);
    demo.say("now");
    for _ in 0..500 {
        assert_eq!(greedy.status(), 200);
        greedy.text();
    }
}

#[test]
fn a_hundred_connections_at_once_are_all_served() {
    ours_only!();
    for args in [&["--quiet"][..], &["--quiet", "--no-bench"]] {
        let demo = start_with("longpoll", args);
        let last = demo.say("before").id;
        let mut crowd: Vec<_> = (0..100).map(|_| demo.get(&format!("/wait?after={last}&hold=30"))).collect();
        let said = demo.say("to all of you");
        for (n, one) in crowd.iter_mut().enumerate() {
            let (_, news) = one.answer();
            assert_eq!(Message::list(&news), [said.clone()], "{args:?}: client {n} of 100 was forgotten");
        }
    }
}
