//! An answer to the tasks of the chapter: one script for all the news there is, and a document
//! that ends by its size.
//!
//! Run    `cargo run -p iframe --example few`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use http::Endless;
use room::{Gap, Reader, Room};
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..iframe::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/frame" => http::get(request, |request| {
            let reader = room.reader(http::cursor(&request));
            let _ = stream(request, reader); // an error means that the page has gone
        }),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// A document ends when it has had this many bytes of scripts: memory is what has to be limited,
/// and messages differ in length.
const ENOUGH: usize = 64 * 1024;

fn stream(request: Request, mut reader: Reader) -> io::Result<()> {
    let mut out = Endless::begin(request, "text/html; charset=utf-8", &[])?;
    out.send(format!("<!doctype html>\n<title>messages</title>\n<!--{}-->\n", ".".repeat(1024)))?;
    let mut news = reader.wait(Duration::ZERO);
    let mut calls = format!("parent.here({});", news.place());
    let mut written = 0;
    while written < ENOUGH {
        for message in &news.messages {
            let json = message.json().to_string().replace('<', "\\u003c");
            calls += &format!("parent.hear({json});");
        }
        // One script for everything there is to tell: its tags are paid for once.
        let script = format!("<script>{calls}</script>\n");
        out.send(&script)?;
        written += script.len();
        news = reader.wait(Duration::from_secs(3));
        calls = if news.is_empty() { "parent.beat();".to_string() } else { String::new() };
        if news.gap != Gap::None {
            calls = format!("parent.here({});", news.place());
        }
    }
    out.send("<script>parent.over()</script>\n")?;
    out.end()
}
// ANCHOR_END: answer
