//! The proxy's promises: what it reads in one way only, how long it waits, what it keeps, and what its cable does.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bench::{Options, Running, Timeouts};
use demo::{Demo, File, Page, Site, Speaks};
use room::Room;
use tests::{A_WHILE, Bench, DEADLINE, End, Message, Server, Wire, start, start_with, until};

macro_rules! ours_only {
    () => {
        tests::needs_our_server!("our proxy")
    };
}

/// A demo of a few lines, for what the proxy does to any of them.
const fn demo(speaks: Speaks, serve: demo::Serve) -> Demo {
    let html = File { path: "", built_in: "" };
    let page = Page { html, assets: &[], policy: &[] };
    let title = "A server for tests";
    Demo { name: "test", port: 0, title, promise: "", first: "", page, speaks, serve, side_servers: &[] }
}

/// Sends back what it gets. A RST is said to the room.
static ECHO: Demo = demo(Speaks::Upgrades, |listener, room, _| each(&listener, &room, echo));

/// Answers a request with its head, as it came.
static MIRROR: Demo = demo(Speaks::Upgrades, |listener, room, _| each(&listener, &room, mirror));

/// Sends 8 MiB and a FIN to whoever connects.
static FLOOD: Demo = demo(Speaks::Upgrades, |listener, room, _| each(&listener, &room, flood));

fn each(listener: &TcpListener, room: &Arc<Room>, serve: fn(TcpStream, &Room)) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        let room = room.clone();
        thread::spawn(move || serve(stream, &room));
    }
}

fn echo(mut stream: TcpStream, room: &Room) {
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => drop(stream.write_all(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return drop(room.say("a RST came")),
            Err(_) => return,
        }
    }
}

fn mirror(mut stream: TcpStream, _: &Room) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
        head.push(byte[0]);
    }
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len());
    let _ = stream.write_all(&head);
    let _ = stream.read(&mut byte);
}

fn flood(mut stream: TcpStream, _: &Room) {
    let _ = stream.write_all(&vec![b'x'; 8 * 1024 * 1024]);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0]);
}

fn run(demo: &'static Demo, change: impl FnOnce(&mut Options)) -> (Running, Bench) {
    let mut options = Options { quiet: true, ..Options::new(0) };
    change(&mut options);
    let running = Running::start(demo, Arc::new(Room::new(options.capacity)), &options).expect("free ports");
    let bench = Bench::at(&format!("http://{}", running.bench_address));
    (running, bench)
}

fn connect(running: &Running) -> Wire {
    Wire::connect(&running.address.to_string())
}

// ---- One reading of a request ----

fn post(demo: &Server, fields: &str, body: &str) -> Wire {
    demo.send(format!("POST /say HTTP/1.1\r\nHost: {}\r\n{fields}\r\n{body}", demo.host()))
}

#[test]
fn a_request_that_two_parsers_could_read_differently_is_refused_once_and_not_carried_out() {
    ours_only!();
    let demo = start("longpoll");
    let last = demo.say("before").id;
    let hidden = format!("POST /say HTTP/1.1\r\nHost: {}\r\nContent-Length: 8\r\n\r\nsmuggled", demo.host());
    let size = format!("{:x}", hidden.len());
    let length = hidden.len();
    let chunked = "Transfer-Encoding: chunked\r\n".to_string();
    let forms = [
        (format!("Content-Length: {length}, {length}\r\n"), hidden.clone()),
        (format!("Content-Length: {length},{length}\r\n"), hidden.clone()),
        (format!("Content-Length: {length}\u{b},{length}\r\n"), hidden.clone()),
        (format!("Content-Length: {length}\u{85}\r\n"), hidden.clone()),
        (format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), hidden.clone()),
        (format!("Content-Length: 4\r\n{chunked}"), format!("{size}\r\n{hidden}\r\n0\r\n\r\n")),
        (chunked.clone(), format!("0;\n\r\n\r\n{hidden}")),
        (chunked.clone(), format!("5;a\rb\r\nhello\r\n0\r\n\r\n{hidden}")),
        (chunked.clone(), format!("0\r\n{hidden}\r\n\r\n")),
        (chunked.clone(), "5;\r\nhello\r\n0\r\n\r\n".to_string()),
        (chunked.clone(), "5;bad[=x\r\nhello\r\n0\r\n\r\n".to_string()),
        (chunked.clone(), "5 \r\nhello\r\n0\r\n\r\n".to_string()),
        (chunked.clone(), " 5\r\nhello\r\n0\r\n\r\n".to_string()),
        (chunked.clone(), "5;\0ext\r\nhello\r\n0\r\n\r\n".to_string()),
        (chunked.clone(), "0\r\nGET /smuggled HTTP/1.1\r\n\r\n".to_string()),
        ("X-Bell: \u{7}\r\nContent-Length: 5\r\n".to_string(), "hello".to_string()),
        (format!("Origin: {0}\r\nOrigin: {0}\r\nContent-Length: 5\r\n", demo.url()), "hello".to_string()),
    ];
    for (fields, body) in forms {
        let mut wire = post(&demo, &fields, &body);
        assert_eq!(wire.answer().0.status, 400, "{fields:?} {body:?}");
        assert_eq!(wire.rest(), b"", "{fields:?} {body:?} was answered twice");
    }
    assert_eq!(demo.say("after").id, last + 1, "something was said that stood inside another request");
}

#[test]
fn what_is_unusual_and_right_is_answered_once_and_the_connection_goes_on() {
    ours_only!();
    let demo = start("longpoll");
    let (host, url) = (demo.host(), demo.url());
    let chunks = "2\r\nhe\r\n3;name=\"a value\"\r\nllo\r\n0\r\nT: 1\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n";
    for (request, status) in [
        (format!("POST /say HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n{chunks}"), 201),
        (format!("POST /say HTTP/1.1\r\nHost: {host}\r\n{upgrade}Content-Length: 5\r\n\r\nhello"), 201),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n{chunks}"), 200),
        (format!("GET /nowhere HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n{chunks}"), 404),
        (format!("GET {url}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 200),
        (format!("\r\nGET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 200),
    ] {
        let mut wire = demo.send(&request);
        assert_eq!(wire.answer().0.status, status, "{request:?}");
        wire.get("/nowhere");
        assert_eq!(wire.answer().0.status, 404, "what followed {request:?}");
    }
    let mut wire = demo.send(format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(wire.status(), 204);
    let mut wire = demo.send(format!("GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(wire.status(), 421, "the target names the host (RFC 9112, 3.2.2)");
}

#[test]
fn a_body_that_was_cut_off_is_refused_and_its_retry_is_the_message() {
    ours_only!();
    let demo = start("longpoll");
    for (n, (fields, body)) in [
        ("Content-Length: 14\r\n", "pay 1".to_string()),
        ("Content-Length: 2000\r\n", "x".repeat(1_400)),
        ("Transfer-Encoding: chunked\r\n", "e\r\npay 1".to_string()),
        ("Transfer-Encoding: chunked\r\n", "5\r\npay 1\r\n".to_string()),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("Idempotency-Key: {n}\r\n");
        let mut wire = post(&demo, &format!("{fields}{key}"), &body);
        wire.finish();
        assert_eq!(wire.answer().0.status, 400, "{fields:?} {body:?}");
        let mut again = post(&demo, &format!("Content-Length: 14\r\n{key}"), "pay 1000 euros");
        assert_eq!(Message::read(&again.answer().1).text, "pay 1000 euros");
    }
}

#[test]
fn an_expectation_is_met_at_the_door_and_unknown_to_http_1_0() {
    ours_only!();
    let demo = start("polling");
    let ask = |version| {
        let head = format!("Host: {}\r\nExpect: 100-continue\r\nContent-Length: 5", demo.host());
        demo.send(format!("POST /say HTTP/{version}\r\n{head}\r\n\r\n"))
    };
    let mut wire = ask("1.1");
    assert_eq!(wire.any_head().status, 100);
    wire.send("hello");
    assert_eq!(wire.any_head().status, 201);
    let mut wire = ask("1.0");
    assert!(wire.is_silent_for(A_WHILE), "HTTP/1.0 knows no 100 (RFC 9110, 10.1.1)");
    wire.send("hello");
    assert!(wire.any_head_as_sent().starts_with(b"HTTP/1.0 201 "));
}

#[test]
fn a_page_of_another_site_may_link_here_and_load_nothing() {
    ours_only!();
    let demo = start("polling");
    let status = |path: &str, fields: &[(&str, &str)]| {
        let mut wire = demo.connect();
        wire.get_with(path, &[&[("Sec-Fetch-Site", "cross-site")], fields].concat());
        wire.status()
    };
    assert_eq!(status("/messages?after=0", &[("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]), 403);
    assert_eq!(status("/", &[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")]), 403);
    assert_eq!(status("/", &[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]), 200);
    let mut wire = demo.bench().connect();
    wire.get_with("/style.css", &[("Sec-Fetch-Site", "cross-site")]);
    assert_eq!(wire.status(), 403);
    let mut wire = demo.bench().connect();
    wire.get_with("/style.css", &[("Sec-Fetch-Site", "same-site")]);
    assert_eq!(wire.status(), 200, "the demo's page is of the same site");
}

// ---- What unfinished requests may take ----

#[test]
fn requests_that_begin_and_do_not_end_hold_up_no_other() {
    ours_only!();
    let demo = start_with("longpoll", &["--quiet", "--head-timeout", "300", "--body-timeout", "300"]);
    demo.lives_on();
    let begun: Vec<Wire> = (0..800).map(|_| post(&demo, "Content-Length: 500\r\n", "x")).collect();
    let asked = Instant::now();
    for _ in 0..100 {
        assert_eq!(demo.get("/nowhere").status(), 404);
    }
    // One after the other they would wait for 50 ms each: 40 s.
    assert!(asked.elapsed() < Duration::from_secs(30), "a hundred others took {:?}", asked.elapsed());
    assert_eq!(begun.len(), 800);
}

/// Says to the room that a connection came, and answers its request with the head.
static COUNTS: Demo = demo(Speaks::Http, |listener, room, site| {
    loop {
        let (stream, peer) = listener.accept()?;
        let (room, site) = (room.clone(), site.clone());
        let _ = room.say("a connection came");
        thread::spawn(move || {
            mirror(stream, &room);
            site.request_came.iter().for_each(|came| came(peer));
        });
    }
});

#[test]
fn a_request_that_is_not_whole_takes_no_connection_to_the_demo() {
    ours_only!();
    let (running, bench) = run(&COUNTS, |_| {});
    let begin = |_| {
        let mut wire = connect(&running);
        wire.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhell");
        wire
    };
    let begun: Vec<Wire> = (0..40).map(begin).collect();
    let mut wire = connect(&running);
    wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(wire.status(), 200);
    let came = bench.counters()["messages"].as_u64().expect("a number");
    // A demo that is slow to take a request is knocked at, which is a connection, too.
    assert!((1..20).contains(&came), "{came} connections came to the demo for one request");
    assert_eq!(begun.len(), 40);
}

#[test]
fn unfinished_requests_have_a_bound_in_memory_that_a_short_message_does_not_feel() {
    ours_only!();
    let demo = start_with("longpoll", &["--quiet", "--body-timeout", "300", "--head-timeout", "300"]);
    demo.lives_on();
    let Some(before) = demo.memory() else { return tests::skipped("this system does not tell a process's memory") };
    let body = "x".repeat(60_000);
    let begun: Vec<Wire> = (0..600).map(|_| post(&demo, "Content-Length: 65536\r\n", &body)).collect();
    demo.lives_on();
    let after = demo.memory().unwrap_or_default();
    assert!(after < before + 24 * 1024, "36 MB of unfinished requests took {} KiB", after - before);
    assert_eq!(begun.len(), 600);
}

// ---- Every place comes back ----

/// Fills both places of this server with connections made by `taken`, keeps them busy with `trickle`, and waits until a
/// third client is served.
fn places_come_back(options: &[&str], taken: impl Fn(&Server) -> Wire, trickle: &str) {
    let short = ["--quiet", "--max-connections", "2", "--head-timeout", "1", "--body-timeout", "1"];
    let short = [&short[..], &["--idle-timeout", "1", "--stall-timeout", "1"], options].concat();
    let demo = start_with("polling", &short);
    let mut busy = [taken(&demo), taken(&demo)];
    let began = Instant::now();
    loop {
        let mut wire = demo.connect();
        let asked = wire.try_send(format!("GET /nowhere HTTP/1.1\r\nHost: {}\r\n\r\n", demo.host()));
        if asked.is_ok() && !wire.gone_before_a_byte() && wire.status() == 404 {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "both places were still taken after {:?}", began.elapsed());
        for wire in &mut busy {
            let _ = wire.try_send(trickle);
        }
        busy[0].is_silent_for(Duration::from_millis(50)); // the pace of the slow clients, not a wait for anything
    }
}

#[test]
fn a_client_that_sends_nothing_gives_its_place_back() {
    ours_only!();
    places_come_back(&[], Server::connect, "");
}

#[test]
fn a_client_that_sends_empty_lines_gives_its_place_back() {
    ours_only!();
    places_come_back(&[], |demo| demo.send("\r\n"), "");
    places_come_back(&[], Server::connect, "\r\n");
}

#[test]
fn a_client_whose_head_drips_in_gives_its_place_back() {
    ours_only!();
    places_come_back(&[], |demo| demo.send("G"), "E");
}

#[test]
fn a_client_whose_second_head_drips_in_gives_its_place_back() {
    ours_only!();
    let asked = |demo: &Server| {
        let mut wire = demo.get("/nowhere");
        assert_eq!(wire.answer().0.status, 404);
        wire.send("G");
        wire
    };
    places_come_back(&["--head-timeout", "4", "--idle-timeout", "300"], asked, "E");
}

#[test]
fn a_client_whose_body_stops_gives_its_place_back() {
    ours_only!();
    places_come_back(&["--body-timeout", "300"], |demo| post(demo, "Content-Length: 60000\r\n", "x"), "");
}

#[test]
fn a_client_whose_body_drips_in_gives_its_place_back() {
    ours_only!();
    places_come_back(&[], |demo| post(demo, "Content-Length: 60000\r\n", "x"), "x");
}

#[test]
fn a_client_that_asks_no_more_gives_its_place_back() {
    ours_only!();
    let asked = |demo: &Server| {
        let mut wire = demo.get("/nowhere");
        assert_eq!(wire.answer().0.status, 404);
        wire
    };
    places_come_back(&["--head-timeout", "4"], asked, "");
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_gives_its_place_back() {
    ours_only!();
    let timeouts = Timeouts { stall: Duration::from_millis(300), ..Timeouts::default() };
    let (running, bench) = run(&FLOOD, |options| options.timeouts = timeouts);
    let mut wire = connect(&running);
    until("the connection is over", || bench.counters()["opened"] == 1 && bench.counters()["open"] == 0);
    assert_eq!(wire.end(), End::Reset);
}

/// Fills both places of the bench port, and waits until a third client is served.
fn places_of_the_bench_come_back(taken: impl Fn(&Bench) -> Wire) {
    let second = Duration::from_secs(1);
    let (_running, bench) = run(&ECHO, |options| {
        options.max_connections = 2;
        options.timeouts = Timeouts { head: second, body: second, idle: second, stall: second };
    });
    let busy = [taken(&bench), taken(&bench)];
    until("the bench has a place", || {
        let mut wire = bench.connect();
        let asked = wire.try_get("/counters", &[]);
        asked.is_ok() && !wire.gone_before_a_byte() && wire.status() == 200
    });
    drop(busy);
}

#[test]
fn a_client_of_the_bench_port_that_asks_nothing_or_no_more_gives_its_place_back() {
    ours_only!();
    places_of_the_bench_come_back(Bench::connect);
    places_of_the_bench_come_back(|bench| {
        let mut wire = bench.connect();
        wire.get("/counters");
        assert_eq!(wire.answer().0.status, 200);
        wire
    });
}

#[test]
fn a_client_of_the_bench_port_that_takes_nothing_of_its_answers_gives_its_place_back() {
    ours_only!();
    places_of_the_bench_come_back(|bench| {
        let mut wire = bench.connect();
        // Some 15 MB of answers: more than the sockets hold. It takes no more questions then.
        for _ in 0..1_500 {
            if wire.try_get("/wire-view.js", &[]).is_err() {
                break;
            }
        }
        wire
    });
}

#[test]
fn the_first_byte_has_a_limit_where_the_demo_reads_requests_itself() {
    ours_only!();
    let timeouts = Timeouts { head: Duration::from_secs(4), ..Timeouts::default() };
    let (running, _bench) = run(&ECHO, |options| options.timeouts = timeouts);
    let mut silent = connect(&running);
    let mut heard = connect(&running);
    heard.send("x");
    assert_eq!(silent.end(), End::Fin);
    heard.send("y");
    assert_eq!(heard.exactly(2), b"xy", "after the first byte, silence is the demo's own affair");
}

#[test]
fn a_slow_reader_gets_all_of_the_answer_and_its_end() {
    ours_only!();
    let (running, bench) = run(&FLOOD, |_| {});
    let mut wire = connect(&running);
    wire.send("x");
    let mut left = 8 * 1024 * 1024;
    // It reads no more than the demo needs to come to the end.
    while bench.counters()["down"] != 8 * 1024 * 1024 {
        left -= wire.exactly(64 * 1024).len();
    }
    assert!(left > 0, "the reader was not slow");
    assert_eq!(wire.exactly(left).len(), left);
    assert_eq!(wire.end(), End::Fin);
    assert_eq!(wire.unread(), b"");
}

/// Reads one byte, answers and closes.
static FAREWELL: Demo = demo(Speaks::Upgrades, |listener, room, _| {
    each(&listener, &room, |mut stream, _| {
        let _ = stream.read_exact(&mut [0]);
        let _ = stream.write_all(b"farewell");
    })
});

#[test]
fn what_waits_in_the_cable_arrives_although_the_demo_has_closed() {
    ours_only!();
    let (running, bench) = run(&FAREWELL, |_| {});
    let mut wire = connect(&running);
    bench.cable("delay 300");
    wire.send("x");
    assert_eq!(wire.exactly(8), b"farewell");
    assert_eq!(wire.end(), End::Fin);
}

/// Reads one byte and closes.
static CURT: Demo = demo(Speaks::Upgrades, |listener, room, _| {
    each(&listener, &room, |mut stream, _| drop(stream.read_exact(&mut [0])))
});

#[test]
fn a_client_that_sends_to_a_demo_that_has_closed_gets_a_rst() {
    ours_only!();
    let (running, _bench) = run(&CURT, |_| {});
    let mut wire = connect(&running);
    let began = Instant::now();
    let refused = loop {
        assert!(began.elapsed() < DEADLINE, "the client sends on to a demo that has closed");
        if let Err(error) = wire.try_send([b'x'; 4096]) {
            break error.kind();
        }
    };
    assert!(matches!(refused, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{refused:?}");
}

/// Reads one byte and tears its connection down.
static RESETS: Demo = demo(Speaks::Upgrades, |listener, room, _| {
    each(&listener, &room, |mut stream, _| {
        let _ = stream.read_exact(&mut [0]);
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    })
});

#[test]
fn a_rst_of_the_demo_reaches_the_client_as_a_rst() {
    ours_only!();
    let (running, _bench) = run(&RESETS, |_| {});
    let mut wire = connect(&running);
    wire.send("x");
    assert_eq!(wire.end(), End::Reset);
}

/// Reads one byte and panics, without a word on the terminal.
static PANIC: Demo = demo(Speaks::Upgrades, |listener, room, _| {
    each(&listener, &room, |mut stream, _| {
        drop(stream.read_exact(&mut [0]));
        std::panic::resume_unwind(Box::new("on purpose"));
    })
});

#[test]
fn a_panic_in_the_thread_of_a_connection_leaves_nothing_behind_in_the_cable() {
    ours_only!();
    let (running, bench) = run(&PANIC, |_| {});
    for _ in 0..5 {
        let mut wire = connect(&running);
        wire.send("x");
        wire.end();
        drop(wire);
        until("the connection is out of the cable", || {
            bench.state()["connections"].as_array().is_some_and(Vec::is_empty)
        });
    }
    until("every place is free", || bench.counters()["open"] == 0);
}

#[test]
fn a_flood_of_refusals_is_no_flood_of_lines() {
    ours_only!();
    let demo = start_with("polling", &["--quiet", "--max-connections", "1"]);
    let mut one = demo.get("/nowhere");
    assert_eq!(one.answer().0.status, 404);
    let began = Instant::now();
    for _ in 0..300 {
        let mut wire = demo.get("/nowhere");
        let (head, _) = wire.answer();
        assert_eq!((head.status, head.field("Retry-After")), (503, Some("5")));
    }
    demo.prints("503");
    let lines = demo.output().lines().filter(|line| line.contains("503")).count();
    let seconds = began.elapsed().as_secs() as usize + 2; // begun ones, each with ten lines at most
    assert!(lines <= 10 * seconds, "300 refusals made {lines} lines in {seconds} s");
}

// ---- The cable ----

#[test]
fn a_repair_reaches_the_bytes_that_wait_already() {
    ours_only!();
    for order in ["delay 60000", "drip 60000", "cut"] {
        let (running, bench) = run(&ECHO, |_| {});
        let mut wire = connect(&running);
        wire.send("a");
        assert_eq!(wire.exactly(1), b"a");
        bench.cable(order);
        wire.send("bcd");
        let dripped = if order.starts_with("drip") { 1 } else { 0 }; // the first byte waits for none before it
        assert_eq!(wire.exactly(dripped), b"bcd"[..dripped]);
        assert!(wire.is_silent_for(A_WHILE), "{order}");
        let repaired = Instant::now();
        bench.cable("repair");
        assert_eq!(wire.exactly(3 - dripped), b"bcd"[dripped..]);
        assert!(repaired.elapsed() < Duration::from_secs(30), "{order}: {:?}", repaired.elapsed());
    }
}

#[test]
fn a_garbled_letter_arrives_as_another_and_the_tap_shows_what_was_sent() {
    ours_only!();
    let (running, bench) = run(&ECHO, |_| {});
    let mut feed = bench.feed();
    let mut wire = connect(&running);
    wire.send("{\"text\":\"hello\"}");
    assert_eq!(wire.exactly(16), b"{\"text\":\"hello\"}");
    bench.cable("garble");
    wire.send("{\"text\":\"hello\",\"at\":1}");
    feed.row(|row| row.text("kind") == "garbled" && row.text("dir") == "up");
    feed.row(|row| row.text("kind") == "garbled" && row.text("dir") == "down");
    assert_eq!(
        wire.exactly(23),
        b"{\"text\":\"hello\",\"at\":1}",
        "garbled on its way there, and once more on its way back"
    );
    wire.finish();
    let row = feed.row(|row| row.text("dir") == "down" && row.number("size") > 16);
    let down = String::from_utf8_lossy(&row.bytes()).to_string();
    assert!(down.contains("helln"), "the server got another letter, and sent that: {down}");
}

#[test]
fn a_garbled_message_is_told_to_the_others_as_it_arrived() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    bench.cable("garble");
    let mut wire = demo.connect();
    wire.post("/say", &[], "hello");
    assert_eq!(Message::read(&wire.answer().1).text, "hello", "garbled twice: there and back");
    bench.cable("repair");
    let (_, news) = demo.get("/wait?after=0").answer();
    assert_eq!(Message::list(&news)[0].text, "helln", "the room has what arrived");
}

#[test]
fn an_old_proxy_passes_a_request_without_its_upgrade() {
    ours_only!();
    let (running, bench) = run(&MIRROR, |_| {});
    let asked = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n";
    let seen = |pieces: &[&str]| {
        let mut wire = connect(&running);
        for piece in pieces {
            wire.send(piece);
            wire.is_silent_for(Duration::from_millis(20));
        }
        wire.answer().1
    };
    assert_eq!(seen(&[asked]), asked);
    bench.cable("no-upgrade");
    assert_eq!(bench.state()["cable"], "no-upgrade");
    let without = "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(seen(&[asked]), without);
    assert_eq!(seen(&asked.split_inclusive("\r\n").collect::<Vec<_>>()), without);
}

#[test]
fn a_silent_connection_is_reset_both_ways_when_the_cable_has_an_idle_limit() {
    ours_only!();
    let (running, bench) = run(&ECHO, |_| {});
    let mut wire = connect(&running);
    let sent = Instant::now();
    wire.send("x");
    assert_eq!(wire.exactly(1), b"x");
    bench.cable("idle 0.5");
    assert_eq!(wire.end(), End::Reset);
    assert!(sent.elapsed() >= Duration::from_millis(500), "too early: {:?}", sent.elapsed());
    until("the server says to the room that a RST came", || bench.counters()["messages"] == 1);
}

#[test]
fn a_connection_that_is_used_outlives_an_idle_limit() {
    ours_only!();
    let (running, bench) = run(&ECHO, |_| {});
    let mut wire = connect(&running);
    bench.cable("idle 4");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        wire.send("x");
        assert_eq!(wire.exactly(1), b"x");
        assert!(wire.is_silent_for(Duration::from_millis(100)));
    }
}

#[test]
fn a_forgotten_connection_loses_every_byte_without_a_word_and_is_not_repaired() {
    ours_only!();
    let (running, bench) = run(&ECHO, |_| {});
    let mut wire = connect(&running);
    wire.send("x");
    assert_eq!(wire.exactly(1), b"x");
    bench.cable("forget 0.3");
    assert!(wire.is_silent_for(Duration::from_secs(1)), "nothing tells that the connection was forgotten");
    wire.send("lost");
    assert!(wire.is_silent_for(A_WHILE));
    bench.cable("repair");
    wire.send("lost, too");
    assert!(wire.is_silent_for(A_WHILE), "a repair does not bring back what a NAT has forgotten");
    let mut new = connect(&running);
    new.send("y");
    assert_eq!(new.exactly(1), b"y", "a new connection is whole");
    bench.cable_of(1, "reset");
    assert_eq!(wire.end(), End::Reset);
}

#[test]
fn a_delay_is_what_it_says_to_a_few_milliseconds() {
    ours_only!();
    let (running, bench) = run(&ECHO, |_| {});
    let mut wire = connect(&running);
    wire.send("x");
    wire.exactly(1);
    let quickest = |wire: &mut Wire| {
        let ask = |_| {
            let sent = Instant::now();
            wire.send("x");
            wire.exactly(1);
            sent.elapsed()
        };
        (0..50).map(ask).min().unwrap_or_default()
    };
    let whole = quickest(&mut wire);
    bench.cable("delay 20");
    let least = quickest(&mut wire);
    assert!(least >= Duration::from_millis(40), "20 ms each way took {least:?}");
    // A slow machine takes its time without a delay, too.
    let most = Duration::from_millis(48) + 4 * whole;
    assert!(least < most, "20 ms each way took {least:?} and longer, and no delay {whole:?}");
}

// ---- The bench port, a class, a process ----

#[test]
fn a_class_of_thirty_laptops_with_three_tabs_each_is_served() {
    ours_only!();
    let demo = start_with("longpoll", &["--quiet", "--host", "0.0.0.0"]);
    let bench = demo.bench();
    for _ in 0..2 {
        let feeds: Vec<_> = (0..90).map(|_| bench.feed()).collect();
        let mut files: Vec<Wire> = (0..210).map(|_| bench.connect()).collect();
        for wire in &mut files {
            wire.get("/wire-view.js");
        }
        for wire in &mut files {
            let (head, text) = wire.answer();
            assert_eq!((head.status, text.is_empty()), (200, false));
        }
        assert_eq!(feeds.len(), 90);
        let last = demo.say("before").id;
        let mut tabs: Vec<Wire> = (0..90).map(|_| demo.get(&format!("/wait?after={last}&hold=60"))).collect();
        let said = demo.say("to the class");
        for tab in &mut tabs {
            assert_eq!(Message::list(&tab.answer().1), [said.clone()]);
        }
    }
}

#[test]
fn the_bench_port_answers_as_http_wants_it() {
    ours_only!();
    let demo = start("longpoll");
    let bench = demo.bench();
    let mut wire = bench.connect();
    wire.send(format!("HEAD /style.css HTTP/1.1\r\nHost: {}\r\n\r\n", bench.host()));
    let head = wire.any_head();
    assert_eq!((head.status, head.field("X-Content-Type-Options")), (200, Some("nosniff")));
    assert!(head.field("Date").is_some() && head.field("Content-Length").is_some_and(|length| length != "0"));
    wire.post("/feed", &[], "");
    let (head, _) = wire.answer();
    assert_eq!((head.status, head.field("Allow")), (405, Some("GET, HEAD")), "the HEAD was answered without a body");
    wire.send(format!("OPTIONS * HTTP/1.1\r\nHost: {}\r\n\r\n", bench.host()));
    assert_eq!(wire.status(), 204);
}

#[test]
fn two_demos_in_one_process_know_nothing_of_each_other() {
    ours_only!();
    let ((one, bench), (other, other_bench)) = (run(&ECHO, |_| {}), run(&MIRROR, |_| {}));
    let mut wire = connect(&one);
    bench.cable("cut");
    wire.send("x");
    assert!(wire.is_silent_for(A_WHILE));
    let mut wire = connect(&other);
    wire.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(wire.status(), 200);
    assert_eq!(other_bench.state()["cable"], "whole");
    assert_eq!((&bench.counters()["opened"], &other_bench.counters()["opened"]), (&1.into(), &1.into()));
}

#[test]
fn a_dropped_demo_lets_go_of_its_ports() {
    ours_only!();
    let (running, _bench) = run(&ECHO, |_| {});
    let (address, mut wire) = (running.address, connect(&running));
    wire.send("x");
    assert_eq!(wire.exactly(1), b"x");
    drop(running);
    wire.end();
    until("the port is free", || TcpListener::bind(address).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn the_proxy_has_the_same_threads_for_one_connection_and_for_three_hundred() {
    ours_only!();
    let demo = start_with("longpoll", &["--quiet"]);
    let threads =
        || std::fs::read_dir(format!("/proc/{}/task", demo.process().unwrap_or(0))).map_or(0, Iterator::count);
    demo.lives_on();
    let before = threads();
    let half: Vec<Wire> = (0..300).map(|_| demo.send("GET / HTTP/1.1\r\n")).collect();
    let mut feed = demo.bench().feed();
    feed.row(|row| row.number("conn") == 301);
    assert!(threads() <= before + 1, "{before} threads before, {} now", threads());
    assert_eq!(half.len(), 300);
}

#[test]
fn the_front_door_stands_before_any_server() {
    ours_only!();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let timeouts = Timeouts { head: Duration::from_secs(4), ..Timeouts::default() };
    let door = bench::FrontDoor::new(Site::new(address)).expect("a file").limits(2, timeouts);
    let mirrored = |listener: TcpListener, _: Arc<Site>| each(&listener, &Arc::new(Room::new(1)), mirror);
    let _proxy = door.serve(listener, mirrored).expect("a private port");
    let ask = |request: &str| {
        let mut wire = Wire::connect(&address.to_string());
        wire.send(request);
        wire.answer()
    };
    let (head, seen) = ask("GET http://localhost/x HTTP/1.1\r\nHost: y\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n");
    assert_eq!((head.status, seen.as_str()), (200, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").0.status, 421);
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: 127").0.status, 408);
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    until("both places are taken, and a third client is told so", || {
        let mut wires: Vec<Wire> = (0..3).map(|_| Wire::connect(&address.to_string())).collect();
        wires.iter_mut().for_each(|wire| drop(wire.try_send(request)));
        wires.iter_mut().all(|wire| !wire.gone_before_a_byte())
            && wires.iter_mut().map(Wire::status).eq([200, 200, 503])
    });
}
