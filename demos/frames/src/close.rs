//! How a WebSocket ends: codes, reasons, and what may be wrong with them (RFC 6455, 5.5.1 and 7.4).

use std::fmt;

// The codes of RFC 6455, 7.4.1, and of the registry that its 11.7 set up, under the names they have there. 1004 is reserved.

/// The purpose is fulfilled.
pub const NORMAL_CLOSURE: u16 = 1000;
/// The server stops, or the page is left.
pub const GOING_AWAY: u16 = 1001;
/// The other side broke a rule of the protocol.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A message of a kind that this end can't use, such as binary where it knows text only.
pub const UNSUPPORTED_DATA: u16 = 1003;
/// Never on the wire: an API says it when a Close frame had no code.
pub const NO_STATUS_RCVD: u16 = 1005;
/// Never on the wire: an API says it when the connection ended without a Close frame.
pub const ABNORMAL_CLOSURE: u16 = 1006;
/// A text message that is not UTF-8.
pub const INVALID_FRAME_PAYLOAD_DATA: u16 = 1007;
/// A message that this end does not want, for a reason that no other code names.
pub const POLICY_VIOLATION: u16 = 1008;
/// A message longer than this end takes.
pub const MESSAGE_TOO_BIG: u16 = 1009;
/// The client needs an extension that the server did not agree to.
pub const MANDATORY_EXT: u16 = 1010;
/// The server met a fault of its own.
pub const INTERNAL_ERROR: u16 = 1011;
/// The server is started again: connect again after a while.
pub const SERVICE_RESTART: u16 = 1012;
/// The server has too much to do: connect again later.
pub const TRY_AGAIN_LATER: u16 = 1013;
/// A proxy got no right answer from the server behind it.
pub const BAD_GATEWAY: u16 = 1014;
/// Never on the wire: an API says it when TLS failed.
pub const TLS_HANDSHAKE: u16 = 1015;

/// Why this end must fail the connection (RFC 6455, 7.1.7): the code and the reason of the Close frame it sends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A status code of 7.4.1.
    pub code: u16,
    /// What is wrong, in a sentence short enough for a Close frame, with the section that says so.
    pub why: &'static str,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.code, self.why)
    }
}

/// What a Close frame says. It may say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The status code, if there is one.
    pub code: Option<u16>,
    /// For a person who looks for a fault; empty most of the time.
    pub reason: String,
}

impl From<Failure> for Close {
    fn from(failure: Failure) -> Self {
        Close { code: Some(failure.code), reason: failure.why.to_string() }
    }
}

impl Close {
    // ANCHOR: parse-close
    /// Reads the payload of a Close frame: nothing, or two bytes of code and a reason in UTF-8.
    ///
    /// # Errors
    /// When it is neither, or the code is one that must not be sent.
    pub fn parse(payload: &[u8]) -> Result<Self, Failure> {
        let failure = |code, why| Err(Failure { code, why });
        let Some((code, reason)) = payload.split_first_chunk() else {
            return match payload {
                [] => Ok(Close::default()),
                _ => failure(PROTOCOL_ERROR, "a Close frame has one byte: half a code (5.5.1)"),
            };
        };
        let code = u16::from_be_bytes(*code);
        if !may_be_sent(code) {
            return failure(PROTOCOL_ERROR, "a Close frame has a code that must not be sent (7.4)");
        }
        match str::from_utf8(reason) {
            Ok(reason) => Ok(Close { code: Some(code), reason: reason.to_string() }),
            Err(_) => failure(INVALID_FRAME_PAYLOAD_DATA, "the reason is not UTF-8 (5.5.1)"),
        }
    }
    // ANCHOR_END: parse-close

    /// The payload of the Close frame that says this. A reason too long for a control frame is cut between characters.
    pub fn serialize(&self) -> Vec<u8> {
        let Some(code) = self.code else { return Vec::new() };
        let mut end = self.reason.len().min(123);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        [&code.to_be_bytes(), &self.reason.as_bytes()[..end]].concat()
    }
}

/// Whether a code may stand in a Close frame (7.4.1, 7.4.2 and the registry that 11.7 set up: 1012 to 1014 came later).
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_frame_says_nothing_or_a_code_or_a_code_and_a_reason() {
        for close in [
            Close::default(),
            Close { code: Some(NORMAL_CLOSURE), reason: String::new() },
            Close { code: Some(4999), reason: "good\u{2764}bye".to_string() },
        ] {
            assert_eq!(Close::parse(&close.serialize()), Ok(close));
        }
        assert_eq!(
            Close { code: Some(NORMAL_CLOSURE), reason: String::new() }.serialize(),
            [0x03, 0xE8]
        );
    }

    #[test]
    fn a_close_frame_that_says_something_else_is_refused() {
        let code = |payload: &[u8]| Close::parse(payload).unwrap_err().code;
        assert_eq!(code(&[3]), PROTOCOL_ERROR);
        assert_eq!(code(b"\x03\xe8\xff"), INVALID_FRAME_PAYLOAD_DATA);
        for bad in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16] {
            assert_eq!(code(&bad.to_be_bytes()), PROTOCOL_ERROR, "{bad}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let close = Close { code: Some(NORMAL_CLOSURE), reason: "\u{20ac}".repeat(100) };
        assert_eq!(close.serialize().len(), 2 + 123);
        let close =
            Close { code: Some(NORMAL_CLOSURE), reason: "x".to_string() + &"\u{20ac}".repeat(100) };
        assert_eq!(close.serialize().len(), 2 + 121);
    }
}
