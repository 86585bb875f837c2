//! SETTINGS: what each end says that it can take (RFC 9113, 6.5).

use crate::frame::{ErrorCode, Violation};

/// How large the other end's table of header fields is.
pub const HEADER_TABLE_SIZE: u16 = 0x1;
/// Whether a server may push. Browsers say 0.
pub const ENABLE_PUSH: u16 = 0x2;
/// How many streams may be open at once.
pub const MAX_CONCURRENT_STREAMS: u16 = 0x3;
/// The window of each new stream, in bytes.
pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
/// The longest payload of a frame, in bytes.
pub const MAX_FRAME_SIZE: u16 = 0x5;
/// What the fields of a block may take when they are unpacked, in bytes.
pub const MAX_HEADER_LIST_SIZE: u16 = 0x6;
/// 1: a stream may be a WebSocket (RFC 8441, 3).
pub const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

/// The largest window, in bytes (6.9.1).
pub const MAX_WINDOW: i64 = 0x7fff_ffff;

/// The window that every connection and stream begins with, in bytes, unless SETTINGS say something else (6.9.2).
pub const FIRST_WINDOW: i64 = 65_535;

/// Reads a payload: numbers of two bytes, each with a value of four.
///
/// # Errors
/// When a value is not allowed. A setting that is not known is left to the reader.
pub fn parse(payload: &[u8]) -> Result<Vec<(u16, u32)>, Violation> {
    let fault = |code, why| Err(Violation::connection(code, why));
    let (pairs, []) = payload.as_chunks::<6>() else {
        return fault(ErrorCode::FrameSizeError, "each setting has six bytes (6.5)");
    };
    let mut settings = Vec::new();
    for &[n0, n1, value @ ..] in pairs {
        let (number, value) = (u16::from_be_bytes([n0, n1]), u32::from_be_bytes(value));
        match (number, value) {
            (ENABLE_PUSH | ENABLE_CONNECT_PROTOCOL, 2..) => {
                return fault(
                    ErrorCode::ProtocolError,
                    "this setting is 0 or 1 (6.5.2; RFC 8441, 3)",
                );
            }
            (INITIAL_WINDOW_SIZE, 0x8000_0000..) => {
                return fault(
                    ErrorCode::FlowControlError,
                    "a window has 2,147,483,647 bytes at most (6.5.2)",
                );
            }
            (MAX_FRAME_SIZE, ..16_384 | 0x0100_0000..) => {
                return fault(
                    ErrorCode::ProtocolError,
                    "a frame has 16,384 to 16,777,215 bytes (6.5.2)",
                );
            }
            _ => settings.push((number, value)),
        }
    }
    Ok(settings)
}

/// Writes a payload.
pub fn serialize(settings: &[(u16, u32)]) -> Vec<u8> {
    let bytes =
        |(number, value): &(u16, u32)| [&number.to_be_bytes()[..], &value.to_be_bytes()].concat();
    settings.iter().flat_map(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_were_written_and_unknown_ones_too() {
        let settings = [(ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, 131_072), (0x7777, 9)];
        assert_eq!(parse(&serialize(&settings)), Ok(settings.to_vec()));
    }

    #[test]
    fn each_wrong_value_has_its_code() {
        let code = |number, value| parse(&serialize(&[(number, value)])).unwrap_err().code;
        assert_eq!(code(ENABLE_PUSH, 2), ErrorCode::ProtocolError);
        assert_eq!(code(INITIAL_WINDOW_SIZE, 0x8000_0000), ErrorCode::FlowControlError);
        assert_eq!(code(MAX_FRAME_SIZE, 16_383), ErrorCode::ProtocolError);
        assert_eq!(code(MAX_FRAME_SIZE, 16_777_216), ErrorCode::ProtocolError);
        assert_eq!(parse(&[0, 2, 0, 0, 0]).unwrap_err().code, ErrorCode::FrameSizeError);
    }
}
