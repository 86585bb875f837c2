//! WebSocket frames, by hand: the few bytes in front of a message that say what it is and where it ends.
//!
//! Run    `cargo run -p frames`, then open <http://127.0.0.1:8011> in two tabs
//! Read   `frame.rs` (one frame), `message.rs` (frames together), `close.rs` (the end), `socket.rs` (on a connection);
//!        then this file and `../page.html`
//! Wire   `101` ... `81 85 37 fa 21 3d 7f 9f 4d 51 58` (masked "Hello") ... `81 05 48 65 6c 6c 6f` ... `88 02 03 e8`
//! Book   `book/src/frames.md`
//!
//! Left out: extensions (compression is another lesson), TLS. Source: RFC 6455, sections 5 to 8.

pub mod close;
mod compose;
pub mod frame;
pub mod message;
pub mod room;
pub mod socket;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use handshake::request::Refusal;
use handshake::{accept, answer};
use demo::{Demo, Site, Speaks};
use room::Room;

use crate::message::{MAX_MESSAGE, Role};
use crate::socket::{Next, Socket};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "frames",
    port: 8011,
    title: "WebSocket frames",
    promise: "Two bytes in front of a message say where it ends, and either side may send one at any time.",
    first: "open the page in two tabs and say something, then set a bit of a frame wrong and see what the server says",
    page: demo::page!("compose.js", "composer.js", "websocket-api.js"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[],
};

/// Serves the room, an echo and the page.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    answer::each_connection(listener, move |stream| serve_one(stream, &room))
}

fn serve_one(stream: TcpStream, room: &Arc<Room>) -> io::Result<()> {
    let Some((request, rest)) = handshake::read_request(&stream)? else { return Ok(()) };
    if accept::is_meant(&request) {
        let known: &[&str] = match request.path() {
            "/" => &["room"],
            "/echo" => &["echo"],
            _ => return answer::refuse(&stream, &Refusal::new(404, "The room is at /, the echo at /echo.")),
        };
        if handshake::upgrade(&stream, &request, known)?.is_none() {
            return Ok(());
        }
        let socket = Socket::new(stream, rest, Role::Server, MAX_MESSAGE);
        match request.path() {
            "/echo" => echo(socket),
            _ => room::converse(socket, room, request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0)),
        }
        return Ok(());
    }
    if let Err(refusal) = accept::check_host_and_origin(&request) {
        return answer::refuse(&stream, &refusal);
    }
    match (request.method.as_str(), request.path()) {
        ("GET", "/") => handshake::page(&stream, &request, &DEMO),
        ("POST", "/compose") => compose::answer(&stream, &request, rest),
        ("GET", "/echo") => answer::refuse(&stream, &handshake::speaks_websocket()),
        (_, "/" | "/echo") => answer::refuse(&stream, &handshake::method_not_allowed("GET")),
        (_, "/compose") => answer::refuse(&stream, &handshake::method_not_allowed("POST")),
        _ => answer::refuse(&stream, &Refusal::new(404, "There is nothing under this path.")),
    }
}

// ANCHOR: echo
/// Says back what it hears, until the end. Everything else (pings, fragments, faults, closing) is done in
/// [`Socket::read`].
fn echo(mut socket: Socket) {
    loop {
        match socket.read() {
            Next::Message(message) => socket.answer(&message),
            Next::Pong(_) | Next::Silence => {}
            Next::Gone(_) => return,
        }
    }
}
// ANCHOR_END: echo
