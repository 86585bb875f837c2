//! Header fields, compressed (HPACK, RFC 7541). The tables and the Huffman code are a library's; the limits are ours.
//!
//! ```text
//! 82                    1xxxxxxx  field 2 of the table: `:method: GET`. One byte.
//! 41 8b 9d 29 ...       01xxxxxx  the name is that of field 1, `:authority`; a value follows, and both join the table
//! 3f e1 1f              001xxxxx  from here on the table has another size
//! 1f 11 01 61           0001xxxx  as 0000xxxx, and no proxy may put it into a table either: a secret
//! 04 04 2f 73 61 79     0000xxxx  the name is that of field 4, `:path`; the value "/say" joins no table
//! ```
//!
//! Both ends keep the same table, so each block of fields must be read, and in order: one that is left out spoils all that
//! follow. That is why a fault here ends the connection.

use demo::UnpackFields;
use ringline_h2::HeaderField;
use ringline_h2::hpack::{Decoder, Encoder};

use crate::frame::{ErrorCode, Violation};

/// The size of the table in bytes (RFC 9113, 6.5.2), for both directions.
pub const TABLE: usize = 4_096;

/// What the fields of one block may take when they are unpacked, in bytes. A field counts 32 bytes more than it has
/// (RFC 9113, 6.5.2).
pub const MAX_FIELDS: usize = 16 * 1024;

/// A header field: name and value.
pub type FieldLine = (String, String);

/// Unpacks the fields of one direction.
pub struct Unpacker(Decoder);

impl Default for Unpacker {
    fn default() -> Self {
        Unpacker(Decoder::new(TABLE))
    }
}

impl Unpacker {
    // ANCHOR: unpack
    /// Unpacks a whole block. It is taken field by field, and the sum is counted: one byte can mean
    /// a field of 4 KiB, so 16 KiB of such bytes would be 64 MiB (an HPACK bomb).
    ///
    /// # Errors
    /// The end of the connection: the table of this end is no longer that of the other.
    pub fn unpack(&mut self, mut block: &[u8]) -> Result<Vec<FieldLine>, Violation> {
        let (mut fields, mut size) = (Vec::new(), 0);
        while let Some(&first) = block.first() {
            if first & 0b1110_0000 == 0b0010_0000 && !fields.is_empty() {
                return Err(fault("the table changes its size behind a field (RFC 7541, 4.2)"));
            }
            let (length, field) = self.next(block)?;
            block = &block[length..];
            if let Some(field) = field {
                size += field.0.len() + field.1.len() + 32;
                if size > MAX_FIELDS {
                    let why = "the header fields are longer than SETTINGS said (10.5.1)";
                    return Err(Violation::connection(ErrorCode::EnhanceYourCalm, why));
                }
                fields.push(field);
            }
        }
        Ok(fields)
    }
    // ANCHOR_END: unpack

    /// Unpacks what stands in front: its length in the block, and the field; `None` for a new size of the table.
    ///
    /// # Errors
    /// As [`unpack`](Self::unpack).
    pub fn next(&mut self, block: &[u8]) -> Result<(usize, Option<FieldLine>), Violation> {
        let piece = Piece::cut(block)
            .ok_or(fault("a header block ends inside of a field (RFC 7541, 5)"))?;
        let wrong = |_| fault("a header block can't be unpacked (RFC 7541)");
        let Some(field) = self.0.decode(&block[..piece.length]).map_err(wrong)?.pop() else {
            return Ok((piece.length, None));
        };
        for (packed, said) in piece.huffman.iter().zip([&field.value, &field.name]) {
            if packed.is_some_and(|packed| !is_padded_with_ones(packed, said)) {
                return Err(fault(
                    "a Huffman code is padded with something else than ones (RFC 7541, 5.2)",
                ));
            }
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((piece.length, Some((text(field.name), text(field.value)))))
    }
}

/// The bench can't unpack header fields by itself.
pub fn for_the_wire_view() -> UnpackFields {
    let mut unpacker = Unpacker::default();
    Box::new(move |block| unpacker.next(block).ok())
}

fn fault(why: &'static str) -> Violation {
    Violation::connection(ErrorCode::CompressionError, why)
}

/// One field in a block, or one change of the table's size.
struct Piece<'a> {
    length: usize,
    /// The Huffman codes of value and name, where they are such.
    huffman: [Option<&'a [u8]>; 2],
}

impl<'a> Piece<'a> {
    /// Where the piece in front ends (RFC 7541, 6).
    fn cut(block: &'a [u8]) -> Option<Self> {
        let first = *block.first()?;
        let (prefix, has_value) = match first {
            0b1000_0000.. => (7, false),
            0b0100_0000.. => (6, true),
            0b0010_0000.. => (5, false),
            _ => (4, true),
        };
        let (index, mut length) = integer(block, prefix)?;
        let (mut name, mut value) = (None, None);
        if has_value && index == 0 {
            name = string(block, &mut length)?;
        }
        if has_value {
            value = string(block, &mut length)?;
        }
        Some(Piece { length, huffman: [value, name] })
    }
}

/// Passes over a string (RFC 7541, 5.2), and returns it if it is in the Huffman code.
fn string<'a>(block: &'a [u8], at: &mut usize) -> Option<Option<&'a [u8]>> {
    let rest = block.get(*at..)?;
    let (length, start) = integer(rest, 7)?;
    let string = rest[start..].get(..length)?;
    *at += start + length;
    Some((rest[0] & 0b1000_0000 != 0).then_some(string))
}

/// A number (RFC 7541, 5.1), and how many bytes it has: four at most, which is more than any number here needs.
fn integer(bytes: &[u8], prefix: u32) -> Option<(usize, usize)> {
    let most = (1 << prefix) - 1;
    let first = usize::from(*bytes.first()?) & most;
    if first < most {
        return Some((first, 1));
    }
    let mut number = most;
    for (at, &byte) in bytes.iter().enumerate().skip(1).take(3) {
        number += usize::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}

/// The library takes some paddings of zeros. There is only one right code for a text, so it is packed again and compared;
/// where the plain text is as short, the library does not say the code.
fn is_padded_with_ones(packed: &[u8], said: &[u8]) -> bool {
    let mut wire = Vec::new();
    Encoder::new(0).encode(&[HeaderField::new("x-", said)], &mut wire);
    let mut at = 1 + 3; // one byte says that both are new, three are the name
    string(&wire, &mut at).flatten().is_none_or(|right| right == packed)
}

/// Packs the fields of the other direction.
pub struct Packer(Encoder);

impl Default for Packer {
    fn default() -> Self {
        Packer(Encoder::new(TABLE))
    }
}

impl Packer {
    /// The other end has a table of this size from now on. A smaller one is obeyed, a larger one is not used.
    pub fn limit(&mut self, size: u32) {
        self.0.update_max_table_size(TABLE.min(size as usize));
    }

    /// Packs a block.
    pub fn pack<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
        let fields = fields.into_iter().map(|(name, value)| HeaderField::new(name, value));
        let mut block = Vec::new();
        self.0.encode(&fields.collect::<Vec<_>>(), &mut block);
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    fn code(block: &[u8]) -> ErrorCode {
        Unpacker::default().unpack(block).unwrap_err().code
    }

    /// RFC 7541, C.4.
    #[test]
    fn three_requests_of_the_rfc_are_unpacked_with_one_table() {
        let mut unpacker = Unpacker::default();
        for (block, last) in [
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", (":authority", "www.example.com")),
            ("8286 84be 5886 a8eb 1064 9cbf", ("cache-control", "no-cache")),
            (
                "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
                ("custom-key", "custom-value"),
            ),
        ] {
            let fields = unpacker.unpack(&hex(block)).unwrap();
            assert_eq!(fields[0], (":method".to_string(), "GET".to_string()));
            assert_eq!(fields.last().map(|(name, value)| (&name[..], &value[..])), Some(last));
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_and_the_second_time_it_is_one_byte_for_each_field() {
        let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
        let fields =
            [(":status", "200"), ("content-type", "text/event-stream"), ("x-new", "Grüße")];
        let (first, second) = (packer.pack(fields), packer.pack(fields));
        let expected: Vec<FieldLine> =
            fields.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert_eq!(unpacker.unpack(&first), Ok(expected.clone()));
        assert_eq!(unpacker.unpack(&second), Ok(expected));
        assert_eq!(second.len(), 3);
    }

    #[test]
    fn a_block_that_breaks_a_rule_of_hpack_is_a_compression_error() {
        for (block, what) in [
            ("be", "an index behind the table"),
            ("80", "index 0"),
            ("ff ff ff ff ff 0f", "a number without end"),
            ("41 8c f1 e3", "half a field"),
            ("41", "no value"),
            ("82 20", "a new size behind a field"),
            ("3f e2 1f 82", "a larger table than was allowed"),
            ("00 85 f2 b2 4a 84 ff 84 49 50 9f ff", "padding of more than seven bits"),
            ("00 85 f2 b2 4a 84 ff 83 49 50 90", "padding of zeros"),
            ("00 85 f2 b2 4a 84 ff 87 49 51 ff ff ff fa 7f", "the code for the end of a string"),
        ] {
            assert_eq!(code(&hex(block)), ErrorCode::CompressionError, "{what}");
        }
    }

    #[test]
    fn a_bomb_of_one_byte_fields_costs_no_more_than_the_limit() {
        let mut unpacker = Unpacker::default();
        let long = Packer::default().pack([("x", &"b".repeat(3_900)[..])]);
        unpacker.unpack(&long).unwrap();
        assert_eq!(unpacker.unpack(&[0xbe; 3]).unwrap().len(), 3);
        assert_eq!(unpacker.unpack(&[0xbe; 16_000]).unwrap_err().code, ErrorCode::EnhanceYourCalm);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 1_u64;
        for round in 0..20_000 {
            let mut next = || {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (seed >> 56) as u8
            };
            let block: Vec<u8> = (0..round % 40).map(|_| next()).collect();
            let _any = Unpacker::default().unpack(&block);
        }
    }
}
