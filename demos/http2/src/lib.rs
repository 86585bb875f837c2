//! HTTP/2: one connection, and as many requests and answers on it at once as one likes.
//!
//! Run    `cargo run -p http2`, then open <https://127.0.0.1:8018> in two tabs
//! Read   this file (what is answered), `frame.rs`, then `connection.rs` (which frame may come when)
//! Wire   `PRI * HTTP/2.0`, SETTINGS both ways; `HEADERS` on streams 1, 3, 5, ...; `DATA` of all, mixed
//! Book   `book/src/http2.md`
//!
//! Left out: pushing (browsers refuse it), priorities (RFC 9113 dropped them), trailers of our own.
//! Source: RFC 9113; RFC 7541 for the packing of fields, RFC 8441 for WebSockets.

mod answers;
pub mod calm;
pub mod connection;
pub mod frame;
pub mod hpack;
pub mod message;
pub mod server;
pub mod settings;
pub mod stream;
mod tunnel;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use demo::{Demo, SideServer, Site, Speaks, Unpackers};
use handshake::request::Request;
use room::{Cursor, Gap, Room};

use crate::connection::MAX_STREAMS;
use crate::frame::ErrorCode;
use crate::message::Asked;
use crate::server::Exchange;
use wss::certificates::{self, Certificates};
use wss::terminator::{Inner, Terminator};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "http2",
    port: 8018,
    title: "HTTP/2",
    promise: "All requests and answers share one connection, cut into frames that each name their stream.",
    first: "open the page, press Twenty streams and say something: the seventh does not wait, nor does the twentieth",
    page: demo::page!("streams.js", "http2.css"),
    speaks: Speaks::Tls,
    serve: serve_tls,
    side_servers: &[SideServer {
        name: "h2c",
        port: 8118,
        speaks: Speaks::Http2,
        shown: true,
        serve,
    }],
};

/// The most requests that are worked on at once, on all connections together.
const MAX_WORK: usize = 2_000;

/// Seconds between two comments on a silent stream.
const BEAT: Duration = Duration::from_secs(15);

/// How soon a thread that waits for news notices that its stream has ended.
const LOOK: Duration = Duration::from_secs(1);

// ANCHOR: tls
/// The public port: TLS in front of the port below. Browsers speak HTTP/2 in TLS only, and say so
/// in its handshake (ALPN, RFC 7301). One that does not offer `h2` is answered with an alert.
fn serve_tls(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let (folder, names) = (certificates::folder()?, wss::names(&site));
    let certificates = Certificates::open(&folder, certificates::TITLE, &names)?;
    let inner = Inner { protocol: "h2", address: site.side_address("h2c") };
    Terminator::new(certificates, vec![inner], &site).serve(&listener)
}
// ANCHOR_END: tls

/// Serves the room and the page over HTTP/2, without TLS: what a terminator in front has decrypted.
///
/// # Errors
/// Never: it accepts connections for ever.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    site.shared.get::<Unpackers>().set_fields(hpack::for_the_wire_view);
    serve_with(&listener, MAX_STREAMS, move |exchange, asked| answer(exchange, asked, &room, &site))
}

/// Serves requests with `work`, each on a thread of its own, with a limit on a client's streams.
pub fn serve_with<W>(listener: &TcpListener, max_streams: usize, work: W) -> !
where
    W: Fn(Exchange, &Asked) -> io::Result<()> + Send + Sync + 'static,
{
    let (working, work) = (Arc::new(AtomicUsize::new(0)), Arc::new(work));
    let work = move |exchange: Exchange, asked: Asked| {
        if working.fetch_add(1, Ordering::Relaxed) < MAX_WORK {
            let _gone = work(exchange, &asked); // an error is a client that left
        } else {
            exchange.reset(ErrorCode::RefusedStream); // it may ask again: nothing was done
        }
        working.fetch_sub(1, Ordering::Relaxed);
    };
    net::each_connection(listener, move |socket| {
        let _gone = server::serve(socket, max_streams, work.clone());
    })
}

/// Answers one request. Nothing here knows that others share the connection.
///
/// # Errors
/// When the client has gone.
pub fn answer(exchange: Exchange, asked: &Asked, room: &Arc<Room>, site: &Site) -> io::Result<()> {
    let request = &asked.request;
    if let Err(refusal) = answers::check(asked, site) {
        return answers::refuse(&exchange, request, refusal);
    }
    match (request.method.as_str(), request.path(), asked.protocol.as_deref()) {
        ("CONNECT", "/room", Some("websocket")) => tunnel::serve(exchange, asked, room),
        ("GET", "/events", _) => events(&exchange, request, room),
        ("POST", "/say", _) => answers::say(&exchange, request, room),
        ("GET", "/connection", _) => answers::connection(&exchange, request),
        ("GET" | "HEAD", "/", _) => answers::page(&exchange, request, site),
        (method, path, _) => answers::refuse(&exchange, request, answers::unknown(method, path)),
    }
}

// ANCHOR: events
/// Writes events (WHATWG HTML, 9.2) until the client has gone, which is an error here. The code is
/// that of the demo `sse`; what was an answer of its own connection there is a stream here.
fn events(exchange: &Exchange, request: &Request, room: &Arc<Room>) -> io::Result<()> {
    let mut reader = room.reader(answers::cursor(request, room));
    let fields = [("content-type", "text/event-stream"), ("cache-control", "no-store")];
    exchange.respond(200, &fields, false);
    exchange.send(answers::event("stream", None, &exchange.stream().to_string()).as_bytes())?;
    let mut last_write = Instant::now();
    while exchange.is_open() {
        let news = reader.wait(LOOK);
        let mut events = String::new();
        if news.gap != Gap::None {
            events += &answers::event("gap", Some(news.start()), &news.place().to_string());
        }
        for message in &news.messages {
            let id = Cursor { after: message.id, ..news.next };
            events += &answers::event("", Some(id), &message.text);
        }
        if events.is_empty() && last_write.elapsed() >= BEAT {
            events += ": beat\n\n";
        }
        if !events.is_empty() {
            exchange.send(events.as_bytes())?;
            last_write = Instant::now();
        }
    }
    Ok(())
}
// ANCHOR_END: events
