//! Multipart streaming: one answer of many parts, each with a head of its own.
//!
//! Run    `cargo run -p multipart`, then open <http://127.0.0.1:8005> in two tabs
//! Read   this file top to bottom, then `clock.rs` and `../page.html`
//! Wire   `GET /parts` ... `200 multipart/x-mixed-replace;boundary=K` ... `--K`, `Content-Length: 5`, `Id: 8`, empty line, `hello` ...
//! Book   `book/src/multipart.md`
//!
//! Left out: logins, storage, nested parts. The format is that of RFC 2046, section 5.1; `x-mixed-replace`, where each part
//! takes the place of the one before, is Netscape's, and registered by the WHATWG HTML standard (IANA considerations).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use demo::{Demo, Site, Speaks};
use http::Endless;
use room::{Gap, Message, Reader, Room};
use tiny_http::Request;

mod clock;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "multipart",
    port: 8005,
    title: "Multipart streaming",
    promise: "One answer of many parts, each with a head of its own; a boundary that nobody can guess stands between them.",
    first: "say something, open its part on the wire, then start the clock: a picture the server draws again and again",
    page: demo::page!(),
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

/// Answers `GET /parts?after=ID&beat=SECONDS`.
fn messages(request: Request, room: &Arc<Room>) {
    let cursor = http::cursor(&request);
    let beat = http::query(&request, "beat").filter(|beat| (0.05..=60.0).contains(beat)).unwrap_or(BEAT);
    let ended =
        Parts::begin(request).and_then(|parts| stream(parts, room.reader(cursor), Duration::from_secs_f64(beat)));
    if ended.is_err() {
        eprintln!("a stream of messages was abandoned (after={cursor})");
    }
}

// ANCHOR: stream
/// Writes a part for each message until the client has gone, which is an error.
fn stream(mut parts: Parts, mut reader: Reader, beat: Duration) -> io::Result<()> {
    loop {
        let news = reader.wait(beat);
        match news.gap {
            Gap::None => {}
            Gap::Missed(missed) => parts.write(&[("Missed", &missed.to_string())], b"")?,
            Gap::Restarted => parts.write(&[("Restarted", "true")], b"")?,
        }
        for Message { id, text, at } in &news.messages {
            let (id_text, at) = (id.to_string(), at.to_string());
            parts.write(
                &[("Content-Type", "text/plain; charset=utf-8"), ("Id", &id_text), ("At", &at)],
                text.as_bytes(),
            )?;
        }
        if news.is_empty() {
            parts.write(&[], b"")?; // nothing but a sign of life: a dead connection does not survive it
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
        // Drawn anew for each answer: nobody in the room can know it in advance and say it. Our own page goes by
        // Content-Length, and would not even look for it inside of a message; a browser's `<img>` would.
        let boundary = format!("part-{:016x}{:016x}", random(), random());
        let kind = format!("multipart/x-mixed-replace;boundary={boundary}");
        let mut out = Endless::begin(request, &kind, &[])?;
        out.send(format!("--{boundary}\r\n"))?;
        Ok(Parts { out, boundary })
    }

    /// Writes a part: its head, an empty line, its content, and at once the boundary behind it. A browser that does not
    /// read Content-Length knows only by the boundary that the part is whole.
    fn write(&mut self, fields: &[(&str, &str)], content: &[u8]) -> io::Result<()> {
        let mut part: Vec<u8> =
            fields.iter().flat_map(|(name, value)| format!("{name}: {value}\r\n").into_bytes()).collect();
        part.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes());
        part.extend(content);
        part.extend(format!("\r\n--{}\r\n", self.boundary).bytes());
        self.out.send(part)
    }
}
// ANCHOR_END: parts

/// 64 random bits: the standard library draws keys for its hash maps, and these are good enough to be them.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

// ANCHOR: pictures
/// Answers `GET /clock?every=MILLISECONDS`: a picture, and another, and another. An `<img>` shows each in place of the one
/// before, without a line of JavaScript.
fn pictures(request: Request) {
    let every = http::query(&request, "every").filter(|every| (50..=60_000).contains(every)).unwrap_or(EVERY);
    let ended = Parts::begin(request).and_then(|mut parts| {
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            parts.write(&[("Content-Type", "image/bmp")], &clock::picture(now.as_secs() % 86_400))?;
            thread::sleep(Duration::from_millis(every));
        }
    });
    let _: io::Result<()> = ended; // an error means: nobody looks any more
}
// ANCHOR_END: pictures
