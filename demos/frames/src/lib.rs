//! WebSocket frames, by hand: the few bytes in front of a message that say what it is and where it ends.
//!
//! Run    `cargo run -p frames`, then open <http://127.0.0.1:8011> in two tabs
//! Read   `frame.rs` (one frame), `message.rs` (frames together); then this file top to bottom
//! Wire   `101` ... `81 85 37 fa 21 3d 7f 9f 4d 51 58` (masked "Hello") ... `81 05 48 65 6c 6c 6f` ... `88 02 03 e8`
//! Book   `book/src/frames.md`; `websocket.rs` (reading and closing on a connection) is for `book/src/closing.md`
//!
//! Left out: extensions (compression is another lesson), TLS. Source: RFC 6455, sections 5 to 8.

pub mod close;
mod composer;
pub mod events;
pub mod frame;
mod inbox;
pub mod limits;
pub mod message;
pub mod outbox;
pub mod websocket;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use handshake::page_server::{self, PageAnswer, method_not_allowed, not_found, speaks_websocket};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::{Cursor, Reader, Room};

use crate::close::UNSUPPORTED_DATA;
use crate::limits::{Budget, Limits};
use crate::message::{DataMessage, MAX_MESSAGE, Receive, Role};
use crate::outbox::Sender;
use crate::websocket::{Next, WebSocket};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "frames",
    port: 8011,
    title: "WebSocket frames",
    promise: "Two bytes in front of a message say where it ends, and either side may send one at any time.",
    first: "open the page in two tabs and say something, then set a bit of a frame wrong and see what the server says",
    page: demo::page!("compose.js", "composer.js", "frames.css", "websocket-api.js"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[],
};

/// The longest message that the room takes, in bytes: its texts have 1,000 characters at most.
pub const MAX_EVENT: usize = 64 * 1024;

/// What all long messages on their way to the echo may take together, in bytes.
const ECHO_BUDGET: usize = 64 << 20;

/// How soon a thread that waits for news notices that its connection has ended.
const LOOK: Duration = Duration::from_secs(1);

/// How long a client that is told to close may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves the room, an echo and the page.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let echo_limits = Limits { longest: MAX_MESSAGE, budget: Some(Budget::new(ECHO_BUDGET)) };
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return answer(&stream, &request, rest, &site);
        }
        let (limits, protocol) = match request.path() {
            "/" => (MAX_EVENT.into(), "room"),
            "/echo" => (echo_limits.clone(), "echo"),
            _ => return page_server::refuse(&stream, Refusal::new(404, "No WebSocket is here.")),
        };
        if handshake::upgrade(&stream, &request, &site, &[protocol])?.is_some() {
            let socket = WebSocket::new(stream, rest, Role::Server, limits);
            match request.path() {
                "/" => converse(socket, &room, events::cursor(&request)),
                _ => echo(socket),
            }
        }
        Ok(())
    })
}

// ANCHOR: echo
/// Sends back what it receives, until the end. The rest (pings, fragments, faults, closing) is done
/// in [`WebSocket::read`].
pub fn echo(mut socket: WebSocket<impl Receive>) {
    loop {
        match socket.read() {
            Next::Message(message) => socket.answer(&message),
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
    }
}
// ANCHOR_END: echo

/// Serves one connection of the room: this thread reads, a second one tells the news. When a client
/// takes nothing, the second one waits in its write. This one waits for it only when it has an
/// answer to send; after the write time-out of 10 s the connection ends.
pub fn converse(mut socket: WebSocket<impl Receive>, room: &Arc<Room>, cursor: Cursor) {
    let (sender, reader) = (socket.sender(), room.reader(cursor));
    if net::spawn(move || tell(&sender, reader)).is_err() {
        return socket.sender().hang_up();
    }
    loop {
        match socket.read() {
            Next::Message(DataMessage::Text(text)) => {
                let answer = events::handle(&text, room);
                let _gone = socket.sender().text(&answer); // the next read tells, too
            }
            Next::Message(DataMessage::Binary(_)) => {
                socket.close(UNSUPPORTED_DATA, "this room takes text", CLOSING);
                return;
            }
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
    }
}

/// Tells the news until the connection ends. Only the client's place in the room is kept, no queue:
/// a slow client makes this thread wait in a write, and costs no memory.
pub fn tell(sender: &Sender, mut reader: Reader) {
    let mut wait = Duration::ZERO; // the first event tells at once where the client is
    while sender.is_open() {
        let news = reader.wait(wait);
        if sender.texts(&events::encode(&news, wait.is_zero())).is_err() {
            return;
        }
        wait = LOOK;
    }
}

/// Answers an ordinary request: the page, and the composer's orders.
fn answer(stream: &TcpStream, request: &Request, rest: Vec<u8>, site: &Site) -> io::Result<()> {
    page_server::answer(stream, request, site, |method, path| match (method, path) {
        ("GET", "/") => Ok(PageAnswer::page(&DEMO, request, site)),
        ("POST", "/compose") => composer::answer(stream, request, rest, site),
        ("GET", "/echo") => Err(speaks_websocket()),
        (_, "/" | "/echo") => Err(method_not_allowed("GET, HEAD")),
        (_, "/compose") => Err(method_not_allowed("POST")),
        _ => Err(not_found()),
    })
}
