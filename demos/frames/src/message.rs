//! From frames to messages (RFC 6455, 5.4 to 5.6): what has to be right about a frame because of those before it.
//!
//! ```text
//! FIN 1  text "Hello"                                            one message, one frame
//!
//! FIN 0  text "Hel"   FIN 1 ping "?"   FIN 1 continuation "lo"   one message, two fragments, and a ping between them
//! ```
//!
//! A [`Receiver`] knows no socket. It is given bytes as they arrive, cut by TCP in any place, and says what they were. So a
//! test can cut them in every place, and the same code serves the server and the client.

use std::mem;

use crate::close::{
    Close, Failure, INVALID_FRAME_PAYLOAD_DATA, MESSAGE_TOO_BIG, PROTOCOL_ERROR, TRY_AGAIN_LATER,
};
use crate::frame::{FrameHeader, HeaderError, Opcode, mask};
use crate::limits::{Held, Limits};

/// The longest message that an echo takes, in bytes: 16 MiB, which the conformance suite sends.
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
pub enum DataMessage {
    /// Text; on the wire in UTF-8.
    Text(String),
    /// Bytes that mean what the two ends agreed on.
    Binary(Vec<u8>),
}

/// What has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The last byte of a message.
    Message(DataMessage),
    /// A ping with this payload, to be answered by a pong with the same.
    Ping(Vec<u8>),
    /// A pong with this payload.
    Pong(Vec<u8>),
    /// The other side's last frame.
    Close(Close),
}

/// What makes messages of bytes. [`Receiver`] does; an extension may stand in front of one (RFC 6455, 9).
pub trait Receive {
    /// As [`Receiver::receive`].
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    fn receive(&mut self, arrived: &mut [u8]) -> Result<(usize, Option<Incoming>), Failure>;

    /// Whether no message has begun, as far as bytes were taken.
    fn is_between_messages(&self) -> bool;
}

impl Receive for Receiver {
    fn receive(&mut self, arrived: &mut [u8]) -> Result<(usize, Option<Incoming>), Failure> {
        Receiver::receive(self, arrived)
    }

    fn is_between_messages(&self) -> bool {
        self.frame.is_none() && self.message.is_none()
    }
}

/// A message of which some bytes have arrived.
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

    fn capacity(&self) -> usize {
        match self {
            Partial::Text(text) => text.whole.capacity(),
            Partial::Binary(bytes) => bytes.capacity(),
        }
    }

    /// The memory that the next `here` bytes need: twice as much as before, but no more than the `missing` bytes of the
    /// frame can fill.
    fn next_capacity(&self, here: usize, missing: usize) -> usize {
        let (length, capacity) = (self.len(), self.capacity());
        let enough = length + here <= capacity;
        if enough { capacity } else { (2 * capacity).max(length + here).min(length + missing) }
    }

    fn push(&mut self, payload: &[u8], capacity: usize) -> Result<(), Failure> {
        let more = capacity - self.len();
        match self {
            Partial::Text(text) => {
                text.whole.reserve_exact(more);
                text.push(payload)
            }
            Partial::Binary(bytes) => {
                bytes.reserve_exact(more);
                bytes.extend_from_slice(payload);
                Ok(())
            }
        }
    }
}

/// Makes messages of the bytes of one direction.
pub struct Receiver {
    role: Role,
    longest: usize,
    held: Held,
    /// The frame whose payload is arriving, and how many bytes of it have.
    frame: Option<(FrameHeader, u64)>,
    /// The message whose fragments are arriving.
    message: Option<Partial>,
    /// The payload of the control frame that is arriving, perhaps between two fragments.
    control: Vec<u8>,
}

impl Receiver {
    /// At the start of a connection. `role` is our own.
    pub fn new(role: Role, limits: impl Into<Limits>) -> Self {
        let limits = limits.into();
        let held = Held::nothing(&limits);
        Receiver {
            role,
            longest: limits.longest,
            held,
            frame: None,
            message: None,
            control: Vec::new(),
        }
    }

    /// Whether the next byte is the first of a frame.
    pub fn is_between_frames(&self) -> bool {
        self.frame.is_none()
    }

    /// Takes bytes off the front of what has arrived, and unmasks them in place. Returns how many,
    /// and what they completed. Call it again with the rest until it takes none: then more must
    /// arrive.
    ///
    /// # Errors
    /// Why the connection must be failed. Nothing that follows may be looked at then (7.1.7).
    pub fn receive(&mut self, arrived: &mut [u8]) -> Result<(usize, Option<Incoming>), Failure> {
        if self.message.is_none() {
            self.held.give_back(); // the caller has done with the last message
        }
        let mut taken = 0;
        let (header, done) = match self.frame {
            Some(frame) => frame,
            None => {
                let mut wire = &arrived[..];
                let header = match FrameHeader::parse(&mut wire) {
                    Ok(header) => header,
                    Err(HeaderError::Incomplete) => return Ok((0, None)),
                    Err(HeaderError::Invalid(failure)) => return Err(failure),
                };
                taken = arrived.len() - wire.len();
                self.begin(&header)?;
                (header, 0)
            }
        };

        let missing = usize::try_from(header.length - done).unwrap_or(usize::MAX);
        let here = missing.min(arrived.len() - taken);
        let payload = &mut arrived[taken..taken + here];
        if let Some(key) = header.key {
            mask(payload, key, done);
        }
        self.keep(header.opcode, payload, missing)?;
        taken += here;

        if here < missing {
            self.frame = Some((header, done + here as u64));
            return Ok((taken, None));
        }
        self.frame = None;
        Ok((taken, self.end(&header)?))
    }

    // ANCHOR: begin
    /// Checks a header against what came before it. The limit is checked here, before a byte is
    /// kept: a header of ten bytes can claim a length of 2^63.
    fn begin(&mut self, header: &FrameHeader) -> Result<(), Failure> {
        let wrong = |why| Err(Failure { code: PROTOCOL_ERROR, why });
        match (self.role, header.key) {
            (Role::Server, None) => return wrong("a client must mask its frames (5.1)"),
            (Role::Client, Some(_)) => return wrong("a server must not mask its frames (5.1)"),
            _ => {}
        }
        match (header.opcode, &self.message) {
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return wrong("a message begins inside another one (5.4)");
            }
            (Opcode::Continuation, None) => return wrong("there is no message to continue (5.4)"),
            (Opcode::Text, None) => self.message = Some(Partial::Text(Text::default())),
            (Opcode::Binary, None) => self.message = Some(Partial::Binary(Vec::new())),
            _ => {}
        }
        let length = self.message.as_ref().map_or(0, Partial::len) as u64 + header.length;
        if !header.opcode.is_control() && length > self.longest as u64 {
            let why = "the message is longer than this end takes (10.4)";
            return Err(Failure { code: MESSAGE_TOO_BIG, why });
        }
        Ok(())
    }
    // ANCHOR_END: begin

    /// Keeps some of a frame's payload, of which `missing` bytes have not been kept yet. Memory
    /// grows as bytes arrive, not by what the header claims, and within the budget of all
    /// connections.
    fn keep(&mut self, opcode: Opcode, payload: &[u8], missing: usize) -> Result<(), Failure> {
        let Some(message) = self.message.as_mut().filter(|_| !opcode.is_control()) else {
            self.control.extend_from_slice(payload);
            return Ok(());
        };
        let capacity = message.next_capacity(payload.len(), missing);
        if !self.held.hold(capacity) {
            let why = "too many long messages are arriving here at once";
            return Err(Failure { code: TRY_AGAIN_LATER, why });
        }
        message.push(payload, capacity)
    }

    /// The last byte of a frame has been kept. It may also be the last of a message.
    fn end(&mut self, header: &FrameHeader) -> Result<Option<Incoming>, Failure> {
        Ok(match header.opcode {
            Opcode::Ping => Some(Incoming::Ping(mem::take(&mut self.control))),
            Opcode::Pong => Some(Incoming::Pong(mem::take(&mut self.control))),
            Opcode::Close => Some(Incoming::Close(Close::parse(&mem::take(&mut self.control))?)),
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !header.fin => None,
            Opcode::Continuation | Opcode::Text | Opcode::Binary => match self.message.take() {
                Some(Partial::Text(text)) => {
                    Some(Incoming::Message(DataMessage::Text(text.finish()?)))
                }
                Some(Partial::Binary(bytes)) => Some(Incoming::Message(DataMessage::Binary(bytes))),
                None => None,
            },
        })
    }
}

/// Text whose UTF-8 is checked as it arrives: the first wrong byte ends the connection, not the
/// last one of the message. A character has up to four bytes, and the end of a fragment or of a
/// read may stand between them.
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

const NOT_UTF_8: Failure =
    Failure { code: INVALID_FRAME_PAYLOAD_DATA, why: "a text message is not UTF-8 (8.1)" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::NORMAL_CLOSURE;
    use crate::frame::write_frame;

    const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

    /// Everything that the server's end makes of these bytes, and how it ended.
    fn receive(bytes: &[u8]) -> (Vec<Incoming>, Option<Failure>) {
        receive_as(Receiver::new(Role::Server, 1_000), bytes)
    }

    fn receive_as(mut receiver: Receiver, bytes: &[u8]) -> (Vec<Incoming>, Option<Failure>) {
        let (mut bytes, mut at, mut events) = (bytes.to_vec(), 0, Vec::new());
        loop {
            match receiver.receive(&mut bytes[at..]) {
                Ok((0, None)) => return (events, None),
                Ok((taken, event)) => {
                    at += taken;
                    events.extend(event);
                }
                Err(failure) => return (events, Some(failure)),
            }
        }
    }

    /// Frames of a client, one behind the other.
    fn wire(frames: &[(bool, Opcode, &[u8])]) -> Vec<u8> {
        let mut wire = Vec::new();
        for (fin, opcode, payload) in frames {
            write_frame(&mut wire, *fin, *opcode, KEY, payload);
        }
        wire
    }

    fn code(bytes: &[u8]) -> u16 {
        receive(bytes).1.expect("this should fail the connection").code
    }

    fn text(text: &str) -> Incoming {
        Incoming::Message(DataMessage::Text(text.to_string()))
    }

    #[test]
    fn a_ping_between_two_fragments_is_seen_before_the_message() {
        let wire = wire(&[
            (false, Opcode::Text, b"Hel"),
            (true, Opcode::Ping, b"?"),
            (false, Opcode::Continuation, b""),
            (true, Opcode::Continuation, b"lo"),
        ]);
        assert_eq!(receive(&wire), (vec![Incoming::Ping(b"?".to_vec()), text("Hello")], None));
    }

    /// Published mistake: one read taken for one frame.
    #[test]
    fn one_read_may_bring_many_frames_and_a_frame_may_need_many_reads() {
        let wire = wire(&[
            (true, Opcode::Text, b"one"),
            (true, Opcode::Text, b"two"),
            (true, Opcode::Binary, &[7; 300]),
        ]);
        let expected = (
            vec![text("one"), text("two"), Incoming::Message(DataMessage::Binary(vec![7; 300]))],
            None,
        );
        assert_eq!(receive(&wire), expected, "in one piece");
        let mut receiver = Receiver::new(Role::Server, 1_000);
        let (mut events, mut unread) = (Vec::new(), Vec::new());
        for byte in wire {
            unread.push(byte);
            let (taken, event) = receiver.receive(&mut unread).unwrap();
            unread.drain(..taken);
            events.extend(event);
        }
        assert_eq!((events, None), expected, "byte by byte");
    }

    #[test]
    fn fragments_follow_each_other() {
        assert_eq!(code(&wire(&[(true, Opcode::Continuation, b"x")])), PROTOCOL_ERROR);
        assert_eq!(
            code(&wire(&[(false, Opcode::Text, b"x"), (true, Opcode::Text, b"y")])),
            PROTOCOL_ERROR
        );
        assert_eq!(
            code(&wire(&[(false, Opcode::Text, b"x"), (true, Opcode::Binary, b"y")])),
            PROTOCOL_ERROR
        );
        assert_eq!(
            code(&wire(&[(true, Opcode::Text, b"x"), (true, Opcode::Continuation, b"y")])),
            PROTOCOL_ERROR
        );
    }

    #[test]
    fn clients_mask_and_servers_do_not() {
        assert_eq!(code(b"\x81\x05Hello"), PROTOCOL_ERROR);
        let client = |bytes| receive_as(Receiver::new(Role::Client, 1_000), bytes);
        assert_eq!(client(b"\x81\x05Hello"), (vec![text("Hello")], None));
        assert_eq!(client(&wire(&[(true, Opcode::Text, b"x")])).1.unwrap().code, PROTOCOL_ERROR);
    }

    /// Published mistake: no UTF-8 check.
    #[test]
    fn text_that_is_not_utf_8_fails_at_its_first_wrong_byte() {
        assert_eq!(code(&wire(&[(true, Opcode::Text, b"\xff")])), INVALID_FRAME_PAYLOAD_DATA);
        assert_eq!(
            code(&wire(&[(true, Opcode::Text, b"\xed\xa0\x80")])),
            INVALID_FRAME_PAYLOAD_DATA,
            "a surrogate"
        );
        assert_eq!(
            code(&wire(&[(true, Opcode::Text, "é".as_bytes().split_at(1).0)])),
            INVALID_FRAME_PAYLOAD_DATA,
            "cut at the end"
        );
        // F4 90 can't become a character any more: the fragment, the frame even, need not be whole to be wrong.
        assert_eq!(code(&wire(&[(false, Opcode::Text, b"\xf4\x90")])), INVALID_FRAME_PAYLOAD_DATA);
        let half = wire(&[(true, Opcode::Text, b"\xf4\x90 and more")]);
        assert_eq!(code(&half[..8]), INVALID_FRAME_PAYLOAD_DATA);
        assert_eq!(receive(&half[..7]), (vec![], None), "F4 alone may still become one");
    }

    #[test]
    fn a_character_may_be_cut_by_the_end_of_a_fragment() {
        let whole = "a\u{e9}\u{20ac}\u{1f980}z";
        for first in 0..=whole.len() {
            for second in first..=whole.len() {
                let bytes = whole.as_bytes();
                let wire = wire(&[
                    (false, Opcode::Text, &bytes[..first]),
                    (false, Opcode::Continuation, &bytes[first..second]),
                    (true, Opcode::Continuation, &bytes[second..]),
                ]);
                assert_eq!(
                    receive(&wire),
                    (vec![text(whole)], None),
                    "cut at {first} and {second}"
                );
            }
        }
    }

    #[test]
    fn a_message_longer_than_the_limit_is_refused_by_its_head() {
        assert_eq!(code(&wire(&[(true, Opcode::Binary, &[0; 1_001])])[..8]), MESSAGE_TOO_BIG);
        assert_eq!(
            code(&wire(&[
                (false, Opcode::Binary, &[0; 600]),
                (true, Opcode::Continuation, &[0; 401])
            ])),
            MESSAGE_TOO_BIG
        );
        let huge = [0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4];
        assert_eq!(code(&huge), MESSAGE_TOO_BIG, "2^63 - 1 bytes, said to come");
        assert_eq!(receive(&wire(&[(true, Opcode::Binary, &[0; 1_000])])).1, None);
        let ping =
            wire(&[(false, Opcode::Binary, &[0; 1_000]), (true, Opcode::Ping, b"still there?")]);
        assert_eq!(
            receive(&ping),
            (vec![Incoming::Ping(b"still there?".to_vec())], None),
            "a ping is no part of it"
        );
    }

    #[test]
    fn a_close_frame_is_taken_apart() {
        let wire = wire(&[(true, Opcode::Close, b"\x03\xe8bye")]);
        assert_eq!(
            receive(&wire).0,
            [Incoming::Close(Close { code: Some(NORMAL_CLOSURE), reason: "bye".to_string() })]
        );
    }
}
