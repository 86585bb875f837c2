//! Bytes of an unknown protocol, or of an unknown place in a known one: shown as they are, in runs. A run ends when the
//! other direction sends, at [`PIECE`] bytes, or with the connection.

use crate::show::{bytes_of, is_text, one_line, printable};
use crate::unit::{PIECE, UnitBuilder, at_most};
use crate::{Dir, Negotiation, StreamDecoder, Unit};

/// One direction.
#[derive(Debug)]
pub(crate) struct Opaque {
    builder: UnitBuilder,
    /// Why these are mere bytes; may be empty.
    why: &'static str,
}

impl Opaque {
    pub fn new(dir: Dir, at: u64, why: &'static str) -> Self {
        Opaque { builder: UnitBuilder::new(dir, at), why }
    }
}

/// Adds bytes to a run and ends it as often as it is full.
pub(crate) fn extend(builder: &mut UnitBuilder, mut bytes: &[u8], why: &str, out: &mut Vec<Unit>) {
    while !bytes.is_empty() {
        let (now, later) = bytes.split_at(at_most(bytes, PIECE.saturating_sub(builder.len())));
        builder.push(now);
        bytes = later;
        if builder.len() >= PIECE {
            flush(builder, why, out);
        }
    }
}

/// Ends a run, if there is one.
pub(crate) fn flush(builder: &mut UnitBuilder, why: &str, out: &mut Vec<Unit>) {
    if !builder.is_empty() {
        out.push(run(builder, why, true));
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
    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.builder
    }

    fn feed(&mut self, bytes: &[u8], _negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        extend(&mut self.builder, bytes, self.why, out);
        bytes.len()
    }

    fn unfinished(&self) -> (&UnitBuilder, &[u8]) {
        (&self.builder, &[])
    }

    fn describe(&self, builder: &mut UnitBuilder) -> Unit {
        run(builder, self.why, false)
    }

    fn interrupted(&mut self, out: &mut Vec<Unit>) {
        flush(&mut self.builder, self.why, out);
    }

    fn lost(&mut self, bytes: u64, _negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        flush(&mut self.builder, self.why, out);
        self.builder.pass_over(bytes);
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        flush(&mut self.builder, self.why, out);
    }
}
