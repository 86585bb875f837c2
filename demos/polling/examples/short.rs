//! An answer to the first task of the chapter: the shortest head that still does its work.
//!
//! Run    `cargo run -p polling --example short`

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Method, Request};

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
/// Writes the answer by hand. Without a length nobody would know where the body ends; the rest can go.
fn answer(request: Request, room: &Room) {
    let after = http::query(&request, "after").unwrap_or(0);
    let body = room.since(after).json().to_string();
    let mut out = request.into_writer();
    let written = write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = written.and_then(|()| out.flush()); // a page that has left is nobody's fault
}
// ANCHOR_END: answer
