//! permessage-deflate, by hand: messages are compressed, each by what the ones before it have said.
//!
//! Run    `cargo run -p deflate`, then open <http://127.0.0.1:8013> in two tabs
//! Read   this file top to bottom, then `negotiation.rs` (how both ends agree) and `extension.rs` (RSV1 and the frames)
//! Wire   `Sec-WebSocket-Extensions: permessage-deflate` ... `c1 07 f2 48 cd c9 c9 07 00` (RSV1 and "Hello")
//! Book   `book/src/deflate.md`
//!
//! Left out: a threshold below which a message is sent as it is (a task of the chapter), and TLS. DEFLATE itself is
//! [`flate2`]'s. Source: RFC 7692.

pub mod client;
pub mod extension;
mod guess;
pub mod negotiation;
pub mod server;

use demo::{Demo, Speaks};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use frames::close::{Failure, INVALID_FRAME_PAYLOAD_DATA, MESSAGE_TOO_BIG};

use crate::negotiation::Window;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "deflate",
    port: 8013,
    title: "permessage-deflate",
    promise: "What was said before does not have to be sent again: a message is compressed by those in front of it.",
    first: "open the page in two tabs, say the same sentence twice, and compare the bytes of the two",
    page: demo::page!("costs.js", "deflate.css", "guess.js"),
    speaks: Speaks::Upgrades,
    serve: server::serve,
    side_servers: &[],
};

/// Every flush of DEFLATE ends in these bytes, so they are not sent (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

const TOO_BIG: Failure =
    Failure { code: MESSAGE_TOO_BIG, why: "the message inflates to more than this end takes" };
const NOT_DEFLATE: Failure = Failure {
    code: INVALID_FRAME_PAYLOAD_DATA,
    why: "the message is not DEFLATE (RFC 7692, 7.2.2)",
};

// ANCHOR: deflate
/// Compresses the messages that leave. The state holds the window: what was said before.
pub struct Deflater {
    window: Window,
    level: u32, // 0 only wraps, 1 is fast, 9 is small
    state: Option<Compress>,
}

impl Deflater {
    /// With an empty window.
    pub fn new(window: Window, level: u32) -> Self {
        Deflater { window, level: level.min(9), state: None }
    }

    /// Compresses one message (RFC 7692, 7.2.1).
    pub fn deflate(&mut self, message: &[u8]) -> Vec<u8> {
        if message.is_empty() {
            return vec![0x00]; // an empty block, without its tail (7.2.3.6)
        }
        let mut packed = Vec::with_capacity(message.len() / 2 + 64);
        let bits = self.window.bits.max(9); // zlib's 9 looks back 250 bytes: it fits into 8
        let new = || Compress::new_with_window_bits(Compression::new(self.level), false, bits);
        let state = self.state.get_or_insert_with(new);
        let before = state.total_in();
        loop {
            let taken = (state.total_in() - before) as usize;
            // Sync: all bytes come out now, to the last, and an empty block behind them.
            let done = state.compress_vec(&message[taken..], &mut packed, FlushCompress::Sync);
            done.expect("zlib fails only on a state that is broken");
            if packed.len() < packed.capacity() {
                break;
            }
            packed.reserve(packed.len());
        }
        packed.truncate(packed.len() - TAIL.len());
        if !self.window.kept {
            self.state = None; // no context take-over: no memory between two messages, either
        }
        packed
    }
}
// ANCHOR_END: deflate

// ANCHOR: inflate
/// Inflates the messages that arrive.
pub struct Inflater {
    window: Window,
    state: Option<Decompress>,
}

impl Inflater {
    /// With an empty window.
    pub fn new(window: Window) -> Self {
        Inflater { window, state: None }
    }

    /// Inflates one message (RFC 7692, 7.2.2). `limit` bytes are the most that come out: a
    /// message of 1 MB can inflate to 1,000 MB, and nothing in front of it says so.
    ///
    /// # Errors
    /// Why the connection must be failed.
    pub fn inflate(&mut self, packed: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
        let mut message = Vec::with_capacity((4 * packed.len()).min(limit + 1));
        let bits = self.window.bits.max(9);
        let new = || Decompress::new_with_window_bits(false, bits);
        let state = self.state.get_or_insert_with(new);
        for mut rest in [packed, &TAIL] {
            while !rest.is_empty() || message.len() == message.capacity() {
                let more = message.len().max(256).min(limit + 1 - message.len());
                message.reserve_exact(more); // one byte more than the limit, to see it passed
                let before = state.total_in();
                let done = state.decompress_vec(rest, &mut message, FlushDecompress::Sync);
                rest = &rest[(state.total_in() - before) as usize..];
                match done {
                    Ok(Status::StreamEnd) => state.reset(false), // a last block: legal (7.2.3.4)
                    Ok(_) => {}
                    Err(_) => return Err(NOT_DEFLATE),
                }
                if message.len() > limit {
                    return Err(TOO_BIG);
                }
            }
        }
        if !self.window.kept {
            self.state = None;
        }
        Ok(message)
    }
}
// ANCHOR_END: inflate

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kept: bool, bits: u8) -> Window {
        Window { kept, bits }
    }

    #[test]
    fn the_examples_of_the_rfc_are_written() {
        let mut deflater = Deflater::new(Window::default(), 6);
        assert_eq!(deflater.deflate(b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00", "7.2.3.1");
        assert_eq!(deflater.deflate(b"Hello"), b"\xf2\x00\x11\x00\x00", "7.2.3.2: by the window");
        assert_eq!(deflater.deflate(b""), b"\x00", "7.2.3.6");
        let mut deflater = Deflater::new(window(false, 15), 6);
        let first = deflater.deflate(b"Hello");
        assert_eq!(deflater.deflate(b"Hello"), first, "without take-over all begin alike");
    }

    /// Every length around the sizes of the buffers, with and without take-over, in all windows and levels.
    #[test]
    fn what_was_deflated_inflates_to_what_it_was() {
        let noise: Vec<u8> =
            (0..70_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let words = b"the quick brown fox jumps over the lazy dog. ".repeat(2_000);
        for (kept, bits, level) in [(true, 15, 6), (false, 15, 9), (true, 9, 1), (false, 8, 0)] {
            let mut deflater = Deflater::new(window(kept, bits), level);
            let mut inflater = Inflater::new(window(kept, bits));
            for length in (0..300).chain([1_000, 4_096, 16_384, 32_768, 65_536, 70_000]) {
                for source in [&noise, &words] {
                    let message = &source[..length];
                    let packed = deflater.deflate(message);
                    let inflated = inflater.inflate(&packed, 70_000).unwrap();
                    assert!(inflated == message, "{length} bytes, level {level}, {bits} bits");
                }
            }
        }
    }

    #[test]
    fn a_window_of_9_bits_reaches_no_further_back_than_one_of_8() {
        // 4 letters, a distance of random bytes, the same 4 letters: found again only when the distance is small enough.
        let mut noise = [0; 300];
        getrandom::fill(&mut noise).unwrap();
        let size = |distance: usize| {
            let text = [
                &b"abcdefghijklmnopqrstuvwxyz"[..],
                &noise[..distance - 26],
                b"abcdefghijklmnopqrstuvwxyz",
            ];
            Deflater::new(window(true, 8), 6).deflate(&text.concat()).len() as i64 - distance as i64
        };
        assert!(size(200) < 20, "found: {}", size(200));
        assert!(size(257) > 20, "further back than 256 bytes: {}", size(257));
    }

    /// A million zeros are about a thousand bytes.
    #[test]
    fn a_bomb_is_stopped_at_the_limit_and_takes_no_more_memory_than_that() {
        let bomb = Deflater::new(Window::default(), 9).deflate(&vec![0; 10 << 20]);
        assert!(bomb.len() < 11_000, "{}", bomb.len());
        let mut inflater = Inflater::new(Window::default());
        assert_eq!(inflater.inflate(&bomb, 65_536), Err(TOO_BIG));
        let state = inflater.state.as_ref().unwrap();
        assert!(state.total_out() <= 2 * 65_536, "{} bytes came out", state.total_out());
    }

    #[test]
    fn no_bytes_make_it_panic_or_hang() {
        let mut bytes = [0; 64];
        for _ in 0..5_000 {
            getrandom::fill(&mut bytes).unwrap();
            let _ = Inflater::new(Window::default()).inflate(&bytes, 10_000);
        }
    }
}
