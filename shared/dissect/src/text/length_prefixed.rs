//! Messages with their length in front: 32 bits, most significant byte first, and then that many bytes of anything.

use super::opaque::Opaque;
use crate::show::{bytes_of, one_line, printable};
use crate::unit::{UnitBuilder, at_most};
use crate::{Dir, Negotiation, StreamDecoder, Unit};

/// One direction.
#[derive(Debug)]
pub(crate) struct LengthPrefixed {
    dir: Dir,
    builder: UnitBuilder,
}

impl LengthPrefixed {
    pub fn new(dir: Dir, at: u64) -> Self {
        LengthPrefixed { dir, builder: UnitBuilder::new(dir, at) }
    }

    /// How long the message is with its length, once that has come.
    fn size(&self) -> Option<u64> {
        self.builder.kept().first_chunk().map(|length| 4 + u64::from(u32::from_be_bytes(*length)))
    }
}

fn unit(builder: &mut UnitBuilder, whole: bool) -> Unit {
    let Some(length) = builder.kept().first_chunk().copied().map(u32::from_be_bytes) else {
        builder.cut(
            "length",
            builder.open_text(),
            "Four bytes say how long the message is; not all of them have come.",
        );
        return builder.finish("message", "part of a length".into(), whole);
    };
    let note = "32 bits, most significant byte first: this many bytes follow, and they may be anything.";
    builder.cut_at(4, "length", length.to_string(), note);
    let mut text = printable(builder.open());
    if (builder.open().len() as u64) < builder.open_len() {
        text.push('…');
    }
    let shown = if length == 0 { "an empty message".to_string() } else { one_line(&text, 100) };
    let part = format!("part of a message, {} of {length}: ", bytes_of(builder.len() - 4));
    builder.cut("message", text, "");
    builder.finish("message", if whole { shown } else { part + &shown }, whole)
}

impl StreamDecoder for LengthPrefixed {
    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.builder
    }

    fn feed(&mut self, bytes: &[u8], _negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        let wanted = self.size().unwrap_or(4) - self.builder.len();
        let taken = at_most(bytes, wanted);
        self.builder.push(&bytes[..taken]);
        if self.size() == Some(self.builder.len()) {
            out.push(unit(&mut self.builder, true));
        }
        taken
    }

    fn unfinished(&self) -> (&UnitBuilder, &[u8]) {
        (&self.builder, &[])
    }

    fn describe(&self, builder: &mut UnitBuilder) -> Unit {
        unit(builder, false)
    }

    /// Nothing in the stream shows where a message starts.
    fn lost(&mut self, bytes: u64, negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        self.end(out);
        let from = self.builder.from().saturating_add(bytes);
        let why = "bytes were missed, and lengths give no way back";
        negotiation.next = Some(Box::new(Opaque::new(self.dir, from, why)));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector};

    #[test]
    fn a_length_and_so_many_bytes_are_a_message() {
        let mut dissector = Dissector::delimited(b'\n');
        let units = dissector.feed(Dir::Up, b"writes lengths 64 0\n\0\0\0\x05he\nlo\0\0\0\0\0\0");
        let meanings: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(meanings, ["writes lengths 64 0", "he\\nlo", "an empty message"]);
        let fields: Vec<_> = units[1].fields.iter().map(|f| (f.from, f.to, &*f.name, &*f.value)).collect();
        assert_eq!(fields, [(0, 4, "length", "5"), (4, 9, "message", "he\nlo")]);
        assert_eq!(dissector.pending(Dir::Up).map(|unit| unit.meaning).as_deref(), Some("part of a length"));
    }

    #[test]
    fn a_length_of_four_gigabytes_is_only_counted() {
        let mut dissector = Dissector::delimited(b'\n');
        dissector.feed(Dir::Up, b"writes lengths 64 0\n\xff\xff\xff\xffab");
        let pending = dissector.pending(Dir::Up).map(|unit| unit.meaning);
        assert_eq!(pending.as_deref(), Some("part of a message, 2 bytes of 4294967295: ab"));
    }

    #[test]
    fn after_a_loss_there_is_no_way_back() {
        let mut dissector = Dissector::delimited(b'\n');
        dissector.feed(Dir::Up, b"writes lengths 64 0\n\0\0\0\x05he");
        dissector.lost(Dir::Up, 3);
        dissector.feed(Dir::Up, b"\0\0\0\x01a");
        assert!(dissector.end(Dir::Up)[0].meaning.contains("no way back"));
    }
}
