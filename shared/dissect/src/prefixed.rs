//! Messages with their length in front: 32 bits, most significant byte first, and then so many bytes of anything.

use super::draft::{Draft, bytes_of, one_line, printable};
use super::{Dir, Protocol, Talk, Unit, plain};

/// One direction.
#[derive(Debug)]
pub(super) struct Prefixed {
    draft: Draft,
    /// The place is not known any more: nothing in the stream shows where a message starts.
    adrift: bool,
}

impl Prefixed {
    pub fn new(dir: Dir, at: u64) -> Self {
        Prefixed { draft: Draft::new(dir, at), adrift: false }
    }

    /// How long the message is with its length, once that has come.
    fn size(&self) -> Option<u64> {
        self.draft.kept().first_chunk().map(|length| 4 + u64::from(u32::from_be_bytes(*length)))
    }
}

fn unit(draft: &mut Draft, whole: bool) -> Unit {
    let Some(length) = draft.kept().first_chunk().copied().map(u32::from_be_bytes) else {
        draft.cut("length", draft.open_text(), "Four bytes say how long the message is; not all of them have come.");
        return draft.finish("message", "part of a length".into(), whole);
    };
    let note = "32 bits, most significant byte first: so many bytes follow, and they may be anything.";
    draft.cut_at(4, "length", length.to_string(), note);
    let mut text = printable(draft.open());
    if (draft.open().len() as u64) < draft.open_len() {
        text.push('…');
    }
    let shown = if length == 0 { "an empty message".to_string() } else { one_line(&text, 100) };
    let part = format!("part of a message, {} of {length}: ", bytes_of(draft.len() - 4));
    draft.cut("message", text, "");
    draft.finish("message", if whole { shown } else { part + &shown }, whole)
}

impl Protocol for Prefixed {
    fn feed(&mut self, bytes: &[u8], _talk: &mut Talk, out: &mut Vec<Unit>) -> usize {
        if self.adrift {
            plain::extend(&mut self.draft, bytes, ADRIFT, out);
            return bytes.len();
        }
        let wanted = self.size().unwrap_or(4) - self.draft.len();
        let taken = bytes.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        self.draft.push(&bytes[..taken]);
        if self.size() == Some(self.draft.len()) {
            out.push(unit(&mut self.draft, true));
        }
        taken
    }

    fn pending(&self) -> Option<Unit> {
        match self.adrift {
            _ if self.draft.is_empty() => None,
            true => Some(plain::run(&mut self.draft.clone(), ADRIFT, false)),
            false => Some(unit(&mut self.draft.clone(), false)),
        }
    }

    fn pending_from(&self) -> Option<u64> {
        (!self.draft.is_empty()).then(|| self.draft.from())
    }

    fn lost(&mut self, bytes: u64, _talk: &mut Talk, out: &mut Vec<Unit>) {
        self.end(out);
        self.draft.pass_over(bytes);
        self.adrift = true;
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        match self.adrift {
            true => plain::flush(&mut self.draft, ADRIFT, true, out),
            false if !self.draft.is_empty() => out.push(unit(&mut self.draft, false)),
            false => {}
        }
    }
}

/// Why the rest of a stream is mere bytes.
const ADRIFT: &str = "bytes were missed, and lengths give no way back";

#[cfg(test)]
mod tests {
    use super::super::{Conversation, Dir};

    #[test]
    fn a_length_and_so_many_bytes_are_a_message() {
        let mut talk = Conversation::delimited(b'\n');
        let units = talk.feed(Dir::Up, b"writes lengths 64 0\n\0\0\0\x05he\nlo\0\0\0\0\0\0");
        let told: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(told, ["writes lengths 64 0", "he\\nlo", "an empty message"]);
        let fields: Vec<_> = units[1].fields.iter().map(|f| (f.from, f.to, &*f.name, &*f.value)).collect();
        assert_eq!(fields, [(0, 4, "length", "5"), (4, 9, "message", "he\nlo")]);
        assert_eq!(talk.pending(Dir::Up).map(|unit| unit.meaning).as_deref(), Some("part of a length"));
    }

    #[test]
    fn a_length_of_four_gigabytes_is_only_counted() {
        let mut talk = Conversation::delimited(b'\n');
        talk.feed(Dir::Up, b"writes lengths 64 0\n\xff\xff\xff\xffab");
        let pending = talk.pending(Dir::Up).map(|unit| unit.meaning);
        assert_eq!(pending.as_deref(), Some("part of a message, 2 bytes of 4294967295: ab"));
    }

    #[test]
    fn after_a_loss_there_is_no_way_back() {
        let mut talk = Conversation::delimited(b'\n');
        talk.feed(Dir::Up, b"writes lengths 64 0\n\0\0\0\x05he");
        talk.lost(Dir::Up, 3);
        talk.feed(Dir::Up, b"\0\0\0\x01a");
        assert!(talk.end(Dir::Up)[0].meaning.contains("no way back"));
    }
}
