//! `application/x-ndjson`: a JSON text on each line, and a line is a message. No RFC has it; the line end is LF, and a CR
//! before it is passed over.

use super::content::{Content, Said};
use super::draft::{Draft, one_line};

/// Lines, told one by one.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The present line has begun.
    begun: bool,
    /// It began in an earlier unit.
    earlier: bool,
    said: Said,
}

impl Lines {
    pub fn new() -> Self {
        Lines::default()
    }
}

/// The open bytes of the draft as a line, and what it says.
fn line(draft: &mut Draft, earlier: bool, note: &'static str) -> String {
    let text = draft.open_text().trim_end_matches(['\r', '\n']).to_string();
    let rest = if earlier { "rest of a line" } else { "JSON" };
    let shown = one_line(&text, 60);
    if text.is_empty() && !earlier {
        draft.cut("empty line", text, "");
        return "an empty line".to_string();
    }
    draft.cut(rest, text, note);
    format!("{rest}: {shown}")
}

impl Content for Lines {
    fn kind(&self) -> &'static str {
        "line"
    }

    fn take(&mut self, bytes: &[u8], draft: &mut Draft) -> (usize, bool) {
        let end = bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(bytes.len());
        draft.push(&bytes[..taken]);
        self.begun = end.is_none();
        if end.is_some() {
            let said = line(draft, std::mem::take(&mut self.earlier), "One line, one message; LF ends it.");
            self.said.say(said);
        }
        (taken, end.is_some())
    }

    fn finish(&self, draft: &mut Draft) -> String {
        let mut part = String::new();
        if draft.open_len() > 0 {
            part = format!("part of a line, {}", line(draft, self.earlier, "The line goes on in the next unit."));
        }
        self.said.all(!part.is_empty(), &part, "nothing")
    }

    fn next_unit(&mut self) {
        self.earlier = self.begun;
        self.said = Said::default();
    }

    fn lost(&mut self) {
        (self.begun, self.earlier) = (true, true);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Conversation, Dir};

    fn meanings(coding: &str, body: &str) -> Vec<String> {
        let mut talk = Conversation::new();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n{coding}\r\n");
        talk.feed(Dir::Down, head.as_bytes());
        let mut units = talk.feed(Dir::Down, body.as_bytes());
        units.extend(talk.end(Dir::Down));
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
