//! What compressed messages say (RFC 7692), told by an [`UnpackFrames`] from outside: it follows the window of one direction.

use std::fmt;

use super::frame::{FrameContext, FrameHead};
use crate::{KEEP, UnpackFrames};

/// What the message in progress says, as far as it has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unpacked {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// How many it has in all.
    pub len: u64,
}

/// Unpacks one direction, as long as it can.
pub(crate) struct Unpacker(Option<UnpackFrames>);

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Unpacker({})", self.0.is_some())
    }
}

impl Unpacker {
    pub fn new(unpack: Option<UnpackFrames>) -> Self {
        Unpacker(unpack)
    }

    /// Takes bytes of a frame's payload, of which `left` have not come yet, these included. What a message says is put into
    /// the context of its frame.
    pub fn take(&mut self, piece: &[u8], head: &FrameHead, left: u64, context: &mut FrameContext) {
        let packed = context.deflate && !head.is_control() && head.is_packed(context);
        let Some(unpack) = self.0.as_mut().filter(|_| packed) else { return };
        let at = head.length - left;
        let unmasked: Vec<u8> = (at..).zip(piece).map(|(i, byte)| byte ^ head.key[(i % 4) as usize]).collect();
        let last = head.fin && piece.len() as u64 == left;
        match unpack(&unmasked, last) {
            Some(said) if said.is_empty() && !last => {} // told later
            Some(said) => {
                let unpacked = context.unpacked.get_or_insert_default();
                unpacked.len += said.len() as u64;
                let room = KEEP - unpacked.bytes.len();
                unpacked.bytes.extend_from_slice(&said[..said.len().min(room)]);
            }
            None => {
                context.unpacked = None;
                self.0 = None;
            }
        }
    }
}
