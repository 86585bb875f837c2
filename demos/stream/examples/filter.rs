//! An answer to the tasks of the chapter: only messages with a word in them, and an end after so many.
//!
//! Run    `cargo run -p stream --example filter`

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Method, Request};

const DEMO: Demo = Demo { serve, ..stream::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/stream") => drop(answer(request, &room)),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// `GET /stream?after=ID&word=WORD&most=N`
fn answer(request: Request, room: &Room) -> io::Result<()> {
    let mut after = http::query(&request, "after").unwrap_or(0);
    let word = http::query_text(&request, "word").unwrap_or("").to_string();
    let most = http::query(&request, "most").unwrap_or(u64::MAX);
    let mut out = request.into_writer();
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut written = 0;
    while written < most {
        let news = room.wait_since(after, Duration::from_secs(5));
        let mut lines = String::new();
        for message in &news.messages {
            // The cursor passes over the others too, or they would be looked at again for ever.
            after = message.id;
            if message.text.contains(&word) && written < most {
                lines += &format!("{}\n", message.json());
                written += 1;
            }
        }
        http::chunk(&mut out, if lines.is_empty() { b"\n" } else { lines.as_bytes() })?;
    }
    // An end on purpose has a last chunk. A loss has none, and the page's read fails with an error.
    http::last_chunk(&mut out)
}
// ANCHOR_END: answer
