//! An answer to the first task of the chapter: a burst of messages in one answer.
//!
//! Run    `cargo run -p longpoll --example gather`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use demo::{Demo, Site};
use room::Room;
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..longpoll::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/wait" => http::get(request, |request| answer(request, &room)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// How long the answer waits for more, once there is news. Every message may be late by that much.
const GATHER: Duration = Duration::from_millis(20);

/// Waits for the first message, then a little more, and then looks again, from the same cursor on.
fn answer(request: Request, room: &Room) {
    let cursor = http::cursor(&request);
    let hold = http::query(&request, "hold").unwrap_or(25).min(60);
    if !room.wait_since(cursor, Duration::from_secs(hold)).is_empty() {
        thread::sleep(GATHER);
    }
    http::json(request, 200, &room.since(cursor).json());
}
// ANCHOR_END: answer
