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
use tiny_http::{Method, Request};

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
            (Method::Get, "/wait") => answer(request, &room),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// How long the answer waits for more, once there is something to tell. Every message may be late by that much.
const GATHER: Duration = Duration::from_millis(20);

/// Waits for the first message, then a little more, and then looks again: the cursor is still the old one.
fn answer(request: Request, room: &Room) {
    let after = http::query(&request, "after").unwrap_or(0);
    let hold = http::query(&request, "hold").unwrap_or(25).min(60);
    if room.wait_since(after, Duration::from_secs(hold)).is_empty() {
        return http::text(request, 204, "");
    }
    thread::sleep(GATHER);
    http::json(request, 200, &room.since(after).json());
}
// ANCHOR_END: answer
