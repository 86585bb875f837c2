//! An answer to the first task of the chapter: every browser comes back after a time of its own.
//!
//! Run    `cargo run -p sse --example apart`

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Method, Request};

const DEMO: Demo = Demo { serve, ..sse::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/events") => drop(stream(request, &room)),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// A time between one and three seconds. (std has no random numbers, but each hash map of it has a random key.)
fn retry() -> u64 {
    1_000 + RandomState::new().hash_one(()) % 2_001
}

fn stream(request: Request, room: &Room) -> io::Result<()> {
    let mut after = http::header(&request, "Last-Event-ID").and_then(|id| id.parse().ok()).unwrap_or(0);
    let mut out = request.into_writer();
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    http::chunk(&mut out, format!("retry: {}\n\n", retry()).as_bytes())?;
    // ANCHOR_END: answer
    loop {
        let news = room.wait_since(after, Duration::from_secs(5));
        let mut events = if news.messages.is_empty() { ": beat\n\n".to_string() } else { String::new() };
        for message in &news.messages {
            events += &format!("id: {}\n", message.id);
            for line in message.text.split('\n') {
                events += &format!("data: {line}\n");
            }
            events.push('\n');
            after = message.id;
        }
        http::chunk(&mut out, events.as_bytes())?;
    }
}
