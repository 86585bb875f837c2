//! An answer to the first task: `/roll` throws a die, and the server throws it.
//!
//! Run    `cargo run -p chat --example roll`

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use chat::rooms::{Rooms, Seat, Wish};
use chat::{events, read, server, socket, write};
use demo::{Demo, Site};
use room::Room;
use serde_json::{Value, json};

const DEMO: Demo = Demo { serve, ..chat::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    server::serve(&listener, room, site, converse)
}

// ANCHOR: answer
/// Does what an event asks for; a text that is `/roll` becomes what the die says.
fn handle(text: &str, seat: &mut Seat) {
    let mut event: Value = serde_json::from_str(text).unwrap_or_default();
    if event["type"] == "say" && event["text"] == "/roll" {
        event["text"] = json!(format!("rolls {}", die()));
        return events::handle(&event.to_string(), seat);
    }
    events::handle(text, seat);
}

/// 1 to 6: the server's number, which no member can choose.
fn die() -> u8 {
    let mut byte = [0];
    // 252 is 42 times 6: below it, all six are equally likely.
    while getrandom::fill(&mut byte).is_err() || byte[0] >= 252 {}
    byte[0] % 6 + 1
}
// ANCHOR_END: answer

/// As in the demo, but for `handle`.
fn converse(stream: TcpStream, rest: Vec<u8>, rooms: &Rooms, wish: &Wish) -> io::Result<()> {
    let stream = Arc::new(stream);
    let Ok((mut seat, here, news)) = rooms.join(wish) else { return Ok(()) };
    let (writes, mailbox) = (stream.clone(), seat.mailbox.clone());
    net::spawn(move || {
        let messages = news.messages.iter().map(events::message);
        let _gone = write(&writes, std::iter::once(here).chain(messages), &mailbox);
        mailbox.hang_up();
        let _gone = writes.shutdown(Shutdown::Both);
    })?;
    let mut socket = socket::reading(stream, rest);
    while let Some(text) = read(&mut socket, &seat.mailbox).filter(|_| seat.mailbox.is_open()) {
        handle(&text, &mut seat);
    }
    Ok(())
}
