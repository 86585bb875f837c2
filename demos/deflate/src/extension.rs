//! How compression joins the frames: one bit of a message's first frame, and the payload of all of them.
//!
//! ```text
//! FIN 1  RSV1 1  text  f2 48 cd c9 c9 07 00                    "Hello", compressed
//! FIN 1  RSV1 0  text  48 65 6c 6c 6f                          "Hello" as it is: each message may be one or the other
//!
//! FIN 0  RSV1 1  text  f2 48 cd   FIN 1  RSV1 0  continuation  c9 c9 07 00     in two fragments: only the first is marked
//! ```
//!
//! The receiver of the lesson `frames` knows no extension. So its bytes pass here first: the bit is taken out, and what is
//! left is a binary message like any other, until its last byte is there.

use std::net::TcpStream;

use frames::close::{Failure, INVALID_FRAME_PAYLOAD_DATA};
use frames::frame::{Opcode, RSV1};
use frames::limits::Limits;
use frames::message::{DataMessage, Incoming, Receive, Receiver, Role};
use frames::outbox::Pack;
use frames::websocket::WebSocket;

use crate::negotiation::Agreed;
use crate::{Deflater, Inflater};

const NOT_UTF_8: Failure =
    Failure { code: INVALID_FRAME_PAYLOAD_DATA, why: "a text message is not UTF-8 (8.1)" };

/// A WebSocket that compresses, when both ends agreed on it.
pub type CompressedSocket = WebSocket<InflatingReceiver>;

// ANCHOR: open
/// A WebSocket behind its handshake. Each end deflates by its own window and inflates by the
/// other's. `limits` are for what arrives; it may not inflate to more than `limit` bytes.
pub fn open(
    stream: TcpStream,
    rest: Vec<u8>,
    role: Role,
    agreed: Option<Agreed>,
    level: u32,
    (limits, limit): (Limits, usize),
) -> CompressedSocket {
    let windows = agreed.map(|Agreed { server, client }| match role {
        Role::Server => (server, client),
        Role::Client => (client, server),
    });
    let inflater = windows.map(|(_, theirs)| Inflater::new(theirs));
    let receiver = InflatingReceiver::new(Receiver::new(role, limits), inflater, limit);
    let deflater = windows.map(|(ours, _)| Box::new(Deflater::new(ours, level)) as Box<dyn Pack>);
    WebSocket::with_extension(stream, rest, role, receiver, deflater)
}
// ANCHOR_END: open

const OPCODE: u8 = 0b0000_1111;

/// A receiver of frames that inflates what is compressed.
pub struct InflatingReceiver {
    receiver: Receiver,
    /// `None` when the two ends have not agreed on compression.
    inflater: Option<Inflater>,
    /// The most bytes that a message may inflate to.
    limit: usize,
    /// The compressed message that is arriving: whether it is text.
    packed: Option<Packed>,
}

/// What a compressed message was, before its opcode was replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packed {
    Text,
    Binary,
}

impl InflatingReceiver {
    /// In front of a receiver of frames.
    pub fn new(receiver: Receiver, inflater: Option<Inflater>, limit: usize) -> Self {
        InflatingReceiver { receiver, inflater, limit, packed: None }
    }

    // ANCHOR: rsv1
    /// Takes RSV1 out of the first byte of a message, and remembers it (RFC 7692, 6). Compressed
    /// text is no text yet, so it passes as binary. On any other frame, and without the extension,
    /// the bit stays, and `frames` fails the connection with 1002.
    fn take_bit(&mut self, first: &mut u8) {
        if self.inflater.is_none() || *first & RSV1 == 0 {
            return;
        }
        let text = *first & OPCODE == Opcode::Text as u8;
        if text || *first & OPCODE == Opcode::Binary as u8 {
            self.packed = Some(if text { Packed::Text } else { Packed::Binary });
            *first = *first & !(RSV1 | OPCODE) | Opcode::Binary as u8;
        }
    }

    /// A message as it was before it was compressed. What has to be UTF-8 is this, not the payload.
    fn unpack(&mut self, message: DataMessage) -> Result<DataMessage, Failure> {
        let (Some(packed), Some(inflater), DataMessage::Binary(payload)) =
            (self.packed.take(), &mut self.inflater, &message)
        else {
            return Ok(message); // sent as it is
        };
        let bytes = inflater.inflate(payload, self.limit)?;
        match packed {
            Packed::Binary => Ok(DataMessage::Binary(bytes)),
            Packed::Text => String::from_utf8(bytes).map(DataMessage::Text).map_err(|_| NOT_UTF_8),
        }
    }
    // ANCHOR_END: rsv1
}

impl Receive for InflatingReceiver {
    fn receive(&mut self, arrived: &mut [u8]) -> Result<(usize, Option<Incoming>), Failure> {
        if self.receiver.is_between_frames()
            && let Some(first) = arrived.first_mut()
        {
            self.take_bit(first);
        }
        let (taken, incoming) = self.receiver.receive(arrived)?;
        Ok(match incoming {
            Some(Incoming::Message(message)) => {
                (taken, Some(Incoming::Message(self.unpack(message)?)))
            }
            other => (taken, other),
        })
    }

    fn is_between_messages(&self) -> bool {
        self.receiver.is_between_messages()
    }
}

impl Pack for Deflater {
    fn pack(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        Some(self.deflate(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::negotiation::Window;
    use frames::close::{MESSAGE_TOO_BIG, PROTOCOL_ERROR};
    use frames::message::Role;

    fn receiver(limit: usize) -> InflatingReceiver {
        let frames = Receiver::new(Role::Client, 1 << 20);
        InflatingReceiver::new(frames, Some(Inflater::new(Window::default())), limit)
    }

    /// Everything that these bytes of a server are, and how it ended. The bytes come one by one: a first byte that has
    /// been looked at once is looked at again.
    fn receive(mut receiver: InflatingReceiver, wire: &[u8]) -> (Vec<Incoming>, Option<u16>) {
        let (mut events, mut unread) = (Vec::new(), Vec::new());
        for byte in wire {
            unread.push(*byte);
            loop {
                match receiver.receive(&mut unread) {
                    Ok((0, None)) => break,
                    Ok((taken, event)) => {
                        unread.drain(..taken);
                        events.extend(event);
                    }
                    Err(failure) => return (events, Some(failure.code)),
                }
            }
        }
        (events, None)
    }

    fn text(text: &str) -> Incoming {
        Incoming::Message(DataMessage::Text(text.to_string()))
    }

    /// RFC 7692, 7.2.3.1 to 7.2.3.5.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let hello = [text("Hello")];
        let read = |wire: &[u8]| receive(receiver(100), wire);
        assert_eq!(read(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), (hello.to_vec(), None));
        let fragments = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00";
        assert_eq!(read(fragments), (hello.to_vec(), None));
        let twice = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
        assert_eq!(read(twice), ([text("Hello"), text("Hello")].to_vec(), None));
        let stored = b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
        assert_eq!(read(stored), (hello.to_vec(), None), "a block without compression");
        let last = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
        assert_eq!(read(last), (hello.to_vec(), None), "a block with BFINAL");
        let blocks = b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
        assert_eq!(read(blocks), (hello.to_vec(), None), "two blocks");
        assert_eq!(read(b"\xc1\x01\x00"), ([text("")].to_vec(), None), "an empty message");
    }

    #[test]
    fn a_message_may_be_sent_as_it_is_and_does_not_touch_the_window() {
        let wire =
            b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x81\x02ok\x89\x00\xc1\x05\xf2\x00\x11\x00\x00";
        let all = vec![text("Hello"), text("ok"), Incoming::Ping(Vec::new()), text("Hello")];
        assert_eq!(receive(receiver(100), wire), (all, None));
    }

    #[test]
    fn rsv1_is_for_the_first_frame_of_a_message_and_for_both_ends_that_agreed() {
        let code = |wire: &[u8]| receive(receiver(100), wire).1;
        assert_eq!(code(b"\xc9\x00"), Some(PROTOCOL_ERROR), "a ping");
        assert_eq!(code(b"\xc8\x00"), Some(PROTOCOL_ERROR), "a Close frame");
        assert_eq!(code(b"\x41\x03\xf2\x48\xcd\xc0\x04"), Some(PROTOCOL_ERROR), "a continuation");
        assert_eq!(code(b"\x01\x01a\xc1\x07"), Some(PROTOCOL_ERROR), "a message in a message");
        assert_eq!(code(b"\xe1\x00"), Some(PROTOCOL_ERROR), "RSV2");
        let alone = InflatingReceiver::new(Receiver::new(Role::Client, 100), None, 100);
        assert_eq!(receive(alone, b"\xc1\x07").1, Some(PROTOCOL_ERROR), "without the extension");
    }

    #[test]
    fn what_inflates_to_no_text_to_nothing_or_to_too_much_ends_the_connection() {
        let code = |limit, message: &[u8]| {
            let packed = Deflater::new(Window::default(), 6).deflate(message);
            let mut wire = vec![0xc1, 126];
            wire.extend((packed.len() as u16).to_be_bytes());
            if packed.len() < 126 {
                wire = vec![0xc1, packed.len() as u8];
            }
            receive(receiver(limit), &[wire, packed].concat()).1
        };
        assert_eq!(code(100, b"caf\xe9"), Some(INVALID_FRAME_PAYLOAD_DATA));
        assert_eq!(code(100, "caf\u{e9}".as_bytes()), None);
        assert_eq!(code(100, &[b'a'; 100]), None);
        assert_eq!(code(100, &[b'a'; 101]), Some(MESSAGE_TOO_BIG));
        let garbage = receive(receiver(100), b"\xc1\x02\xff\xff").1;
        assert_eq!(garbage, Some(INVALID_FRAME_PAYLOAD_DATA));
    }
}
