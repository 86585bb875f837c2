//! What a message head means, and its fields (RFC 9112, sections 2 to 5).

use super::draft::{Draft, bytes_of, one_line, text};
use super::framing::{BodyEnd, Head, Role, body_end};
use super::words;

/// Names the parts of a head, as far as it is there: the draft may end in the midst of it, and need not be well-formed.
pub(super) fn name_fields(draft: &mut Draft, role: Role) {
    let kept = draft.kept().to_vec();
    let mut at = 0;
    // Empty lines in front of a request line (RFC 9112, 2.2).
    while role == Role::Request && kept[at..].starts_with(b"\r\n") {
        at += 2;
        draft.cut_at(at as u64, "empty line", String::new(), "To be passed over before a request (RFC 9112, 2.2).");
    }
    if at == kept.len() {
        return;
    }
    let end = line_end(&kept, at);
    let mut line = Line { bytes: &kept[..end], at, len: if end == kept.len() { draft.len() } else { end as u64 } };
    match role {
        Role::Request => {
            line.word(draft, "method", words::method);
            line.word(draft, "target", |target| match target.contains('?') {
                true => "The resource, with a query behind the question mark (RFC 9112, 3.2).",
                false => "The resource that is asked for (RFC 9112, 3.2).",
            });
            line.rest(draft, "version", VERSION);
        }
        Role::Response => {
            line.word(draft, "version", |_| VERSION);
            line.word(draft, "status", |code| words::status(code.parse().unwrap_or(0)));
            line.rest(draft, "reason", "For people; programs read only the number (RFC 9112, 4).");
        }
    }
    line_end_field(draft, &kept, end);
    name_header_lines(draft, &kept, "The empty line ends the head (RFC 9112, 2.1).");
}

/// Names header or trailer lines from the first unnamed byte on, with the empty line behind them.
pub(super) fn name_header_lines(draft: &mut Draft, kept: &[u8], at_the_end: &'static str) {
    let mut at = usize::try_from(draft.cut_from()).unwrap_or(usize::MAX);
    while at < kept.len() {
        let end = line_end(kept, at);
        if end == at {
            draft.cut_at(at as u64 + 2, "empty line", String::new(), at_the_end);
            at += 2;
            continue;
        }
        let line = &kept[at..end];
        // The line may go on behind the kept bytes.
        let len = if end == kept.len() { draft.len() - at as u64 } else { line.len() as u64 };
        match line.iter().position(|&byte| byte == b':') {
            Some(colon) if colon > 0 => {
                let name = one_line(&text(&line[..colon], colon as u64), 80);
                let value = text(&line[colon + 1..], len - colon as u64 - 1).trim().to_string();
                let note = words::header(&name);
                draft.cut_at(end as u64, name, value, note);
            }
            _ => draft.cut_at(end as u64, "header", text(line, len), "A name, a colon, a value (RFC 9112, 5)."),
        }
        line_end_field(draft, kept, end);
        at = end + 2;
    }
}

/// Where the line that starts at `at` ends: at its CR LF, or where the bytes end.
fn line_end(kept: &[u8], at: usize) -> usize {
    kept[at..].windows(2).position(|two| two == b"\r\n").map_or(kept.len(), |found| at + found)
}

fn line_end_field(draft: &mut Draft, kept: &[u8], end: usize) {
    if end < kept.len() {
        draft.cut_at(end as u64 + 2, "line end", "CR LF".into(), "");
    }
}

/// The first line of a head, as far as it is there and kept.
struct Line<'a> {
    bytes: &'a [u8],
    /// What is named ends here.
    at: usize,
    /// How long the line is, kept or not.
    len: u64,
}

impl Line<'_> {
    /// Names the next word and the space behind it.
    fn word(&mut self, draft: &mut Draft, name: &'static str, note: impl Fn(&str) -> &'static str) {
        let rest = &self.bytes[self.at..];
        let Some(space) = rest.iter().position(|&byte| byte == b' ') else {
            let value = text(rest, self.len - self.at as u64);
            let note = note(&value);
            return self.rest(draft, name, note);
        };
        let value = text(&rest[..space], space as u64);
        let note = note(&value);
        self.at += space;
        draft.cut_at(self.at as u64, name, value, note);
        self.at += 1;
        draft.cut_at(self.at as u64, "space", String::new(), "");
    }

    /// Names all the rest.
    fn rest(&mut self, draft: &mut Draft, name: &'static str, note: &'static str) {
        let value = text(&self.bytes[self.at..], self.len - self.at as u64);
        draft.cut_at(self.bytes.len() as u64, name, value, note);
        self.at = self.bytes.len();
    }
}

const VERSION: &str = "The version of HTTP that the sender speaks (RFC 9110, 2.5).";

/// A whole head in one line. `headless`: it answers a HEAD request.
pub(super) fn meaning(head: &Head, role: Role, headless: bool) -> String {
    let status = head.status();
    let start = match role {
        Role::Request => format!("{} {}", head.method(), one_line(head.target(), 120)),
        Role::Response => one_line(head.start.split_once(' ').map_or("", |(_, rest)| rest).trim(), 120),
    };
    if role == Role::Response && status == 101 {
        return start;
    }
    if role == Role::Response && status == 100 {
        return format!("{start}: still there, the answer comes later");
    }
    if role == Role::Response && status / 100 == 1 {
        return format!("{start}: the answer comes later");
    }
    if role == Role::Request && asks_to_upgrade(head) {
        return format!("{start}, asks for {}", one_line(head.field("upgrade").unwrap_or(""), 40));
    }
    let media = head.field("content-type").map(words::media).unwrap_or_default();
    let comma = if media.is_empty() { "" } else { ", " };
    let body = match body_end(head, role, headless) {
        _ if headless => format!("{comma}{media}, no body: only the head was asked for"),
        Ok(BodyEnd::Length(0)) if role == Role::Request || status == 204 || status == 304 => String::new(),
        Ok(BodyEnd::Length(0)) => ", no body".to_string(),
        Ok(BodyEnd::Length(1)) => format!("{comma}{media}, 1 byte follows"),
        Ok(BodyEnd::Length(length)) => format!("{comma}{media}, {} follow", bytes_of(length)),
        Ok(BodyEnd::Chunked) => format!("{comma}{media}, in chunks"),
        Ok(BodyEnd::Close) => format!("{comma}{media}, until the connection closes"),
        Err(_) => String::new(),
    };
    start + &body
}

/// Whether a request would like to change the protocol (RFC 9110, 7.8).
pub(super) fn asks_to_upgrade(head: &Head) -> bool {
    head.lists("connection", "upgrade") && head.field("upgrade").is_some()
}

/// A head that is not whole, or is no head, in one line: as much of its first line as is there.
pub(super) fn part_meaning(kept: &[u8], role: Role) -> String {
    let what = match role {
        Role::Request => "part of a request head",
        Role::Response => "part of a response head",
    };
    let mut start = 0;
    while kept[start..].starts_with(b"\r\n") {
        start += 2;
    }
    let end = line_end(kept, start);
    format!("{what}: {}", one_line(&text(&kept[start..end], (end - start) as u64), 120))
}
