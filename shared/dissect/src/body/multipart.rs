//! `multipart/x-mixed-replace`: parts, each of which takes the place of the one before. Between them stands the boundary
//! that `Content-Type` names, on a line of its own (RFC 2046, 5.1.1); the line end before it belongs to it.
//!
//! A part is over when the next boundary is there, so the boundary is in the unit of the part that it ends. Where a part says how
//! long it is, no boundary is looked for inside of it.

use crate::body::{BodyDecoder, Summary};
use crate::glossary;
use crate::show::{bytes_of, one_line, text};
use crate::unit::{UnitBuilder, at_most};

/// No line is longer that can be a boundary or a header line of a part, in bytes.
const MAX_LINE: usize = 1024;

/// The parts of a body.
#[derive(Debug, Default)]
pub(crate) struct MixedReplace {
    /// Two hyphens and the boundary.
    delimiter: Vec<u8>,
    position: PartPosition,
    /// The line so far, its first [`MAX_LINE`] bytes, and how long it is.
    line: Vec<u8>,
    line_bytes: u64,
    /// Where in the unit the line began; it may have begun before the unit.
    line_from: u64,
    /// How long the line end before this line is: it is content, or belongs to the boundary.
    end_before: u64,
    /// The last byte.
    last: u8,
    part: OpenPart,
    summary: Summary,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PartPosition {
    /// Before the first boundary.
    #[default]
    Preamble,
    Head,
    Body,
    /// Behind the last boundary.
    Epilogue,
}

/// The part in progress.
#[derive(Debug, Default)]
struct OpenPart {
    number: u64,
    /// There is something of it.
    begun: bool,
    media: String,
    /// How much of its content, by its own `Content-Length`, is still to come.
    left: u64,
    /// Bytes of its content so far, with the line end before the present line.
    bytes: u64,
}

impl MixedReplace {
    pub fn new(boundary: &str) -> Self {
        MixedReplace { delimiter: format!("--{boundary}").into_bytes(), ..MixedReplace::default() }
    }

    /// Whether the line is a boundary; `Some(true)`: the last one.
    fn boundary(&self) -> Option<bool> {
        if self.line_bytes > self.line.len() as u64 {
            return None;
        }
        let behind = self.line.trim_ascii_end().strip_prefix(&*self.delimiter)?;
        match behind {
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }

    /// A line is whole, with CR LF or LF: names what is known by it. Says whether a part ended.
    fn line_ended(&mut self, crlf: bool, builder: &mut UnitBuilder) -> bool {
        let found = if self.position == PartPosition::Epilogue { None } else { self.boundary() };
        let ends = found.is_some();
        if let Some(last) = found {
            if self.position == PartPosition::Body {
                let length = self.part.bytes.saturating_sub(self.end_before);
                let media = if self.part.media.is_empty() { "" } else { ", " };
                self.summary.add(format!("part {}{media}{}, {}", self.part.number, self.part.media, bytes_of(length)));
            }
            if self.position == PartPosition::Preamble {
                self.summary.add("a boundary: the first part begins".to_string());
            }
            self.cut_content(builder, self.line_from);
            let note = "Ends the part before it, so that the browser can show it, and begins the next one.";
            let (name, note) = if last { ("last boundary", "No more parts.") } else { ("boundary", note) };
            builder.cut(name, text(self.line.trim_ascii_end(), self.line.trim_ascii_end().len() as u64), note);
            self.part = OpenPart { number: self.part.number + 1, ..OpenPart::default() };
            self.position = if last { PartPosition::Epilogue } else { PartPosition::Head };
        } else if self.position == PartPosition::Head {
            self.part.begun = true;
            self.header(builder);
        } else {
            self.part.bytes += self.line_bytes;
        }
        self.end_before = match self.position {
            PartPosition::Body if self.part.bytes == 0 => 0,
            _ if crlf => 2,
            _ => 1,
        };
        self.line.clear();
        self.line_bytes = 0;
        ends
    }

    fn header(&mut self, builder: &mut UnitBuilder) {
        let line = self.line.trim_ascii_end();
        if line.is_empty() {
            builder.cut("empty line", String::new(), "It ends the head of the part.");
            self.position = PartPosition::Body;
            return;
        }
        let shown = String::from_utf8_lossy(line).into_owned();
        match shown.split_once(':') {
            Some((name, value)) if !name.is_empty() => {
                if name.eq_ignore_ascii_case("content-type") {
                    self.part.media = one_line(&glossary::media(value), 40);
                }
                if name.eq_ignore_ascii_case("content-length") {
                    self.part.left = value.trim().parse().unwrap_or(0);
                }
                builder.cut(one_line(name, 80), value.trim().to_string(), glossary::header(name));
            }
            _ => builder.cut("header", shown, ""),
        }
    }

    /// Names what lies before the boundary at `to`.
    fn cut_content(&self, builder: &mut UnitBuilder, to: u64) {
        if self.position == PartPosition::Preamble {
            return builder.cut_at(
                to,
                "preamble",
                builder.text_to(to),
                "Before the first boundary; browsers pass over it.",
            );
        }
        let end = to.saturating_sub(self.end_before);
        builder.cut_at(end, "content", builder.text_to(end), "");
        builder.cut_at(to, "line end", String::new(), "It belongs to the boundary behind it (RFC 2046, 5.1.1).");
    }
}

impl BodyDecoder for MixedReplace {
    fn kind(&self) -> &'static str {
        "part"
    }

    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool) {
        if self.position == PartPosition::Body && self.part.left > 0 {
            let taken = at_most(bytes, self.part.left);
            builder.push(&bytes[..taken]);
            self.part.left -= taken as u64;
            self.part.bytes += taken as u64;
            self.last = bytes[taken - 1];
            return (taken, false);
        }
        if self.line_bytes == 0 {
            self.line_from = builder.len();
        }
        let end = bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(bytes.len());
        builder.push(&bytes[..taken]);
        let before = if taken > 1 { bytes[taken - 2] } else { self.last };
        self.last = bytes[taken - 1];
        let room = taken.min(MAX_LINE - self.line.len());
        self.line.extend_from_slice(&bytes[..room]);
        self.line_bytes += taken as u64;
        (taken, end.is_some() && self.line_ended(before == b'\r', builder))
    }

    fn finish(&self, builder: &mut UnitBuilder) -> String {
        if builder.open_len() > 0 {
            let name = match self.position {
                _ if self.boundary().is_some() => "boundary",
                PartPosition::Preamble => "preamble",
                PartPosition::Head => "part of a header",
                PartPosition::Body => "content",
                PartPosition::Epilogue => "epilogue",
            };
            builder.cut(name, builder.open_text(), "");
        }
        let part = format!("part of part {}", self.part.number);
        let inside = matches!(self.position, PartPosition::Head | PartPosition::Body);
        self.summary.text(inside && (self.part.begun || self.line_bytes > 0), &part, "outside of the parts")
    }

    fn next_unit(&mut self) {
        self.line_from = 0;
        self.summary = Summary::default();
    }

    fn lost(&mut self) {
        self.line_bytes += self.line.len() as u64 + 1; // whatever the line was, it is no boundary
        self.end_before = 0;
        self.part.left = 0; // how much of it was among them is not known
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, Unit};

    fn units(coding: &str, body: &str) -> Vec<Unit> {
        let mut dissector = Dissector::new();
        let kind = "multipart/x-mixed-replace; boundary=\"cut\"";
        dissector.feed(Dir::Down, format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{coding}\r\n").as_bytes());
        let mut units = dissector.feed(Dir::Down, body.as_bytes());
        units.extend(dissector.end(Dir::Down));
        units
    }

    #[test]
    fn a_part_is_told_when_the_next_boundary_is_there() {
        let body = "--cut\r\nContent-Type: text/plain\r\n\r\none\r\ntwo\r\n--cut\r\n\r\n\r\n--cut--\r\n";
        let units = units("", body);
        let meanings: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(meanings, ["a boundary: the first part begins", "part 1, text, 8 bytes", "part 2, 0 bytes"]);
        let fields: Vec<(&str, &str)> = units[1].fields.iter().map(|field| (&*field.name, &*field.value)).collect();
        assert_eq!(
            fields,
            [
                ("Content-Type", "text/plain"),
                ("empty line", ""),
                ("content", "one\r\ntwo"),
                ("line end", ""),
                ("boundary", "--cut")
            ]
        );
    }

    #[test]
    fn a_boundary_inside_of_a_part_that_says_its_length_ends_nothing() {
        let body = "--cut\r\nContent-Length: 9\r\n\r\n--cut--\r\n\r\n--cut\r\nContent-Length: 0\r\n\r\n\r\n--cut\r\n";
        let meanings: Vec<String> = units("", body).into_iter().map(|unit| unit.meaning).collect();
        assert_eq!(meanings, ["a boundary: the first part begins", "part 1, 9 bytes", "part 2, 0 bytes"]);
    }
}
