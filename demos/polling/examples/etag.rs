//! An answer to the second task of the chapter: `304 Not Modified` when nothing was said.
//!
//! Run    `cargo run -p polling --example etag`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, Site};
use http::Answer;
use room::Room;
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..polling::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/messages" => http::get(request, |request| answer(request, &room)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// The tag is the cursor behind the answer: as long as it is the same, the answer is the same (RFC
/// 9110, 8.8.3 and 13.1.2). `no-cache` lets the browser keep the answer, and makes it ask each time
/// whether the answer still holds.
///
/// The page must ask for it: change `cache: "no-store"` to `cache: "no-cache"` in `page.html`.
fn answer(request: Request, room: &Room) {
    let news = room.since(http::cursor(&request));
    let tag = format!("\"{}\"", news.next);
    let same = http::header(&request, "If-None-Match") == Some(&tag);
    let (status, body) = if same { (304, String::new()) } else { (200, news.json().to_string()) };
    let answer = Answer::new(status).field("ETag", tag).field("Cache-Control", "no-cache");
    answer.send(request, "application/json", body);
}
// ANCHOR_END: answer
