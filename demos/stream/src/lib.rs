//! Fetch streaming: one answer that never ends, one JSON text a line.
//!
//! Run    `cargo run -p stream`, then open <http://127.0.0.1:8006> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /stream?after=7` ... `200 application/x-ndjson` ... `{"id":8,...}` newline ... newline ...
//! Book   `book/src/stream.md`
//!
//! Left out: logins, storage, compression. The format is NDJSON (github.com/ndjson/ndjson-spec): a JSON text has no
//! newline in it, so a newline is where it ends. Empty lines are passed over: here they are the heartbeat.

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::{Demo, Door, Gap, News, Room, reply};
use tiny_http::{Method, Request};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "stream",
    port: 8006,
    title: "Fetch streaming",
    promise: "One answer that never ends; the page reads its bytes as they come and cuts the messages out itself.",
    first: "let the cable drip, say something with an umlaut or an emoji in it, and watch it arrive in pieces",
    page: shared::page!(),
    door: Door::Http,
    serve,
    beside: &[],
};

/// Seconds between two heartbeats on a silent stream, unless the page asks for others.
const BEAT: f64 = 5.0;

/// A line of filler, in bytes, and the most of it that a page may ask for, in KiB a second.
const FILLER: usize = 32 * 1024;
const MAX_FILLER: u64 = 16 * 1024;

/// The streams that are open now, newest last.
static FLOWS: Mutex<Vec<Arc<Flow>>> = Mutex::new(Vec::new());

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
            (Method::Get, "/stream") => answer(request, &room),
            (Method::Get, "/flow") => flow(request),
            (_, "/" | "/stream" | "/flow") => reply::method_not_allowed(request, "GET"),
            (_, "/say") => reply::method_not_allowed(request, "POST"),
            _ => reply::not_found(request),
        }
    })
}

/// Answers `GET /stream?after=ID&beat=SECONDS&filler=KIB_PER_SECOND&tab=KEY`.
fn answer(request: Request, room: &Room) {
    let after = reply::query(&request, "after").unwrap_or(0);
    let beat = reply::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let filler = reply::query(&request, "filler").unwrap_or(0).min(MAX_FILLER);
    let tab = reply::query_text(&request, "tab").unwrap_or("").to_string();
    let flow = Arc::new(Flow { tab, written: AtomicU64::new(0), waiting: Mutex::new(None) });
    let mut out = request.into_writer();

    flows().push(flow.clone());
    let pause = if filler == 0 { beat } else { FILLER as f64 / 1024.0 / filler as f64 };
    let ended = stream(&mut out, room, after, Duration::from_secs_f64(pause), filler > 0, &flow);
    flows().retain(|other| !Arc::ptr_eq(other, &flow));
    if let Err(why) = ended {
        eprintln!("a stream ended: {why}");
    }
}

// ANCHOR: stream
/// Writes a line for each message until the client has gone, which is an error. With no message for `pause`: a heartbeat,
/// or a line of filler.
///
/// There is no queue here: a cursor is all that a reader costs. When it reads slowly, the kernel's buffers fill, then
/// `write` waits, and this thread with it; what is said meanwhile lies in the room, once for everybody.
fn stream(out: &mut impl Write, room: &Room, after: u64, pause: Duration, filler: bool, flow: &Flow) -> io::Result<()> {
    let mut after = after;
    out.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store, no-transform\r\n\
          X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    out.flush()?;
    loop {
        let news = room.wait_since(after, pause);
        let mut text = lines(&news);
        if news.gap == Gap::Restarted {
            after = 0;
        }
        after = news.messages.last().map_or(after, |message| message.id);
        if filler {
            text += &format!("{{\"filler\":\"{}\"}}\n", ".".repeat(FILLER));
        } else if text.is_empty() {
            text += "\n"; // the heartbeat: a dead connection does not survive it, and the page hears that we live
        }
        flow.write(out, text.as_bytes())?;
    }
}

/// A line for each message, after one that says what is missing before them. JSON writes a newline inside of a string
/// as `\n`: the only newlines on the wire are ours.
fn lines(news: &News) -> String {
    let gap = match news.gap {
        Gap::None => String::new(),
        Gap::Missed(missed) => json!({ "missed": missed }).to_string() + "\n",
        Gap::Restarted => json!({ "restarted": true }).to_string() + "\n",
    };
    news.messages.iter().fold(gap, |lines, message| lines + &message.json().to_string() + "\n")
}
// ANCHOR_END: stream

// ---- How the reader's pace reaches the writer ------------------------------------------------------------------------

/// What a stream has written, for the page to compare with what it has read.
struct Flow {
    tab: String,
    /// Bytes of the body that the kernel has taken.
    written: AtomicU64,
    /// Since when the write under way waits for the kernel to take more.
    waiting: Mutex<Option<Instant>>,
}

impl Flow {
    // ANCHOR: write
    /// Writes a chunk, however long the reader lets us wait, with a watch running.
    fn write(&self, out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        *self.waiting() = Some(Instant::now());
        reply::chunk(out, bytes)?;
        *self.waiting() = None;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
    // ANCHOR_END: write

    fn waiting(&self) -> MutexGuard<'_, Option<Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers `GET /flow?tab=KEY`: how many bytes of this tab's stream are written, and for how many milliseconds the
/// write under way has been waiting.
fn flow(request: Request) {
    let tab = reply::query_text(&request, "tab").unwrap_or("");
    let Some(flow) = flows().iter().rev().find(|flow| flow.tab == tab).cloned() else {
        return reply::text(request, 404, "This tab has no stream open.");
    };
    let waiting = flow.waiting().map_or(0, |since| since.elapsed().as_millis() as u64);
    reply::json(request, 200, &json!({ "written": flow.written.load(Ordering::Relaxed), "waiting": waiting }));
}

fn flows() -> MutexGuard<'static, Vec<Arc<Flow>>> {
    FLOWS.lock().unwrap_or_else(PoisonError::into_inner)
}
