//! Long polling: the server keeps a request open until it has news.
//!
//! Run    `cargo run -p longpoll`, then open <http://127.0.0.1:8003> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /wait?after=7` ... silence, up to 25 s ... `200 {"messages":[{"id":8,...}]}`
//! Book   `book/src/longpoll.md`
//!
//! Left out: logins, storage. One thread sleeps for each request that waits: fine for a class of thirty, and for a
//! thousand; the chapter counts what it costs.

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shared::{Demo, Door, News, Room, reply};
use tiny_http::{Method, Request};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "longpoll",
    port: 8003,
    title: "Long polling",
    promise: "The page asks once; the server keeps the question until it has an answer.",
    first: "open the page in two tabs and say something in one: the other tab's open request ends at once",
    page: shared::page!(),
    door: Door::Http,
    serve,
    beside: &[],
};

/// The longest time a request is held, in seconds. Proxies on the way often give up after 30 or 60.
const MAX_HOLD: f64 = 60.0;

/// How long a request is held when it does not say, in seconds.
const HOLD: f64 = 25.0;

/// How often the server makes sure that somebody still waits for the answer, in seconds.
const BEAT: f64 = 5.0;

/// How many requests are being held now.
static WAITING: AtomicUsize = AtomicUsize::new(0);

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
            (Method::Get, "/wait") => answer(request, &room),
            (Method::Get, "/waiting") => reply::text(request, 200, &WAITING.load(Ordering::Relaxed).to_string()),
            (_, "/" | "/wait" | "/waiting") => reply::method_not_allowed(request, "GET"),
            (_, "/say") => reply::method_not_allowed(request, "POST"),
            _ => reply::not_found(request),
        }
    })
}

// ANCHOR: answer
/// Answers `GET /wait?after=ID&hold=SECONDS&beat=SECONDS`: 200 with what was said after message ID, as soon as there is something;
/// 204 when nothing was said for that long.
fn answer(request: Request, room: &Room) {
    let after = reply::query(&request, "after").unwrap_or(0);
    let hold = reply::query(&request, "hold").filter(|hold| (0.0..=MAX_HOLD).contains(hold)).unwrap_or(HOLD);
    let beat = reply::query(&request, "beat").filter(|beat| (0.05..=MAX_HOLD).contains(beat)).unwrap_or(BEAT);
    let knows_interim = *request.http_version() >= (1, 1);
    let (hold, beat) =
        (Duration::from_secs_f64(hold), Duration::from_secs_f64(if knows_interim { beat } else { hold }));
    let mut out = request.into_writer();

    WAITING.fetch_add(1, Ordering::Relaxed);
    let news = hold_until_news(room, after, hold, beat, &mut out);
    WAITING.fetch_sub(1, Ordering::Relaxed);

    let sent = news.and_then(|news| match news {
        Some(news) => write_json(&mut out, &news.json().to_string()),
        None => out.write_all(b"HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n\r\n").and_then(|()| out.flush()),
    });
    if sent.is_err() {
        eprintln!("a waiting request was abandoned (after={after})");
    }
}
// ANCHOR_END: answer

// ANCHOR: hold
/// Sleeps until the room has something newer than `after`: then it is returned; or until `hold` has passed: then `None`.
///
/// A sleeping thread does not see its client leave: TCP tells only those who read or write. So it gets up at every beat
/// and writes an interim answer, which a client passes over (RFC 9110, 15.2). With nobody there, that or the next write
/// fails: that is the error, and the thread is free.
fn hold_until_news(
    room: &Room,
    after: u64,
    hold: Duration,
    beat: Duration,
    out: &mut impl Write,
) -> io::Result<Option<News>> {
    let give_up = Instant::now() + hold;
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        let news = room.wait_since(after, left.min(beat));
        if !news.is_empty() {
            return Ok(Some(news));
        }
        if left <= beat {
            return Ok(None);
        }
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        out.flush()?;
    }
}
// ANCHOR_END: hold

fn write_json(out: &mut impl Write, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    out.flush()
}
