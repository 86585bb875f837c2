//! Server-Sent Events: one answer that never ends, read by the browser itself.
//!
//! Run    `cargo run -p sse`, then open <http://127.0.0.1:8008> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /events` ... `200 text/event-stream` ... `id: 8`, `data: hello`, empty line ... `: beat` ...
//! Book   `book/src/sse.md`
//!
//! Left out: logins, storage, compression. The format is the WHATWG HTML standard's, section 9.2.

use std::collections::VecDeque;
use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use demo::{Demo, Site, Speaks};
use http::{Answer, Endless};
use room::{Cursor, Gap, Message, Reader, Room};
use tiny_http::Request;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "sse",
    port: 8008,
    title: "Server-Sent Events",
    promise: "One request, one answer that never ends; the browser cuts it into events and reconnects by itself.",
    first: "open the page in two tabs, say something in one, then reset the cable and watch the browser come back",
    page: demo::page!(),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// How long a browser waits before it reconnects, unless the page asks for another `retry`: milliseconds.
const RETRY: u64 = 2_000;

/// Seconds between two comments on a silent stream. Proxies on the way often give up after 30 or 60.
const BEAT: f64 = 15.0;

/// How many tabs that asked for an end are remembered.
const STOPPED_KEPT: usize = 100;

/// How many streams are open now.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// The tabs that asked for an end: their streams end and their reconnects are answered 204.
static STOPPED: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/events" => http::get(request, |request| answer(request, &room)),
        "/stop" => http::post(request, |request| stop(request, true)),
        "/resume" => http::post(request, |request| stop(request, false)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// Answers `GET /events`: from the message after `Last-Event-ID` on, which the browser sends when it reconnects.
fn answer(request: Request, room: &Arc<Room>) {
    let tab = http::query_text(&request, "tab").unwrap_or("").to_string();
    let retry = http::query(&request, "retry").unwrap_or(RETRY);
    let beat = http::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let cursor = http::cursor(&request);
    if stopped(&tab) {
        // Any status but 200, and any other type, ends an EventSource for good (WHATWG HTML, 9.2.3). 204 says it politely.
        return Answer::new(204).send(request, "text/event-stream", "");
    }
    LISTENERS.fetch_add(1, Ordering::Relaxed);
    let ended = stream(request, room.reader(cursor), retry, Duration::from_secs_f64(beat), &tab);
    LISTENERS.fetch_sub(1, Ordering::Relaxed);
    if ended.is_err() {
        eprintln!("a stream was abandoned (tab {tab})");
    }
}
// ANCHOR_END: answer

// ANCHOR: stream
/// Writes events until the client has gone, which is an error, or the tab asked for an end.
fn stream(request: Request, mut reader: Reader, retry: u64, beat: Duration, tab: &str) -> io::Result<()> {
    let mut out = Endless::begin(request, "text/event-stream", &[])?;
    out.send(format!("retry: {retry}\n\n"))?;
    let mut listeners = 0;
    let mut last_write = Instant::now();
    while !stopped(tab) {
        let mut events = String::new();
        let news = reader.wait(beat.min(Duration::from_secs(1)));
        match news.gap {
            Gap::None => {}
            Gap::Missed(missed) => events += &event("gap", Some(news.start()), &format!("{{\"missed\":{missed}}}")),
            Gap::Restarted => events += &event("gap", Some(news.start()), "{\"restarted\":true}"),
        }
        for message in &news.messages {
            events += &said(message, news.next.life);
        }
        let now = LISTENERS.load(Ordering::Relaxed);
        if now != listeners {
            listeners = now;
            events += &event("listeners", None, &now.to_string());
        }
        if events.is_empty() && last_write.elapsed() >= beat {
            events += ": beat\n\n"; // a comment: the browser passes over it, a dead connection does not survive it
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
/// A message as an event without a name, which the browser calls `message`.
fn said(message: &Message, life: u32) -> String {
    event("", Some(Cursor { life, after: message.id }), &message.text)
}

/// One event: its name, its id, a `data` field for each line of its text, and the empty line that ends it.
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

/// Answers `POST /stop?tab=KEY` and `POST /resume?tab=KEY`.
fn stop(request: Request, stop: bool) {
    let Some(tab) = http::query_text(&request, "tab").filter(|tab| !tab.is_empty()).map(str::to_string) else {
        return http::text(request, 400, "Which tab? Say ?tab=KEY.");
    };
    let mut tabs = STOPPED.lock().unwrap_or_else(PoisonError::into_inner);
    tabs.retain(|other| *other != tab);
    if stop {
        tabs.push_back(tab);
        if tabs.len() > STOPPED_KEPT {
            tabs.pop_front();
        }
    }
    drop(tabs);
    http::text(request, 200, if stop { "This tab's streams end." } else { "This tab may listen again." });
}

fn stopped(tab: &str) -> bool {
    STOPPED.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|other| other == tab)
}
