//! Bytes of a protocol that nobody here knows: shown as they are.

use super::draft::{Draft, PIECE, bytes_of, is_text, one_line, printable};
use super::{Dir, Protocol, Talk, Unit};

/// Runs of bytes: one ends when the other direction speaks, at [`PIECE`] bytes, or with the connection.
#[derive(Debug)]
pub(super) struct Plain {
    draft: Draft,
}

impl Plain {
    pub fn new(dir: Dir, at: u64) -> Self {
        Plain { draft: Draft::new(dir, at) }
    }
}

/// Adds bytes to a run and ends it as often as it is full.
pub(super) fn extend(draft: &mut Draft, mut bytes: &[u8], why: &str, out: &mut Vec<Unit>) {
    while !bytes.is_empty() {
        let room = usize::try_from(PIECE.saturating_sub(draft.len())).unwrap_or(0);
        let (now, later) = bytes.split_at(bytes.len().min(room));
        draft.push(now);
        bytes = later;
        if draft.len() >= PIECE {
            out.push(run(draft, why, true));
        }
    }
}

/// Ends a run, if there is one. `why` says why these are mere bytes.
pub(super) fn flush(draft: &mut Draft, why: &str, whole: bool, out: &mut Vec<Unit>) {
    if !draft.is_empty() {
        out.push(run(draft, why, whole));
    }
}

/// The run as a unit.
pub(super) fn run(draft: &mut Draft, why: &str, whole: bool) -> Unit {
    let readable = is_text(draft.open());
    let shown = if readable { draft.open_text() } else { printable(draft.open()) };
    let what = if readable { "text" } else { "bytes" };
    let colon = if why.is_empty() { "" } else { ": " };
    let meaning = format!("{}{colon}{why}: {}", bytes_of(draft.len()), one_line(&shown, 60));
    draft.cut(what, shown, why.to_string());
    draft.finish("bytes", meaning, whole)
}

impl Protocol for Plain {
    fn feed(&mut self, bytes: &[u8], _talk: &mut Talk, out: &mut Vec<Unit>) -> usize {
        extend(&mut self.draft, bytes, "", out);
        bytes.len()
    }

    fn pending(&self) -> Option<Unit> {
        (!self.draft.is_empty()).then(|| run(&mut self.draft.clone(), "", false))
    }

    fn pending_from(&self) -> Option<u64> {
        (!self.draft.is_empty()).then(|| self.draft.from())
    }

    fn interrupted(&mut self, out: &mut Vec<Unit>) {
        flush(&mut self.draft, "", true, out);
    }

    fn lost(&mut self, bytes: u64, _talk: &mut Talk, out: &mut Vec<Unit>) {
        flush(&mut self.draft, "", true, out);
        self.draft.pass_over(bytes);
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        flush(&mut self.draft, "", true, out);
    }
}
