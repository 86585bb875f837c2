//! An answer to the tasks of the chapter: a boundary as short as it may be, and parts of several
//! types.
//!
//! Run    `cargo run -p multipart --example boundary`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use http::Endless;
use room::{Reader, Room};
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..multipart::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/parts" => http::get(request, |request| {
            let reader = room.reader(http::cursor(&request));
            let _ = stream(request, reader); // an error means that the page has gone
        }),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: boundary
/// Forty bits: ten hexadecimal digits. A message is a guess, and one guess in 2^40, a million
/// million, is right. At a thousand messages a second that takes 17 years on average, and the
/// answer, with its boundary, does not live that long.
fn boundary() -> String {
    let bits = getrandom::u64().expect("the operating system gives random numbers");
    format!("{:010x}", bits >> 24)
}
// ANCHOR_END: boundary

// ANCHOR: answer
/// A message that begins with `#` is sent as HTML. The page must not believe it: what people say is
/// text, whatever the head of the part calls it. (Our page shows every message as text.)
fn kind(text: &str) -> &'static str {
    if text.starts_with('#') { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" }
}

fn stream(request: Request, mut reader: Reader) -> io::Result<()> {
    let boundary = boundary();
    let format = format!("multipart/x-mixed-replace;boundary={boundary}");
    let mut out = Endless::begin(request, &format, &[])?;
    out.send(format!("--{boundary}\r\n"))?;
    let mut part = |head: &str, content: &str| {
        let length = content.len();
        out.send(format!("{head}Content-Length: {length}\r\n\r\n{content}\r\n--{boundary}\r\n"))
    };
    let mut news = reader.wait(Duration::ZERO);
    part("Content-Type: application/json\r\n", &news.place().to_string())?;
    loop {
        for message in &news.messages {
            let (id, at, kind) = (message.id, message.at, kind(&message.text));
            part(&format!("Content-Type: {kind}\r\nId: {id}\r\nAt: {at}\r\n"), &message.text)?;
        }
        news = reader.wait(Duration::from_secs(5));
        if news.messages.is_empty() {
            part("", "")?;
        }
    }
}
// ANCHOR_END: answer
