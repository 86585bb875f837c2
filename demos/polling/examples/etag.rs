//! An answer to the second task of the chapter: `304 Not Modified` when nothing was said.
//!
//! Run    `cargo run -p polling --example etag`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Header, Method, Request, Response};

const DEMO: Demo = Demo { serve, ..polling::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/messages") => answer(request, &room),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// The tag is the number of the newest message: while it is the same, so is the answer (RFC 9110, 8.8.3 and 13.1.2).
/// `no-cache` lets the browser keep the answer, and makes it ask each time whether it still holds.
fn answer(request: Request, room: &Room) {
    let after = http::query(&request, "after").unwrap_or(0);
    let news = room.since(after);
    let tag = format!("\"{}\"", news.messages.last().map_or(after, |message| message.id));
    let same = http::header(&request, "If-None-Match") == Some(&tag);
    let (status, body) = if same { (304, String::new()) } else { (200, news.json().to_string()) };
    let mut response = Response::from_string(body).with_status_code(status);
    for (name, value) in [("ETag", tag.as_str()), ("Cache-Control", "no-cache"), ("Content-Type", "application/json")] {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    let _ = request.respond(response);
}
// ANCHOR_END: answer
