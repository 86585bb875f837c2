//! Bytes of a protocol that nobody here knows: shown as they are.

use crate::show::{bytes_of, is_text, one_line, printable};
use crate::unit::{PIECE, UnitBuilder};
use crate::{Dir, Negotiation, StreamDecoder, Unit};

/// Runs of bytes: one ends when the other direction speaks, at [`PIECE`] bytes, or with the connection.
#[derive(Debug)]
pub(crate) struct Opaque {
    builder: UnitBuilder,
}

impl Opaque {
    pub fn new(dir: Dir, at: u64) -> Self {
        Opaque { builder: UnitBuilder::new(dir, at) }
    }
}

/// Adds bytes to a run and ends it as often as it is full.
pub(crate) fn extend(builder: &mut UnitBuilder, mut bytes: &[u8], why: &str, out: &mut Vec<Unit>) {
    while !bytes.is_empty() {
        let room = usize::try_from(PIECE.saturating_sub(builder.len())).unwrap_or(0);
        let (now, later) = bytes.split_at(bytes.len().min(room));
        builder.push(now);
        bytes = later;
        if builder.len() >= PIECE {
            out.push(run(builder, why, true));
        }
    }
}

/// Ends a run, if there is one. `why` says why these are mere bytes.
pub(crate) fn flush(builder: &mut UnitBuilder, why: &str, whole: bool, out: &mut Vec<Unit>) {
    if !builder.is_empty() {
        out.push(run(builder, why, whole));
    }
}

/// The run as a unit.
pub(crate) fn run(builder: &mut UnitBuilder, why: &str, whole: bool) -> Unit {
    let readable = is_text(builder.open());
    let shown = if readable { builder.open_text() } else { printable(builder.open()) };
    let what = if readable { "text" } else { "bytes" };
    let colon = if why.is_empty() { "" } else { ": " };
    let meaning = format!("{}{colon}{why}: {}", bytes_of(builder.len()), one_line(&shown, 60));
    builder.cut(what, shown, why.to_string());
    builder.finish("bytes", meaning, whole)
}

impl StreamDecoder for Opaque {
    fn feed(&mut self, bytes: &[u8], _negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        extend(&mut self.builder, bytes, "", out);
        bytes.len()
    }

    fn pending(&self) -> Option<Unit> {
        (!self.builder.is_empty()).then(|| run(&mut self.builder.clone(), "", false))
    }

    fn pending_from(&self) -> Option<u64> {
        (!self.builder.is_empty()).then(|| self.builder.from())
    }

    fn interrupted(&mut self, out: &mut Vec<Unit>) {
        flush(&mut self.builder, "", true, out);
    }

    fn lost(&mut self, bytes: u64, _negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        flush(&mut self.builder, "", true, out);
        self.builder.pass_over(bytes);
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        flush(&mut self.builder, "", true, out);
    }
}
