//! Server-Sent Events: one answer that never ends, read by the browser itself.
//!
//! Run    `cargo run -p sse`, then open <http://127.0.0.1:8008> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /events` ... `200 text/event-stream` ... `id: 8`, `data: hello`, empty line ... `: beat` ...
//! Book   `book/src/sse.md`
//!
//! Left out: logins, storage, compression. The format is the WHATWG HTML standard's, section 9.2.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::{Demo, Door, Gap, Message, Room, reply};
use tiny_http::{Method, Request};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "sse",
    port: 8008,
    title: "Server-Sent Events",
    promise: "One request, one answer that never ends; the browser cuts it into events and reconnects by itself.",
    first: "open the page in two tabs, say something in one, then reset the cable and watch the browser come back",
    page: shared::page!(),
    door: Door::Http,
    serve,
    beside: &[],
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
pub fn serve(listener: TcpListener, room: Arc<Room>) -> io::Result<()> {
    reply::serve(listener, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => reply::page(request, &DEMO),
            (Method::Post, "/say") => reply::say(request, &room),
            (Method::Get, "/events") => answer(request, &room),
            (Method::Post, "/stop") => stop(request, true),
            (Method::Post, "/resume") => stop(request, false),
            (_, "/" | "/events") => reply::method_not_allowed(request, "GET"),
            (_, "/say" | "/stop" | "/resume") => reply::method_not_allowed(request, "POST"),
            _ => reply::not_found(request),
        }
    })
}

// ANCHOR: answer
/// Answers `GET /events`: from the message after `Last-Event-ID` on, which the browser sends when it reconnects.
fn answer(request: Request, room: &Room) {
    let tab = reply::query_text(&request, "tab").unwrap_or("").to_string();
    let retry = reply::query(&request, "retry").unwrap_or(RETRY);
    let beat = reply::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let last_event_id = reply::header(&request, "Last-Event-ID").and_then(|id| id.parse().ok());
    let after = last_event_id.or_else(|| reply::query(&request, "after")).unwrap_or(0);
    let mut out = request.into_writer();

    if stopped(&tab) {
        // 204 is the only answer after which a browser does not ask again (WHATWG HTML, 9.2.3).
        let _ = out.write_all(b"HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n\r\n").and_then(|()| out.flush());
        return;
    }
    LISTENERS.fetch_add(1, Ordering::Relaxed);
    let ended = stream(&mut out, room, after, retry, Duration::from_secs_f64(beat), &tab);
    LISTENERS.fetch_sub(1, Ordering::Relaxed);
    if ended.is_err() {
        eprintln!("a stream was abandoned (tab {tab})");
    }
}
// ANCHOR_END: answer

// ANCHOR: stream
/// Writes events until the client has gone, which is an error, or the tab asked for an end.
fn stream(out: &mut impl Write, room: &Room, mut after: u64, retry: u64, beat: Duration, tab: &str) -> io::Result<()> {
    out.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store, no-transform\r\n\
          X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    reply::chunk(out, format!("retry: {retry}\n\n").as_bytes())?;
    let mut listeners = 0;
    let mut last_write = Instant::now();
    while !stopped(tab) {
        let mut events = String::new();
        let news = room.wait_since(after, beat.min(Duration::from_secs(1)));
        match news.gap {
            Gap::None => {}
            Gap::Missed(missed) => {
                events += &event("gap", Some(after + missed), &format!("{{\"missed\":{missed}}}"));
                after += missed;
            }
            Gap::Restarted => {
                events += &event("gap", Some(0), "{\"restarted\":true}");
                after = 0;
            }
        }
        for message in &news.messages {
            events += &said(message);
            after = message.id;
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
            reply::chunk(out, events.as_bytes())?;
            last_write = Instant::now();
        }
    }
    reply::last_chunk(out)
}
// ANCHOR_END: stream

// ANCHOR: event
/// A message as an event without a name, which the browser calls `message`.
fn said(message: &Message) -> String {
    event("", Some(message.id), &message.text)
}

/// One event: its name, its id, a `data` field for each line of its text, and the empty line that ends it.
fn event(name: &str, id: Option<u64>, text: &str) -> String {
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
    let Some(tab) = reply::query_text(&request, "tab").filter(|tab| !tab.is_empty()).map(str::to_string) else {
        return reply::text(request, 400, "Which tab? Say ?tab=KEY.");
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
    reply::text(request, 200, if stop { "This tab's streams end." } else { "This tab may listen again." });
}

fn stopped(tab: &str) -> bool {
    STOPPED.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|other| other == tab)
}
