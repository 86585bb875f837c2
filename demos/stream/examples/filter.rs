//! An answer to the tasks of the chapter: only messages with a word in them, and an end after some
//! number of them.
//!
//! Run    `cargo run -p stream --example filter`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use http::Endless;
use room::{Reader, Room};
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..stream::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/stream" => http::get(request, |request| {
            let reader = room.reader(http::cursor(&request));
            let _ = answer(request, reader); // an error means that the page has gone
        }),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// `GET /stream?after=CURSOR&word=WORD&most=N`
fn answer(request: Request, mut reader: Reader) -> io::Result<()> {
    let word = http::query_text(&request, "word").unwrap_or("").to_string();
    let most = http::query(&request, "most").unwrap_or(usize::MAX);
    let mut out = Endless::begin(request, "application/x-ndjson", &[])?;
    let mut news = reader.wait(Duration::ZERO);
    out.send(format!("{}\n", news.place()))?;
    let mut written = 0;
    loop {
        // The reader moves past all messages. If it stayed in front of those without the word, it
        // would look at them again and again.
        let found = news.messages.iter().filter(|message| message.text.contains(&word));
        let lines: Vec<_> = found.take(most - written).map(|m| format!("{}\n", m.json())).collect();
        written += lines.len();
        if written == most {
            out.send(lines.concat())?;
            // An end on purpose has a last chunk. A loss has none, and the page's read fails.
            return out.end();
        }
        out.send(if lines.is_empty() { "\n".to_string() } else { lines.concat() })?;
        news = reader.wait(Duration::from_secs(5));
    }
}
// ANCHOR_END: answer
