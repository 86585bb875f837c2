//! Multipart streaming: one answer of many parts, each with a head of its own.
//!
//! Run    `cargo run -p multipart`, then open <http://127.0.0.1:8005> in two tabs
//! Read   this file top to bottom, then `../page.html` and `../parts.js`
//! Wire   `GET /parts` ... `200 multipart/x-mixed-replace;boundary=K` ...
//!        `--K`, `Id: 8`, `Content-Length: 5`, empty line, `hello` ...
//! Book   `book/src/multipart.md`
//!
//! Left out: logins, storage, nested parts. The format is RFC 2046, section 5.1. Netscape added
//! `x-mixed-replace`, where each part takes the place of the one before (WHATWG HTML, IANA part).

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use http::Endless;
use room::{Gap, Message, News, Reader, Room};
use tiny_http::Request;

mod clock;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "multipart",
    port: 8005,
    title: "Multipart streaming",
    promise: "One answer of many parts, each with a head of its own; a boundary that can't be guessed stands between them.",
    first: "say something, open its part on the wire, then start the clock: a picture the server draws again and again",
    page: demo::page!("parts.js", "clock.js"),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// Seconds between two empty parts on a silent stream, unless the page asks for others.
const BEAT: f64 = 5.0;

/// Milliseconds between two pictures, unless the page asks for others.
const EVERY: u64 = 500;

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/parts" => http::get(request, |request| messages(request, &room)),
        "/clock" => http::get(request, pictures),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

/// Answers `GET /parts?after=CURSOR&beat=SECONDS`.
fn messages(request: Request, room: &Arc<Room>) {
    let cursor = http::cursor(&request);
    let beat =
        http::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let ended = Parts::begin(request)
        .and_then(|parts| stream(parts, room.reader(cursor), Duration::from_secs_f64(beat)));
    if ended.is_err() {
        eprintln!("a stream of messages was abandoned (after={cursor})");
    }
}

// ANCHOR: stream
/// Writes a part for each message until the client has gone, which is an error.
fn stream(mut parts: Parts, mut reader: Reader, beat: Duration) -> io::Result<()> {
    let mut news = reader.wait(Duration::ZERO);
    parts.place(&news)?; // where the stream begins
    loop {
        for message in &news.messages {
            parts.message(message)?;
        }
        news = reader.wait(beat);
        if news.gap != Gap::None {
            parts.place(&news)?;
        } else if news.is_empty() {
            parts.write(&[], b"")?; // a sign of life: to a client that has gone the write fails
        }
    }
}
// ANCHOR_END: stream

// ANCHOR: parts
/// The parts of one answer, written one after the other.
struct Parts {
    out: Endless,
    boundary: String,
}

impl Parts {
    /// Writes the head of the answer, and the first boundary.
    fn begin(request: Request) -> io::Result<Self> {
        let boundary = boundary();
        let kind = format!("multipart/x-mixed-replace;boundary={boundary}");
        let mut out = Endless::begin(request, &kind, &[])?;
        out.send(format!("--{boundary}\r\n"))?;
        Ok(Parts { out, boundary })
    }

    // ANCHOR: write
    /// Writes a part: its head, an empty line, its content, and at once the boundary behind it. A
    /// browser that does not read Content-Length knows only by the boundary that the part is whole.
    fn write(&mut self, fields: &[(&str, &str)], content: &[u8]) -> io::Result<()> {
        let mut part = String::new();
        for (name, value) in fields {
            part += &format!("{name}: {value}\r\n");
        }
        part += &format!("Content-Length: {}\r\n\r\n", content.len());
        let end = format!("\r\n--{}\r\n", self.boundary);
        self.out.send([part.as_bytes(), content, end.as_bytes()].concat())
    }
    // ANCHOR_END: write

    /// Writes a message: what was said is the content, the rest stands in the part's head.
    fn message(&mut self, Message { id, text, at, .. }: &Message) -> io::Result<()> {
        let kind = ("Content-Type", "text/plain; charset=utf-8");
        self.write(&[kind, ("Id", &id.to_string()), ("At", &at.to_string())], text.as_bytes())
    }

    /// Writes where the reader is, and what is missing in front of the messages that follow.
    fn place(&mut self, news: &News) -> io::Result<()> {
        self.write(&[("Content-Type", "application/json")], news.place().to_string().as_bytes())
    }
}

// ANCHOR: boundary
/// 128 random bits, drawn anew for each answer: a boundary that is known in advance can be said as
/// a message. (Our own page does not look for it inside a message. A browser's `<img>` does.)
fn boundary() -> String {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the operating system gives random numbers");
    format!("part-{:032x}", u128::from_ne_bytes(bits))
}
// ANCHOR_END: boundary
// ANCHOR_END: parts

// ANCHOR: pictures
/// Answers `GET /clock?every=MILLISECONDS`: a picture, and another, and another. An `<img>` shows
/// each in place of the one before, without a line of JavaScript.
fn pictures(request: Request) {
    let every =
        http::query(&request, "every").filter(|ms| (50..=60_000).contains(ms)).unwrap_or(EVERY);
    let _: io::Result<()> = Parts::begin(request).and_then(|mut parts| {
        loop {
            parts.write(&[("Content-Type", "image/bmp")], &clock::now())?;
            thread::sleep(Duration::from_millis(every));
        }
    }); // an error means that the browser has gone
}
// ANCHOR_END: pictures
