//! {Title}: TODO say in one sentence what the wire does.
//!
//! Run    `cargo run -p {name}`, then open <http://127.0.0.1:{port}> in two tabs
//! Read   this file top to bottom, then `../page.html`
//! Wire   `GET /messages?after=9f3c01d2-7`, at once `200 {...,"messages":[]}`, every second
//! Book   `book/src/{name}.md`
//!
//! Left out: logins, storage.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site, Speaks};
use room::Room;
use tiny_http::Request;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "{name}",
    port: {port},
    title: "{Title}",
    promise: "The page asks whether there is news.",
    first: "open the page in two tabs and say something in one",
    page: demo::page!(),
    speaks: Speaks::Http,
    serve,
    side_servers: &[],
};

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/messages" => http::get(request, |request| answer(request, &room)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// Answers `GET /messages?after=CURSOR` with what was said after the cursor. TODO: your technique.
fn answer(request: Request, room: &Room) {
    let cursor = http::cursor(&request);
    http::json(request, 200, &room.since(cursor).json());
}
// ANCHOR_END: answer
