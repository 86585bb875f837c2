//! What lies between page and server, and what each technique makes of it: the tables of `book/src/between.md` are the lists of
//! these tests. A table's cell says what a reader of this technique sees; the run must give the same.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;
use tests::proxies::{Config, Program, Proxy};
use tests::websocket::{PONG, TEXT, frame, handshake};
use tests::{A_WHILE, DEADLINE, End, Row, Server, Wire, life, needs_our_server, start, start_with, until, workspace};

/// A technique: a row of each table, found by the link to its chapter.
struct Way {
    demo: &'static str,
    /// What a reader asks for: all messages from the first on, and no sign of life for a minute.
    path: &'static str,
    /// The same with a sign of life every 0.2 s.
    lively: &'static str,
    /// What the server says first of all, whether there is news or not.
    begins: &'static str,
    kind: Kind,
}

/// The last chunk (RFC 9112, 7.1), a line of its own: the random boundary of `multipart` may have a 0 at its end, too.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Each question has its answer at once.
    Poll,
    /// One answer, late or without an end.
    Answer,
    WebSocket,
    /// No HTTP at all.
    Bare,
}

const WAYS: &[Way] = &[
    Way { demo: "polling", path: "/messages?after=0", lively: "", begins: "", kind: Kind::Poll },
    Way { demo: "jsonp", path: "/messages?after=0&callback=hear", lively: "", begins: "", kind: Kind::Poll },
    Way {
        demo: "longpoll",
        path: "/wait?after=0&hold=60&beat=60",
        lively: "/wait?after=0&hold=60&beat=0.2",
        begins: "",
        kind: Kind::Answer,
    },
    Way {
        demo: "iframe",
        path: "/frame?after=0&beat=60",
        lively: "/frame?after=0&beat=0.2&scripts=10000",
        begins: "parent.here",
        kind: Kind::Answer,
    },
    Way {
        demo: "multipart",
        path: "/parts?after=0&beat=60",
        lively: "/parts?after=0&beat=0.2",
        begins: "\"life\"",
        kind: Kind::Answer,
    },
    Way {
        demo: "stream",
        path: "/stream?after=0&beat=60",
        lively: "/stream?after=0&beat=0.2",
        begins: "\"life\"",
        kind: Kind::Answer,
    },
    Way {
        demo: "sse",
        path: "/events?after=0&beat=60",
        lively: "/events?after=0&beat=0.2",
        begins: "event: listeners",
        kind: Kind::Answer,
    },
    Way { demo: "frames", path: "/?after=0", lively: "", begins: "\"here\"", kind: Kind::WebSocket },
    Way {
        demo: "heartbeat",
        path: "/?after=0&every=0.2&patience=3600",
        lively: "/?after=0&every=0.2&patience=3600",
        begins: "\"here\"",
        kind: Kind::WebSocket,
    },
    Way { demo: "tcp", path: "/after 0\n", lively: "", begins: "# You are in", kind: Kind::Bare },
];

impl Way {
    /// Where the messages are: the demo, or the server beside it.
    fn place(&self, demo: &Server) -> String {
        match self.demo {
            "jsonp" => demo.beside("data"),
            "tcp" => demo.beside("room"),
            _ => demo.host().to_string(),
        }
    }

    /// The cell of this row in a table of the chapter, which is named in the table's corner.
    fn cell(&self, table: &str, column: &str) -> String {
        let path = workspace().join("book/src/between.md");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let split = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect();
        let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("| {table} |")));
        let head: Vec<String> = lines.next().map(split).unwrap_or_else(|| panic!("between.md has no table {table:?}"));
        let at = head.iter().position(|cell| cell == column);
        let at = at.unwrap_or_else(|| panic!("the table {table:?} has no column {column:?}: {head:?}"));
        let mut rows = lines.take_while(|line| line.starts_with('|'));
        let row = rows.find(|line| line.contains(&format!("({}.md)", self.demo)));
        let cells: Vec<String> = row.map(split).unwrap_or_else(|| panic!("{table:?} has no row for {}", self.demo));
        cells[at].clone()
    }
}

/// Runs a story with every technique that fits, side by side.
fn of_all(fits: impl Fn(&Way) -> bool, story: impl Fn(&'static Way) + Sync) {
    thread::scope(|scope| {
        let story = &story;
        let begin = |way: &'static Way| {
            let thread = thread::Builder::new().name(way.demo.to_string());
            (way.demo, thread.spawn_scoped(scope, move || story(way)).expect("a thread starts"))
        };
        let stories: Vec<_> = WAYS.iter().filter(|way| fits(way)).map(begin).collect();
        let ended: Vec<_> = stories.into_iter().map(|(demo, story)| (demo, story.join())).collect();
        let (failed, passed): (Vec<_>, Vec<_>) = ended.into_iter().partition(|(_, end)| end.is_err());
        let names: Vec<&str> = failed.iter().map(|(demo, _)| *demo).collect();
        assert!(failed.is_empty(), "not so with {names:?}, and so with {} others", passed.len());
    });
}

/// Somebody who reads with a technique.
struct Reader {
    way: &'static Way,
    host: String,
    wire: Wire,
}

impl Reader {
    /// Opens a connection and asks.
    fn open(way: &'static Way, host: &str) -> Reader {
        Reader::asks(way, host, way.path)
    }

    fn asks(way: &'static Way, host: &str, path: &str) -> Reader {
        let mut wire = Wire::connect(host);
        match way.kind {
            Kind::Poll => {}
            Kind::Answer => wire.get(path),
            Kind::WebSocket => wire.send(handshake(host, path)),
            Kind::Bare => wire.send(path),
        }
        Reader { way, host: host.to_string(), wire }
    }

    /// Waits until the server has begun to answer; until a held request is known to the bench.
    fn has_begun(&mut self, demo: &Server) {
        if self.way.begins.is_empty() {
            until("the bench knows the reader", || demo.bench().connection(self.wire.name()).is_some());
        } else {
            self.wire.comes(self.way.begins);
        }
    }

    /// Waits for a message; one that polls asks for it.
    fn hears(&mut self, text: &str) {
        if self.way.kind == Kind::Poll {
            self.wire = Wire::connect(&self.host);
            self.wire.get(self.way.path);
        }
        self.wire.comes(text);
    }

    /// Reads an answer to its first message, and takes the compression off. Returns whether there was one.
    fn hears_through_gzip(&mut self, text: &str) -> bool {
        let head = self.wire.head();
        assert_eq!(head.status, 200);
        let mut plain = flate2::write::GzDecoder::new(Vec::new());
        if head.field("Content-Encoding").is_none() {
            self.wire.comes(text);
            return false;
        }
        assert_eq!(head.field("Content-Encoding"), Some("gzip"));
        while !String::from_utf8_lossy(plain.get_ref()).contains(text) {
            let chunk = self.wire.chunk();
            assert!(!chunk.is_empty(), "the answer ended without {text:?}");
            plain.write_all(&chunk).expect("this is what gzip has made");
            plain.flush().expect("it is written to memory");
        }
        true
    }

    /// The message is whole, and one letter of the boundary behind it is another one.
    fn hears_a_wrong_boundary(&mut self) {
        self.wire.comes("hello");
        let before = String::from_utf8_lossy(self.wire.unread()).into_owned();
        let boundary = before.split("boundary=").nth(1).and_then(|rest| rest.split("\r\n").next()).expect("a boundary");
        let up_to_it = before.find("hello").expect("it has come") + "hello\r\n--".len();
        let seen = self.wire.exactly(up_to_it + boundary.len()).split_off(up_to_it);
        let wrong = seen.iter().zip(boundary.bytes()).filter(|(seen, right)| **seen != *right).count();
        assert_eq!(wrong, 1, "{boundary} should have come with one wrong letter: {}", String::from_utf8_lossy(&seen));
    }

    /// What a table says about a message that was said before or after this reader has asked.
    fn sees(&mut self, cell: &str, release: impl FnOnce()) {
        match cell {
            "passes" => self.hears("hello"),
            "held" => {
                assert!(self.wire.is_silent_for(A_WHILE), "a message came, and it should be held back");
                release();
                self.hears("hello");
            }
            "wrong letter" => self.hears("helln"),
            "wrong boundary" => self.hears_a_wrong_boundary(),
            "RST" => assert_eq!(self.wire.end(), End::Reset),
            "cut off" => {
                assert_eq!(self.wire.end(), End::Fin);
                assert!(!self.wire.unread().ends_with(LAST_CHUNK), "the answer should have no end");
                let close = [0x88, 0x02];
                assert!(!self.wire.unread().windows(2).any(|two| two == close), "a Close frame should not come");
            }
            status => {
                let status: u16 = status.parse().unwrap_or_else(|_| panic!("no run gives {status:?}"));
                let head = self.wire.any_head();
                assert_eq!(head.status, status);
                let html = head.field("Content-Type").is_some_and(|kind| kind.starts_with("text/html"));
                assert!(status != 504 || html, "a proxy answers for the server, in HTML: {head:?}");
            }
        }
    }
}

/// Says something, over HTTP or over a WebSocket, at this address.
fn say(way: &Way, host: &str, text: &str) {
    let mut wire = Wire::connect(host);
    if way.kind == Kind::WebSocket {
        wire.send(handshake(host, "/"));
        assert_eq!(wire.any_head().status, 101);
        wire.send(frame(TEXT, json!({ "type": "say", "text": text }).to_string()));
        wire.told("said");
    } else {
        wire.post("/say", &[], text);
        assert_eq!(wire.answer().0.status, 201);
    }
}

// ---- The bench's own bad proxies ----

const BENCH: &str = "on the bench";

/// Walks "A proxy that buffers." in between.md.
#[test]
fn a_buffering_proxy_holds_back_every_answer_that_does_not_end() {
    needs_our_server!("our bench");
    of_all(
        |_| true,
        |way| {
            let demo = start(way.demo);
            say(way, demo.host(), "hello");
            demo.bench().cable("hold");
            let mut reader = Reader::open(way, &way.place(&demo));
            reader.sees(&way.cell(BENCH, "Hold"), || demo.bench().cable("repair"));
        },
    );
}

/// Walks "A time limit on silence." in between.md.
#[test]
fn a_time_limit_ends_every_connection_that_is_silent() {
    needs_our_server!("our bench");
    of_all(
        |way| way.demo != "heartbeat",
        |way| {
            let demo = start(way.demo);
            let mut reader = Reader::open(way, &way.place(&demo));
            if way.kind != Kind::Poll {
                reader.has_begun(&demo);
            }
            demo.bench().cable("idle 1");
            let cell = way.cell(BENCH, "Idle");
            if cell == "passes" {
                assert_eq!(reader.wire.end(), End::Reset, "a connection that is kept for the next question");
                demo.bench().cable("repair"); // of the writer's connection, too
                say(way, demo.host(), "hello");
            }
            reader.sees(&cell, || ());
        },
    );
}

#[test]
fn a_sign_of_life_keeps_a_connection_through_a_time_limit() {
    needs_our_server!("our bench");
    of_all(
        |way| !way.lively.is_empty(),
        |way| {
            for order in ["idle 4", "forget 4"] {
                let demo = start(way.demo);
                let bench = demo.bench();
                let mut reader = Reader::asks(way, demo.host(), way.lively);
                // A connection that is silent, and is told when the four seconds are over.
                let mut silent = demo.get("/nowhere");
                silent.any_head();
                bench.cable(order);
                bench.cable_of(bench.number_of(&silent), "idle 4");
                assert!(silent.ends_within(DEADLINE));
                bench.cable("repair");
                say(way, demo.host(), "hello");
                reader.hears("hello");
            }
        },
    );
    let heartbeat = WAYS.iter().find(|way| way.demo == "heartbeat").expect("it is in the list");
    for column in ["Idle", "Forget"] {
        assert_eq!(heartbeat.cell(BENCH, column), "passes", "as was seen just now");
    }
}

/// Walks "A box that forgets." in between.md.
#[test]
fn a_box_that_forgets_loses_what_is_said_and_tells_no_side() {
    needs_our_server!("our bench");
    of_all(
        |way| way.demo != "heartbeat",
        |way| {
            let demo = start(way.demo);
            let bench = demo.bench();
            let mut reader = Reader::open(way, &way.place(&demo));
            let cell = way.cell(BENCH, "Forget");
            if cell == "passes" {
                say(way, demo.host(), "hello");
                return reader.hears("hello"); // each question is a new connection
            }
            assert_eq!(cell, "lost");
            reader.has_begun(&demo);
            let seen = reader.wire.unread().len();
            bench.cable_of(bench.number_of(&reader.wire), "forget 0.2");
            assert!(!reader.wire.ends_within(5 * A_WHILE), "neither side is told");
            say(way, demo.host(), "hello");
            assert!(!reader.wire.ends_within(A_WHILE));
            assert_eq!(reader.wire.unread().len(), seen, "what was said is lost");
        },
    );
}

/// Walks "A proxy that knows no Upgrade." in between.md.
#[test]
fn an_old_proxy_lets_pass_all_but_the_websocket() {
    needs_our_server!("our bench");
    of_all(
        |_| true,
        |way| {
            let demo = start(way.demo);
            say(way, demo.host(), "hello");
            demo.bench().cable("no-upgrade");
            Reader::open(way, &way.place(&demo)).sees(&way.cell(BENCH, "No upgrade"), || ());
        },
    );
}

/// Walks "A box that flips a bit." in between.md.
#[test]
fn a_flipped_bit_is_another_letter_whatever_the_technique() {
    needs_our_server!("our bench");
    of_all(
        |_| true,
        |way| {
            let demo = start(way.demo);
            let bench = demo.bench();
            if way.kind == Kind::Poll {
                say(way, demo.host(), "hello");
                bench.cable("garble");
                return Reader::open(way, &way.place(&demo)).sees(&way.cell(BENCH, "Garble"), || ());
            }
            let mut reader = Reader::open(way, &way.place(&demo));
            reader.has_begun(&demo);
            bench.cable_of(bench.number_of(&reader.wire), "garble");
            say(way, demo.host(), "hello");
            reader.sees(&way.cell(BENCH, "Garble"), || ());
        },
    );
}

// ---- nginx and HAProxy ----

const NGINX: &str = "behind nginx";
const HAPROXY: &str = "behind HAProxy";

/// A demo without its bench: what is measured is the proxy alone.
fn bare(name: &str) -> Server {
    start_with(name, &["--no-bench"])
}

/// Starts the proxy in front of the technique's server.
fn before(config: &Config, way: &Way, demo: &Server) -> Proxy {
    config.start(&[&way.place(demo)])
}

/// Waits until the server of a demo with its bench has told a reader a message, and the reader's system has acknowledged it.
/// A proxy that has sent nothing by then holds it back; before then it may not even have asked. The first connection was the
/// writer's, who was told that it is said.
fn is_handed_to_the_proxy(text: &str, demo: &Server) {
    let tells = |row: &Row| String::from_utf8_lossy(&row.bytes()).contains(text);
    let to_a_reader = |row: &Row| row.number("conn") > 1 && row.text("dir") == "down" && tells(row);
    demo.bench().feed().row(|row| to_a_reader(row) && !row.json["heard"].is_null());
}

/// Whether this machine has the program, and the tests are about our servers.
macro_rules! with {
    ($program:expr) => {
        needs_our_server!("our demos");
        if !$program.is_here() {
            return;
        }
    };
}

/// The section "Buffering" of between.md.
#[test]
fn nginx_holds_back_what_does_not_end_unless_it_is_told_not_to() {
    with!(Program::Nginx);
    let sick = Config::sick(Program::Nginx, "buffering");
    let told = sick.clone().without("X-Accel-Buffering");
    let chunked = sick.clone().with("proxy_http_version 1.0;", "proxy_http_version 1.1;");
    let upgrade = Config::cured(Program::Nginx, "upgrade");
    of_all(
        |way| way.kind != Kind::Bare,
        |way| {
            let demo = bare(way.demo);
            say(way, demo.host(), "hello");
            let cell = way.cell(NGINX, "buffering");
            if way.kind == Kind::WebSocket {
                let proxy = before(&upgrade, way, &demo);
                return Reader::open(way, proxy.host()).sees(&cell, || ());
            }
            for cure in [&Config::cured(Program::Nginx, "buffering"), &told, &chunked] {
                let proxy = before(cure, way, &demo);
                Reader::open(way, proxy.host()).hears("hello");
            }
            let mut demo = start(way.demo);
            say(way, demo.host(), "hello");
            let proxy = before(&sick, way, &demo);
            let mut reader = Reader::open(way, proxy.host());
            if cell == "held" {
                is_handed_to_the_proxy("hello", &demo);
            }
            reader.sees(&cell, || demo.kill());
        },
    );
}

#[test]
fn an_answer_that_breaks_off_looks_whole_behind_a_proxy_that_asks_in_http_1_0() {
    with!(Program::Nginx);
    for (version, whole) in [("1.0", true), ("1.1", false)] {
        let mut demo = bare("sse");
        let config = Config::cured(Program::Nginx, "buffering").with("_version 1.0", &format!("_version {version}"));
        let proxy = config.start(&[demo.host()]);
        let mut stream = proxy.get("/events?after=0&beat=60");
        stream.comes("event: listeners");
        demo.kill();
        if whole {
            stream.comes("\r\n0\r\n\r\n"); // LAST_CHUNK: this was all
        } else {
            assert_eq!(stream.end(), End::Fin);
            assert!(!stream.unread().ends_with(LAST_CHUNK), "an answer that breaks off has no last chunk");
        }
    }
}

#[test]
fn haproxy_holds_nothing_back() {
    with!(Program::Haproxy);
    let plain = Config::cured(Program::Haproxy, "plain");
    of_all(
        |way| way.kind != Kind::Bare,
        |way| {
            let demo = bare(way.demo);
            say(way, demo.host(), "hello");
            let proxy = before(&plain, way, &demo);
            Reader::open(way, proxy.host()).sees(&way.cell(HAPROXY, "buffering"), || ());
        },
    );
}

/// Each technique with nothing to say, behind a proxy with a limit of four seconds, and behind the same proxy with the cure.
fn silence(program: Program, table: &str) {
    let (cured, sick) = (Config::cured(program, "silence"), Config::sick(program, "silence").with(" 1s", " 4s"));
    of_all(
        |way| way.kind != Kind::Bare,
        |way| {
            let demo = bare(way.demo);
            let cured = before(&cured, way, &demo);
            let mut patient = Reader::open(way, cured.host());
            if !way.begins.is_empty() {
                patient.wire.comes(way.begins);
            }
            // Asked later, and with no beats: when this one has ended, the other has been silent for longer than the limit.
            let sick = before(&sick, way, &demo);
            let mut reader = Reader::open(way, sick.host());
            let cell = way.cell(table, "silence");
            if cell != "passes" {
                reader.sees(&cell, || ());
            }
            say(way, demo.host(), "hello");
            patient.hears("hello");
            if cell == "passes" && way.kind == Kind::Poll {
                reader.hears("hello");
            }
        },
    );
}

/// Each technique with a sign of life every 0.2 s, behind a proxy with a limit of four seconds.
fn signs_of_life(program: Program, table: &str) {
    let limited = Config::sick(program, "silence").with(" 1s", " 4s");
    let witness_demo = bare("longpoll");
    let witness = limited.start(&[witness_demo.host()]);
    of_all(
        |way| !way.lively.is_empty(),
        |way| {
            let demo = bare(way.demo);
            let proxy = before(&limited, way, &demo);
            let mut reader = Reader::asks(way, proxy.host(), way.lively);
            reader.wire.any_byte();
            assert_eq!(witness.get("/wait?after=0&hold=60&beat=60").status(), 504, "four seconds are over");
            say(way, demo.host(), "hello");
            reader.hears("hello");
        },
    );
    assert!(WAYS.iter().any(|way| way.demo == "heartbeat" && way.cell(table, "silence") == "passes"));
}

/// The section "Silence" of between.md.
#[test]
fn nginx_ends_what_is_silent_unless_its_limit_is_longer() {
    with!(Program::Nginx);
    silence(Program::Nginx, NGINX);
}

#[test]
fn nginx_leaves_what_gives_signs_of_life() {
    with!(Program::Nginx);
    signs_of_life(Program::Nginx, NGINX);
}

#[test]
fn haproxy_ends_what_is_silent_unless_its_limits_are_longer() {
    with!(Program::Haproxy);
    silence(Program::Haproxy, HAPROXY);
}

#[test]
fn haproxy_leaves_what_gives_signs_of_life() {
    with!(Program::Haproxy);
    signs_of_life(Program::Haproxy, HAPROXY);
}

#[test]
fn the_tunnel_limit_of_haproxy_is_for_websockets_and_the_server_limit_for_streams() {
    with!(Program::Haproxy);
    let cured = Config::cured(Program::Haproxy, "silence");
    for (without, demo) in [("timeout tunnel", "frames"), ("timeout server 1h", "sse")] {
        let way = WAYS.iter().find(|way| way.demo == demo).expect("it is in the list");
        let demo = bare(way.demo);
        let proxy = before(&cured.clone().without(without), way, &demo);
        Reader::open(way, proxy.host()).sees("cut off", || ());
    }
}

#[test]
fn a_client_that_says_something_keeps_its_websocket_open_too() {
    needs_our_server!("our demos");
    for program in [Program::Nginx, Program::Haproxy] {
        if !program.is_here() {
            continue;
        }
        let demo = bare("frames");
        let proxy = Config::sick(program, "silence").with(" 1s", " 4s").start(&[demo.host()]);
        let mut socket = proxy.connect();
        socket.send(handshake(proxy.host(), "/echo"));
        assert_eq!(socket.any_head().status, 101);
        let witness_demo = bare("longpoll");
        let witness = Config::sick(program, "silence").with(" 1s", " 4s").start(&[witness_demo.host()]);
        let mut witness = witness.get("/wait?after=0&hold=60&beat=60");
        while witness.is_silent_for(A_WHILE) {
            socket.send(frame(PONG, "")); // a pong that answers no ping is answered by nothing (RFC 6455, 5.5.3)
        }
        assert_eq!(witness.status(), 504);
        assert!(socket.answers_a_ping(), "{program:?}");
    }
}

/// The section "Upgrade" of between.md.
#[test]
fn nginx_passes_no_upgrade_unless_it_is_told_to() {
    with!(Program::Nginx);
    let cured = Config::cured(Program::Nginx, "upgrade");
    let one_less = [
        cured.clone().with(" 1.1;", " 1.0;"), // the default before nginx 1.29.7
        cured.clone().without("set_header Upgrade"),
        cured.clone().without("set_header Connection"),
    ];
    of_all(
        |_| true,
        |way| {
            let demo = bare(way.demo);
            let host = demo.host();
            say(way, host, "hello");
            let proxy = before(&Config::cured(Program::Nginx, "plain"), way, &demo);
            Reader::open(way, proxy.host()).sees(&way.cell(NGINX, "Upgrade"), || ());
            if way.kind == Kind::WebSocket {
                let proxy = before(&cured, way, &demo);
                Reader::open(way, proxy.host()).hears("hello");
                for config in &one_less {
                    let proxy = before(config, way, &demo);
                    Reader::open(way, proxy.host()).sees("400", || ());
                }
            }
        },
    );
}

#[test]
fn haproxy_passes_an_upgrade_by_itself_and_bare_bytes_in_mode_tcp() {
    with!(Program::Haproxy);
    let plain = Config::cured(Program::Haproxy, "plain");
    of_all(
        |_| true,
        |way| {
            let demo = bare(way.demo);
            say(way, demo.host(), "hello");
            let mut configs = vec![plain.clone()];
            if way.kind == Kind::WebSocket {
                for option in ["option http-server-close", "option httpclose"] {
                    configs.push(plain.clone().with("mode http", &format!("mode http\n    {option}")));
                }
            }
            for config in configs {
                let proxy = before(&config, way, &demo);
                Reader::open(way, proxy.host()).sees(&way.cell(HAPROXY, "Upgrade"), || ());
            }
            if way.kind == Kind::Bare {
                let proxy = before(&Config::cured(Program::Haproxy, "tcp"), way, &demo);
                Reader::open(way, proxy.host()).hears("hello");
            }
        },
    );
}

/// The balancer in front of two servers, each with a room of its own.
fn two_servers(program: Program, table: &str) {
    of_all(
        |way| way.kind != Kind::Bare,
        |way| {
            let (one, other) = (bare(way.demo), bare(way.demo));
            let places = [way.place(&one), way.place(&other)];
            let start = |config: Config| config.start(&[&places[0], &places[1]]);
            let sick = start(Config::sick(program, "servers"));
            let cell = way.cell(table, "two servers");
            if way.demo == "longpoll" || way.kind == Kind::Poll {
                assert_eq!(cell, "starts again");
                for demo in [&one, &other] {
                    say(way, demo.host(), "hello");
                }
                assert!(
                    comes_back(way, &sick).contains("\"restarted\":true"),
                    "the cursor is of the other server's room"
                );
                let cured = start(Config::cured(program, "servers"));
                assert!(!comes_back(way, &cured).contains("\"restarted\":true"), "one client, one server");
                return;
            }
            assert_eq!(cell, "half");
            let mut reader = Reader::open(way, sick.host());
            reader.wire.comes(way.begins);
            say(way, other.host(), "on the second server");
            say(way, one.host(), "on the first server");
            reader.hears("on the first server");
            assert!(!reader.wire.ends_within(A_WHILE));
            assert!(!String::from_utf8_lossy(reader.wire.unread()).contains("on the second server"));

            let cured = start(Config::cured(program, "servers"));
            let mut reader = Reader::open(way, cured.host());
            reader.wire.comes(way.begins);
            say(way, cured.host(), "to the same server");
            reader.hears("to the same server");
        },
    );
}

/// The answer to a second poll, which has the cursor of the first.
fn comes_back(way: &Way, proxy: &Proxy) -> String {
    let first = proxy.get(way.path).answer().1;
    let path = way.path.replace("after=0", &format!("after={}-0", life(&first)));
    proxy.get(&path).answer().1
}

/// The section "Two servers" of between.md.
#[test]
fn nginx_sends_the_next_request_to_another_server_unless_it_is_told_not_to() {
    with!(Program::Nginx);
    two_servers(Program::Nginx, NGINX);
}

#[test]
fn haproxy_sends_the_next_request_to_another_server_unless_it_is_told_not_to() {
    with!(Program::Haproxy);
    two_servers(Program::Haproxy, HAPROXY);
}

#[test]
fn a_cookie_of_haproxy_brings_a_client_back_to_its_server() {
    with!(Program::Haproxy);
    let (one, other) = (bare("polling"), bare("polling"));
    let proxy = Config::cured(Program::Haproxy, "cookie").start(&[one.host(), other.host()]);
    let lives = |cookies: bool| -> Vec<String> {
        let mut cookie = String::new();
        let ask = |_| {
            let mut wire = proxy.connect();
            let fields = [("Cookie", cookie.as_str())];
            wire.get_with("/messages?after=0", if cookie.is_empty() { &[] } else { &fields });
            let (head, body) = wire.answer();
            if let Some(set) = head.field("Set-Cookie").filter(|_| cookies) {
                cookie = set.split(';').next().unwrap_or_default().to_string();
            }
            life(&body)
        };
        (0..4).map(ask).collect()
    };
    let without = lives(false);
    assert!(without[0] != without[1] && without[0] == without[2], "each in turn: {without:?}");
    let with = lives(true);
    assert!(with.iter().all(|life| *life == with[0]), "always the same: {with:?}");
}

/// A reader whose answers may be compressed.
fn asks_for_gzip(way: &'static Way, host: &str) -> Reader {
    let mut wire = Wire::connect(host);
    wire.get_with(way.path, &[("Accept-Encoding", "gzip")]);
    Reader { way, host: host.to_string(), wire }
}

fn is_http(way: &Way) -> bool {
    matches!(way.kind, Kind::Poll | Kind::Answer)
}

/// The section "Compression" of between.md.
#[test]
fn nginx_compresses_a_stream_and_keeps_it_unless_it_does_not_buffer() {
    with!(Program::Nginx);
    let sick = Config::sick(Program::Nginx, "compression");
    let told = sick.clone().without("X-Accel-Buffering");
    of_all(is_http, |way| {
        let demo = bare(way.demo);
        say(way, demo.host(), "hello");
        for cure in [&Config::cured(Program::Nginx, "compression"), &told] {
            let proxy = before(cure, way, &demo);
            let compressed = asks_for_gzip(way, proxy.host()).hears_through_gzip("hello");
            assert!(compressed, "{}: nginx compresses it although it says no-transform", way.demo);
        }
        let mut demo = start(way.demo);
        say(way, demo.host(), "hello");
        let proxy = before(&sick, way, &demo);
        let mut reader = asks_for_gzip(way, proxy.host());
        match way.cell(NGINX, "compression").as_str() {
            "passes" => assert!(reader.hears_through_gzip("hello")),
            "held" => {
                is_handed_to_the_proxy("hello", &demo);
                assert!(reader.wire.is_silent_for(A_WHILE), "a message came, and it should be held back");
                demo.kill();
                assert!(reader.hears_through_gzip("hello"));
            }
            cell => panic!("no run gives {cell:?}"),
        }
    });
}

#[test]
fn haproxy_obeys_no_transform_and_hands_on_what_it_compresses_at_once_but_for_a_few_bytes() {
    with!(Program::Haproxy);
    // HAProxy 2.6.12 keeps the last bits until more comes: here at most the end of these words, which repeat nothing before.
    let said = "hello and a few more words";
    let obeys = Config::cured(Program::Haproxy, "compression");
    // As if the server did not send `Cache-Control`: a second proxy behind the first takes it away.
    let naive = Config::cured(Program::Haproxy, "plain")
        .with("listen room", "listen room\n    http-response del-header Cache-Control");
    of_all(is_http, |way| {
        let demo = bare(way.demo);
        say(way, demo.host(), said);
        assert_eq!(way.cell(HAPROXY, "compression"), "passes");
        let proxy = before(&obeys, way, &demo);
        let compressed = asks_for_gzip(way, proxy.host()).hears_through_gzip("hello");
        let ends = way.kind == Kind::Poll || way.demo == "longpoll";
        assert!(compressed == ends || way.demo == "jsonp", "{}: a stream here says no-transform", way.demo);
        let behind = before(&naive, way, &demo);
        let proxy = obeys.start(&[behind.host()]);
        let compressed = asks_for_gzip(way, proxy.host()).hears_through_gzip("hello");
        // HAProxy never compresses `multipart`; `application/javascript` is not in our list of types.
        assert_eq!(compressed, !["multipart", "jsonp"].contains(&way.demo), "{}", way.demo);
    });
}

// ---- What is behind a proxy sees of the request ----

/// A server that answers each connection's first request and tells what it was sent.
struct Upstream {
    listener: TcpListener,
}

impl Upstream {
    fn new() -> Upstream {
        Upstream { listener: TcpListener::bind("127.0.0.1:0").expect("a port") }
    }

    fn host(&self) -> String {
        self.listener.local_addr().expect("a bound socket has an address").to_string()
    }

    fn accept(&self) -> TcpStream {
        let stream = self.listener.accept().expect("a connection").0;
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket takes a read time-out");
        stream
    }

    /// Whether the proxy has opened a connection by now.
    fn is_asked(&self) -> bool {
        self.listener.set_nonblocking(true).expect("a listener can be asked without waiting");
        let asked = self.listener.accept().is_ok();
        self.listener.set_nonblocking(false).expect("a listener may wait");
        asked
    }
}

/// Reads until these bytes have come.
fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains(end) {
        let count = stream.read(&mut piece).expect("the proxy sends a request");
        assert!(count > 0, "the proxy sent only {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&seen).to_lowercase()
}

/// The values of `X-Forwarded-For` that the server behind a proxy is sent, when the client sends one of its own.
fn forwarded_for(config: &Config) -> Vec<String> {
    let upstream = Upstream::new();
    let proxy = config.start(&[&upstream.host()]);
    let mut client = proxy.connect();
    client.get_with("/", &[("X-Forwarded-For", "10.9.8.7")]);
    let head = read_to(&mut upstream.accept(), "\r\n\r\n");
    head.lines().filter_map(|line| line.strip_prefix("x-forwarded-for: ")).map(str::to_string).collect()
}

/// The security box of between.md.
#[test]
fn a_client_can_lie_about_its_address_unless_the_proxy_writes_it_itself() {
    with!(Program::Nginx);
    let sick = Config::sick(Program::Nginx, "address");
    assert_eq!(forwarded_for(&sick), ["10.9.8.7"], "the client's word");
    let appends = Config::cured(Program::Nginx, "address").with("$remote_addr", "$proxy_add_x_forwarded_for");
    assert_eq!(forwarded_for(&appends), ["10.9.8.7, 127.0.0.1"], "only the last one is the proxy's");
    assert_eq!(forwarded_for(&Config::cured(Program::Nginx, "address")), ["127.0.0.1"]);
    if Program::Haproxy.is_here() {
        assert_eq!(forwarded_for(&Config::sick(Program::Haproxy, "address")), ["10.9.8.7", "127.0.0.1"]);
        assert_eq!(forwarded_for(&Config::cured(Program::Haproxy, "address")), ["127.0.0.1"]);
    }
}

#[test]
fn a_request_with_two_lengths_is_refused_or_made_one() {
    needs_our_server!("the proxies alone");
    let both = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let two = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde";
    for program in [Program::Nginx, Program::Haproxy].into_iter().filter(|program| program.is_here()) {
        let upstream = Upstream::new();
        let proxy = Config::cured(program, "plain").start(&[&upstream.host()]);
        let asks = |request: &str| {
            let mut client = proxy.connect();
            client.send(request);
            client
        };
        assert_eq!(asks(two).any_head().status, 400, "{program:?}");
        let mut client = asks(both);
        if program == Program::Nginx {
            assert_eq!(client.any_head().status, 400);
        } else {
            // RFC 9112, 6.3: Transfer-Encoding counts, and the length must not be passed on.
            let seen = read_to(&mut upstream.accept(), "0\r\n\r\n");
            assert!(seen.contains("transfer-encoding: chunked") && !seen.contains("content-length"), "{seen}");
        }
    }
}

#[test]
fn nginx_passes_a_request_on_when_it_is_whole_and_haproxy_when_it_is_told_so() {
    needs_our_server!("the proxies alone");
    let configs = [
        (Config::cured(Program::Nginx, "plain"), Program::Nginx, true),
        (Config::sick(Program::Haproxy, "request"), Program::Haproxy, false),
        (Config::cured(Program::Haproxy, "request"), Program::Haproxy, true),
    ];
    for (config, program, gathers) in configs {
        if !program.is_here() {
            continue;
        }
        let upstream = Upstream::new();
        let proxy = config.start(&[&upstream.host()]);
        let mut client = proxy.connect();
        client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst");
        if gathers {
            assert!(client.is_silent_for(A_WHILE) && !upstream.is_asked(), "half a request was passed on");
            client.send("later");
            read_to(&mut upstream.accept(), "firstlater");
        } else {
            let mut stream = upstream.accept();
            read_to(&mut stream, "first");
            client.send("later");
            read_to(&mut stream, "later");
        }
    }
}
