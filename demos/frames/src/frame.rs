//! One frame, in the order of the wire (RFC 6455, 5.2).
//!
//! ```text
//!      byte 0            byte 1          2 or 8 bytes      4 bytes
//!  +-+-+-+-+-------+ +-+-------------+ +-------------+ +-------------+ +-------------- - -
//!  |F|R|R|R|       | |M|             | |             | |             | |
//!  |I|S|S|S|OPCODE | |A|   LENGTH    | |   LENGTH,   | | MASKING KEY | |    PAYLOAD
//!  |N|V|V|V|       | |S|             | |   longer    | |             | |
//!  | |1|2|3|       | |K|             | |             | |             | |
//!  +-+-+-+-+-------+ +-+-------------+ +-------------+ +-------------+ +-------------- - -
//!   1 1 1 1    4      1       7        if LENGTH is     if MASK is 1    LENGTH bytes,
//!                                      126 or 127                       masked if MASK is 1
//! ```
//!
//! `81 05 48 65 6c 6c 6f` is the text "Hello": FIN and opcode 1, no mask and length 5, five letters.
//!
//! A frame is read from its own bytes alone, and everything that can be wrong with one frame by itself is found here. What
//! can be wrong with a frame because of those before it is found in [`message`](crate::message).

use crate::close::{Failure, PROTOCOL_ERROR};

const FIN: u8 = 0b1000_0000;
const RSV: u8 = 0b0111_0000;
/// The first reserved bit. It means nothing, unless both ends agreed on an extension that uses it.
pub const RSV1: u8 = 0b0100_0000;
const OPCODE: u8 = 0b0000_1111;
const MASK: u8 = 0b1000_0000;
const LENGTH: u8 = 0b0111_1111;

/// The longest payload of a control frame, and the longest whose length fits into byte 1 (5.5).
pub const SHORT: u64 = 125;

/// What a frame is for (5.2). 3 to 7 and 11 to 15 are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message that an earlier frame began.
    Continuation = 0x0,
    /// A message of text, or its beginning.
    Text = 0x1,
    /// A message of bytes, or its beginning.
    Binary = 0x2,
    /// The end: its sender sends nothing after it.
    Close = 0x8,
    /// "Are you there?", with a payload of the sender's choice.
    Ping = 0x9,
    /// "I am", with the payload of the ping that it answers.
    Pong = 0xA,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};
        [Continuation, Text, Binary, Close, Ping, Pong]
            .into_iter()
            .find(|opcode| *opcode as u8 == bits)
    }

    /// Whether frames of this kind are about the connection, not part of a message: the highest of the four bits (5.5).
    pub fn is_control(self) -> bool {
        self as u8 & 0b1000 != 0
    }
}

/// What stands in a frame before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this frame is the last of its message.
    pub fin: bool,
    /// What the frame is for.
    pub opcode: Opcode,
    /// The masking key, if the payload is masked: clients mask, servers do not (5.1).
    pub key: Option<[u8; 4]>,
    /// The payload's length in bytes.
    pub length: u64,
}

/// Why there is no header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Its last byte has not arrived. TCP does not know frames, so this is no fault: wait for more and try again.
    Incomplete,
    /// It breaks a rule: no further byte can make it right.
    Invalid(Failure),
}

impl FrameHeader {
    // ANCHOR: parse
    /// Takes a header off the front of `wire`.
    ///
    /// # Errors
    /// [`HeaderError::Incomplete`] when more bytes must arrive, [`HeaderError::Invalid`] when the
    /// header breaks a rule of 5.2 or 5.5.
    pub fn parse(wire: &mut &[u8]) -> Result<FrameHeader, HeaderError> {
        let [first, second] = take(wire)?; // every frame has these two
        let fin = first & FIN != 0;
        if first & RSV != 0 {
            return invalid("a reserved bit is set, and no extension gave it a meaning (5.2)");
        }
        let Some(opcode) = Opcode::from_bits(first & OPCODE) else {
            return invalid("the opcode is a reserved one (5.2)");
        };
        let masked = second & MASK != 0;
        if opcode.is_control() && !fin {
            return invalid("a control frame must not be fragmented (5.5)");
        }
        if opcode.is_control() && u64::from(second & LENGTH) > SHORT {
            return invalid("a control frame is longer than 125 bytes (5.5)");
        }
        let (length, shortest) = match second & LENGTH {
            126 => (u16::from_be_bytes(take(wire)?).into(), 126), // the next 2 bytes are the length
            127 => (u64::from_be_bytes(take(wire)?), 0x1_0000),   // the next 8 bytes are
            short => (short.into(), 0),
        };
        if length < shortest {
            return invalid("the length is not written in the shortest way (5.2)");
        }
        if length > i64::MAX as u64 {
            return invalid("the first bit of a 64-bit length must be 0 (5.2)");
        }
        let key = if masked { Some(take(wire)?) } else { None };
        Ok(FrameHeader { fin, opcode, key, length })
    }
    // ANCHOR_END: parse

    /// Puts the header at the end of `wire`.
    pub fn serialize(&self, wire: &mut Vec<u8>) {
        let fin = if self.fin { FIN } else { 0 };
        let mask = if self.key.is_some() { MASK } else { 0 };
        wire.push(fin | self.opcode as u8);
        match self.length {
            short @ 0..=SHORT => wire.push(mask | short as u8),
            length @ ..=0xFFFF => {
                wire.push(mask | 126);
                wire.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                wire.push(mask | 127);
                wire.extend_from_slice(&length.to_be_bytes());
            }
        }
        if let Some(key) = self.key {
            wire.extend_from_slice(&key);
        }
    }
}

/// Puts a whole frame at the end of `wire`.
pub fn write_frame(
    wire: &mut Vec<u8>,
    fin: bool,
    opcode: Opcode,
    key: Option<[u8; 4]>,
    payload: &[u8],
) {
    FrameHeader { fin, opcode, key, length: payload.len() as u64 }.serialize(wire);
    let start = wire.len();
    wire.extend_from_slice(payload);
    if let Some(key) = key {
        mask(&mut wire[start..], key, 0);
    }
}

/// Masks or unmasks, which is the same: byte `i` of the payload is XORed with byte `i % 4` of the
/// key (5.3).
///
/// A payload may come in pieces: `done` bytes of it were masked before this piece. Four bytes are
/// masked at once; no state passes from one step to the next, so the compiler can vectorise the
/// loop.
pub fn mask(piece: &mut [u8], mut key: [u8; 4], done: u64) {
    key.rotate_left((done % 4) as usize);
    let number = u32::from_ne_bytes(key);
    let (fours, rest) = piece.as_chunks_mut();
    for four in fours {
        *four = (u32::from_ne_bytes(*four) ^ number).to_ne_bytes();
    }
    // ANCHOR: mask
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
    // ANCHOR_END: mask
}

/// Takes the next N bytes off the front of `wire`.
fn take<const N: usize>(wire: &mut &[u8]) -> Result<[u8; N], HeaderError> {
    let (bytes, rest) = wire.split_first_chunk().ok_or(HeaderError::Incomplete)?;
    *wire = rest;
    Ok(*bytes)
}

fn invalid<T>(why: &'static str) -> Result<T, HeaderError> {
    Err(HeaderError::Invalid(Failure { code: PROTOCOL_ERROR, why }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn read(mut wire: &[u8]) -> Result<(FrameHeader, &[u8]), HeaderError> {
        FrameHeader::parse(&mut wire).map(|header| (header, wire))
    }

    fn written(fin: bool, opcode: Opcode, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        write_frame(&mut wire, fin, opcode, key, payload);
        wire
    }

    /// Every example of RFC 6455, 5.7: the frame, and its bytes.
    #[test]
    fn the_examples_of_rfc_6455_section_5_7() {
        let hello = [0x7f, 0x9f, 0x4d, 0x51, 0x58]; // "Hello", masked
        let mut blob = vec![0x82, 0x7E, 0x01, 0x00];
        blob.extend([7; 256]);
        let mut big = vec![0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0];
        big.extend([7; 65536]);
        for (fin, opcode, key, payload, bytes) in [
            (true, Opcode::Text, None, &b"Hello"[..], &b"\x81\x05Hello"[..]),
            (
                true,
                Opcode::Text,
                Some(KEY),
                b"Hello",
                &[&b"\x81\x85\x37\xfa\x21\x3d"[..], &hello].concat(),
            ),
            (false, Opcode::Text, None, b"Hel", b"\x01\x03Hel"),
            (true, Opcode::Continuation, None, b"lo", b"\x80\x02lo"),
            (true, Opcode::Ping, None, b"Hello", b"\x89\x05Hello"),
            (
                true,
                Opcode::Pong,
                Some(KEY),
                b"Hello",
                &[&b"\x8a\x85\x37\xfa\x21\x3d"[..], &hello].concat(),
            ),
            (true, Opcode::Binary, None, &[7; 256], &blob),
            (true, Opcode::Binary, None, &[7; 65536], &big),
        ] {
            assert_eq!(written(fin, opcode, key, payload), bytes);
            let (header, rest) = read(bytes).unwrap();
            assert_eq!(header, FrameHeader { fin, opcode, key, length: payload.len() as u64 });
            let mut unmasked = rest.to_vec();
            mask(&mut unmasked, key.unwrap_or_default(), 0);
            assert_eq!(unmasked, payload);
        }
    }

    #[test]
    fn a_header_that_has_not_arrived_whole_is_incomplete() {
        let whole = written(true, Opcode::Binary, Some(KEY), &[0; 70_000]);
        for length in 0..14 {
            assert_eq!(read(&whole[..length]), Err(HeaderError::Incomplete), "{length} bytes");
        }
        assert_eq!(read(&whole[..14]).unwrap().0.length, 70_000);
    }

    /// Published mistake: `>> 2` for `>> 8`, which makes 256 bytes look like 16448.
    #[test]
    fn a_16_bit_length_has_its_high_byte_first() {
        assert_eq!(written(true, Opcode::Binary, None, &[0; 256])[..4], [0x82, 126, 1, 0]);
        assert_eq!(written(true, Opcode::Binary, None, &[0; 65535])[..4], [0x82, 126, 0xFF, 0xFF]);
    }

    /// Published mistake: only the short form, so that 126 bytes and more are cut off.
    #[test]
    fn each_length_has_its_form() {
        for (length, head) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let wire = written(true, Opcode::Binary, None, &vec![1; length]);
            assert_eq!((wire.len(), read(&wire).unwrap().0.length), (head + length, length as u64));
        }
    }

    /// Published mistake: a length that is not minimal is let through.
    #[test]
    fn a_length_that_is_not_written_in_the_shortest_way_is_refused() {
        for wire in [
            &[0x82, 126, 0, 125][..],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
            &[0x82, 126, 0, 0],
        ] {
            assert!(matches!(read(wire), Err(HeaderError::Invalid(_))), "{wire:x?}");
        }
    }

    #[test]
    fn a_length_of_2_to_the_63_is_refused() {
        assert!(matches!(
            read(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            Err(HeaderError::Invalid(_))
        ));
        assert_eq!(
            read(&[0x82, 127, 0x7F, 255, 255, 255, 255, 255, 255, 255]).unwrap().0.length,
            i64::MAX as u64
        );
    }

    /// Published mistake: RSV bits ignored.
    #[test]
    fn reserved_bits_and_opcodes_are_refused_as_soon_as_they_arrive() {
        for first in 0..=255_u8 {
            let fine = first & RSV == 0
                && [0, 1, 2, 8, 9, 10].contains(&(first & OPCODE))
                && (first & 8 == 0 || first & FIN != 0);
            assert_eq!(
                !matches!(read(&[first, 0]), Err(HeaderError::Invalid(_))),
                fine,
                "{first:08b}"
            );
        }
    }

    /// Published mistake: control frames longer than 125 bytes.
    #[test]
    fn a_long_control_frame_is_refused_before_its_length_arrives() {
        for opcode in [0x88, 0x89, 0x8A] {
            assert!(matches!(read(&[opcode, 126]), Err(HeaderError::Invalid(_))));
            assert!(matches!(read(&[opcode, 0x80 | 127]), Err(HeaderError::Invalid(_))));
            assert_eq!(read(&[opcode, 125]).unwrap().0.length, 125);
        }
    }

    #[test]
    fn a_payload_may_be_unmasked_in_pieces() {
        let plain: Vec<u8> = (0..100).collect();
        for cut in 0..plain.len() {
            let mut pieces = plain.clone();
            mask(&mut pieces[..cut], KEY, 0);
            mask(&mut pieces[cut..], KEY, cut as u64);
            let one_by_one: Vec<u8> =
                plain.iter().enumerate().map(|(at, byte)| byte ^ KEY[at % 4]).collect();
            assert_eq!(pieces, one_by_one, "cut at {cut}");
        }
    }
}
