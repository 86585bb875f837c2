//! An answer to the second task of the chapter: at most a hundred requests wait at a time.
//!
//! Run    `cargo run -p longpoll --example limit`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use demo::{Demo, Site};
use http::Answer;
use room::Room;
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..longpoll::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let waiting = AtomicUsize::new(0);
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/wait" => http::get(request, |request| admit(request, &room, &waiting)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// The most requests that may wait at a time.
const LIMIT: usize = 100;

/// Takes a place first and then looks whether there was one. The other way round, two requests
/// could both see the last free place.
fn admit(request: Request, room: &Room, waiting: &AtomicUsize) {
    if waiting.fetch_add(1, Ordering::Relaxed) < LIMIT {
        let hold = http::query(&request, "hold").unwrap_or(25).min(60);
        let news = room.wait_since(http::cursor(&request), Duration::from_secs(hold));
        http::json(request, 200, &news.json());
    } else {
        let full = Answer::new(503).field("Retry-After", "1");
        full.send(request, "text/plain", "All places are taken: ask again in a second.\n");
    }
    waiting.fetch_sub(1, Ordering::Relaxed);
}
// ANCHOR_END: answer
