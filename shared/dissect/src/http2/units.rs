//! HTTP/2: one unit for each frame, in one direction. What lies in a stream (events, JSON, a WebSocket) is named inside the
//! DATA frames that carry it.
//!
//! It is a viewer. Header fields are packed with a table that grows with each block, so after bytes that were not seen nothing
//! can be told any more.

use std::collections::BTreeMap;
use std::fmt;

use super::UnpackHeaders;
use super::frame::{FrameStart, HEAD};
use crate::body::{self, BodyDecoder};
use crate::show::{bytes_of, one_line, printable};
use crate::text::opaque::Opaque;
use crate::unit::UnitBuilder;
use crate::websocket::units::WebSocketUnits;
use crate::{Dir, Negotiation, StreamDecoder, Unit, glossary};

/// What a client sends first of all.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A longer payload is counted, not kept, in bytes: no end has to take more unless it says so.
const MAX_PAYLOAD: usize = 16_384;

/// What the fields of a block may take when they are unpacked, in bytes: those behind are counted, not kept.
const MAX_FIELDS: usize = 64 * 1024;

/// The most streams whose bodies are followed at once.
const MAX_BODIES: usize = 128;

/// One direction of a connection.
pub(crate) struct Http2Units {
    dir: Dir,
    builder: UnitBuilder,
    /// The frame that is not whole, from its first byte on; of a long one its head only.
    frame: Vec<u8>,
    /// So much of a long frame is to come.
    long: Option<usize>,
    /// No frame was seen yet.
    at_start: bool,
    unpack: Option<UnpackHeaders>,
    /// A block of header fields that goes on in another frame.
    block: Vec<u8>,
    bodies: BTreeMap<u32, Content>,
}

/// What lies in a stream.
#[derive(Debug)]
enum Content {
    Body(Box<dyn BodyDecoder>),
    Socket(Box<WebSocketUnits>),
}

impl fmt::Debug for Http2Units {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Http2Units").field("dir", &self.dir).field("bodies", &self.bodies).finish_non_exhaustive()
    }
}

impl Http2Units {
    pub fn new(dir: Dir, unpack: Option<UnpackHeaders>) -> Self {
        Http2Units {
            dir,
            builder: UnitBuilder::new(dir, 0),
            frame: Vec::new(),
            long: None,
            at_start: true,
            unpack,
            block: Vec::new(),
            bodies: BTreeMap::new(),
        }
    }

    /// The client's first bytes are no frame. Says how many of them are here, if that is what they are.
    fn is_preface(&self) -> bool {
        let here = self.frame.len().min(PREFACE.len());
        self.dir == Dir::Up && self.at_start && self.frame[..here] == PREFACE[..here]
    }

    /// Whether these can't be the first bytes of HTTP/2.
    fn is_foreign(&self) -> bool {
        match self.dir {
            Dir::Up => self.at_start && !self.is_preface(),
            Dir::Down => self.at_start && self.frame.get(3).is_some_and(|kind| *kind != 4),
        }
    }

    /// A frame is whole.
    fn whole(&mut self, negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        let frame = std::mem::take(&mut self.frame);
        let Some(start) = FrameStart::read(&frame) else { return };
        let mut builder = std::mem::replace(&mut self.builder, UnitBuilder::new(self.dir, 0));
        builder.push(&frame[..HEAD]);
        builder.on_stream(start.stream);
        start.cut(&mut builder);
        let payload = &frame[HEAD..];
        let (kind, meaning) = match start.kind {
            0 => ("body", self.data(&start, payload, &mut builder)),
            1 | 9 => {
                builder.push(payload);
                self.headers(&start, payload, &mut builder, negotiation)
            }
            _ => {
                builder.push(payload);
                ("frame", start.describe(&mut builder, payload))
            }
        };
        out.push(builder.finish(kind, meaning, true));
        self.builder = builder;
    }

    /// Names what a DATA frame carries.
    fn data(&mut self, start: &FrameStart, payload: &[u8], builder: &mut UnitBuilder) -> String {
        let padding = if start.has(8) { payload.first().map_or(0, |length| 1 + usize::from(*length)) } else { 0 };
        let pad_length = usize::from(padding > 0);
        let body_to = payload.len().saturating_sub(padding - pad_length).max(pad_length);
        let body = &payload[pad_length..body_to.min(payload.len()).max(pad_length)];
        if padding > 0 {
            builder.push(&payload[..1]);
            builder.cut(
                "pad length",
                payload[0].to_string(),
                "This number of bytes at the end means nothing (RFC 9113, 6.1).",
            );
        }
        let said = match self.bodies.get_mut(&start.stream) {
            Some(Content::Body(decoder)) if !body.is_empty() => content(decoder.as_mut(), body, builder),
            Some(Content::Socket(socket)) if !body.is_empty() => frames_inside(socket, body, builder),
            _ => {
                builder.push(body);
                builder.cut("data", printable(body), "");
                if body.is_empty() { "nothing".to_string() } else { bytes_of(body.len() as u64) }
            }
        };
        builder.push(&payload[pad_length + body.len()..]);
        builder.cut("padding", bytes_of((padding - pad_length) as u64), "Hides how long the content is.");
        let end = if start.has(1) { ", the end" } else { "" };
        if start.has(1) {
            self.bodies.remove(&start.stream);
        }
        format!("DATA, stream {}{end}: {said}", start.stream)
    }

    /// Names header fields, and remembers what follows them.
    fn headers(
        &mut self,
        start: &FrameStart,
        payload: &[u8],
        builder: &mut UnitBuilder,
        negotiation: &mut Negotiation,
    ) -> (&'static str, String) {
        let (mut from, mut to) = (0, payload.len());
        if start.kind == 1 && start.has(8) && !payload.is_empty() {
            builder.cut_at(HEAD as u64 + 1, "pad length", payload[0].to_string(), "");
            (from, to) = (1, payload.len().saturating_sub(payload[0].into()).max(1));
        }
        if start.kind == 1 && start.has(0x20) && to >= from + 5 {
            from += 5;
            let note = "Which streams should come first: out of use since RFC 9113.";
            builder.cut_at((HEAD + from) as u64, "priority", printable(&payload[from - 5..from]), note);
        }
        if start.kind == 1 {
            self.block.clear();
        }
        let before = self.block.len();
        self.block.extend_from_slice(&payload[from..to]);
        let name = start.name();
        if !start.has(4) || before > 0 {
            let note = "A part of the packed header fields: they can be read when all are here.";
            builder.cut_at((HEAD + to) as u64, "part of a header block", printable(&payload[from..to]), note);
        }
        if !start.has(4) {
            if self.block.len() > 4 * MAX_PAYLOAD {
                self.unpack = None;
                self.block.clear();
            }
            return ("frame", format!("{name}, stream {}: header fields that go on", start.stream));
        }
        let block = std::mem::take(&mut self.block);
        let fields = self.unpack_fields(&block, (before == 0).then_some(HEAD + from), builder);
        builder.cut("padding", String::new(), "");
        let Some(fields) = fields else {
            return (
                "frame",
                format!("{name}, stream {}: {} of header fields", start.stream, bytes_of(block.len() as u64)),
            );
        };
        let plain: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let count = if fields.len() == 1 { "1 field".to_string() } else { format!("{} fields", fields.len()) };
        let packed = format!("{count} in {} (plain: {plain})", bytes_of(block.len() as u64));
        let end = if start.has(1) { ", the end" } else { "" };
        let (kind, said) = self.message(start, &fields, negotiation);
        (kind, format!("{said}, stream {}{end}; {packed}", start.stream))
    }

    /// Unpacks a block; names each field at its place, if the block begins at this place in the unit.
    fn unpack_fields(
        &mut self,
        mut block: &[u8],
        at: Option<usize>,
        builder: &mut UnitBuilder,
    ) -> Option<Vec<(String, String)>> {
        let (mut fields, mut at, mut kept) = (Vec::new(), at, 0);
        while !block.is_empty() {
            let Some((length, field)) =
                self.unpack.as_mut()?(block).filter(|(length, _)| (1..=block.len()).contains(length))
            else {
                self.unpack = None; // the tables of both ends differ from here on
                return None;
            };
            let how = match block[0] {
                0x80.. => "One number: name and value stand in the table",
                0x40.. => "The value is written out, and the field joins the table",
                0x20.. => "From here on the table has this size",
                0x10.. => "Written out, and no proxy may put it into a table",
                _ => "Written out, and the table stays as it is",
            };
            if let Some(place) = &mut at {
                *place += length;
                let (name, value) = field.clone().unwrap_or_else(|| ("table size".to_string(), String::new()));
                let purpose = glossary::header(&name);
                let note = format!("{how} (RFC 7541, 6).{}{purpose}", if purpose.is_empty() { "" } else { " " });
                builder.cut_at(*place as u64, name, one_line(&value, 1_000), note);
            }
            block = &block[length..];
            fields.extend(field.map(|(name, value)| {
                kept += name.len() + value.len();
                if kept > MAX_FIELDS { (String::new(), String::new()) } else { (name, value) } // a bomb, perhaps
            }));
        }
        Some(fields)
    }

    /// What the fields say, and what their stream carries.
    fn message(
        &mut self,
        start: &FrameStart,
        fields: &[(String, String)],
        negotiation: &mut Negotiation,
    ) -> (&'static str, String) {
        let get = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
        let socket = get(":protocol") == "websocket";
        let (kind, said) = match (get(":method"), get(":status")) {
            ("", "") => return ("frame", "fields behind a body".to_string()),
            ("", status) => ("response", format!("{status} {}", get("content-type")).trim_end().to_string()),
            (method, _) => ("request", format!("{method} {}", get(":path"))),
        };
        let said = if socket { format!("{said} for a WebSocket") } else { said };
        if socket && negotiation.tunnels.len() < MAX_BODIES {
            negotiation.tunnels.insert(start.stream);
        }
        if start.has(1) || self.bodies.len() >= MAX_BODIES {
            return (kind, said);
        }
        let tunnel = negotiation.tunnels.contains(&start.stream) && (kind == "request" || get(":status") == "200");
        let content = match tunnel {
            true => Content::Socket(Box::new(WebSocketUnits::new(self.dir, 0, "", None))),
            false => Content::Body(body::of_type(get("content-type"), get("content-encoding"), false)),
        };
        if self.dir == Dir::Down {
            negotiation.tunnels.remove(&start.stream);
        }
        self.bodies.insert(start.stream, content);
        (kind, said)
    }
}

/// Names a part of a body.
fn content(decoder: &mut dyn BodyDecoder, mut body: &[u8], builder: &mut UnitBuilder) -> String {
    while !body.is_empty() {
        let (taken, _) = decoder.take(body, builder);
        if taken == 0 {
            decoder.next_unit();
            let (again, _) = decoder.take(body, builder);
            if again == 0 {
                builder.push(body);
                break;
            }
            body = &body[again..];
            continue;
        }
        body = &body[taken..];
    }
    let said = decoder.finish(builder);
    decoder.next_unit();
    said
}

/// Names the WebSocket frames in a part of a stream.
fn frames_inside(socket: &mut WebSocketUnits, body: &[u8], builder: &mut UnitBuilder) -> String {
    let (first, start) = (socket.position(), builder.len());
    let mut units = Vec::new();
    socket.feed(body, &mut Negotiation::default(), &mut units);
    builder.push(body);
    let mut said = Vec::new();
    for unit in units {
        let begun = unit.from < first;
        for field in unit.fields.iter().filter(|_| !begun) {
            let to = start + (unit.from - first) + field.to as u64;
            builder.cut_at(to, field.name.clone(), field.value.clone(), field.note.clone());
        }
        if begun {
            builder.cut_at(start + (unit.to - first), "rest of a WebSocket frame", String::new(), "");
        }
        said.push(unit.meaning);
    }
    builder.cut("part of a WebSocket frame", String::new(), "It goes on in the next DATA frame of this stream.");
    let more = said.len().saturating_sub(3);
    said.truncate(3);
    match (said.is_empty(), more) {
        (true, _) => "part of a WebSocket frame".to_string(),
        (_, 0) => said.join("; "),
        _ => format!("{}; and {more} more", said.join("; ")),
    }
}

impl StreamDecoder for Http2Units {
    fn feed(&mut self, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        if let Some(left) = &mut self.long {
            let taken = bytes.len().min(*left);
            self.builder.push(&bytes[..taken]);
            *left -= taken;
            if *left == 0 {
                self.long = None;
                self.builder.cut("payload", String::new(), "Too long to be kept.");
                out.push(self.builder.finish("frame", "a long frame".to_string(), true));
            }
            return taken;
        }
        let wanted = match FrameStart::read(&self.frame) {
            _ if self.is_preface() => PREFACE.len(),
            Some(start) => HEAD + start.length,
            None => HEAD,
        };
        let taken = bytes.len().min(wanted - self.frame.len());
        self.frame.extend_from_slice(&bytes[..taken]);
        if self.is_foreign() {
            let mut other = Opaque::new(self.dir, self.builder.from(), "no HTTP/2");
            let frame = std::mem::take(&mut self.frame);
            other.feed(&frame, negotiation, out);
            negotiation.next = Some(Box::new(other));
            return taken;
        }
        if self.is_preface() {
            if self.frame.len() == PREFACE.len() {
                self.builder.push(&std::mem::take(&mut self.frame));
                let note = "To a server of HTTP/1.1 it is a request with an unknown method (RFC 9113, 3.4).";
                self.builder.cut("preface", String::from_utf8_lossy(PREFACE).into_owned(), note);
                out.push(self.builder.finish("frame", "the preface: PRI * HTTP/2.0".to_string(), true));
                self.at_start = false;
            }
            return taken;
        }
        let Some(start) = FrameStart::read(&self.frame) else { return taken };
        self.at_start = false;
        if start.length > MAX_PAYLOAD {
            self.builder.push(&std::mem::take(&mut self.frame));
            self.builder.on_stream(start.stream);
            start.cut(&mut self.builder);
            self.long = Some(start.length);
        } else if self.frame.len() == HEAD + start.length {
            self.whole(negotiation, out);
        }
        taken
    }

    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.builder
    }

    fn unfinished(&self) -> (&UnitBuilder, &[u8]) {
        (&self.builder, &self.frame)
    }

    fn describe(&self, builder: &mut UnitBuilder) -> Unit {
        let mut meaning = "part of a frame's head".to_string();
        if self.is_preface() {
            meaning = "part of the preface".to_string();
        } else if let Some(start) = FrameStart::read(builder.kept()) {
            let here = builder.len() - HEAD as u64;
            meaning = format!("{}, stream {}: {here} of {} bytes", start.name(), start.stream, start.length);
            builder.on_stream(start.stream);
        }
        builder.cut("bytes", builder.open_text(), "");
        builder.finish("frame", meaning, false)
    }

    fn start_anew(&mut self) {
        let rest = std::mem::take(&mut self.frame);
        self.long = None;
        self.builder.push(&rest);
        self.builder.finish("", String::new(), false);
    }

    fn lost(&mut self, bytes: u64, negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        self.end(out);
        let at = self.builder.from().saturating_add(bytes);
        negotiation.next = Some(Box::new(Opaque::new(self.dir, at, "bytes before this were not seen")));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dir, Dissector, Unit, UnpackHeaders};

    /// A stand-in for HPACK: `82` is `:method GET`, `41 N...` is `:path` with N bytes, `88` is `:status 200`, `5f N...` a type.
    fn unpack() -> Option<UnpackHeaders> {
        Some(Box::new(|block| {
            let text = |name: &str| {
                let length = usize::from(*block.get(1)?);
                let value = String::from_utf8_lossy(block.get(2..2 + length)?).into_owned();
                Some((2 + length, Some((name.to_string(), value))))
            };
            match block[0] {
                0x82 => Some((1, Some((":method".to_string(), "GET".to_string())))),
                0x83 => Some((1, Some((":method".to_string(), "CONNECT".to_string())))),
                0x84 => Some((1, Some((":protocol".to_string(), "websocket".to_string())))),
                0x88 => Some((1, Some((":status".to_string(), "200".to_string())))),
                0x41 => text(":path"),
                0x5f => text("content-type"),
                _ => None,
            }
        }))
    }

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let [l0, l1] = (payload.len() as u16).to_be_bytes();
        [&[0, l0, l1, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    fn conversation() -> Vec<(Dir, Vec<u8>)> {
        vec![
            (Dir::Up, [super::PREFACE, &frame(4, 0, 0, b"\x00\x02\x00\x00\x00\x00")].concat()),
            (Dir::Down, [frame(4, 0, 0, &[]), frame(4, 1, 0, &[])].concat()),
            (Dir::Up, frame(1, 5, 1, b"\x82\x41\x07/events")),
            (Dir::Down, frame(1, 4, 1, b"\x88\x5f\x11text/event-stream")),
            (Dir::Down, frame(0, 0, 1, b"id: 1\ndata: hello\n\n")),
            (Dir::Up, frame(1, 4, 3, b"\x83\x84\x41\x05/room")),
            (Dir::Down, frame(1, 4, 3, b"\x88")),
            (Dir::Up, frame(0, 0, 3, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")),
            (Dir::Down, frame(0, 0, 3, b"\x81\x05Hel")),
            (Dir::Down, frame(0, 1, 3, b"lo\x88\x00")),
            (Dir::Down, frame(8, 0, 0, b"\x00\x00\x00\x05")),
            (Dir::Up, frame(3, 0, 1, b"\x00\x00\x00\x08")),
            (Dir::Down, frame(7, 0, 0, b"\x00\x00\x00\x03\x00\x00\x00\x01why")),
        ]
    }

    fn meanings(units: &[Unit]) -> Vec<&str> {
        units.iter().map(|unit| unit.meaning.as_str()).collect()
    }

    #[test]
    fn each_frame_says_what_it_means_and_on_which_stream_it_is() {
        let mut dissector = Dissector::http2(unpack);
        let units: Vec<Unit> = conversation().iter().flat_map(|(dir, bytes)| dissector.feed(*dir, bytes)).collect();
        assert_eq!(
            meanings(&units),
            [
                "the preface: PRI * HTTP/2.0",
                "SETTINGS: ENABLE_PUSH 0",
                "SETTINGS",
                "SETTINGS: acknowledged",
                "GET /events, stream 1, the end; 2 fields in 10 bytes (plain: 30)",
                "200 text/event-stream, stream 1; 2 fields in 20 bytes (plain: 47)",
                "DATA, stream 1: event: message 1, 5 characters",
                "CONNECT /room for a WebSocket, stream 3; 3 fields in 9 bytes (plain: 54)",
                "200, stream 3; 1 field in 1 byte (plain: 14)",
                "DATA, stream 3: text, 5 bytes, masked: Hello",
                "DATA, stream 3: part of a WebSocket frame",
                "DATA, stream 3, the end: text, 5 bytes: Hello; close without a code",
                "WINDOW_UPDATE: 5 bytes more for the connection",
                "RST_STREAM, stream 1: CANCEL",
                "GOAWAY: PROTOCOL_ERROR: why",
            ]
        );
        let streams: Vec<u32> = units.iter().map(|unit| unit.stream).collect();
        assert_eq!(streams, [0, 0, 0, 0, 1, 1, 1, 3, 3, 3, 3, 3, 0, 1, 0]);
        let names: Vec<&str> = units[9].fields.iter().map(|field| &*field.name).collect();
        assert_eq!(
            names,
            ["length", "type", "flags", "stream", "FIN RSV opcode", "MASK length", "masking key", "payload"]
        );
    }

    #[test]
    fn reads_split_anywhere_give_the_same_units() {
        let mut whole = Dissector::http2(unpack);
        let mut split = Dissector::http2(unpack);
        for (dir, bytes) in conversation() {
            let expected = whole.feed(dir, &bytes);
            let units: Vec<Unit> = bytes.iter().flat_map(|byte| split.feed(dir, &[*byte])).collect();
            assert_eq!(units, expected);
        }
    }

    #[test]
    fn what_is_no_http2_is_shown_as_bytes_and_a_loss_ends_the_reading() {
        let mut dissector = Dissector::http2(unpack);
        dissector.feed(Dir::Up, b"GET / HTTP/1.1\r\n\r\n");
        let units = dissector.feed(Dir::Down, b"HTTP/1.1 505 x\r\n");
        assert!(units[0].meaning.contains("no HTTP/2: GET / HTTP/1.1"), "{units:?}");
        let mut dissector = Dissector::http2(unpack);
        let (dir, bytes) = &conversation()[0];
        dissector.feed(*dir, bytes);
        dissector.feed(Dir::Up, &frame(0, 0, 1, b"hello")[..10]);
        assert_eq!(dissector.pending(Dir::Up).unwrap().meaning, "DATA, stream 1: 1 of 5 bytes");
        let cut = dissector.lost(Dir::Up, 20);
        assert!(!cut[0].whole);
        dissector.feed(Dir::Up, b"abc");
        assert!(dissector.end(Dir::Up)[0].meaning.contains("not seen"));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        for _ in 0..3_000 {
            let mut dissector = Dissector::http2(unpack);
            dissector.feed(Dir::Up, super::PREFACE);
            for _ in 0..6 {
                let payload: Vec<u8> = (0..next() % 40).map(|_| next()).collect();
                let bytes = frame(next() % 11, next(), next() % 4, &payload);
                for dir in [Dir::Up, Dir::Down] {
                    for unit in dissector.feed(dir, &bytes) {
                        assert!(unit.fields.windows(2).all(|two| two[0].to <= two[1].from));
                    }
                }
            }
            dissector.pending(Dir::Up);
            dissector.end(Dir::Down);
        }
    }
}
