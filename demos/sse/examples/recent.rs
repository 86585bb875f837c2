//! An answer to the second task of the chapter: a browser that was away for long gets the newest
//! twenty messages, and a `gap` event that says how many it does not get.
//!
//! Run    `cargo run -p sse --example recent`

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
/// The most messages that are sent at once.
const RECENT: usize = 20;

fn stream(request: Request, mut reader: Reader) -> io::Result<()> {
    let mut out = Endless::begin(request, "text/event-stream", &[])?;
    loop {
        let news = reader.wait(Duration::from_secs(5));
        let left_out = news.messages.len().saturating_sub(RECENT);
        let mut events = String::new();
        if left_out > 0 {
            // With an id: a browser that loses the connection now goes on behind the gap, and is
            // not told of it twice.
            let id = Cursor { after: news.messages[left_out - 1].id, ..news.next };
            events += &format!("event: gap\nid: {id}\ndata: {{\"missed\":{left_out}}}\n\n");
        }
        // ANCHOR_END: answer
        for message in &news.messages[left_out..] {
            events += &format!("id: {}\n", Cursor { after: message.id, ..news.next });
            events += &format!("data: {}\n\n", message.text.replace('\n', "\ndata: "));
        }
        out.send(if events.is_empty() { ": beat\n\n".to_string() } else { events })?;
    }
}
