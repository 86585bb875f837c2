//! Messages with their length in front: 32 bits, most significant byte first, and then so many bytes of anything.

use crate::show::{bytes_of, one_line, printable};
use crate::text::opaque;
use crate::unit::UnitBuilder;
use crate::{Dir, Negotiation, StreamDecoder, Unit};

/// One direction.
#[derive(Debug)]
pub(crate) struct LengthPrefixed {
    builder: UnitBuilder,
    /// The place is not known any more: nothing in the stream shows where a message starts.
    adrift: bool,
}

impl LengthPrefixed {
    pub fn new(dir: Dir, at: u64) -> Self {
        LengthPrefixed { builder: UnitBuilder::new(dir, at), adrift: false }
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
    let note = "32 bits, most significant byte first: so many bytes follow, and they may be anything.";
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
    fn feed(&mut self, bytes: &[u8], _negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        if self.adrift {
            opaque::extend(&mut self.builder, bytes, ADRIFT, out);
            return bytes.len();
        }
        let wanted = self.size().unwrap_or(4) - self.builder.len();
        let taken = bytes.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        self.builder.push(&bytes[..taken]);
        if self.size() == Some(self.builder.len()) {
            out.push(unit(&mut self.builder, true));
        }
        taken
    }

    fn pending(&self) -> Option<Unit> {
        match self.adrift {
            _ if self.builder.is_empty() => None,
            true => Some(opaque::run(&mut self.builder.clone(), ADRIFT, false)),
            false => Some(unit(&mut self.builder.clone(), false)),
        }
    }

    fn pending_from(&self) -> Option<u64> {
        (!self.builder.is_empty()).then(|| self.builder.from())
    }

    fn lost(&mut self, bytes: u64, _negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        self.end(out);
        self.builder.pass_over(bytes);
        self.adrift = true;
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        match self.adrift {
            true => opaque::flush(&mut self.builder, ADRIFT, true, out),
            false if !self.builder.is_empty() => out.push(unit(&mut self.builder, false)),
            false => {}
        }
    }
}

/// Why the rest of a stream is mere bytes.
const ADRIFT: &str = "bytes were missed, and lengths give no way back";

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector};

    #[test]
    fn a_length_and_so_many_bytes_are_a_message() {
        let mut dissector = Dissector::delimited(b'\n');
        let units = dissector.feed(Dir::Up, b"writes lengths 64 0\n\0\0\0\x05he\nlo\0\0\0\0\0\0");
        let told: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(told, ["writes lengths 64 0", "he\\nlo", "an empty message"]);
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
