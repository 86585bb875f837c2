//! Long polling: the server keeps a request open until it has news.
//!
//! Run    `cargo run -p longpoll`, then open <http://127.0.0.1:8003> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /wait?after=9f3c01d2-7` ... up to 25 s of silence ...
//!        `200 {"after":8,"life":"9f3c01d2","messages":[{"id":8,...}]}`
//! Book   `book/src/longpoll.md`
//!
//! Left out: logins, storage. One thread sleeps for each request that waits: fine for a class of
//! thirty, and for a thousand; the chapter counts what it costs.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use demo::{Demo, Site, Speaks};
use http::Endless;
use room::{Cursor, Room};
use tiny_http::Request;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "longpoll",
    port: 8003,
    title: "Long polling",
    promise: "The page asks once; the server keeps the question until it has an answer.",
    first: "open the page in two tabs and say something in one: the other tab's open request ends at once",
    page: demo::page!(),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// The longest time a request is held, in seconds. Proxies on the way often give up after 30 or 60.
const MAX_HOLD: f64 = 60.0;

/// How long a request is held when it does not say, in seconds.
const HOLD: f64 = 25.0;

/// How often the server makes sure that the client still waits for the answer, in seconds.
const BEAT: f64 = 5.0;

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let waiting = AtomicUsize::new(0); // how many requests are held now
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/wait" => http::get(request, |request| {
            waiting.fetch_add(1, Ordering::Relaxed);
            answer(request, &room);
            waiting.fetch_sub(1, Ordering::Relaxed);
        }),
        "/waiting" => http::text(request, 200, &waiting.load(Ordering::Relaxed).to_string()),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// Answers `GET /wait?after=CURSOR&hold=SECONDS&beat=SECONDS` with what was said after the cursor,
/// as soon as there is something; with an empty list when nothing was said within `hold`.
fn answer(request: Request, room: &Room) {
    let cursor = http::cursor(&request);
    let seconds = |name, default| {
        let seconds = http::query(&request, name).filter(|s| (0.05..=MAX_HOLD).contains(s));
        Duration::from_secs_f64(seconds.unwrap_or(default))
    };
    let (hold, beat) = (seconds("hold", HOLD), seconds("beat", BEAT));
    if hold_until_news(request, room, cursor, hold, beat).is_err() {
        eprintln!("a waiting request was abandoned (after={cursor})");
    }
}
// ANCHOR_END: answer

// ANCHOR: hold
/// Sleeps until the room has something newer than `cursor`, at most for `hold`, and answers with
/// it.
///
/// A sleeping thread does not see its client leave: a program learns that only when it reads or
/// writes. So after each `beat` of silence the thread writes one space: the answer has begun, and
/// JSON may have white space in front (RFC 8259, 2). To a client that has gone the write fails.
/// That is the error, and the thread is free.
fn hold_until_news(
    request: Request,
    room: &Room,
    cursor: Cursor,
    hold: Duration,
    beat: Duration,
) -> io::Result<()> {
    let deadline = Instant::now() + hold;
    let news = room.wait_since(cursor, hold.min(beat));
    if !news.is_empty() || hold <= beat {
        http::json(request, 200, &news.json());
        return Ok(());
    }
    let mut answer = Endless::begin(request, "application/json", &[])?;
    loop {
        answer.send(" ")?;
        let left = deadline.saturating_duration_since(Instant::now());
        let news = room.wait_since(cursor, left.min(beat));
        if !news.is_empty() || left <= beat {
            answer.send(news.json().to_string())?;
            return answer.end();
        }
    }
}
// ANCHOR_END: hold
