//! Fetch streaming: one answer that never ends, one JSON text a line.
//!
//! Run    `cargo run -p stream`, then open <http://127.0.0.1:8006> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /stream?after=7` ... `200 application/x-ndjson` ... `{"id":8,...}` newline ... newline ...
//! Book   `book/src/stream.md`
//!
//! Left out: logins, storage, compression. The format is NDJSON (github.com/ndjson/ndjson-spec): a JSON text has no
//! newline in it, so a newline is where it ends. Empty lines are passed over: here they are the heartbeat.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use demo::{Demo, Site, Speaks};
use http::Endless;
use room::{Gap, News, Reader, Room};
use tiny_http::Request;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "stream",
    port: 8006,
    title: "Fetch streaming",
    promise: "One answer that never ends; the page reads its bytes as they come and cuts the messages out itself.",
    first: "let the cable drip, say something with an umlaut or an emoji in it, and watch it arrive in pieces",
    page: demo::page!(),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
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
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/stream" => http::get(request, |request| answer(request, &room)),
        "/flow" => http::get(request, flow),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

/// Answers `GET /stream?after=ID&beat=SECONDS&filler=KIB_PER_SECOND&tab=KEY`.
fn answer(request: Request, room: &Arc<Room>) {
    let cursor = http::cursor(&request);
    let beat = http::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let filler = http::query(&request, "filler").unwrap_or(0).min(MAX_FILLER);
    let tab = http::query_text(&request, "tab").unwrap_or("").to_string();
    let flow = Arc::new(Flow { tab, written: AtomicU64::new(0), waiting: Mutex::new(None) });

    flows().push(flow.clone());
    let pause = if filler == 0 { beat } else { FILLER as f64 / 1024.0 / filler as f64 };
    let ended = stream(request, room.reader(cursor), Duration::from_secs_f64(pause), filler > 0, &flow);
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
fn stream(request: Request, mut reader: Reader, pause: Duration, filler: bool, flow: &Flow) -> io::Result<()> {
    let mut out = Endless::begin(request, "application/x-ndjson", &[])?;
    loop {
        let news = reader.wait(pause);
        let mut text = lines(&news);
        if filler {
            text += &format!("{{\"filler\":\"{}\"}}\n", ".".repeat(FILLER));
        } else if text.is_empty() {
            text += "\n"; // the heartbeat: a dead connection does not survive it, and the page hears that we live
        }
        flow.write(&mut out, text.as_bytes())?;
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
    fn write(&self, out: &mut Endless, bytes: &[u8]) -> io::Result<()> {
        *self.waiting() = Some(Instant::now());
        out.send(bytes)?;
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
    let tab = http::query_text(&request, "tab").unwrap_or("");
    let Some(flow) = flows().iter().rev().find(|flow| flow.tab == tab).cloned() else {
        return http::text(request, 404, "This tab has no stream open.");
    };
    let waiting = flow.waiting().map_or(0, |since| since.elapsed().as_millis() as u64);
    http::json(request, 200, &json!({ "written": flow.written.load(Ordering::Relaxed), "waiting": waiting }));
}

fn flows() -> MutexGuard<'static, Vec<Arc<Flow>>> {
    FLOWS.lock().unwrap_or_else(PoisonError::into_inner)
}
