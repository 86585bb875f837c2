//! An answer to the first task of the chapter: every browser comes back after a time of its own.
//!
//! Run    `cargo run -p sse --example apart`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use http::Endless;
use room::{Cursor, Reader, Room};
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..sse::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/events" => http::get(request, |request| {
            let reader = room.reader(http::cursor(&request));
            let _ = stream(request, reader); // an error means that the page has gone
        }),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// A time between one and three seconds, in milliseconds.
fn retry() -> u32 {
    let random = getrandom::u32().expect("the operating system gives random numbers");
    1_000 + random % 2_001
}

fn stream(request: Request, mut reader: Reader) -> io::Result<()> {
    let mut out = Endless::begin(request, "text/event-stream", &[])?;
    out.send(format!("retry: {}\n\n", retry()))?;
    // ANCHOR_END: answer
    loop {
        let news = reader.wait(Duration::from_secs(5));
        let mut events =
            if news.messages.is_empty() { ": beat\n\n".to_string() } else { String::new() };
        for message in &news.messages {
            events += &format!("id: {}\n", Cursor { after: message.id, ..news.next });
            events += &format!("data: {}\n\n", message.text.replace('\n', "\ndata: "));
        }
        out.send(events)?;
    }
}
