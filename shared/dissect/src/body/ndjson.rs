//! `application/x-ndjson`: a JSON text on each line, and a line is a message. No RFC has it; the line end is LF, and a CR
//! before it is passed over.

use crate::body::{BodyDecoder, Summary};
use crate::show::one_line;
use crate::unit::UnitBuilder;

/// Lines, each a unit of its own.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    /// The present line has begun.
    begun: bool,
    /// It began in an earlier unit.
    earlier: bool,
    summary: Summary,
}

/// The open bytes of the builder as a line, and what it says.
fn line(builder: &mut UnitBuilder, earlier: bool, note: &'static str) -> String {
    let text = builder.open_text().trim_end_matches(['\r', '\n']).to_string();
    let rest = if earlier { "rest of a line" } else { "JSON" };
    let shown = one_line(&text, 60);
    if text.is_empty() && !earlier {
        builder.cut("empty line", text, "");
        return "an empty line".to_string();
    }
    builder.cut(rest, text, note);
    format!("{rest}: {shown}")
}

impl BodyDecoder for JsonLines {
    fn kind(&self) -> &'static str {
        "line"
    }

    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool) {
        let end = bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(bytes.len());
        builder.push(&bytes[..taken]);
        self.begun = end.is_none();
        if end.is_some() {
            let said = line(builder, std::mem::take(&mut self.earlier), "One line, one message; LF ends it.");
            self.summary.add(said);
        }
        (taken, end.is_some())
    }

    fn finish(&self, builder: &mut UnitBuilder) -> String {
        let mut part = String::new();
        if builder.open_len() > 0 {
            part = format!("part of a line, {}", line(builder, self.earlier, "The line goes on in the next unit."));
        }
        self.summary.text(!part.is_empty(), &part, "nothing")
    }

    fn next_unit(&mut self) {
        self.earlier = self.begun;
        self.summary = Summary::default();
    }

    fn lost(&mut self) {
        (self.begun, self.earlier) = (true, true);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector};

    fn meanings(coding: &str, body: &str) -> Vec<String> {
        let mut dissector = Dissector::new();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n{coding}\r\n");
        dissector.feed(Dir::Down, head.as_bytes());
        let mut units = dissector.feed(Dir::Down, body.as_bytes());
        units.extend(dissector.end(Dir::Down));
        units.into_iter().map(|unit| unit.meaning).collect()
    }

    #[test]
    fn a_line_is_a_message_wherever_the_chunks_end() {
        assert_eq!(
            meanings("", "{\"id\":7}\n{\"id\":8}\r\n{\"id\""),
            ["JSON: {\"id\":7}", "JSON: {\"id\":8}", "part of a line, JSON: {\"id\""]
        );
        assert_eq!(
            meanings("Transfer-Encoding: chunked\r\n", "c\r\n{\"id\":7}\n{\"i\r\n6\r\nd\":8}\n\r\n1\r\n\n\r\n"),
            ["JSON: {\"id\":7}; part of a line, JSON: {\"i", "rest of a line: d\":8}", "an empty line"]
        );
    }
}
