//! A unit while its bytes arrive: what is kept of them, and the fields cut so far.

use super::{Dir, Field, Unit};
use std::borrow::Cow;

/// So many bytes of a unit are kept and named; the rest is counted only.
pub const KEEP: usize = 4096;

/// A body or a run of plain bytes is told in pieces of at most so many bytes.
pub const PIECE: u64 = 16 * 1024;

/// A unit has at most so many fields; the last one takes all the bytes behind it. Without it a peer could make a
/// thousand fields out of a thousand empty lines.
pub const MAX_FIELDS: usize = 512;

/// A unit under construction. Bytes come in by [`Draft::push`], and [`Draft::cut`] names those that have no field yet.
/// So the fields cover every byte and cannot overlap.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    dir: Dir,
    from: u64,
    len: u64,
    bytes: Vec<u8>,
    fields: Vec<Field>,
    /// How many bytes are named: the end of the last field, were nothing clipped.
    cut: u64,
}

impl Draft {
    pub fn new(dir: Dir, from: u64) -> Self {
        Draft { dir, from, len: 0, bytes: Vec::new(), fields: Vec::new(), cut: 0 }
    }

    /// Bytes so far, kept or not.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Where the unit begins in the stream.
    pub fn from(&self) -> u64 {
        self.from
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(KEEP - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..kept]);
        self.len += bytes.len() as u64;
    }

    /// The kept bytes from the first one on.
    pub fn kept(&self) -> &[u8] {
        &self.bytes
    }

    /// The kept ones of the bytes that have no field yet.
    pub fn open(&self) -> &[u8] {
        &self.bytes[self.clip(self.cut)..]
    }

    /// How many bytes have no field yet, kept or not.
    pub fn open_len(&self) -> u64 {
        self.len - self.cut
    }

    /// Where the next field starts.
    pub fn cut_from(&self) -> u64 {
        self.cut
    }

    /// Makes one field of all bytes that have none. Does nothing when there are none.
    pub fn cut(&mut self, name: impl Into<Cow<'static, str>>, value: String, note: impl Into<Cow<'static, str>>) {
        self.cut_at(self.len, name, value, note);
    }

    /// Makes a field of the bytes that have none, up to offset `to` of this unit.
    pub fn cut_at(
        &mut self,
        to: u64,
        name: impl Into<Cow<'static, str>>,
        value: String,
        note: impl Into<Cow<'static, str>>,
    ) {
        let to = to.clamp(self.cut, self.len);
        let (first, last) = (self.clip(self.cut), self.clip(to));
        if first < last && self.fields.len() + 1 < MAX_FIELDS {
            self.fields.push(Field { from: first, to: last, name: name.into(), value, note: note.into() });
        }
        self.cut = to;
    }

    fn clip(&self, at: u64) -> usize {
        usize::try_from(at).unwrap_or(usize::MAX).min(self.bytes.len())
    }

    /// The unit, and a fresh draft behind it.
    pub fn finish(&mut self, kind: &'static str, meaning: String, whole: bool) -> Unit {
        let next = Draft::new(self.dir, self.from.saturating_add(self.len));
        let mut done = std::mem::replace(self, next);
        let named = done.fields.last().map_or(0, |field| field.to);
        if named < done.bytes.len() {
            let note = if done.fields.len() + 1 < MAX_FIELDS { "" } else { "There are too many fields to name each." };
            let value = printable(&done.bytes[named..]);
            let to = done.bytes.len();
            done.fields.push(Field { from: named, to, name: "rest".into(), value, note: note.into() });
        }
        Unit {
            dir: done.dir,
            kind,
            meaning: one_line(&meaning, 200),
            from: done.from,
            to: done.from.saturating_add(done.len),
            bytes: done.bytes,
            fields: done.fields,
            whole,
        }
    }

    /// Passes over bytes that nobody saw: the next unit starts behind them. To be called on an empty draft.
    pub fn pass_over(&mut self, bytes: u64) {
        self.from = self.from.saturating_add(bytes);
    }

    /// The bytes without a field up to offset `to` of this unit, as text.
    pub fn text_to(&self, to: u64) -> String {
        let to = to.clamp(self.cut, self.len);
        text(&self.bytes[self.clip(self.cut)..self.clip(to)], to - self.cut)
    }

    /// The bytes without a field as text; `…` at the end stands for bytes that were not kept.
    pub fn open_text(&self) -> String {
        text(self.open(), self.open_len())
    }
}

/// Bytes as text, with U+FFFD for what is no UTF-8. `len` is how many bytes there really were: when that is more than
/// are here, a character cut in two is left out and `…` added.
pub(super) fn text(kept: &[u8], len: u64) -> String {
    if kept.len() as u64 >= len {
        return String::from_utf8_lossy(kept).into_owned();
    }
    let whole = match std::str::from_utf8(kept) {
        Err(error) if error.error_len().is_none() => &kept[..error.valid_up_to()],
        _ => kept,
    };
    String::from_utf8_lossy(whole).into_owned() + "…"
}

/// Whether a person can read these bytes: UTF-8 (a character may be cut at either end) without control characters
/// but tab and line ends.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    // At most three bytes of a character that began earlier.
    let start = bytes.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    let valid = match std::str::from_utf8(&bytes[start..]) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[start..start + error.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return false,
    };
    (bytes.is_empty() || !valid.is_empty()) && !valid.chars().any(|c| c.is_control() && !"\t\r\n".contains(c))
}

/// Bytes as text when they are text, otherwise as in the right column of a hex dump: a point for each character that
/// cannot be shown.
pub(super) fn printable(bytes: &[u8]) -> String {
    if is_text(bytes) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '.' }).collect()
}

/// Two hexadecimal digits a byte, with spaces between the bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !hex.is_empty() {
            hex.push(' ');
        }
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    hex
}

/// At most `max` characters for one line: control characters, line ends and marks that turn the writing direction
/// stand escaped (they may come from anybody, and a terminal would obey them).
pub(super) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(max) {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns { line.extend(c.escape_default()) } else { line.push(c) }
    }
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

/// "1 byte", "5 bytes".
pub(super) fn bytes_of(count: u64) -> String {
    if count == 1 { "1 byte".to_string() } else { format!("{count} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cover_the_kept_bytes_however_many_there_are() {
        let mut draft = Draft::new(Dir::Up, 100);
        for _ in 0..5000 {
            draft.push(b"ab");
            draft.cut("two", String::new(), "");
        }
        let unit = draft.finish("bytes", "many".into(), true);
        assert_eq!((unit.from, unit.to, unit.bytes.len()), (100, 10_100, KEEP));
        assert_eq!(unit.fields.len(), MAX_FIELDS);
        assert_eq!(unit.fields.last().map(|field| field.to), Some(KEEP));
        assert_eq!(draft.finish("bytes", String::new(), true).from, 10_100);
    }

    #[test]
    fn text_is_told_from_other_bytes() {
        assert!(is_text("grüß dich\r\n".as_bytes()));
        assert!(is_text(&"grüß".as_bytes()[..3]), "a character cut at the end");
        assert!(is_text(&"üß".as_bytes()[1..]), "a character cut at the start");
        assert!(!is_text(b"\x16\x03\x01"));
        assert_eq!(printable(b"\x16\x03ab"), "..ab");
        assert_eq!(text(&"aü".as_bytes()[..2], 9), "a…");
        assert_eq!(one_line("a\x1b[31m\nb", 50), "a\\u{1b}[31m\\nb");
    }
}
