//! TCP: a stream of bytes without borders between two programs, and the life of such a connection.
//!
//! Run    `cargo run -p tcp`, then `nc 127.0.0.1 8109` in a terminal, and open <http://127.0.0.1:8009>
//! Read   `room.rs` (the room for `nc`), `borders.rs` (writes are no messages), then this file and `../page.html`
//! Wire   `hello` LF ... `8 hello` LF, on port 8109; no head, no frame, nothing but what we agree on
//! Book   `book/src/tcp.md`
//!
//! A page can't open a TCP connection. So the room reaches the page as server-sent events; and in the experiments this
//! program is server *and* client, and tells the page what happened at a desk: a port that is past tap and cable, or a
//! cut cable would keep the page from being told what a cut cable does.
//!
//! Left out: what only a network of several machines shows (real loss, real congestion).

pub mod borders;
pub mod kernel;
pub mod lab;
pub mod life;
pub mod room;
pub mod udp;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use demo::{Demo, SideServer, Site, Speaks};
use room::{Gap, News, Room};
use tiny_http::{Header, Method, Request, Response};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "tcp",
    port: 8009,
    title: "TCP and UDP",
    promise: "A stream of bytes has no messages in it, and a connection has a life of its own.",
    first: "open the page, type the `nc` command it shows in a terminal, write a line there and see it on the page",
    page: demo::page!("boxes.js", "life.js", "tabs.js", "tcp.css", "udp.js", "writes.js"),
    speaks: Speaks::Http,
    serve,
    side_servers: &[
        SideServer { name: "room", port: 8109, speaks: Speaks::Delimited(b'\n'), serve: room::serve },
        SideServer { name: "lab", port: 8209, speaks: Speaks::Delimited(b'\n'), serve: lab::serve },
        SideServer { name: "desk", port: 8309, door: Door::Unseen, serve: serve_desk },
    ],
};

/// The page is told this often what is new in the experiments.
const GLANCE: Duration = Duration::from_millis(50);

/// On a silent stream a comment goes out this often, so that a page that has gone is noticed.
const BEAT: Duration = Duration::from_secs(5);

/// Serves the page and its way into the room.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    udp::start();
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/events") => tell(request, &room),
            (_, "/" | "/events") => http::method_not_allowed(request, "GET"),
            (_, "/say") => http::method_not_allowed(request, "POST"),
            _ => http::not_found(request),
        }
    })
}

/// Serves the desk, where experiments are ordered and their results told.
///
/// # Errors
/// When the listener fails.
pub fn serve_desk(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Post, "/writes") => answer(request, borders::asked),
            (Method::Post, "/life") => answer(request, life::asked),
            (Method::Post, "/udp") => answer(request, udp::asked),
            (Method::Get, "/udp") => answer(request, |_| Ok(udp::state())),
            (Method::Get, "/watch") => watch(request),
            (_, "/watch") => http::method_not_allowed(request, "GET"),
            (_, "/writes" | "/life") => http::method_not_allowed(request, "POST"),
            (_, "/udp") => http::method_not_allowed(request, "GET, POST"),
            _ => http::not_found(request),
        }
    })
}

/// Runs an experiment and answers with its result, or with a sentence that says why there is none.
fn answer(request: Request, experiment: fn(&Request) -> Result<Value, String>) {
    let (status, kind, body) = match experiment(&request) {
        Ok(result) => (200, "application/json", result.to_string()),
        Err(why) => (400, "text/plain; charset=utf-8", format!("{why}\n")),
    };
    let origin = origin(&request);
    let mut response = Response::from_string(body).with_status_code(status);
    // The desk is another origin than the page. Who gets so far is the page: the front door has looked.
    let headers = [("Content-Type", kind), ("Cache-Control", "no-store"), ("Access-Control-Allow-Origin", &origin)];
    for (name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    let _ = request.respond(response);
}

fn origin(request: &Request) -> String {
    http::header(request, "Origin").unwrap_or("null").to_string()
}

/// `GET /events?after=ID`: the room from message ID on.
fn tell(request: Request, room: &Room) {
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    let cursor = number(http::header(&request, "Last-Event-ID")).or(number(http::query_text(&request, "after")));
    let mut after = cursor.unwrap_or(0);
    stream(request, move |events| {
        let news = room.wait_since(after, BEAT);
        after = told(&news, after, events);
    });
}

/// `GET /watch?tab=KEY`: what happens in this tab's experiments, and all datagrams from now on.
fn watch(request: Request) {
    let tab = http::query_text(&request, "tab").unwrap_or("").to_string();
    let (mut seen_life, mut seen_datagrams) = (Value::Null, udp::state()["heard"].as_u64().unwrap_or(0));
    stream(request, move |events| {
        thread::sleep(GLANCE);
        let life = life::story(&tab);
        if life != seen_life {
            *events += &format!("event: life\ndata: {life}\n\n");
            seen_life = life;
        }
        for datagram in udp::since(seen_datagrams) {
            seen_datagrams = datagram.number;
            *events += &format!("event: datagram\ndata: {}\n\n", datagram.json());
        }
    });
}

/// Answers with server-sent events as long as somebody hears them. `more` waits for news, a little, and adds them.
fn stream(request: Request, mut more: impl FnMut(&mut String)) {
    let origin = origin(&request);
    let mut out = request.into_writer();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
         Access-Control-Allow-Origin: {origin}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let mut sent = out.write_all(head.as_bytes());
    let mut events = String::from("retry: 1000\n\n");
    let mut wrote = Instant::now();
    // A page that closed its stream is the ordinary end of it.
    while sent.is_ok() {
        if events.is_empty() && wrote.elapsed() >= BEAT {
            events += ": beat\n\n";
        }
        if !events.is_empty() {
            sent = http::chunk(&mut out, events.as_bytes());
            events.clear();
            wrote = Instant::now();
        }
        more(&mut events);
    }
}

/// News of the room as events; returns the new cursor.
fn told(news: &News, after: u64, events: &mut String) -> u64 {
    let first = news.messages.first().map_or(after, |first| first.id - 1);
    match news.gap {
        Gap::None => {}
        Gap::Missed(missed) => {
            *events += &format!("event: gap\nid: {first}\ndata: {}\n\n", json!({ "missed": missed }))
        }
        Gap::Restarted => *events += &format!("event: gap\nid: {first}\ndata: {}\n\n", json!({ "restarted": true })),
    }
    for message in &news.messages {
        *events += &format!("id: {}\ndata: {}\n\n", message.id, message.json());
    }
    news.messages.last().map_or(after, |last| last.id)
}

/// Accepts connections for ever, each on a thread of its own. A failed accept is followed by a pause: files get free
/// again.
fn each_connection(listener: &TcpListener, serve: impl Fn(TcpStream) + Clone + Send + 'static) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let serve = serve.clone();
                http::on_a_thread(move || serve(stream));
            }
            Err(_) => thread::sleep(GLANCE),
        }
    }
}

/// Where clients find the server of that name beside this demo: its public port, bench and all.
fn public(name: &str) -> SocketAddr {
    let ip = bench::public_address().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    let port = bench::beside().iter().find(|(other, _)| *other == name).map_or(0, |(_, port)| *port);
    SocketAddr::new(ip, port)
}
