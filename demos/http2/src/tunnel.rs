//! A WebSocket in a stream (RFC 8441): the frames of the crate `frames`, unchanged, in DATA frames of HTTP/2.
//!
//! ```text
//! :method: CONNECT    :protocol: websocket    :scheme: https    :path: /room    :authority: 127.0.0.1:8018
//!                                                     and no Upgrade, no Sec-WebSocket-Key, no 101: the answer is 200
//! ```

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frames::close::{Close, UNSUPPORTED_DATA};
use frames::events;
use frames::frame::{Opcode, write_frame};
use frames::message::{DataMessage, Incoming, Receiver, Role};
use room::{Reader, Room};

use crate::message::Asked;
use crate::server::Exchange;

/// How soon a thread that waits for news notices that its stream has ended.
const LOOK: Duration = Duration::from_secs(1);

/// A client that is told to close has this long to answer.
const CLOSING: Duration = Duration::from_secs(5);

// ANCHOR: tunnel
/// Turns a stream into a WebSocket of the room. What the handshake of HTTP/1.1 proves with a key,
/// `:protocol` says by itself: no server of HTTP/1.1 can be led to take it.
pub fn serve(exchange: Exchange, asked: &Asked, room: &Arc<Room>) -> io::Result<()> {
    if asked.request.only("sec-websocket-version") != Some("13") {
        exchange.respond(400, &[("sec-websocket-version", "13")], true);
        return Ok(());
    }
    let room_protocol = asked.request.lists("sec-websocket-protocol", "room");
    let chosen = [("sec-websocket-protocol", "room")];
    exchange.respond(200, if room_protocol { &chosen } else { &[] }, false);
    let socket = Arc::new(StreamSocket { exchange, closed: Mutex::new(false) });
    let (teller, reader) = (socket.clone(), room.reader(events::cursor(&asked.request)));
    net::spawn(move || tell(&teller, reader))?;
    listen(&socket, room)
}
// ANCHOR_END: tunnel

/// The sending end, which two threads use.
struct StreamSocket {
    exchange: Exchange,
    /// Our Close frame was sent: nothing may follow it.
    closed: Mutex<bool>,
}

impl StreamSocket {
    /// Sends a frame. A Close frame is the last, and ends the stream with it.
    fn send(&self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(ErrorKind::NotConnected.into());
        }
        *closed = opcode == Opcode::Close;
        let mut wire = Vec::new();
        write_frame(&mut wire, true, opcode, None, payload);
        if *closed { self.exchange.send_last(&wire) } else { self.exchange.send(&wire) }
    }

    fn close(&self, close: &Close) -> io::Result<()> {
        self.send(Opcode::Close, &close.serialize())
    }
}

fn tell(socket: &StreamSocket, mut reader: Reader) {
    let mut wait = Duration::ZERO; // the first event tells at once where the client is
    while socket.exchange.is_open() {
        let news = reader.wait(wait);
        for event in events::encode(&news, wait.is_zero()) {
            if socket.send(Opcode::Text, event.as_bytes()).is_err() {
                return;
            }
        }
        wait = LOOK;
    }
}

/// Takes the client's messages until the end. A fault in a frame is answered as `frames` answers it: with a Close frame.
fn listen(socket: &StreamSocket, room: &Room) -> io::Result<()> {
    let (mut receiver, mut unread) = (Receiver::new(Role::Server, frames::MAX_EVENT), Vec::new());
    loop {
        let mut taken = 0;
        loop {
            let (length, incoming) = match receiver.receive(&mut unread[taken..]) {
                Ok(received) => received,
                Err(failure) => return socket.close(&Close::from(failure)),
            };
            taken += length;
            match incoming {
                Some(Incoming::Message(DataMessage::Text(text))) => {
                    socket.send(Opcode::Text, events::handle(&text, room).as_bytes())?;
                }
                Some(Incoming::Message(DataMessage::Binary(_))) => {
                    let reason = "this room takes text".to_string();
                    return socket.close(&Close { code: Some(UNSUPPORTED_DATA), reason });
                }
                Some(Incoming::Ping(payload)) => socket.send(Opcode::Pong, &payload)?,
                Some(Incoming::Pong(_)) => {}
                Some(Incoming::Close(close)) => {
                    return socket.close(&Close { code: close.code, reason: String::new() });
                }
                None if length == 0 => break,
                None => {}
            }
        }
        unread.drain(..taken);
        match socket.exchange.read(CLOSING) {
            Ok(Some(bytes)) => unread.extend(bytes),
            Ok(None) => return socket.close(&Close::default()), // END_STREAM without a Close frame
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
    }
}
