//! A chat on a WebSocket library: what it takes off our hands, and what it leaves there.
//!
//! Run    `cargo run -p chat`, then open <http://127.0.0.1:8014> in two tabs
//! Read   this file top to bottom, then `rooms.rs` (who is where and hears what) and `mailbox.rs` (the queue of each member)
//! Wire   `101` ... `{"type":"here",...}` ... `{"type":"say",...}` ... `{"type":"message",...}`; `book/src/chat.md` has all events
//! Book   `book/src/chat.md`
//!
//! Left out: logins, storage, TLS. The opening handshake is our own, since page and WebSocket share a port. Messages that
//! other demos say in the same log are history here: they are heard at the next connection. Source: RFC 6455.

pub mod events;
pub mod flood;
pub mod mailbox;
pub mod names;
pub mod rooms;
pub mod server;
pub mod socket;

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use demo::{Demo, Site, Speaks};
use room::Room;
use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Error, Message, Utf8Bytes, WebSocket};

use crate::mailbox::{Mailbox, Outgoing};
use crate::rooms::{Rooms, Wish};
use crate::socket::ReadOnly;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "chat",
    port: 8014,
    title: "Chat",
    promise: "A library carries the messages; rooms, names and what was missed are still yours.",
    first: "open the page in two tabs, give each a name, and write; then reset the cable in the middle of it",
    page: demo::page!("chat.css", "chat.js"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[],
};

/// How often a member is asked with a ping whether it is there: also one that hears much and says nothing.
const PING_EVERY: Duration = Duration::from_secs(20);

/// A member from whom no byte came for this long is given up.
const SILENCE: Duration = Duration::from_secs(45);

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    server::serve(&listener, room, site, converse)
}

// ANCHOR: converse
/// Serves one connection with two threads: this one reads, a second one writes. tungstenite's
/// `WebSocket` needs `&mut` for both, and a lock around it would be held while a read waits. So
/// there are two of them on one socket. The reading one never writes; what it would have written
/// (pongs, the answering Close) goes through the mailbox like everything else.
fn converse(stream: TcpStream, rest: Vec<u8>, rooms: &Rooms, wish: &Wish) -> io::Result<()> {
    socket::limit(&stream, SILENCE)?;
    let stream = Arc::new(stream);
    let (mut seat, here, news) = match rooms.join(wish) {
        Ok(joined) => joined,
        Err(why) => {
            let _gone = write(&stream, [], &Mailbox::closed(CloseCode::Again, why));
            return Ok(());
        }
    };
    let (writes, mailbox) = (stream.clone(), seat.mailbox.clone());
    net::spawn(move || {
        let messages = news.messages.iter().map(events::message);
        let _gone = write(&writes, std::iter::once(here).chain(messages), &mailbox);
        mailbox.hang_up();
        let _gone = writes.shutdown(Shutdown::Both); // wakes the thread that reads
    })?;
    let mut socket = socket::reading(stream, rest);
    while let Some(text) = read(&mut socket, &seat.mailbox).filter(|_| seat.mailbox.is_open()) {
        events::handle(&text, &mut seat);
    }
    Ok(()) // the seat is dropped here: the others are told
}
// ANCHOR_END: converse

// ANCHOR: read
/// Waits for the next text. The end of the connection puts its Close into the mailbox: tungstenite
/// finds every fault, but which code to close with is the caller's to say (7.4.1).
pub fn read(socket: &mut WebSocket<ReadOnly>, mailbox: &Mailbox) -> Option<Utf8Bytes> {
    let (code, why) = loop {
        match socket.read() {
            Ok(Message::Text(text)) => return Some(text),
            Ok(Message::Ping(payload)) => mailbox.put(Outgoing::Pong(payload.to_vec())),
            Ok(Message::Pong(_) | Message::Frame(_)) => {}
            Ok(Message::Close(close)) => break (close.map(|close| close.code), ""),
            Ok(Message::Binary(_)) => break (Some(CloseCode::Unsupported), "this room takes text"),
            Err(Error::Capacity(_)) => break (Some(CloseCode::Size), "too long"),
            Err(Error::Utf8(_)) => break (Some(CloseCode::Invalid), "not UTF-8"),
            Err(Error::Protocol(fault)) if fault != ResetWithoutClosingHandshake => {
                break (Some(CloseCode::Protocol), "a rule of RFC 6455 is broken");
            }
            Err(_) => {
                mailbox.hang_up(); // it has gone, or was silent for too long
                return None;
            }
        }
    };
    mailbox.put(Outgoing::Close(code, why));
    None
}
// ANCHOR_END: read

// ANCHOR: write
/// Writes what is `first`, then what comes into the mailbox; all that has gathered there leaves in
/// one write. No other thread writes to this socket, so no frame ends up inside another.
pub fn write(
    stream: &TcpStream,
    first: impl IntoIterator<Item = String>,
    mailbox: &Mailbox,
) -> tungstenite::Result<()> {
    let mut socket = socket::writing(stream);
    let mut asked = Instant::now();
    first.into_iter().try_for_each(|text| socket.write(text.into()))?;
    loop {
        socket.flush()?;
        let until_ping = PING_EVERY.saturating_sub(asked.elapsed());
        let Some(waiting) = mailbox.take(until_ping) else { return Ok(net::close(stream)?) };
        if asked.elapsed() >= PING_EVERY {
            socket.write(Message::Ping(Bytes::new()))?;
            asked = Instant::now();
        }
        waiting.into_iter().try_for_each(|outgoing| socket.write(socket::message(outgoing)))?;
    }
}
// ANCHOR_END: write
