//! WebSocket frames, by hand.

pub mod close;
pub mod frame;
pub mod message;
pub mod socket;

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use handshake::request::{Refusal, Unread, read_head};
use handshake::{accept, answer};
use shared::{Demo, Door, Room};

use crate::message::{MAX_MESSAGE, Role};
use crate::socket::{Next, Socket};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "frames",
    port: 8011,
    title: "WebSocket frames",
    promise: "Two bytes in front of a message say where it ends, and either side may send one at any time.",
    first: "open the page in two tabs and say something, then set a bit of a frame wrong and see what the server says",
    page: shared::page!(),
    door: Door::Bytes,
    serve,
    beside: &[],
};

/// Serves the room on the listener.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>) -> io::Result<()> {
    answer::each_connection(listener, move |stream| answer_one(stream, &room))
}

fn answer_one(mut stream: TcpStream, _room: &Arc<Room>) -> io::Result<()> {
    let (request, rest) = match read_head(&stream, shared::bench::head_timeout()) {
        Ok(read) => read,
        Err(Unread::Gone) => return Ok(()),
        Err(Unread::Refused(refusal)) => return answer::refuse(&stream, &refusal),
    };
    if accept::is_meant(&request) {
        match accept::check(&request, &[]) {
            Ok(accepted) => {
                stream.write_all(accept::switching_protocols(&accepted).as_bytes())?;
                stream.set_read_timeout(None)?;
                return echo(Socket::new(stream, rest, Role::Server, MAX_MESSAGE));
            }
            Err(refusal) => return answer::refuse(&stream, &refusal),
        }
    }
    answer::refuse(&stream, &Refusal::new(404, "nothing"))
}

// ANCHOR: echo
/// Says back what it hears.
fn echo(mut socket: Socket) -> io::Result<()> {
    loop {
        match socket.next() {
            Next::Message(message) => socket.answer(&message),
            Next::Pong(_) | Next::Silence => {}
            Next::Gone(_) => return Ok(()),
        }
    }
}
// ANCHOR_END: echo
