//! From frames to messages (RFC 6455, 5.4 to 5.6): what has to be right about a frame because of those before it.
//!
//! ```text
//! FIN 1  text "Hello"                                            one message, one frame
//!
//! FIN 0  text "Hel"   FIN 1 ping "?"   FIN 1 continuation "lo"   one message, two fragments, and a ping between them
//! ```
//!
//! A [`Receiver`] knows no socket. It is handed bytes as they arrive, however TCP cut them, and says what they were. So a
//! test can cut them everywhere, and the same code serves the server and the client.

use std::mem;

use crate::close::{Close, Failure, INVALID_DATA, PROTOCOL_ERROR, TOO_BIG};
use crate::frame::{Head, Opcode, Unread, mask};

/// The longest message taken, unless told otherwise: 16 MiB.
pub const MAX_MESSAGE: usize = 16 << 20;

/// Which end of the connection this is. The client masks what it sends, the server does not (5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that accepted the connection.
    Server,
    /// The end that opened it.
    Client,
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text; on the wire in UTF-8.
    Text(String),
    /// Bytes that mean what the two ends agreed on.
    Binary(Vec<u8>),
}

/// What has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The last byte of a message.
    Message(Message),
    /// A ping with this payload, to be answered by a pong with the same.
    Ping(Vec<u8>),
    /// A pong with this payload.
    Pong(Vec<u8>),
    /// The other side's last frame.
    Close(Close),
}

/// A message of which some fragments have arrived.
enum Partial {
    Text(Text),
    Binary(Vec<u8>),
}

impl Partial {
    fn len(&self) -> usize {
        match self {
            Partial::Text(text) => text.whole.len() + text.cut.len(),
            Partial::Binary(bytes) => bytes.len(),
        }
    }
}

/// Makes messages of one direction's bytes.
pub struct Receiver {
    role: Role,
    limit: usize,
    /// The frame whose payload is arriving, and how many bytes of it have.
    frame: Option<(Head, u64)>,
    /// The message whose fragments are arriving.
    message: Option<Partial>,
    /// The payload of the control frame that is arriving, perhaps between two fragments.
    control: Vec<u8>,
}

impl Receiver {
    /// At the start of a connection. `role` is our own; `limit` is the longest message to take, in bytes.
    pub fn new(role: Role, limit: usize) -> Self {
        Receiver { role, limit, frame: None, message: None, control: Vec::new() }
    }

    // ANCHOR: receive
    /// Takes bytes off the front of what has arrived (and unmasks them in place); returns how many, and what they
    /// completed. Call it again with the rest until it takes none: then more have to arrive.
    ///
    /// # Errors
    /// Why the connection must be failed. Nothing that follows may be looked at then (7.1.7).
    pub fn receive(&mut self, arrived: &mut [u8]) -> Result<(usize, Option<Event>), Failure> {
        let mut taken = 0;
        let (head, done) = match self.frame {
            Some(frame) => frame,
            None => {
                let mut wire = &arrived[..];
                let head = match Head::read(&mut wire) {
                    Ok(head) => head,
                    Err(Unread::NotYet) => return Ok((0, None)),
                    Err(Unread::Broken(failure)) => return Err(failure),
                };
                taken = arrived.len() - wire.len();
                self.begin(&head)?;
                (head, 0)
            }
        };

        let missing = usize::try_from(head.length - done).unwrap_or(usize::MAX);
        let here = missing.min(arrived.len() - taken);
        let payload = &mut arrived[taken..taken + here];
        if let Some(key) = head.key {
            mask(payload, key, done);
        }
        self.keep(head.opcode, payload)?;
        taken += here;

        if here < missing {
            self.frame = Some((head, done + here as u64));
            return Ok((taken, None));
        }
        self.frame = None;
        Ok((taken, self.end(&head)?))
    }
    // ANCHOR_END: receive

    // ANCHOR: begin
    /// Checks a head against what came before it. The limit is checked here, before a byte is kept: a head can claim a
    /// length of 2^63 for the price of ten bytes.
    fn begin(&mut self, head: &Head) -> Result<(), Failure> {
        let broken = |why| Err(Failure { code: PROTOCOL_ERROR, why });
        match (self.role, head.key) {
            (Role::Server, None) => return broken("a client must mask its frames (5.1)"),
            (Role::Client, Some(_)) => return broken("a server must not mask its frames (5.1)"),
            _ => {}
        }
        match (head.opcode, &self.message) {
            (Opcode::Text | Opcode::Binary, Some(_)) => return broken("a message begins inside another one (5.4)"),
            (Opcode::Continuation, None) => return broken("there is no message to continue (5.4)"),
            (Opcode::Text, None) => self.message = Some(Partial::Text(Text::default())),
            (Opcode::Binary, None) => self.message = Some(Partial::Binary(Vec::new())),
            _ => {}
        }
        let length = self.message.as_ref().map_or(0, Partial::len) as u64 + head.length;
        if !head.opcode.is_control() && length > self.limit as u64 {
            return Err(Failure { code: TOO_BIG, why: "the message is longer than this end takes (10.4)" });
        }
        Ok(())
    }
    // ANCHOR_END: begin

    /// Keeps some of a frame's payload. What is kept grows as bytes arrive, not by what the head promised.
    fn keep(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Failure> {
        match &mut self.message {
            _ if opcode.is_control() => self.control.extend_from_slice(payload),
            Some(Partial::Text(text)) => text.push(payload)?,
            Some(Partial::Binary(bytes)) => bytes.extend_from_slice(payload),
            None => {} // begin() has seen to it
        }
        Ok(())
    }

    /// The last byte of a frame has been kept: is it also the last of something?
    fn end(&mut self, head: &Head) -> Result<Option<Event>, Failure> {
        Ok(match head.opcode {
            Opcode::Ping => Some(Event::Ping(mem::take(&mut self.control))),
            Opcode::Pong => Some(Event::Pong(mem::take(&mut self.control))),
            Opcode::Close => Some(Event::Close(Close::read(&mem::take(&mut self.control))?)),
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !head.fin => None,
            Opcode::Continuation | Opcode::Text | Opcode::Binary => match self.message.take() {
                Some(Partial::Text(text)) => Some(Event::Message(Message::Text(text.finish()?))),
                Some(Partial::Binary(bytes)) => Some(Event::Message(Message::Binary(bytes))),
                None => None,
            },
        })
    }
}

// ANCHOR: utf-8
/// Text whose UTF-8 is checked as it arrives, so that a message which can't become text ends at its first wrong byte and
/// not at its last. A character of up to four bytes may be cut in two by the end of a fragment, or of a read.
#[derive(Default)]
struct Text {
    whole: String,
    /// The bytes so far of a character that is not whole yet: three at most.
    cut: Vec<u8>,
}

impl Text {
    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while let Some((&byte, rest)) = bytes.split_first().filter(|_| !self.cut.is_empty()) {
            self.cut.push(byte);
            bytes = rest;
            match str::from_utf8(&self.cut) {
                Ok(character) => {
                    self.whole.push_str(character);
                    self.cut.clear();
                }
                Err(error) if error.error_len().is_none() => {} // right so far, but still not whole
                Err(_) => return Err(NOT_UTF_8),
            }
        }
        match str::from_utf8(bytes) {
            Ok(text) => self.whole.push_str(text),
            Err(error) if error.error_len().is_none() => {
                let (whole, cut) = bytes.split_at(error.valid_up_to());
                self.push(whole)?;
                self.cut.extend_from_slice(cut);
            }
            Err(_) => return Err(NOT_UTF_8),
        }
        Ok(())
    }

    fn finish(self) -> Result<String, Failure> {
        if self.cut.is_empty() { Ok(self.whole) } else { Err(NOT_UTF_8) }
    }
}
// ANCHOR_END: utf-8

const NOT_UTF_8: Failure = Failure { code: INVALID_DATA, why: "a text message is not UTF-8 (8.1)" };
