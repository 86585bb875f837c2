//! An answer to the tasks of the chapter: one script for all the news there are, and a document that ends by its size.
//!
//! Run    `cargo run -p iframe --example few`

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use room::Room;
use tiny_http::{Method, Request};

const DEMO: Demo = Demo { serve, ..iframe::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/frame") => drop(stream(request, &room)),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// A document ends when it has had so many bytes of scripts. Memory is what has to be limited, and messages differ.
const ENOUGH: usize = 64 * 1024;

fn stream(request: Request, room: &Room) -> io::Result<()> {
    let mut after = http::query(&request, "after").unwrap_or(0);
    let mut out = request.into_writer();
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    http::chunk(
        &mut out,
        format!("<!doctype html>\n<title>messages</title>\n<!--{}-->\n", ".".repeat(1024)).as_bytes(),
    )?;
    let mut written = 0;
    while written < ENOUGH {
        let news = room.wait_since(after, Duration::from_secs(3));
        // One script for all that there is to tell: the tags are paid for once.
        let mut calls = if news.is_empty() { "parent.beat();".to_string() } else { String::new() };
        for message in &news.messages {
            calls += &format!("parent.hear({});", message.json().to_string().replace('<', "\\u003c"));
            after = message.id;
        }
        let script = format!("<script>{calls}</script>\n");
        http::chunk(&mut out, script.as_bytes())?;
        written += script.len();
    }
    http::chunk(&mut out, b"<script>parent.over()</script>\n")?;
    http::last_chunk(&mut out)
}
// ANCHOR_END: answer
