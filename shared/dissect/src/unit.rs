//! What comes out of the wire's bytes: a [`Unit`] with its [`Field`]s, and how it is built while its bytes arrive.

use crate::show::{bytes_of, one_line, printable, text};
use std::borrow::Cow;
use std::fmt;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dir {
    /// Browser to server.
    Up,
    /// Server to browser.
    Down,
}

impl Dir {
    /// The opposite way.
    pub fn other(self) -> Dir {
        match self {
            Dir::Up => Dir::Down,
            Dir::Down => Dir::Up,
        }
    }

    /// `"up"` or `"down"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Dir::Up => "up",
            Dir::Down => "down",
        }
    }
}

impl fmt::Display for Dir {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some bytes of a unit that mean one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// First byte, counted from the first byte of the unit.
    pub from: usize,
    /// One behind the last byte.
    pub to: usize,
    /// What it is: `method`, `Host`, `chunk size`, `masking key`.
    pub name: Cow<'static, str>,
    /// What it says, as text. Bytes that were not kept stand as `…`.
    pub value: String,
    /// What it is for, or what is wrong with it (then it starts with `fault:`); may be empty.
    pub note: Cow<'static, str>,
}

/// One thing on the wire: a head, a body, a chunk, an event, a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Which way it goes.
    pub dir: Dir,
    /// The stream of HTTP/2 that it is on; 0 for none, or for the connection as a whole.
    pub stream: u32,
    /// `request`, `response`, `interim` (1xx), `body`, `chunk`, `last-chunk`, `event`, `line`, `part`, `frame`, `bytes`.
    pub kind: &'static str,
    /// What it means, in one line; has `fault:` in it when something is wrong.
    pub meaning: String,
    /// Offset of its first byte in the stream of this connection and direction.
    pub from: u64,
    /// Offset behind its last byte so far.
    pub to: u64,
    /// Its first [`KEEP`] bytes at most.
    pub bytes: Vec<u8>,
    /// In byte order, covering every kept byte, never overlapping; ranges are clipped to the kept bytes.
    pub fields: Vec<Field>,
    /// Whether all of it has been seen. `false` in what [`Dissector::pending`](crate::Dissector::pending) gives, and where the connection ended
    /// or bytes were lost in the midst of it.
    pub whole: bool,
}

impl Unit {
    /// How many bytes it has, kept or not.
    pub fn size(&self) -> u64 {
        self.to - self.from
    }

    /// One line for the terminal: meaning and size. Nothing in it can act on a terminal.
    pub fn line(&self) -> String {
        let size = bytes_of(self.size());
        if self.whole { format!("{} ({size})", self.meaning) } else { format!("{} ({size} so far)", self.meaning) }
    }
}

/// A name or a note: most are constants.
pub(crate) type Caption = Cow<'static, str>;

/// This many bytes of a unit are kept and named at most; the rest is counted only.
pub const KEEP: usize = 4096;

/// A body or a run of opaque bytes is cut into pieces of at most this many bytes.
pub const PIECE: u64 = 16 * 1024;

/// A unit has at most this many fields; the last one takes all the bytes behind it. Without it a peer could make a
/// thousand fields out of a thousand empty lines.
pub const MAX_FIELDS: usize = 512;

/// A unit under construction. Bytes come in by [`UnitBuilder::push`], and [`UnitBuilder::cut`] names those that have no
/// field yet. So the fields cover every byte and cannot overlap.
#[derive(Clone, Debug)]
pub(crate) struct UnitBuilder {
    dir: Dir,
    stream: u32,
    from: u64,
    len: u64,
    bytes: Vec<u8>,
    fields: Vec<Field>,
    /// How many bytes are named: the end of the last field, were nothing clipped.
    cut: u64,
}

impl UnitBuilder {
    pub fn new(dir: Dir, from: u64) -> Self {
        UnitBuilder { dir, stream: 0, from, len: 0, bytes: Vec::new(), fields: Vec::new(), cut: 0 }
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

    /// The unit is on this stream.
    pub fn on_stream(&mut self, stream: u32) {
        self.stream = stream;
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
    pub fn cut(&mut self, name: impl Into<Caption>, value: String, note: impl Into<Caption>) {
        self.cut_at(self.len, name, value, note);
    }

    /// Makes a field of the bytes that have none, up to offset `to` of this unit.
    pub fn cut_at(&mut self, to: u64, name: impl Into<Caption>, value: String, note: impl Into<Caption>) {
        let to = to.clamp(self.cut, self.len);
        let (first, last) = (self.clip(self.cut), self.clip(to));
        if first < last && self.fields.len() + 1 < MAX_FIELDS {
            self.fields.push(Field { from: first, to: last, name: name.into(), value, note: note.into() });
        }
        self.cut = to;
    }

    fn clip(&self, at: u64) -> usize {
        at_most(&self.bytes, at)
    }

    /// The unit, and a fresh builder behind it.
    pub fn finish(&mut self, kind: &'static str, meaning: String, whole: bool) -> Unit {
        let next = UnitBuilder::new(self.dir, self.from.saturating_add(self.len));
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
            stream: done.stream,
            kind,
            meaning: one_line(&meaning, 200),
            from: done.from,
            to: done.from.saturating_add(done.len),
            bytes: done.bytes,
            fields: done.fields,
            whole,
        }
    }

    /// Passes over bytes that were not seen: the next unit starts behind them. To be called on an empty builder.
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

/// How many of these bytes are within a limit.
pub(crate) fn at_most(bytes: &[u8], limit: u64) -> usize {
    bytes.len().min(usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cover_the_kept_bytes_however_many_there_are() {
        let mut builder = UnitBuilder::new(Dir::Up, 100);
        for _ in 0..5000 {
            builder.push(b"ab");
            builder.cut("two", String::new(), "");
        }
        let unit = builder.finish("bytes", "many".into(), true);
        assert_eq!((unit.from, unit.to, unit.bytes.len()), (100, 10_100, KEEP));
        assert_eq!(unit.fields.len(), MAX_FIELDS);
        assert_eq!(unit.fields.last().map(|field| field.to), Some(KEEP));
        assert_eq!(builder.finish("bytes", String::new(), true).from, 10_100);
    }
}
