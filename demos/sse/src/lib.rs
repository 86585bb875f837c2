//! Server-Sent Events: one answer that never ends, read by the browser itself.
//!
//! Run    `cargo run -p sse`, then open <http://127.0.0.1:8008> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /events` ... `200 text/event-stream` ...
//!        `id: 9f3c01d2-8`, `data: hello`, empty line ... `: beat` ...
//! Book   `book/src/sse.md`
//!
//! Left out: logins, storage, compression. What the page's Stop button asks for is in `buttons.rs`.
//! The format is the WHATWG HTML standard's, section 9.2.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use buttons::Stopped;
use demo::{Demo, Site, Speaks};
use http::{Answer, Endless};
use room::{Cursor, Gap, Reader, Room};
use tiny_http::Request;

mod buttons;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "sse",
    port: 8008,
    title: "Server-Sent Events",
    promise: "One request, one answer that never ends; the browser cuts it into events and reconnects by itself.",
    first: "open the page in two tabs, say something in one, then reset the cable and watch the browser come back",
    page: demo::page!("seven.js", "sse.css"),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// How long a browser waits before it reconnects, unless the page asks for another `retry`:
/// milliseconds.
const RETRY: u64 = 2_000;

/// Seconds between two comments on a silent stream. Proxies on the way often give up after 30 or
/// 60.
const BEAT: f64 = 15.0;

/// What the streams of one server share.
#[derive(Default)]
struct Streams {
    /// How many are open now.
    open: AtomicUsize,
    /// The tabs that asked for an end.
    stopped: Stopped,
}

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let streams = Streams::default();
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/events" => http::get(request, |request| answer(request, &room, &streams)),
        "/stop" => http::post(request, |request| streams.stopped.stop(request)),
        "/resume" => http::post(request, |request| streams.stopped.resume(request)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// Answers `GET /events`: from the message after `Last-Event-ID` on, which the browser sends when
/// it reconnects.
fn answer(request: Request, room: &Arc<Room>, streams: &Streams) {
    let tab = buttons::tab(&request);
    if streams.stopped.has(&tab) {
        // Any status but 200, and any other type, ends an EventSource for good (WHATWG HTML,
        // 9.2.3). 204 is the polite way to say it.
        return Answer::new(204).send(request, "text/event-stream", "");
    }
    streams.open.fetch_add(1, Ordering::Relaxed);
    let reader = room.reader(http::cursor(&request));
    let ended = stream(request, reader, &tab, streams);
    streams.open.fetch_sub(1, Ordering::Relaxed);
    if ended.is_err() {
        eprintln!("a stream was abandoned (tab {tab:?})");
    }
}
// ANCHOR_END: answer

// ANCHOR: stream
/// Writes events until the client has gone, which is an error, or the tab asked for an end.
fn stream(request: Request, mut reader: Reader, tab: &str, streams: &Streams) -> io::Result<()> {
    let retry = http::query(&request, "retry").unwrap_or(RETRY);
    let beat = http::query(&request, "beat").filter(|s| (0.05..=60.0).contains(s)).unwrap_or(BEAT);
    let beat = Duration::from_secs_f64(beat);
    let mut out = Endless::begin(request, "text/event-stream", &[])?;
    out.send(format!("retry: {retry}\n\n"))?;
    let mut listeners = 0;
    let mut last_write = Instant::now();
    while !streams.stopped.has(tab) {
        let mut events = String::new();
        let news = reader.wait(beat.min(Duration::from_secs(1)));
        if news.gap != Gap::None {
            events += &event("gap", Some(news.start()), &news.place().to_string());
        }
        for message in &news.messages {
            let id = Cursor { after: message.id, ..news.next };
            events += &event("", Some(id), &message.text); // without a name it is a `message`
        }
        let now = streams.open.load(Ordering::Relaxed);
        if now != listeners {
            listeners = now;
            events += &event("listeners", None, &now.to_string());
        }
        if events.is_empty() && last_write.elapsed() >= beat {
            events += ": beat\n\n"; // a comment: the browser ignores it
        }
        if !events.is_empty() {
            out.send(events)?;
            last_write = Instant::now();
        }
    }
    out.end()
}
// ANCHOR_END: stream

// ANCHOR: event
/// One event: its name, its id, a `data` field for each line of its text, and the empty line that
/// ends it. The id is the cursor behind the message: the life of the room, and the number in it.
fn event(name: &str, id: Option<Cursor>, text: &str) -> String {
    let mut event = String::new();
    if !name.is_empty() {
        event += &format!("event: {name}\n");
    }
    if let Some(id) = id {
        event += &format!("id: {id}\n");
    }
    for line in text.split('\n') {
        event += &format!("data: {line}\n");
    }
    event + "\n"
}
// ANCHOR_END: event
