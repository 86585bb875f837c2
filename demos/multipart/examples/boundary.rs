//! An answer to the tasks of the chapter: a boundary as short as it may be, and parts of several types.
//!
//! Run    `cargo run -p multipart --example boundary`

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Method, Request};

const DEMO: Demo = Demo { serve, ..multipart::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/parts") => drop(stream(request, &room)),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// Forty bits: ten hexadecimal digits. A message is a guess, and one guess in a million million succeeds. Somebody who
/// says a thousand things a second would need centuries, and the answer does not live that long.
fn boundary() -> String {
    format!("{:010x}", RandomState::new().hash_one(()) & 0xff_ffff_ffff)
}

/// What begins with `#` says that it is HTML. The page must not believe it: what people say is text, whatever the part's
/// head calls it. (Ours does not look at the type at all, and shows everything as text.)
fn kind(text: &str) -> &'static str {
    if text.starts_with('#') { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" }
}

fn stream(request: Request, room: &Room) -> io::Result<()> {
    let mut after = http::query(&request, "after").unwrap_or(0);
    let mut out = request.into_writer();
    let boundary = boundary();
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary={boundary}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )?;
    http::chunk(&mut out, format!("--{boundary}\r\n").as_bytes())?;
    loop {
        let news = room.wait_since(after, Duration::from_secs(5));
        for message in &news.messages {
            let (id, at, text) = (message.id, message.at, &message.text);
            let head =
                format!("Content-Type: {}\r\nId: {id}\r\nAt: {at}\r\nContent-Length: {}", kind(text), text.len());
            http::chunk(&mut out, format!("{head}\r\n\r\n{text}\r\n--{boundary}\r\n").as_bytes())?;
            after = id;
        }
        if news.messages.is_empty() {
            http::chunk(&mut out, format!("Content-Length: 0\r\n\r\n\r\n--{boundary}\r\n").as_bytes())?;
        }
    }
}
// ANCHOR_END: answer
