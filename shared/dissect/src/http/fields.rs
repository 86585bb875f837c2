//! What a message head means, and its fields (RFC 9112, sections 2 to 5).

use super::{BodyEnd, MessageHead, MessageKind, body_end};
use crate::glossary;
use crate::show::{bytes_of, one_line, text};
use crate::unit::UnitBuilder;

/// Names the parts of a head, as far as it is there: the builder may end in the midst of it, and need not be well-formed.
pub(crate) fn name_fields(builder: &mut UnitBuilder, kind: MessageKind) {
    let kept = builder.kept().to_vec();
    let mut at = 0;
    // Empty lines in front of a request line (RFC 9112, 2.2).
    while kind == MessageKind::Request && kept[at..].starts_with(b"\r\n") {
        at += 2;
        builder.cut_at(at as u64, "empty line", String::new(), "To be passed over before a request (RFC 9112, 2.2).");
    }
    if at == kept.len() {
        return;
    }
    let end = line_end(&kept, at);
    let words: [(&'static str, Note); 3] = match kind {
        MessageKind::Request => [("method", glossary::method), ("target", glossary::target), ("version", version)],
        MessageKind::Response => [("version", version), ("status", status), ("reason", |_| REASON)],
    };
    for (number, (name, note)) in (1..).zip(words) {
        let space = kept[at..end].iter().position(|&byte| byte == b' ').filter(|_| number < words.len());
        at = space.map_or(end, |length| at + length);
        // The line may go on behind the kept bytes.
        let to = if at == kept.len() { builder.len() } else { at as u64 };
        let value = builder.text_to(to);
        let note = note(&value);
        builder.cut_at(to, name, value, note);
        if space.is_some() {
            at += 1;
            builder.cut_at(at as u64, "space", String::new(), "");
        }
    }
    line_end_field(builder, &kept, end);
    name_header_lines(builder, "The empty line ends the head (RFC 9112, 2.1).");
}

/// Names header or trailer lines from the first unnamed byte on, with the empty line behind them.
pub(crate) fn name_header_lines(builder: &mut UnitBuilder, at_the_end: &'static str) {
    let kept = &builder.kept().to_vec()[..];
    let mut at = usize::try_from(builder.cut_from()).unwrap_or(usize::MAX);
    while at < kept.len() {
        let end = line_end(kept, at);
        if end == at {
            builder.cut_at(at as u64 + 2, "empty line", String::new(), at_the_end);
            at += 2;
            continue;
        }
        let line = &kept[at..end];
        // The line may go on behind the kept bytes.
        let len = if end == kept.len() { builder.len() - at as u64 } else { line.len() as u64 };
        match line.iter().position(|&byte| byte == b':') {
            Some(colon) if colon > 0 => {
                let name = one_line(&text(&line[..colon], colon as u64), 80);
                let value = text(&line[colon + 1..], len - colon as u64 - 1).trim().to_string();
                let note = glossary::header(&name);
                builder.cut_at(end as u64, name, value, note);
            }
            _ => builder.cut_at(end as u64, "header", text(line, len), "A name, a colon, a value (RFC 9112, 5)."),
        }
        line_end_field(builder, kept, end);
        at = end + 2;
    }
}

/// Where the line that starts at `at` ends: at its CR LF, or where the bytes end.
fn line_end(kept: &[u8], at: usize) -> usize {
    kept[at..].windows(2).position(|two| two == b"\r\n").map_or(kept.len(), |found| at + found)
}

fn line_end_field(builder: &mut UnitBuilder, kept: &[u8], end: usize) {
    if end < kept.len() {
        builder.cut_at(end as u64 + 2, "line end", "CR LF".into(), "");
    }
}

const REASON: &str = "For people; programs read only the number (RFC 9112, 4).";

/// What is to be said of a word of the first line.
type Note = fn(&str) -> &'static str;

fn version(_: &str) -> &'static str {
    "The version of HTTP that the sender speaks (RFC 9110, 2.5)."
}

fn status(code: &str) -> &'static str {
    glossary::status(code.parse().unwrap_or(0))
}

/// A whole head in one line. `headless`: it answers a HEAD request.
pub(crate) fn meaning(head: &MessageHead, kind: MessageKind, headless: bool) -> String {
    let status = head.status();
    let start = match kind {
        MessageKind::Request => format!("{} {}", head.method(), one_line(head.target(), 120)),
        MessageKind::Response => one_line(head.start.split_once(' ').map_or("", |(_, rest)| rest).trim(), 120),
    };
    if kind == MessageKind::Response && status == 101 {
        return start;
    }
    if kind == MessageKind::Response && status == 100 {
        return format!("{start}: still there, the answer comes later");
    }
    if kind == MessageKind::Response && status / 100 == 1 {
        return format!("{start}: the answer comes later");
    }
    if kind == MessageKind::Request && asks_to_upgrade(head) {
        return format!("{start}, asks for {}", one_line(head.field("upgrade").unwrap_or(""), 40));
    }
    let media = head.field("content-type").map(glossary::media).unwrap_or_default();
    let comma = if media.is_empty() { "" } else { ", " };
    let body = match body_end(head, kind, headless) {
        _ if headless => format!("{comma}{media}, no body: only the head was asked for"),
        Ok(BodyEnd::Length(0)) if kind == MessageKind::Request || status == 204 || status == 304 => String::new(),
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
pub(crate) fn asks_to_upgrade(head: &MessageHead) -> bool {
    head.lists("connection", "upgrade") && head.field("upgrade").is_some()
}

/// A head that is not whole, or is no head, in one line: as much of its first line as is there.
pub(crate) fn part_meaning(kept: &[u8], kind: MessageKind) -> String {
    let mut start = 0;
    while kept[start..].starts_with(b"\r\n") {
        start += 2;
    }
    let end = line_end(kept, start);
    format!("part of a {} head: {}", kind.as_str(), one_line(&text(&kept[start..end], (end - start) as u64), 120))
}
