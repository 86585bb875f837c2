//! An answer to the third task of the chapter: the hold time in the header field that HTTP has for
//! it.
//!
//! Run    `cargo run -p longpoll --example prefer`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site};
use http::Answer;
use room::Room;
use tiny_http::Request;

const DEMO: Demo = Demo { serve, ..longpoll::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/wait" => http::get(request, |request| answer(request, &room)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

// ANCHOR: answer
/// Answers `GET /wait` with `Prefer: wait=10` within ten seconds (RFC 7240, 4.3), and says that it
/// did.
fn answer(request: Request, room: &Room) {
    let prefer = http::header(&request, "Prefer").unwrap_or("");
    let wait =
        prefer.split([',', ';']).find_map(|one| one.trim().strip_prefix("wait=")?.parse().ok());
    let hold: u64 = wait.unwrap_or(25).min(60); // what a client prefers is no order: 60 s at most
    let news = room.wait_since(http::cursor(&request), Duration::from_secs(hold));
    let mut answer = Answer::new(200).field("Vary", "Prefer");
    if wait == Some(hold) {
        answer = answer.field("Preference-Applied", format!("wait={hold}"));
    }
    answer.send(request, "application/json", news.json().to_string());
}
// ANCHOR_END: answer
