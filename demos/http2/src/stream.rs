//! One stream: a request and its answer, and the two windows that hold their senders back (RFC 9113, 5.1 and 5.2).
//!
//! ```text
//!                HEADERS                 END_STREAM
//!    idle  ------------------->  open  ------------->  half-closed     (from either side)
//!                                  |                       |
//!                                  |  RST_STREAM           |  END_STREAM of the other side, or RST_STREAM
//!                                  v                       v
//!                                closed  <-----------------+
//! ```

use std::time::Instant;

use crate::frame::{ErrorCode, Violation};
use crate::settings::MAX_WINDOW;

/// The most of an answer that waits here, in bytes; the thread that writes more has to wait.
pub const OUTBOX: usize = 16 * 1024;

/// A stream that is open, or half closed.
#[derive(Debug)]
pub struct Stream {
    /// What has arrived and was not read. It is never more than the window that was given.
    pub inbox: Vec<u8>,
    /// What waits to be sent.
    pub outbox: Vec<u8>,
    /// How many bytes the client may still send.
    pub window_up: i64,
    /// How many bytes may still be sent to the client. A new SETTINGS can make it negative (6.9.2).
    pub window_down: i64,
    /// The client has ended its side.
    pub client_ended: bool,
    /// Nothing more comes into the outbox.
    pub server_ended: bool,
    /// What `content-length` says is still missing.
    pub missing: Option<u64>,
    /// When something was last taken from the outbox, or it was empty.
    pub moved: Instant,
}

impl Stream {
    /// As its first HEADERS frame opens it.
    pub fn new(window_up: i64, window_down: i64, missing: Option<u64>, now: Instant) -> Self {
        Stream {
            inbox: Vec::new(),
            outbox: Vec::new(),
            window_up,
            window_down,
            client_ended: false,
            server_ended: false,
            missing,
            moved: now,
        }
    }

    /// Whether there is something to send, and leave to send it. The end of an answer needs no window.
    pub fn may_send(&self, connection: i64) -> bool {
        match self.outbox.is_empty() {
            true => self.server_ended,
            false => self.window_down > 0 && connection > 0,
        }
    }

    /// Counts a part of the body.
    ///
    /// # Errors
    /// When it is not as long as `content-length` says (8.1.1): too long already, or ended too soon.
    pub fn count(&mut self, id: u32, bytes: usize, ended: bool) -> Result<(), Violation> {
        let wrong = Violation::stream(
            id,
            ErrorCode::ProtocolError,
            "the body is not as long as content-length says (8.1.1)",
        );
        if let Some(missing) = &mut self.missing {
            *missing = missing.checked_sub(bytes as u64).ok_or(wrong)?;
            if ended && *missing > 0 {
                return Err(wrong);
            }
        }
        self.client_ended |= ended;
        Ok(())
    }
}

/// Makes a window larger, or smaller.
///
/// # Errors
/// When it would be larger than a window may be (6.9.1).
pub fn widen(window: &mut i64, by: i64, stream: Option<u32>) -> Result<(), Violation> {
    *window += by;
    if *window > MAX_WINDOW {
        let why = "a window grows over 2,147,483,647 bytes (6.9.1)";
        return Err(Violation { stream, code: ErrorCode::FlowControlError, why });
    }
    Ok(())
}
