//! `text/event-stream`: what server-sent events are made of (HTML, section 9.2.6, "Interpreting an event stream").
//!
//! A line is `name: value` and ends with LF, CR LF or CR; a line that starts with a colon is a comment; an empty line ends
//! the event. Chunks know nothing of that: an event may span several of them, and one may hold many events.

use crate::body::{BodyDecoder, Summary};
use crate::glossary;
use crate::show::{one_line, text};
use crate::unit::UnitBuilder;
use std::borrow::Cow;

/// This many bytes of a line are remembered across chunks.
const KEEP_LINE: usize = 1024;

/// An event stream, wherever the browser stands in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventStream {
    /// The line so far, its first [`KEEP_LINE`] bytes.
    line: Vec<u8>,
    /// How long it is, in bytes and in characters.
    line_bytes: u64,
    line_chars: u64,
    /// Where in the line the present unit begins.
    unit_from: u64,
    /// The beginning of the line was not seen.
    torn: bool,
    /// The stream's first line, which may start with a byte order mark, is over.
    past_first_line: bool,
    /// The last byte was a CR: the line ends with it, or with the LF that may follow.
    after_cr: bool,
    /// A unit has ended behind that CR, and the line with it.
    closed: bool,
    event: OpenEvent,
    summary: Summary,
}

/// Name, value and note of a field.
type FieldText = (Cow<'static, str>, String, Cow<'static, str>);

/// The event in progress.
#[derive(Clone, Debug, Default)]
struct OpenEvent {
    /// The block has a line already.
    begun: bool,
    /// It began in an earlier unit.
    earlier: bool,
    name: Option<String>,
    id: Option<String>,
    data_lines: u64,
    data_chars: u64,
}

impl EventStream {
    /// Takes the line apart, as far as it is there: where its name ends and its value starts.
    fn split(&self) -> (&[u8], usize) {
        let start = if !self.past_first_line && self.line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        match self.line[start..].iter().position(|&byte| byte == b':') {
            // One space behind the colon is not part of the value.
            Some(colon) => {
                let value = start + colon + 1;
                (&self.line[start..start + colon], value + usize::from(self.line.get(value) == Some(&b' ')))
            }
            None => (&self.line[start..], self.line.len()),
        }
    }

    /// The field that this unit's share of the line makes. `ended`: the line's end is there.
    fn name(&self, ended: bool) -> FieldText {
        if self.torn {
            return ("part of a line".into(), self.share(0), "The beginning of the line was not seen.".into());
        }
        if self.line_bytes == 0 && ended {
            return if self.event.data_lines > 0 {
                (
                    "end of event".into(),
                    String::new(),
                    "An empty line: now the browser passes the event to the page.".into(),
                )
            } else {
                ("empty line".into(), String::new(), "It ends a block without data, so there is no event.".into())
            };
        }
        let (name, value_from) = self.split();
        let colon = name.len() < self.line.len() && value_from > 0;
        if !ended && !colon {
            return ("part of a line".into(), self.share(0), "The line goes on in the next unit.".into());
        }
        let value = String::from_utf8_lossy(&self.line[value_from..]);
        let (name, note) = glossary::event_field(name, &value);
        let value = self.share(if name == "unknown field" { 0 } else { value_from });
        let note = match (self.unit_from > 0, ended) {
            (false, true) => note.into(),
            (true, true) => format!("The line began in an earlier unit. {note}").into(),
            (_, false) => format!("The line goes on in the next unit. {note}").into(),
        };
        (name.into(), value, note)
    }

    /// What of the line from `from` on is in this unit.
    fn share(&self, from: usize) -> String {
        let from = from.max(usize::try_from(self.unit_from).unwrap_or(usize::MAX)).min(self.line.len());
        text(&self.line[from..], self.line_bytes - from as u64)
    }

    /// Names the line that has ended. Says whether it ended a block.
    fn end_line(&mut self, builder: &mut UnitBuilder) -> bool {
        let (name, value, note) = self.name(true);
        builder.cut(name, value, note);
        self.line_ended()
    }

    /// A line has ended: what it does to the event. Says whether it ended a block.
    fn line_ended(&mut self) -> bool {
        let ends = self.line_bytes == 0 && !self.torn;
        if ends {
            self.dispatch();
        } else if !self.torn {
            self.interpret();
        }
        self.line.clear();
        (self.line_bytes, self.line_chars, self.unit_from) = (0, 0, 0);
        (self.torn, self.past_first_line) = (false, true);
        ends
    }

    fn interpret(&mut self) {
        let (name, value_from) = self.split();
        let value = String::from_utf8_lossy(&self.line[value_from..]).into_owned();
        let before = String::from_utf8_lossy(&self.line[..value_from]).chars().count() as u64;
        match name {
            b"" => return self.summary.add(format!("comment: {}", one_line(&value, 40))),
            b"data" => {
                self.event.data_lines += 1;
                self.event.data_chars += self.line_chars.saturating_sub(before);
            }
            b"event" => self.event.name = Some(value),
            b"id" if !value.contains('\0') => self.event.id = Some(value),
            b"retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.summary.add(format!("retry: {} ms", one_line(&value, 20)));
            }
            _ => {}
        }
        self.event.begun = true;
    }

    fn dispatch(&mut self) {
        let event = std::mem::take(&mut self.event);
        let id = event.id.map(|id| one_line(&id, 40));
        if event.data_lines > 0 {
            let rest = if event.earlier { "rest of an " } else { "" };
            let name = event.name.filter(|name| !name.is_empty()).unwrap_or_else(|| "message".to_string());
            let id = id.filter(|id| !id.is_empty()).map(|id| format!(" {id}")).unwrap_or_default();
            // The lines are joined by one character each.
            let count = event.data_chars + event.data_lines - 1;
            let characters = if count == 1 { "character" } else { "characters" };
            let lines = if event.data_lines > 1 { format!(" in {} lines", event.data_lines) } else { String::new() };
            self.summary.add(format!("{rest}event: {}{id}, {count} {characters}{lines}", one_line(&name, 40)));
        } else if let Some(id) = id {
            self.summary.add(format!("id: {id}, without an event"));
        } else if event.name.is_some() {
            self.summary.add("an event without data: no listener is called".to_string());
        }
    }
}

impl BodyDecoder for EventStream {
    fn kind(&self) -> &'static str {
        "event"
    }

    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if std::mem::take(&mut self.after_cr) {
                let closed = std::mem::take(&mut self.closed);
                if bytes[at] == b'\n' {
                    builder.push(b"\n");
                    at += 1;
                    if closed {
                        builder.cut("line end", "LF".into(), "It belongs to the CR before it.");
                    }
                }
                if !closed && self.end_line(builder) {
                    return (at, true);
                }
                continue;
            }
            let end = bytes[at..].iter().position(|byte| b"\r\n".contains(byte)).map_or(bytes.len(), |end| at + end);
            let run = &bytes[at..end];
            builder.push(run);
            let room = run.len().min(KEEP_LINE - self.line.len());
            self.line.extend_from_slice(&run[..room]);
            self.line_bytes += run.len() as u64;
            self.line_chars += run.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count() as u64;
            at = end;
            let Some(&byte) = bytes.get(end) else { break };
            builder.push(&[byte]);
            at += 1;
            self.after_cr = byte == b'\r';
            if !self.after_cr && self.end_line(builder) {
                return (at, true);
            }
        }
        (at, false)
    }

    fn finish(&self, builder: &mut UnitBuilder) -> String {
        if self.after_cr && !self.closed {
            let mut ended = EventStream { after_cr: false, ..self.clone() };
            ended.end_line(builder);
            return ended.finish(builder);
        }
        if builder.open_len() > 0 {
            let (name, value, note) = self.name(false);
            builder.cut(name, value, note);
        }
        self.summary.text(self.event.begun || self.line_bytes > 0, "part of an event", "an empty line")
    }

    fn next_unit(&mut self) {
        if self.after_cr && !self.closed {
            self.line_ended();
            self.closed = true;
        }
        self.unit_from = self.line_bytes;
        self.event.earlier = self.event.begun || self.line_bytes > 0;
        self.summary = Summary::default();
    }

    fn lost(&mut self) {
        *self = EventStream { torn: true, past_first_line: true, ..EventStream::default() };
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, Unit};

    /// The units of a stream, chunked or as it is.
    fn stream(chunks: &[&str], chunked: bool) -> Vec<Unit> {
        let mut dissector = Dissector::new();
        let coding = if chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
        dissector
            .feed(Dir::Down, format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{coding}\r\n").as_bytes());
        let mut units = Vec::new();
        for chunk in chunks {
            let chunk = if chunked { format!("{:x}\r\n{chunk}\r\n", chunk.len()) } else { chunk.to_string() };
            units.extend(dissector.feed(Dir::Down, chunk.as_bytes()));
        }
        units.extend(dissector.end(Dir::Down));
        units
    }

    fn meanings(chunks: &[&str], chunked: bool) -> Vec<String> {
        stream(chunks, chunked).into_iter().map(|unit| unit.meaning).collect()
    }

    #[test]
    fn events_comments_and_retry_are_told_in_words() {
        assert_eq!(
            meanings(
                &["retry: 2000\n\n", "id: 7\ndata: hello, world\n\n", ": beat\n\n", "event: gap\ndata: {}\n\n"],
                true
            ),
            ["retry: 2000 ms", "event: message 7, 12 characters", "comment: beat", "event: gap, 2 characters"]
        );
    }

    /// The examples of the HTML standard, 9.2.6.
    #[test]
    fn the_examples_of_the_standard() {
        assert_eq!(
            meanings(&["data: YHOO\ndata: +2\ndata: 10\n\n"], true),
            ["event: message, 10 characters in 3 lines"]
        );
        let four = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        assert_eq!(
            meanings(&[four], false),
            [
                "comment: test stream",
                "event: message 1, 11 characters",
                "event: message, 12 characters",
                "event: message, 12 characters"
            ]
        );
        assert_eq!(
            meanings(&["data\n\ndata\ndata\n\ndata:"], false),
            ["event: message, 0 characters", "event: message, 1 character in 2 lines", "part of an event"]
        );
    }

    #[test]
    fn an_event_may_span_chunks_and_a_chunk_may_hold_many() {
        let units = stream(&["id: 7\ndata: hel", "lo\n", "\nda", "ta: x\n\n: a\n: b\n"], true);
        let meanings: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
        assert_eq!(
            meanings,
            [
                "part of an event",
                "part of an event",
                "rest of an event: message 7, 5 characters; part of an event",
                "rest of an event: message, 1 character; comment: a; comment: b",
            ]
        );
        let fields: Vec<(&str, &str)> = units[1].fields.iter().map(|field| (&*field.name, &*field.value)).collect();
        assert_eq!(
            fields,
            [("chunk size", "3 = 3 bytes"), ("line end", "CR LF"), ("data", "lo"), ("line end", "CR LF")]
        );
        let last = &units[3].fields[2];
        assert_eq!((&*last.name, &*last.value), ("data", "x"));
    }

    #[test]
    fn all_three_line_ends_give_the_same_events() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "id: 7\ndata: grüß\n\n: beat\n\ndata: b\n\n".replace('\n', end);
            let bytes: Vec<String> = text.chars().map(|c| c.to_string()).collect();
            let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
            for reads in [&[&*text][..], &bytes] {
                let units = stream(reads, false);
                let meanings: Vec<&str> = units.iter().map(|unit| &*unit.meaning).collect();
                assert_eq!(
                    meanings,
                    ["event: message 7, 4 characters", "comment: beat", "event: message, 1 character"]
                );
                assert!(units.iter().all(|unit| unit.kind == "event" && unit.fields.len() <= 3), "{units:?}");
            }
        }
    }

    #[test]
    fn after_a_loss_the_stream_goes_on_at_the_next_line() {
        let mut dissector = Dissector::new();
        dissector.feed(Dir::Down, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a");
        assert_eq!(dissector.lost(Dir::Down, 50)[0].meaning, "part of an event, the rest was not seen");
        let units = dissector.feed(Dir::Down, b"tail\n\ndata: b\n\n");
        assert_eq!(units[0].fields[0].name, "part of a line");
        assert_eq!(units[1].meaning, "event: message, 1 character");
    }
}
