//! An answer to the third task of the chapter: a cursor that knows which life of the server it is from.
//!
//! Run    `cargo run -p longpoll --example life`

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use demo::{Demo, Site};
use room::{Gap, News, Room};
use tiny_http::{Method, Request};

const DEMO: Demo = Demo { serve, ..longpoll::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/") => http::page(request, &DEMO, &site),
            (Method::Post, "/say") => http::say(request, &room),
            (Method::Get, "/wait") => answer(request, &room),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// So many messages can be numbered in one life. (A page counts in JavaScript: up to 2^53 without a mistake.)
const A_LIFE: u64 = 1_000_000;

/// The number of this life, drawn at its start: no two are likely to be the same.
static LIFE: LazyLock<u64> = LazyLock::new(|| 1 + RandomState::new().hash_one("life") % 1_000_000_000);

/// Message 3 goes out as LIFE,000,003, so the page's cursor carries the life along. The page is as it was: to it, a cursor is
/// a number that it was given and gives back.
fn answer(request: Request, room: &Room) {
    let cursor: u64 = http::query(&request, "after").unwrap_or(0);
    let hold = Duration::from_secs(http::query(&request, "hold").unwrap_or(25).min(60));
    let (life, after) = (cursor / A_LIFE, cursor % A_LIFE);
    let mut news = if cursor == 0 || life == *LIFE {
        room.wait_since(after, hold)
    } else {
        // From another life, whatever its number: all that there is, at once.
        News { gap: Gap::Restarted, messages: room.since(0).messages }
    };
    for message in &mut news.messages {
        message.id += *LIFE * A_LIFE;
    }
    if news.is_empty() { http::text(request, 204, "") } else { http::json(request, 200, &news.json()) }
}
// ANCHOR_END: answer
