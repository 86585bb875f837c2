//! Captured bytes to named fields: what the wire view, the terminal and the book show.
//!
//! A [`Conversation`] follows one connection. It is fed with the bytes of both directions as they were seen, however
//! they were split into reads, and gives back [`Unit`]s: a request head, a chunk, an event, a frame. Each has a one-line
//! meaning and its bytes cut into named [`Field`]s, all computed from the bytes and nothing else.
//!
//! ```
//! use dissect::{Conversation, Dir};
//! let mut talk = Conversation::new();
//! assert!(talk.feed(Dir::Up, b"GET /wait?after=7 HT").is_empty());
//! let units = talk.feed(Dir::Up, b"TP/1.1\r\nHost: localhost\r\n\r\n");
//! assert_eq!(units[0].meaning, "GET /wait?after=7");
//! ```
//!
//! # One file for each protocol
//!
//! - [`framing`]: where an HTTP/1.1 message ends (also used by the front door and the cable);
//! - `http1`: heads, bodies and chunks, on top of it; `head` and `words` say what a head means;
//! - `content`: what lies in a body, chosen by `Content-Type`: text and JSON there, `sse`, `ndjson`, `multipart`,
//!   `script` (a page made of scripts) and `jsonp` in their own files;
//! - `websocket`: frames, after a `101`; `frame` names what is in one;
//! - `delimited`: messages that end with a zero byte or a line feed; `prefixed`: those with their length in front;
//! - `plain`: bytes of a protocol that nobody here knows.
//!
//! A protocol more is a file more that implements `Protocol`, and a line in `Conversation::turn`; a kind of body more is a
//! file more that implements `Content`, and a line in `content::choose`.
//!
//! # What it promises
//!
//! Reads split or merged give the same whole units. No bytes make it panic or loop, and whatever a peer sends, it
//! keeps no more than some tens of KiB for a connection: lengths are counted, never allocated. It is a viewer: it
//! names a fault and goes on.

mod content;
mod delimited;
mod draft;
mod frame;
pub mod framing;
mod head;
mod http1;
mod jsonp;
mod multipart;
mod ndjson;
mod plain;
mod prefixed;
mod script;
mod sse;
#[cfg(test)]
mod tests;
mod websocket;
mod words;

pub use draft::{KEEP, MAX_FIELDS, PIECE};

use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::VecDeque;
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
    /// Whether all of it has been seen. `false` in what [`Conversation::pending`] tells, and where the connection ended
    /// or bytes were lost in the midst of it.
    pub whole: bool,
}

impl Unit {
    /// How many bytes it has, kept or not.
    pub fn size(&self) -> u64 {
        self.to - self.from
    }

    /// The fields as `[[from, to, name, value, note], ...]`.
    pub fn json_fields(&self) -> Value {
        self.fields.iter().map(|field| json!([field.from, field.to, field.name, field.value, field.note])).collect()
    }

    /// One line for the terminal: meaning and size. Nothing in it can act on a terminal.
    pub fn line(&self) -> String {
        let size = draft::bytes_of(self.size());
        if self.whole { format!("{} ({size})", self.meaning) } else { format!("{} ({size} so far)", self.meaning) }
    }
}

/// What follows one direction of a connection: the decoder of one protocol.
trait Protocol: fmt::Debug + Send {
    /// Takes bytes (never none) from the front, at least one of them, and says how many. Less than all when
    /// `talk` now holds something that the conversation has to act on first.
    fn feed(&mut self, bytes: &[u8], talk: &mut Talk, out: &mut Vec<Unit>) -> usize;
    /// The unit that stands unfinished.
    fn pending(&self) -> Option<Unit>;
    /// Where that begins, without making it.
    fn pending_from(&self) -> Option<u64>;
    /// The other direction speaks.
    fn interrupted(&mut self, _out: &mut Vec<Unit>) {}
    /// So many bytes went by unseen.
    fn lost(&mut self, bytes: u64, talk: &mut Talk, out: &mut Vec<Unit>);
    /// No more bytes come.
    fn end(&mut self, out: &mut Vec<Unit>);
}

/// What one direction has to know of the other.
#[derive(Debug, Default)]
struct Talk {
    /// The requests that have no answer yet, oldest first.
    asked: VecDeque<Asked>,
    /// A request to change the protocol waits for its answer, which decides what the bytes behind it are.
    undecided: bool,
    /// The protocol changes here, both ways.
    turn: Option<Turn>,
}

/// What is to be remembered of a request until its answer.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// HEAD: the answer has no body.
    head: bool,
    /// CONNECT: a 2xx answer opens a tunnel.
    connect: bool,
    /// `Upgrade`: the answer may be 101.
    upgrade: bool,
}

/// The protocol that both directions speak from here on.
#[derive(Debug)]
struct Turn {
    /// As in `Upgrade`, in lower case.
    protocol: String,
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    extensions: String,
}

/// So many requests are remembered until they are answered.
const MAX_ASKED: usize = 1024;

/// So many bytes behind a request for another protocol are held back until its answer comes.
const MAX_UNDECIDED: usize = 16 * 1024;

#[derive(Debug)]
struct Side {
    decoder: Box<dyn Protocol>,
    /// How many bytes the decoders have taken.
    at: u64,
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct Conversation {
    up: Side,
    down: Side,
    talk: Talk,
    /// Bytes of the browser that nobody can tell the protocol of before the server has answered.
    held: Vec<u8>,
}

impl Default for Conversation {
    fn default() -> Self {
        Conversation::new()
    }
}

impl Conversation {
    /// A connection that starts as HTTP/1.1.
    pub fn new() -> Self {
        Conversation::with(|dir| Box::new(http1::Http1::new(dir)))
    }

    /// A connection of plain bytes from the start.
    pub fn bytes() -> Self {
        Conversation::with(|dir| Box::new(plain::Plain::new(dir, 0)))
    }

    /// A connection of messages that end with this byte.
    pub fn delimited(end: u8) -> Self {
        Conversation::with(|dir| Box::new(delimited::Delimited::new(dir, end)))
    }

    fn with(decoder: impl Fn(Dir) -> Box<dyn Protocol>) -> Self {
        let side = |dir| Side { decoder: decoder(dir), at: 0 };
        Conversation { up: side(Dir::Up), down: side(Dir::Down), talk: Talk::default(), held: Vec::new() }
    }

    fn side(&mut self, dir: Dir) -> &mut Side {
        match dir {
            Dir::Up => &mut self.up,
            Dir::Down => &mut self.down,
        }
    }

    /// Takes the next bytes of one direction and gives the units that they complete, in order. Some of these may be
    /// of the other direction: a run of plain bytes ends when the other side speaks, and bytes sent behind an
    /// `Upgrade` request can be told only when the answer is there.
    pub fn feed(&mut self, dir: Dir, bytes: &[u8]) -> Vec<Unit> {
        let mut out = Vec::new();
        self.pass(dir, bytes, &mut out);
        out
    }

    fn pass(&mut self, dir: Dir, mut bytes: &[u8], out: &mut Vec<Unit>) {
        while !bytes.is_empty() {
            if dir == Dir::Up && self.talk.undecided {
                let taken = bytes.len().min(MAX_UNDECIDED - self.held.len());
                self.held.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if !bytes.is_empty() {
                    self.release(out); // too much to wait any longer
                }
                continue;
            }
            self.side(dir.other()).decoder.interrupted(out);
            let side = match dir {
                Dir::Up => &mut self.up,
                Dir::Down => &mut self.down,
            };
            let taken = side.decoder.feed(bytes, &mut self.talk, out);
            side.at += taken as u64;
            bytes = &bytes[taken..];
            if let Some(turn) = self.talk.turn.take() {
                self.turn(&turn, out);
            }
            if !self.talk.undecided && !self.held.is_empty() {
                self.release(out);
            }
        }
    }

    /// Decodes the bytes held back, whatever they are by now.
    fn release(&mut self, out: &mut Vec<Unit>) {
        self.talk.undecided = false;
        let held = std::mem::take(&mut self.held);
        self.pass(Dir::Up, &held, out);
    }

    /// Changes the protocol, both ways.
    fn turn(&mut self, turn: &Turn, out: &mut Vec<Unit>) {
        self.talk = Talk::default();
        for dir in [Dir::Up, Dir::Down] {
            let side = self.side(dir);
            side.decoder.end(out);
            side.decoder = match turn.protocol.as_str() {
                "websocket" => Box::new(websocket::WebSocket::new(dir, side.at, &turn.extensions)),
                _ => Box::new(plain::Plain::new(dir, side.at)),
            };
        }
    }

    /// The unit of this direction that stands unfinished, if any.
    pub fn pending(&self, dir: Dir) -> Option<Unit> {
        match dir {
            Dir::Up if !self.held.is_empty() => {
                let mut draft = draft::Draft::new(dir, self.up.at);
                draft.push(&self.held);
                draft.cut("bytes", draft.open_text(), "Sent before the server agreed to change the protocol.");
                Some(draft.finish("bytes", "bytes sent before the server answered".into(), false))
            }
            Dir::Up => self.up.decoder.pending(),
            Dir::Down => self.down.decoder.pending(),
        }
    }

    /// Where the unfinished unit of this direction begins, if there is one.
    pub fn pending_from(&self, dir: Dir) -> Option<u64> {
        match dir {
            Dir::Up if !self.held.is_empty() => Some(self.up.at),
            Dir::Up => self.up.decoder.pending_from(),
            Dir::Down => self.down.decoder.pending_from(),
        }
    }

    /// FIN or RST: what stands unfinished in this direction becomes a unit.
    pub fn end(&mut self, dir: Dir) -> Vec<Unit> {
        let mut out = Vec::new();
        while dir == Dir::Up && !self.held.is_empty() {
            self.release(&mut out);
        }
        self.side(dir).decoder.end(&mut out);
        out
    }

    /// So many bytes of this direction went by unseen. What stood unfinished becomes a unit that is not whole, and the
    /// decoder goes on where it knows the place again: inside a long body or frame at once, otherwise at the next bytes
    /// that look like the start of a message.
    pub fn lost(&mut self, dir: Dir, bytes: u64) -> Vec<Unit> {
        let mut out = Vec::new();
        if bytes == 0 {
            return out;
        }
        while dir == Dir::Up && !self.held.is_empty() {
            self.release(&mut out);
        }
        let side = match dir {
            Dir::Up => &mut self.up,
            Dir::Down => &mut self.down,
        };
        side.decoder.lost(bytes, &mut self.talk, &mut out);
        side.at = side.at.saturating_add(bytes);
        if !self.talk.undecided {
            self.release(&mut out);
        }
        out
    }
}
