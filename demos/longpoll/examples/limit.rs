//! An answer to the second task of the chapter: no more than a hundred requests wait at a time.
//!
//! Run    `cargo run -p longpoll --example limit`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Header, Method, Request, Response};

const DEMO: Demo = Demo { serve, ..longpoll::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/wait") => admit(request, &room),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// So many requests may wait at a time.
const LIMIT: usize = 100;

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Takes a seat first and looks afterwards whether there was one: two who look first could both see the last one.
fn admit(request: Request, room: &Room) {
    if WAITING.fetch_add(1, Ordering::Relaxed) >= LIMIT {
        WAITING.fetch_sub(1, Ordering::Relaxed);
        let mut full = Response::from_string("Every seat is taken: ask again in a second.\n").with_status_code(503);
        if let Ok(later) = Header::from_bytes("Retry-After", "1") {
            full.add_header(later);
        }
        let _ = request.respond(full);
        return;
    }
    let after = http::query(&request, "after").unwrap_or(0);
    let hold = http::query(&request, "hold").unwrap_or(25).min(60);
    let news = room.wait_since(after, Duration::from_secs(hold));
    WAITING.fetch_sub(1, Ordering::Relaxed);
    if news.is_empty() { http::text(request, 204, "") } else { http::json(request, 200, &news.json()) }
}
// ANCHOR_END: answer
