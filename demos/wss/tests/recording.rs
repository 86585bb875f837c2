//! The recording of TLS and wss in the book, made again and compared; and what TLS costs, measured beside it.

use std::time::Instant;

use tests::record::Tape;
use tests::tls::rustls::SupportedProtocolVersion;
use tests::tls::rustls::version::{TLS12, TLS13};
use tests::tls::{Client, authority};
use tests::websocket::{TEXT, frame, handshake};
use tests::{Feed, Row, Server, Wire, start};

/// The handshake of a program: a page on another port would not be let in.
const HANDSHAKE: &str = "GET {path} HTTP/1.1\nHost: {host}\nUpgrade: websocket\nConnection: Upgrade\n\
    Sec-WebSocket-Version: 13\nSec-WebSocket-Key: {key}\nSec-WebSocket-Protocol: room";

#[test]
fn the_recording_is_what_the_wire_says() {
    let mut tape = Tape::start("wss", "wss", 8017, &[]);
    let pem = authority(tape.demo());
    tape.begin_here();
    let client = Client::new(&pem, &[&TLS13], &["http/1.1"]);
    let mut page = client.connect(tape.demo());
    let hello = tape.expect("hello", "up", "record", "ClientHello");
    let answer = tape.expect("answer", "down", "record", "ServerHello");
    // The tickets come when the server has the client's last word. Here that is before the request.
    let tickets = [(); 2].map(|()| tape.expect("", "down", "record", "sealed: ").number("size"));
    tape.find("", "up", "open", "");
    tape.pause(300);
    page.send(tape.head(HANDSHAKE, "/?after=-0"));
    assert_eq!(page.any_head().status, 101);
    tape.find("ask", "up", "request", "asks for websocket");
    tape.find("here", "down", "frame", "\"type\":\"here\"");
    tape.pause(300);
    let event = br#"{"type":"say","text":"hello","key":"5d0c1f2e8a9b47c6d3e20001"}"#;
    page.send(frame(TEXT, event));
    let said = tape.find("said", "up", "frame", "hello");
    tape.find("heard", "down", "frame", "\"type\":\"message\"");
    tape.find("", "down", "frame", "\"type\":\"said\"");
    let sealed =
        tape.find("sealed", "up", "record", &format!("sealed: {} bytes", said.number("size")));
    tape.pause(300);
    page.send(frame(0x88, b"\x03\xe9"));
    tape.find("", "down", "frame", "1001");
    page.end();
    drop(page);
    tape.ends(4); // both directions, outside and inside
    tape.figure("hello", hello.number("size"));
    tape.figure("server_hello", answer.number("size"));
    tape.figure("said", said.number("size"));
    tape.figure("sealed", sealed.number("size"));
    tape.figure("more", sealed.number("size") - said.number("size"));
    tape.time("ticket", tickets[1]);
    let demo = start("wss");
    for (name, value) in
        first_messages(&demo).into_iter().chain(bytes_once(&demo)).chain(work(&demo))
    {
        tape.time(&name, value);
    }
    tape.finish();
}

/// From the first byte to the first event, in milliseconds, when each byte takes 50 ms each way.
fn first_messages(demo: &Server) -> Vec<(String, u64)> {
    demo.bench().cable("delay 50");
    let mut times = Vec::new();
    let mut time = |name: &str, connect: &mut dyn FnMut() -> Wire| {
        let start = Instant::now();
        let mut wire = connect();
        wire.told("here");
        times.push((format!("first_{name}_ms"), start.elapsed().as_millis() as u64));
    };
    time("plain", &mut || {
        let mut wire = demo.send(handshake(demo.host(), "/"));
        wire.any_head();
        wire
    });
    for (name, client) in clients(demo) {
        time(&name, &mut || client.websocket(demo, "/"));
        time(&format!("{name}_resumed"), &mut || client.websocket(demo, "/"));
    }
    demo.bench().cable("repair");
    times
}

/// A client for each version.
fn clients(demo: &Server) -> Vec<(String, Client)> {
    let versions: [(&str, &'static SupportedProtocolVersion); 2] =
        [("tls13", &TLS13), ("tls12", &TLS12)];
    let pem = authority(demo);
    let client = |(name, version): (&str, _)| {
        (name.to_string(), Client::new(&pem, &[version], &["http/1.1"]))
    };
    versions.map(client).into()
}

/// What a connection costs beyond its plain bytes, in bytes each way: a handshake in full, and one that resumes it. A
/// connection says and hears the same each time; its plain bytes, and 22 or 29 for each record, are taken off.
fn bytes_once(demo: &Server) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    for (version, client) in clients(demo) {
        let over = if version == "tls13" { 22 } else { 29 };
        for kind in ["full", "resumed"] {
            let mut feed = demo.bench().feed();
            let mut wire = client.websocket(demo, "/");
            wire.told("here");
            let state = demo.bench().connection(wire.name()).expect("it is open");
            let (number, totals) =
                (&state["id"], ["up", "down"].map(|dir| state[dir].as_u64().unwrap_or(0)));
            let sizes = |feed: &Feed, key: &str, dir: &str| -> Vec<u64> {
                let fits = |row: &&Row| row.json[key] == *number && row.text("dir") == dir;
                feed.rows().iter().filter(fits).map(|row| row.number("size")).collect()
            };
            feed.row(|row| row.json["in"] == *number && row.text("mean").contains("\"here\""));
            while sizes(&feed, "conn", "down").iter().sum::<u64>() < totals[1] {
                feed.next_event();
            }
            for dir in ["up", "down"] {
                let mut plain = sizes(&feed, "in", dir).iter().sum::<u64>();
                let mut records = sizes(&feed, "conn", dir);
                while plain > 0 {
                    plain =
                        plain.saturating_sub(records.pop().unwrap_or(plain).saturating_sub(over));
                }
                all.push((format!("{version}_{kind}_{dir}"), records.iter().sum()));
            }
        }
    }
    all
}

/// What the server's processor does for a connection and its first answer, in microseconds: plain, in full, and resumed.
fn work(demo: &Server) -> Vec<(String, u64)> {
    const TIMES: u64 = 40;
    let client = Client::of(demo);
    let fresh = || Client::of(demo);
    let ask = |mut wire: Wire| {
        wire.get("/authority.pem");
        assert_eq!(wire.status(), 200);
    };
    let mut all = Vec::new();
    let mut measure = |name: &str, connect: &dyn Fn() -> Wire| {
        ask(connect());
        let before = processor_time(demo);
        (0..TIMES).for_each(|_| ask(connect()));
        all.push((
            format!("work_{name}_us"),
            processor_time(demo).saturating_sub(before) * 1_000 / TIMES,
        ));
    };
    measure("plain", &|| demo.connect());
    measure("resumed", &|| client.connect(demo));
    measure("full", &|| fresh().connect(demo));
    all
}

/// The processor time of the demo so far, in milliseconds; 0 where the system does not tell (it does on Linux).
fn processor_time(demo: &Server) -> u64 {
    let stat =
        demo.process().and_then(|id| std::fs::read_to_string(format!("/proc/{id}/stat")).ok());
    let stat = stat.unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * 10 // user and system time, in hundredths of a second
}
