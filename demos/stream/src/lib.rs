//! Fetch streaming: one answer that never ends, one JSON text a line.
//!
//! Run    `cargo run -p stream`, then open <http://127.0.0.1:8006> in two tabs
//! Read   this file top to bottom, then `../page.html`; `flow.rs` for "Who waits for whom"
//! Wire   `GET /stream?after=9f3c01d2-7` ... `200 application/x-ndjson` ...
//!        `{"id":8,...}` newline ... newline ...
//! Book   `book/src/stream.md`
//!
//! Left out: logins, storage, compression. The format is NDJSON (github.com/ndjson/ndjson-spec):
//! one JSON text a line, written without a newline in it, so a newline is where it ends. Empty
//! lines are ignored: here they are the heartbeat.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use flow::{Flow, Flows};
use http::Endless;
use room::{Gap, News, Reader, Room};
use tiny_http::Request;

mod flow;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "stream",
    port: 8006,
    title: "Fetch streaming",
    promise: "One answer that never ends; the page reads its bytes as they come and cuts the messages out itself.",
    first: "let the cable drip, say something with an umlaut or an emoji in it, and watch it arrive in pieces",
    page: demo::page!("flow.js"),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// Seconds between two heartbeats on a silent stream, unless the page asks for others.
const BEAT: f64 = 5.0;

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let flows = Flows::default();
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/stream" => http::get(request, |request| answer(request, &room, &flows)),
        "/flow" => http::get(request, |request| flows.answer(request)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

/// Answers `GET /stream?after=CURSOR&beat=SECONDS&filler=KIB_PER_SECOND&tab=KEY`.
fn answer(request: Request, room: &Arc<Room>, flows: &Flows) {
    let cursor = http::cursor(&request);
    let beat =
        http::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let flow = flows.watch(&request);
    let ended = stream(request, room.reader(cursor), Duration::from_secs_f64(beat), &flow);
    if let Err(why) = ended {
        eprintln!("a stream ended: {why}");
    }
}

// ANCHOR: stream
/// Writes a line for each message until the client has gone, which is an error. After `beat`
/// without a message it writes a heartbeat.
///
/// There is no queue here: a reader costs a cursor and a thread. When the reader is slow, the
/// kernel's buffers fill, then the write waits, and this thread with it. What is said meanwhile
/// lies in the room, once for all readers.
fn stream(request: Request, mut reader: Reader, beat: Duration, flow: &Flow) -> io::Result<()> {
    let mut out = Endless::begin(request, "application/x-ndjson", &[])?;
    let mut news = reader.wait(Duration::ZERO);
    let mut text = line(&news.place()); // where the stream begins
    loop {
        text += &lines(&news);
        text += flow.filler();
        if text.is_empty() {
            text += "\n"; // the heartbeat: a sign of life for the page
        }
        flow.write(&mut out, text.as_bytes())?;
        news = reader.wait(flow.pause(beat));
        text = if news.gap == Gap::None { String::new() } else { line(&news.place()) };
    }
}

/// A line for each message.
fn lines(news: &News) -> String {
    news.messages.iter().map(|message| line(&message.json())).collect()
}

/// One JSON text and a newline. Inside a string JSON writes a newline as `\n`, two characters: the
/// only newlines on the wire are those at the ends of lines.
fn line(json: &serde_json::Value) -> String {
    format!("{json}\n")
}
// ANCHOR_END: stream
