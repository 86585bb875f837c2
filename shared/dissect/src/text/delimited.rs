//! Messages that end with a byte of their own: a zero byte, as Flash's `XMLSocket` has it, or a line feed.
//!
//! A first line `writes lengths ...` or `writes none ...`, as the demo `tcp` sends it to its laboratory, says that what
//! follows in this direction has other borders.

use super::length_prefixed::LengthPrefixed;
use super::opaque::Opaque;
use crate::show::{bytes_of, one_line, printable};
use crate::unit::{UnitBuilder, at_most};
use crate::{Dir, Negotiation, StreamDecoder, Unit};

/// One direction.
#[derive(Debug)]
pub(crate) struct Delimited {
    dir: Dir,
    builder: UnitBuilder,
    end: u8,
    /// A line may still announce other borders.
    first: bool,
    /// The beginning of this message went by unseen.
    beheaded: bool,
}

impl Delimited {
    pub fn new(dir: Dir, end: u8) -> Self {
        let first = dir == Dir::Up && end == b'\n';
        Delimited { dir, builder: UnitBuilder::new(dir, 0), end, first, beheaded: false }
    }

    /// The message that ends here. A first line may say what follows in its place.
    fn message(&mut self, negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        let first = std::mem::take(&mut self.first);
        let line = if first { self.builder.kept().to_vec() } else { Vec::new() };
        let unit = unit(&mut self.builder, self.end, true, std::mem::take(&mut self.beheaded));
        let words: Vec<&[u8]> = line.trim_ascii_end().split(|&byte| byte == b' ').collect();
        match words[..] {
            [b"writes", b"lengths", ..] => {
                negotiation.next = Some(Box::new(LengthPrefixed::new(self.dir, unit.to)));
            }
            [b"writes", b"none", ..] => negotiation.next = Some(Box::new(Opaque::new(self.dir, unit.to, ""))),
            _ => {}
        }
        out.push(unit);
    }
}

/// What stands in the builder as a unit, its last byte the border when it is whole.
fn unit(builder: &mut UnitBuilder, end: u8, whole: bool, beheaded: bool) -> Unit {
    let length = builder.len() - u64::from(whole);
    let kept = at_most(builder.kept(), length);
    let mut text = printable(&builder.kept()[..kept]);
    if (kept as u64) < length {
        text.push('…');
    }
    let (mut meaning, note) = meaning(&text, end);
    if beheaded {
        meaning = format!("the end of a message: {meaning}");
    } else if !whole {
        meaning = format!("part of a message, {} so far: {meaning}", bytes_of(length));
    }
    builder.cut_at(length, "message", text, note);
    match end {
        0 => builder.cut("zero byte", "00".into(), "Ends the message, so no message may have one inside."),
        b'\n' => {
            builder.cut("line feed", "LF".into(), "Ends the message, so none may have one inside unless it is escaped.")
        }
        _ => builder.cut("border", format!("{end:02x}"), "Ends the message."),
    }
    builder.finish("message", meaning, whole)
}

/// A message in one line, and what it is for.
fn meaning(text: &str, end: u8) -> (String, &'static str) {
    if end == 0 && text == "<policy-file-request/>" {
        return (
            "asks for the policy file".into(),
            "Flash Player sent this before each connection, on one of its own.",
        );
    }
    if end == 0 && text.contains("<cross-domain-policy") {
        let domains =
            text.split("<allow-access-from").skip(1).filter_map(|tag| tag.split("domain=\"").nth(1)?.split('"').next());
        let domains: Vec<&str> = domains.collect();
        let welcome =
            if domains.is_empty() { "no movies".to_string() } else { format!("movies from {}", domains.join(", ")) };
        let words = format!("policy file: lets in {}", one_line(&welcome, 100));
        return (
            words,
            "Whose movies may connect, and to which ports (Adobe, cross-domain policy file specification).",
        );
    }
    if text.is_empty() {
        return ("an empty message".into(), "");
    }
    (one_line(text, 100), "")
}

impl StreamDecoder for Delimited {
    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.builder
    }

    fn feed(&mut self, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        let end = bytes.iter().position(|&byte| byte == self.end).map(|at| at + 1);
        let taken = end.unwrap_or(bytes.len());
        self.builder.push(&bytes[..taken]);
        if end.is_some() {
            self.message(negotiation, out);
        }
        taken
    }

    fn unfinished(&self) -> (&UnitBuilder, &[u8]) {
        (&self.builder, &[])
    }

    fn describe(&self, builder: &mut UnitBuilder) -> Unit {
        unit(builder, self.end, false, self.beheaded)
    }

    fn lost(&mut self, bytes: u64, _negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        self.end(out);
        self.builder.pass_over(bytes);
        (self.beheaded, self.first) = (true, false);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, Unit};

    fn meanings(units: &[Unit]) -> Vec<String> {
        units.iter().map(|unit| format!("{}{}", if unit.whole { "" } else { "~" }, unit.meaning)).collect()
    }

    #[test]
    fn a_zero_byte_ends_a_message_and_is_a_field_of_its_own() {
        let mut dissector = Dissector::delimited(0);
        let units = dissector.feed(Dir::Up, b"<policy-file-request/>\0after 7\0half");
        assert_eq!(meanings(&units), ["asks for the policy file", "after 7"]);
        let fields: Vec<_> = units[1].fields.iter().map(|f| (f.from, f.to, &*f.name, &*f.value)).collect();
        assert_eq!(fields, [(0, 7, "message", "after 7"), (7, 8, "zero byte", "00")]);
        assert_eq!(
            dissector.pending(Dir::Up).map(|unit| unit.meaning).as_deref(),
            Some("part of a message, 4 bytes so far: half")
        );
        assert_eq!(meanings(&dissector.end(Dir::Up)), ["~part of a message, 4 bytes so far: half"]);
    }

    #[test]
    fn a_policy_file_says_whom_it_lets_in() {
        let mut dissector = Dissector::delimited(0);
        let file = b"<cross-domain-policy>\n<allow-access-from domain=\"a.b\" to-ports=\"1\"/></cross-domain-policy>\0";
        assert_eq!(meanings(&dissector.feed(Dir::Down, file)), ["policy file: lets in movies from a.b"]);
        assert_eq!(
            meanings(&dissector.feed(Dir::Down, b"<cross-domain-policy/>\0")),
            ["policy file: lets in no movies"]
        );
    }

    #[test]
    fn any_split_gives_the_same_units() {
        let long = [&b"x".repeat(9000)[..], b"\n\n\xff\xfe\n"].concat();
        let lengths = b"writes lengths 64 0\n\0\0\0\x05hello\0\0\0\0\0\0\0\x02\xc3\xbc\0\0\x01\x00half".to_vec();
        for stream in [long, b"one\ntwo\n\nhalf".to_vec(), lengths, b"writes none 1 0\nhelloworld".to_vec()] {
            let mut whole = Dissector::delimited(b'\n');
            let mut expected = whole.feed(Dir::Up, &stream);
            expected.extend(whole.end(Dir::Up));
            for size in (1..stream.len()).step_by(1 + stream.len() / 40) {
                let mut dissector = Dissector::delimited(b'\n');
                let mut units: Vec<Unit> =
                    stream.chunks(size).flat_map(|piece| dissector.feed(Dir::Up, piece)).collect();
                units.extend(dissector.end(Dir::Up));
                assert_eq!(units, expected, "reads of {size} bytes");
                let covered =
                    units.iter().all(|unit| unit.fields.last().map(|field| field.to) == Some(unit.bytes.len()));
                assert!(covered, "fields cover every byte that is kept");
            }
        }
    }

    #[test]
    fn after_a_loss_the_next_border_is_the_way_back() {
        let mut dissector = Dissector::delimited(0);
        dissector.feed(Dir::Up, b"one\0tw");
        assert_eq!(meanings(&dissector.lost(Dir::Up, 100)), ["~part of a message, 2 bytes so far: tw"]);
        let units = dissector.feed(Dir::Up, b"ree\0four\0");
        assert_eq!(meanings(&units), ["the end of a message: ree", "four"]);
        assert_eq!(units[1].from, 110);
    }
}
