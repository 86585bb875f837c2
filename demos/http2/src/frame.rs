//! One frame of HTTP/2, in the order of the wire (RFC 9113, 4.1).
//!
//! ```text
//!        3 bytes          1        1          4 bytes           LENGTH bytes
//!  +-----------------+ +------+ +-------+ +-+---------------+ +---------- - -
//!  |     LENGTH      | | TYPE | | FLAGS | |R|   STREAM      | | PAYLOAD
//!  +-----------------+ +------+ +-------+ +-+---------------+ +---------- - -
//! ```
//!
//! `00 00 00 04 01 00 00 00 00` is a SETTINGS frame with the flag ACK and no payload, on stream 0: the connection itself.
//!
//! Here is what one frame says by itself. What may come when is in [`connection`](crate::connection).

use std::fmt;

/// What a client sends first of all (3.4). To a server of HTTP/1.1 it is a request with an unknown method.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes in front of a payload.
pub const HEADER: usize = 9;

/// The longest payload that this server takes, in bytes: the smallest limit that there may be (6.5.2).
pub const MAX_FRAME: usize = 16_384;

// What a frame is for (6). A type that is not known is ignored (5.5).

/// A part of a body.
pub const DATA: u8 = 0x0;
/// The header fields of a request or an answer, or the beginning of them.
pub const HEADERS: u8 = 0x1;
/// An opinion on the order of streams, which has gone out of use.
pub const PRIORITY: u8 = 0x2;
/// The end of one stream, at once.
pub const RST_STREAM: u8 = 0x3;
/// What the sender of it can take.
pub const SETTINGS: u8 = 0x4;
/// What a server would send with an answer that was not asked for.
pub const PUSH_PROMISE: u8 = 0x5;
/// "Are you there?"
pub const PING: u8 = 0x6;
/// The end of the connection, announced.
pub const GOAWAY: u8 = 0x7;
/// Space for more DATA.
pub const WINDOW_UPDATE: u8 = 0x8;
/// More of the header fields that a HEADERS frame began.
pub const CONTINUATION: u8 = 0x9;

/// Nothing follows on this stream, from this side: in DATA and HEADERS.
pub const END_STREAM: u8 = 0x1;
/// An answer: in SETTINGS and PING.
pub const ACK: u8 = 0x1;
/// The header fields are whole: in HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 0x4;
/// The payload has padding: in DATA and HEADERS.
pub const PADDED: u8 = 0x8;
/// An opinion on the order stands in front: in HEADERS.
pub const PRIORITIZED: u8 = 0x20;

/// Why a stream or a connection ends (7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the RFC's own names
pub enum ErrorCode {
    NoError = 0x0,
    ProtocolError = 0x1,
    InternalError = 0x2,
    FlowControlError = 0x3,
    StreamClosed = 0x5,
    FrameSizeError = 0x6,
    RefusedStream = 0x7,
    Cancel = 0x8,
    CompressionError = 0x9,
    EnhanceYourCalm = 0xb,
}

/// What a client did wrong (5.4): the end of one stream, or, without one, of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The stream, when the others are not concerned.
    pub stream: Option<u32>,
    /// The code of the RST_STREAM or GOAWAY that answers it.
    pub code: ErrorCode,
    /// A sentence, with the section that says so; it goes along in GOAWAY.
    pub why: &'static str,
}

impl Violation {
    /// The connection is over.
    pub fn connection(code: ErrorCode, why: &'static str) -> Self {
        Violation { stream: None, code, why }
    }

    /// One stream is over.
    pub fn stream(stream: u32, code: ErrorCode, why: &'static str) -> Self {
        Violation { stream: Some(stream), code, why }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.why)
    }
}

/// What stands in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The payload's length in bytes.
    pub length: usize,
    /// What the frame is for.
    pub kind: u8,
    /// Bits whose meaning depends on the kind. Those without a meaning are ignored.
    pub flags: u8,
    /// The stream; 0 for the connection.
    pub stream: u32,
}

// ANCHOR: parse
impl Head {
    /// Reads nine bytes.
    pub fn parse(bytes: [u8; HEADER]) -> Self {
        let [l0, l1, l2, kind, flags, stream @ ..] = bytes;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff; // the first bit is reserved: ignored
        Head { length, kind, flags, stream }
    }

    /// Writes nine bytes.
    pub fn serialize(self) -> [u8; HEADER] {
        let [_, l0, l1, l2] = (self.length as u32).to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }
    // ANCHOR_END: parse

    /// Whether a flag is set.
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Puts a whole frame at the end of `wire`.
pub fn write(wire: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    wire.extend(Head { length: payload.len(), kind, flags, stream }.serialize());
    wire.extend_from_slice(payload);
}

/// Takes the next frame off the front of what has arrived: its head, and the payload. `None`: more must arrive.
///
/// # Errors
/// When it is longer than this server takes. That shows in its head, before a byte of the payload is kept.
pub fn take<'a>(arrived: &mut &'a [u8]) -> Result<Option<(Head, &'a [u8])>, Violation> {
    let Some(head) = arrived.first_chunk().copied().map(Head::parse) else { return Ok(None) };
    if head.length > MAX_FRAME {
        let why = "a frame is longer than 16,384 bytes (4.2)";
        return Err(Violation::connection(ErrorCode::FrameSizeError, why));
    }
    let Some((frame, rest)) = arrived.split_at_checked(HEADER + head.length) else {
        return Ok(None);
    };
    *arrived = rest;
    Ok(Some((head, &frame[HEADER..])))
}

/// The payload without its padding (6.1): the first byte says how many bytes at the end mean nothing.
///
/// # Errors
/// When there is less payload than padding.
pub fn unpad(head: Head, payload: &[u8]) -> Result<&[u8], Violation> {
    if !head.has(PADDED) {
        return Ok(payload);
    }
    let Some((&padding, rest)) = payload.split_first() else {
        let why = "a padded frame does not say how long its padding is (6.1)";
        return Err(Violation::connection(ErrorCode::FrameSizeError, why));
    };
    rest.len().checked_sub(padding.into()).map(|end| &rest[..end]).ok_or_else(|| {
        Violation::connection(
            ErrorCode::ProtocolError,
            "the padding is longer than the payload (6.1)",
        )
    })
}

/// A number of four bytes, which is the whole payload.
///
/// # Errors
/// When it has another length.
pub fn number(payload: &[u8]) -> Result<u32, Violation> {
    payload.try_into().map(u32::from_be_bytes).map_err(|_| {
        let why = "this frame has four bytes, always (6.4, 6.9)";
        Violation::connection(ErrorCode::FrameSizeError, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_and_half_of_it_waits() {
        let mut wire = Vec::new();
        write(&mut wire, DATA, END_STREAM, 7, b"hello");
        assert_eq!(wire[..9], [0, 0, 5, 0, 1, 0, 0, 0, 7]);
        for cut in 0..wire.len() {
            let mut part = &wire[..cut];
            assert_eq!(take(&mut part), Ok(None), "{cut} bytes are not a frame yet");
            assert_eq!(part.len(), cut);
        }
        wire.push(0xff);
        let mut rest = &wire[..];
        let (head, payload) = take(&mut rest).unwrap().unwrap();
        assert_eq!((head.kind, head.stream, payload, rest), (DATA, 7, &b"hello"[..], &[0xff][..]));
    }

    #[test]
    fn the_reserved_bit_is_ignored_and_a_long_frame_is_refused_by_its_head() {
        let mut wire = &[0, 0, 0, 6, 0, 0x80, 0, 0, 1][..];
        assert_eq!(take(&mut wire).unwrap().unwrap().0.stream, 1);
        let mut wire = &[0, 0x40, 1, 0, 0, 0, 0, 0, 1][..];
        assert_eq!(take(&mut wire).unwrap_err().code, ErrorCode::FrameSizeError);
    }

    #[test]
    fn padding_may_be_as_long_as_the_payload_and_no_longer() {
        let head = Head { length: 0, kind: DATA, flags: PADDED, stream: 1 };
        assert_eq!(unpad(head, &[2, b'h', b'i', 0, 0]), Ok(&b"hi"[..]));
        assert_eq!(unpad(head, &[2, 0, 0]), Ok(&b""[..]));
        assert_eq!(unpad(head, &[3, 0, 0]).unwrap_err().code, ErrorCode::ProtocolError);
        assert_eq!(unpad(head, &[]).unwrap_err().code, ErrorCode::FrameSizeError);
    }
}
