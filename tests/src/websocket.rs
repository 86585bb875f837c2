//! A WebSocket's client end, by hand: bytes as a test writes them, right or wrong. It shares no code with the demos.

use std::time::Duration;

use serde_json::Value;

use crate::{Head, Server, Wire};

/// The key of RFC 6455, 1.3, and the answer to it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// See [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// First bytes of frames: FIN and an opcode.
pub const TEXT: u8 = 0x81;
/// See [`TEXT`].
pub const BINARY: u8 = 0x82;
/// See [`TEXT`].
pub const CLOSE: u8 = 0x88;
/// See [`TEXT`].
pub const PING: u8 = 0x89;
/// See [`TEXT`].
pub const PONG: u8 = 0x8A;

/// The head of a good handshake, its empty line included.
pub fn handshake(host: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// A client's frame: masked, its length in the shortest form.
pub fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let (payload, key) = (payload.as_ref(), [0x37, 0xfa, 0x21, 0x3d]);
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]));
    frame
}

impl Server {
    /// A WebSocket at this path, open.
    pub fn websocket(&self, path: &str) -> Wire {
        let mut wire = self.send(handshake(self.host(), path));
        let head: Head = wire.any_head();
        assert_eq!(head.status, 101, "the handshake was refused: {head:?}");
        assert_eq!(head.field("Sec-WebSocket-Accept"), Some(ACCEPT));
        wire
    }
}

impl Wire {
    /// The next frame: its first byte and its payload. A server's frames are not masked, and their lengths are short.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let start = self.exactly(2);
        assert_eq!(start[1] & 0x80, 0, "a server must not mask its frames");
        let length = match start[1] {
            126 => u16::from_be_bytes(self.exactly(2).try_into().expect("two bytes")).into(),
            127 => u64::from_be_bytes(self.exactly(8).try_into().expect("eight bytes")) as usize,
            short => short.into(),
        };
        (start[0], self.exactly(length))
    }

    /// The next frame of a server that may go at any time: `None` when it did, or said nothing for `patience`.
    pub fn try_frame(&mut self, patience: Duration) -> Option<(u8, Vec<u8>)> {
        let whole = |unread: &[u8]| -> Option<()> {
            let (start, length) = match *unread.get(1)? {
                126 => (4, u16::from_be_bytes([*unread.get(2)?, *unread.get(3)?]).into()),
                short => (2, usize::from(short)),
            };
            (unread.len() >= start + length).then_some(())
        };
        self.try_find(patience, whole)?;
        Some(self.frame())
    }

    /// The next message, which is JSON; pings are passed over.
    pub fn told(&mut self, kind: &str) -> Value {
        loop {
            let (first, payload) = self.frame();
            if first == PING {
                continue;
            }
            assert_eq!(first, TEXT, "a text message should have come: {payload:02x?}");
            let event: Value = serde_json::from_slice(&payload).expect("an event is JSON");
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The code of the Close frame that comes next, and then the connection must end.
    pub fn closed_with(&mut self) -> u16 {
        let (first, payload) = self.frame();
        assert_eq!(first, CLOSE, "a Close frame should have come: {payload:02x?}");
        self.end();
        assert_eq!(self.unread(), b"", "nothing follows a Close frame");
        u16::from_be_bytes([payload[0], payload[1]])
    }

    /// Whether an open WebSocket still answers a ping.
    pub fn answers_a_ping(&mut self) -> bool {
        self.send(frame(PING, "there?"));
        loop {
            let (first, payload) = self.frame();
            if first == PONG {
                return payload == b"there?";
            }
        }
    }

    /// Whether no frame comes for a while.
    pub fn says_nothing(&mut self) -> bool {
        self.is_silent_for(Duration::from_millis(300))
    }
}
