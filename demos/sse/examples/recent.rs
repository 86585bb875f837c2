//! An answer to the second task of the chapter: who was away for long gets the newest twenty, and is told so.
//!
//! Run    `cargo run -p sse --example recent`

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
/// So many messages are replayed.
const RECENT: u64 = 20;

fn stream(request: Request, room: &Room) -> io::Result<()> {
    let mut after = http::header(&request, "Last-Event-ID").and_then(|id| id.parse().ok()).unwrap_or(0);
    let mut out = request.into_writer();
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let left_out = room.last().saturating_sub(after).saturating_sub(RECENT);
    if left_out > 0 {
        after += left_out;
        // With an id: whoever loses the connection now goes on behind the gap, and is not told of it twice.
        let gap = format!("event: gap\nid: {after}\ndata: {{\"missed\":{left_out}}}\n\n");
        http::chunk(&mut out, gap.as_bytes())?;
    }
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
