//! JavaScript, and the one kind of it that carries data: JSONP, the call of a function whose name the page chose, with JSON
//! between its parentheses. No RFC has it.

use crate::body::BodyDecoder;
use crate::show::one_line;
use crate::unit::UnitBuilder;

/// The call's beginning is no longer than this, in bytes, or it is some other script.
const MAX_START: usize = 160;

/// A script, until it is known to be a call, and then the call.
#[derive(Debug, Default)]
pub(crate) struct Jsonp {
    /// What it is called.
    label: String,
    start: CallStart,
    /// The last bytes, at most 4 of them.
    tail: Vec<u8>,
}

#[derive(Debug)]
enum CallStart {
    /// It may become a call: all of it so far.
    Unknown(Vec<u8>),
    /// It calls this function.
    Call(String),
    Other,
}

impl Default for CallStart {
    fn default() -> Self {
        CallStart::Unknown(Vec::new())
    }
}

impl Jsonp {
    pub fn new(label: String) -> Self {
        Jsonp { label, ..Jsonp::default() }
    }
}

/// Where the name is in `/**/name`, if this is no more than that: the length of what stands before it.
fn before_name(start: &[u8]) -> Option<usize> {
    let name = start.strip_prefix(b"/**/").unwrap_or(start).trim_ascii_start();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"_$.".contains(byte);
    (!name.is_empty() && name.iter().all(fits)).then_some(start.len() - name.len())
}

impl BodyDecoder for Jsonp {
    fn take(&mut self, bytes: &[u8], builder: &mut UnitBuilder) -> (usize, bool) {
        let CallStart::Unknown(start) = &mut self.start else {
            builder.push(bytes);
            self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(4)..]);
            self.tail.drain(..self.tail.len().saturating_sub(4));
            return (bytes.len(), false);
        };
        let paren = bytes.iter().position(|&byte| byte == b'(');
        let taken = paren.unwrap_or(bytes.len()).min(MAX_START - start.len());
        start.extend_from_slice(&bytes[..taken]);
        builder.push(&bytes[..taken]);
        if paren != Some(taken) {
            if start.len() >= MAX_START {
                self.start = CallStart::Other;
            }
            return (taken, false);
        }
        builder.push(b"(");
        self.start = match before_name(start) {
            // A unit ends only at 16 KiB: all of the start is in this one.
            Some(before) => {
                let (from, name) = (builder.cut_from(), String::from_utf8_lossy(&start[before..]).into_owned());
                let note = "Keeps the first bytes of the answer the server's own, whatever the callback is called.";
                builder.cut_at(from + before as u64, "comment", builder.text_to(from + before as u64), note);
                let note =
                    "The function to call; the request named it. The browser runs this answer as a part of the page.";
                builder.cut_at(builder.len() - 1, "callback", name.clone(), note);
                builder.cut("call", "(".into(), "");
                CallStart::Call(name)
            }
            None => CallStart::Other,
        };
        (taken + 1, false)
    }

    fn finish(&self, builder: &mut UnitBuilder) -> String {
        let CallStart::Call(name) = &self.start else {
            let shown = builder.open_text();
            let meaning = format!("{}: {}", self.label, one_line(&shown, 60));
            builder.cut(self.label.clone(), shown, "");
            return meaning;
        };
        let closing = self
            .tail
            .iter()
            .rposition(|&byte| byte == b')')
            .filter(|&at| self.tail[at + 1..].iter().all(|byte| byte.is_ascii_whitespace() || *byte == b';'));
        let to = closing.map_or(builder.len(), |at| builder.len().saturating_sub((self.tail.len() - at) as u64));
        let json = builder.text_to(to);
        let meaning = format!("call of {}: {}", one_line(name, 40), one_line(&json, 60));
        builder.cut_at(to, "JSON", json, "The data.");
        builder.cut("end of the call", builder.open_text().trim_end().to_string(), "");
        meaning
    }

    fn lost(&mut self) {
        if !matches!(self.start, CallStart::Call(_)) {
            self.start = CallStart::Other;
        }
        self.tail.clear();
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, Unit};

    fn unit(script: &str) -> Unit {
        let mut dissector = Dissector::new();
        let (kind, length) = ("application/javascript; charset=utf-8", script.len());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        dissector.feed(Dir::Down, head.as_bytes());
        dissector.feed(Dir::Down, script.as_bytes()).remove(0)
    }

    #[test]
    fn a_call_is_told_by_its_name_and_its_data() {
        let unit = unit("/**/jsonp_3({\"messages\":[]});\n");
        assert_eq!(unit.meaning, "call of jsonp_3: {\"messages\":[]}");
        let fields: Vec<(&str, &str)> = unit.fields.iter().map(|field| (&*field.name, &*field.value)).collect();
        assert_eq!(
            fields,
            [
                ("comment", "/**/"),
                ("callback", "jsonp_3"),
                ("call", "("),
                ("JSON", "{\"messages\":[]}"),
                ("end of the call", ");")
            ]
        );
    }

    #[test]
    fn other_scripts_are_scripts() {
        assert_eq!(unit("{ const a = f(1); }").meaning, "JavaScript: { const a = f(1); }");
        assert_eq!(unit("hello").meaning, "JavaScript: hello");
        let long = "x".repeat(300) + "(1)";
        assert!(unit(&long).meaning.starts_with("JavaScript: xxx"));
    }
}
