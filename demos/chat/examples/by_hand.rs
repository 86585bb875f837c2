//! The same rooms without the library: on the WebSocket of this book, the crate `frames`. Everything but the two functions
//! that touch the socket is the demo's own.
//!
//! Run    `cargo run -p chat --example by_hand`

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat::mailbox::{Mailbox, Outgoing};
use chat::rooms::{Rooms, Wish};
use chat::socket::{self, MAX_EVENT};
use chat::{events, server};
use demo::{Demo, Site};
use frames::close::Close;
use frames::message::{DataMessage, Role};
use frames::outbox::Sender;
use frames::websocket::{Next, WebSocket};
use room::Room;
use tungstenite::protocol::frame::coding::CloseCode;

const DEMO: Demo = Demo { serve, ..chat::DEMO };

const PING_EVERY: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(45);

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    server::serve(&listener, room, site, converse)
}

// ANCHOR: converse
/// Serves one connection with two threads. The sending end of this `WebSocket` may be cloned: it
/// was made for two threads. Pongs, faults and the answering Close are done inside of `read`.
fn converse(stream: TcpStream, rest: Vec<u8>, rooms: &Rooms, wish: &Wish) -> io::Result<()> {
    socket::limit(&stream, SILENCE)?;
    let closing = stream.try_clone()?;
    let mut socket = WebSocket::new(stream, rest, Role::Server, MAX_EVENT);
    let sender = socket.sender();
    let (mut seat, here, news) = match rooms.join(wish) {
        Ok(joined) => joined,
        Err(why) => return write(&sender, [], &Mailbox::closed(CloseCode::Again, why)),
    };
    let mailbox = seat.mailbox.clone();
    net::spawn(move || {
        let messages = news.messages.iter().map(events::message);
        let told = write(&sender, std::iter::once(here).chain(messages), &mailbox);
        let _gone = told.and_then(|()| net::close(&closing)); // the last bytes still arrive
        mailbox.hang_up();
        sender.hang_up();
    })?;
    while seat.mailbox.is_open() {
        match socket.read() {
            Next::Message(DataMessage::Text(text)) => events::handle(&text, &mut seat),
            Next::Message(DataMessage::Binary(_)) => {
                let why = "this room takes text";
                seat.mailbox.put(Outgoing::Close(Some(CloseCode::Unsupported), why));
            }
            Next::Pong(_) => {}
            Next::Timeout | Next::Gone(_) => seat.mailbox.hang_up(),
        }
    }
    Ok(())
}
// ANCHOR_END: converse

// ANCHOR: write
/// Writes what is `first`, then what comes into the mailbox.
fn write(
    sender: &Sender,
    first: impl IntoIterator<Item = String>,
    mailbox: &Mailbox,
) -> io::Result<()> {
    first.into_iter().try_for_each(|text| sender.text(&text))?;
    let mut asked = Instant::now();
    while let Some(waiting) = mailbox.take(PING_EVERY.saturating_sub(asked.elapsed())) {
        if asked.elapsed() >= PING_EVERY {
            sender.ping(b"")?;
            asked = Instant::now();
        }
        for outgoing in waiting {
            match outgoing {
                Outgoing::Text(text) => sender.text(&text)?,
                Outgoing::Pong(_) => {} // sent by `read` itself
                Outgoing::Close(code, why) => {
                    let close = Close { code: code.map(u16::from), reason: why.to_string() };
                    sender.close(&close)?;
                }
            }
        }
    }
    Ok(())
}
// ANCHOR_END: write
