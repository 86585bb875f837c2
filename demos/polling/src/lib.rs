//! Short polling: the page asks again and again whether there is news.
//!
//! Run    `cargo run -p polling`, then open <http://127.0.0.1:8001> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /messages?after=9f3c01d2-7`, at once `200 {...,"messages":[]}`, every second, for ever
//! Book   `book/src/polling.md`
//!
//! Left out: logins, storage. The server does next to nothing here: the technique, and its faults,
//! are in the page.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use room::Room;
use tiny_http::Request;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "polling",
    port: 8001,
    title: "Short polling",
    promise: "The page asks every so often whether there is news. Mostly there is none.",
    first: "open the page, say nothing, and watch what silence costs",
    page: demo::page!(),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// The slowest answer that may be asked for, in milliseconds.
const MAX_SLOW: u64 = 5_000;

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/messages" => {
            http::get(request, |request| match http::query(&request, "slow").unwrap_or(0) {
                0 => answer(request, &room),
                slow => answer_slowly(request, &room, slow),
            })
        }
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// Answers `GET /messages?after=CURSOR` at once: with what was said after the cursor, or with an
/// empty list.
fn answer(request: Request, room: &Room) {
    let cursor = http::cursor(&request);
    http::json(request, 200, &room.since(cursor).json());
}
// ANCHOR_END: answer

// ANCHOR: slow
/// The same, as a server under load does it: it looks first, and answers `slow` milliseconds later.
/// By then a request that was sent after this one may have had its answer.
fn answer_slowly(request: Request, room: &Room, slow: u64) {
    let news = room.since(http::cursor(&request));
    thread::sleep(Duration::from_millis(slow.min(MAX_SLOW)));
    http::json(request, 200, &news.json());
}
// ANCHOR_END: slow
