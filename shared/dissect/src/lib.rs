//! Captured bytes to named fields: what the wire view, the terminal and the book show.
//!
//! A [`Dissector`] follows one connection. It is fed with the bytes of both directions as they were seen, however
//! they were split into reads, and gives back [`Unit`]s: a request head, a chunk, an event, a frame. Each has a one-line
//! meaning and its bytes cut into named [`Field`]s, all computed from the bytes and nothing else.
//!
//! ```
//! use dissect::{Dir, Dissector};
//! let mut dissector = Dissector::new();
//! assert!(dissector.feed(Dir::Up, b"GET /wait?after=7 HT").is_empty());
//! let units = dissector.feed(Dir::Up, b"TP/1.1\r\nHost: localhost\r\n\r\n");
//! assert_eq!(units[0].meaning, "GET /wait?after=7");
//! ```
//!
//! # One file for each protocol
//!
//! - [`http`]: `head` and `framing` parse heads and find where a message ends (the front door uses them, too); `units`
//!   makes units of heads, bodies and chunks, and `fields` names what is in a head;
//! - `body`: what lies in a body, chosen by `Content-Type`: text and JSON there, `sse`, `ndjson`, `multipart`,
//!   `html_scripts` (a page made of scripts) and `jsonp` in their own files;
//! - `http2`: frames of HTTP/2, with what their streams carry;
//! - `websocket`: frames, after a `101`; `frame` names what is in one;
//! - `tls`: records, `records`; what can be read of a handshake, `hello`; and what its numbers mean, `names`;
//! - `engine_io`: the packets of Engine.IO and Socket.IO, in a body or in a frame;
//! - `text`: messages that end with a zero byte or a line feed (`delimited`), messages with their length in front
//!   (`length_prefixed`), and bytes of an unknown protocol (`opaque`);
//! - `unit`: the result, and how it is built; `show`: bytes as text; `glossary`: what names and numbers mean.
//!
//! A new protocol is a new file with a `StreamDecoder`, and a line in `Dissector::switch`; a new kind of body is a
//! new file with a `BodyDecoder`, and a line in `body::choose`.
//!
//! # What it promises
//!
//! Reads split or merged give the same whole units. No bytes make it panic or loop, and it keeps some tens of KiB
//! for a connection at most, whatever a peer sends: lengths are counted, never allocated. It is a viewer: it
//! names a fault and goes on.

mod body;
mod engine_io;
mod glossary;
pub mod http;
mod http2;
mod show;
#[cfg(test)]
mod tests;
mod text;
mod tls;
mod unit;
mod websocket;

pub use http2::UnpackHeaders;
pub use show::one_line;
pub use unit::{Dir, Field, KEEP, MAX_FIELDS, PIECE, Unit};

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use text::{delimited, opaque};
use unit::UnitBuilder;

/// Unpacks the messages of one direction of a WebSocket with an extension: given the next bytes of a message, without their mask,
/// and whether they are the last, it gives what they say; `None` when it can't tell any more.
pub type UnpackFrames = Box<dyn FnMut(&[u8], bool) -> Option<Vec<u8>> + Send>;

/// Makes one for a direction: given `Sec-WebSocket-Extensions` of the answer.
pub type UnpackBoth = Box<dyn Fn(&str, Dir) -> Option<UnpackFrames> + Send>;

/// Follows one direction of a connection: the decoder of one protocol.
trait StreamDecoder: fmt::Debug + Send {
    /// Takes bytes (never none) from the front, at least one of them, and says how many. Less than all when
    /// `negotiation` now holds something that the dissector has to act on first.
    fn feed(&mut self, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize;

    /// The unit in progress.
    fn builder(&mut self) -> &mut UnitBuilder;

    /// The unit in progress, and the bytes that may belong to it or to the next one.
    fn unfinished(&self) -> (&UnitBuilder, &[u8]);

    /// The unit in progress as far as it is there, from a copy of the builder with all its bytes.
    fn describe(&self, builder: &mut UnitBuilder) -> Unit;

    /// This many bytes went by unseen.
    fn lost(&mut self, bytes: u64, negotiation: &mut Negotiation, out: &mut Vec<Unit>);

    /// The other direction sends.
    fn interrupted(&mut self, _out: &mut Vec<Unit>) {}

    /// No more bytes come.
    fn end(&mut self, out: &mut Vec<Unit>) {
        out.extend(self.pending());
        self.start_anew();
    }

    /// The unit that stands unfinished.
    fn pending(&self) -> Option<Unit> {
        self.pending_from()?;
        let (builder, rest) = self.unfinished();
        let mut builder = builder.clone();
        builder.push(rest);
        Some(self.describe(&mut builder))
    }

    /// Where that begins, without making it.
    fn pending_from(&self) -> Option<u64> {
        let (builder, rest) = self.unfinished();
        (!(builder.is_empty() && rest.is_empty())).then(|| builder.from())
    }

    /// Goes on behind what stood unfinished.
    fn start_anew(&mut self) {
        let rest = self.unfinished().1.to_vec();
        self.builder().push(&rest);
        self.builder().finish("", String::new(), false);
    }
}

/// What one direction has to know of the other.
#[derive(Debug, Default)]
struct Negotiation {
    /// The requests that have no answer yet, oldest first.
    open: VecDeque<OpenRequest>,
    /// A request to change the protocol waits for its answer, which decides what the bytes behind it are.
    undecided: bool,
    /// The protocol changes here, both ways.
    switch: Option<ProtocolSwitch>,
    /// HTTP/2: the streams that should become WebSockets, until the answer is there.
    tunnels: BTreeSet<u32>,
    /// This direction goes on with another decoder.
    next: Option<Box<dyn StreamDecoder>>,
    /// What TLS has agreed on.
    tls: tls::records::Agreed,
}

/// What is to be remembered of a request until its answer.
#[derive(Clone, Copy, Debug, Default)]
struct OpenRequest {
    /// HEAD: the answer has no body.
    head: bool,
    /// CONNECT: a 2xx answer opens a tunnel.
    connect: bool,
    /// `Upgrade`: the answer may be 101.
    upgrade: bool,
    /// Its answer has packets of Engine.IO.
    engine_io: Option<engine_io::Carries>,
}

/// The protocol that both directions speak from here on.
#[derive(Debug)]
struct ProtocolSwitch {
    /// As in `Upgrade`, in lower case.
    protocol: String,
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    extensions: String,
    /// Each message is a packet of Engine.IO.
    engine_io: Option<engine_io::Carries>,
}

/// This many requests at most are remembered until they are answered.
const MAX_OPEN_REQUESTS: usize = 1024;

/// This many bytes at most are held back behind a request for another protocol until its answer comes.
const MAX_HELD: usize = 16 * 1024;

/// One direction.
#[derive(Debug)]
struct Half {
    decoder: Box<dyn StreamDecoder>,
    /// How many bytes the decoders have taken.
    at: u64,
}

impl Half {
    /// Goes on with the next decoder, if there is one.
    fn decoder_from(&mut self, negotiation: &mut Negotiation) {
        if let Some(next) = negotiation.next.take() {
            self.decoder = next;
        }
    }
}

/// Both directions of one connection.
pub struct Dissector {
    up: Half,
    down: Half,
    negotiation: Negotiation,
    /// Bytes of the browser whose protocol is not known before the server has answered.
    held: Vec<u8>,
    unpacking: Option<UnpackBoth>,
    is_sealed: bool,
}

impl fmt::Debug for Dissector {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Dissector").field("up", &self.up).field("down", &self.down).finish_non_exhaustive()
    }
}

impl Default for Dissector {
    fn default() -> Self {
        Dissector::new()
    }
}

impl Dissector {
    /// A connection that starts as HTTP/1.1.
    pub fn new() -> Self {
        Dissector::with(|dir| Box::new(http::units::HttpUnits::new(dir)))
    }

    /// A connection of messages that end with this byte.
    pub fn delimited(end: u8) -> Self {
        Dissector::with(|dir| Box::new(delimited::Delimited::new(dir, end)))
    }

    /// A connection that is HTTP/2 from its first byte. `unpack` makes what unpacks the header fields of a direction, if it can.
    pub fn http2(unpack: impl Fn() -> Option<UnpackHeaders>) -> Self {
        Dissector::with(|dir| Box::new(http2::units::Http2Units::new(dir, unpack())))
    }

    /// A connection of TLS records.
    pub fn tls() -> Self {
        Dissector { is_sealed: true, ..Dissector::with(|dir| Box::new(tls::records::TlsRecords::new(dir, 0))) }
    }

    /// Whether its contents are protected against change on the way.
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    fn with(decoder: impl Fn(Dir) -> Box<dyn StreamDecoder>) -> Self {
        let half = |dir| Half { decoder: decoder(dir), at: 0 };
        Dissector {
            up: half(Dir::Up),
            down: half(Dir::Down),
            negotiation: Negotiation::default(),
            held: Vec::new(),
            unpacking: None,
            is_sealed: false,
        }
    }

    /// The same, and compressed messages of a WebSocket are shown unpacked, as far as `make` can.
    pub fn unpacking(mut self, make: UnpackBoth) -> Self {
        self.unpacking = Some(make);
        self
    }

    fn half(&mut self, dir: Dir) -> (&mut Half, &mut Negotiation) {
        match dir {
            Dir::Up => (&mut self.up, &mut self.negotiation),
            Dir::Down => (&mut self.down, &mut self.negotiation),
        }
    }

    /// Takes the next bytes of one direction and gives the units that they complete, in order. Some of these may be
    /// of the other direction: a run of opaque bytes ends when the other side sends, and bytes sent behind an
    /// `Upgrade` request can be decoded only when the answer is there.
    pub fn feed(&mut self, dir: Dir, bytes: &[u8]) -> Vec<Unit> {
        let mut out = Vec::new();
        self.decode(dir, bytes, &mut out);
        out
    }

    fn decode(&mut self, dir: Dir, mut bytes: &[u8], out: &mut Vec<Unit>) {
        while !bytes.is_empty() {
            if dir == Dir::Up && self.negotiation.undecided {
                let taken = bytes.len().min(MAX_HELD - self.held.len());
                self.held.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if !bytes.is_empty() {
                    self.release(out); // too much to wait any longer
                }
                continue;
            }
            self.half(dir.other()).0.decoder.interrupted(out);
            let (half, negotiation) = self.half(dir);
            let taken = half.decoder.feed(bytes, negotiation, out);
            half.at += taken as u64;
            half.decoder_from(negotiation);
            bytes = &bytes[taken..];
            if let Some(switch) = self.negotiation.switch.take() {
                self.switch(&switch, out);
            }
            if !self.negotiation.undecided && !self.held.is_empty() {
                self.release(out);
            }
        }
    }

    /// Decodes the bytes held back by what is known now.
    fn release(&mut self, out: &mut Vec<Unit>) {
        self.negotiation.undecided = false;
        let held = std::mem::take(&mut self.held);
        self.decode(Dir::Up, &held, out);
    }

    /// Changes the protocol, both ways.
    fn switch(&mut self, switch: &ProtocolSwitch, out: &mut Vec<Unit>) {
        self.negotiation = Negotiation::default();
        for dir in [Dir::Up, Dir::Down] {
            let unpack = self.unpacking.as_ref().and_then(|make| make(&switch.extensions, dir));
            let (half, _) = self.half(dir);
            half.decoder.end(out);
            half.decoder = match switch.protocol.as_str() {
                "websocket" => {
                    let units = websocket::units::WebSocketUnits::new(dir, half.at, &switch.extensions, unpack);
                    Box::new(units.carrying(switch.engine_io))
                }
                _ => Box::new(opaque::Opaque::new(dir, half.at, "")),
            };
        }
    }

    /// The unit of this direction that stands unfinished, if any.
    pub fn pending(&self, dir: Dir) -> Option<Unit> {
        match dir {
            Dir::Up if !self.held.is_empty() => {
                let mut builder = UnitBuilder::new(dir, self.up.at);
                builder.push(&self.held);
                builder.cut("bytes", builder.open_text(), "Sent before the server agreed to change the protocol.");
                Some(builder.finish("bytes", "bytes sent before the server answered".into(), false))
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
        self.release_all(dir, &mut out);
        self.half(dir).0.decoder.end(&mut out);
        out
    }

    /// This many bytes of this direction went by unseen. What stood unfinished becomes a unit that is not whole, and the
    /// decoder goes on where it knows the place again: inside a long body or frame at once, otherwise at the next bytes
    /// that look like the start of a message.
    pub fn lost(&mut self, dir: Dir, bytes: u64) -> Vec<Unit> {
        let mut out = Vec::new();
        if bytes == 0 {
            return out;
        }
        self.release_all(dir, &mut out);
        let (half, negotiation) = self.half(dir);
        half.decoder.lost(bytes, negotiation, &mut out);
        half.at = half.at.saturating_add(bytes);
        half.decoder_from(negotiation);
        if !self.negotiation.undecided {
            self.release(&mut out);
        }
        out
    }

    /// Decodes the bytes held back, however many requests for another protocol are among them.
    fn release_all(&mut self, dir: Dir, out: &mut Vec<Unit>) {
        while dir == Dir::Up && !self.held.is_empty() {
            self.release(out);
        }
    }
}
