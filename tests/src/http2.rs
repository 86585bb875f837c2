//! HTTP/2's client end, by hand: frames as a test writes them, right or wrong. It shares no code with the demo; a library unpacks
//! the header fields that come.

use ringline_h2::hpack::Decoder;

use crate::{Message, Server, Wire};

/// What a client sends first of all (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113, 6).
pub const DATA: u8 = 0;
/// See [`DATA`].
pub const HEADERS: u8 = 1;
/// See [`DATA`].
pub const PRIORITY: u8 = 2;
/// See [`DATA`].
pub const RST_STREAM: u8 = 3;
/// See [`DATA`].
pub const SETTINGS: u8 = 4;
/// See [`DATA`].
pub const PING: u8 = 6;
/// See [`DATA`].
pub const GOAWAY: u8 = 7;
/// See [`DATA`].
pub const WINDOW_UPDATE: u8 = 8;
/// See [`DATA`].
pub const CONTINUATION: u8 = 9;

/// Flags. `END_STREAM` is ACK in SETTINGS and PING.
pub const END_STREAM: u8 = 1;
/// See [`END_STREAM`].
pub const END_HEADERS: u8 = 4;

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
    /// The header fields in it.
    pub fields: Vec<(String, String)>,
}

impl Frame {
    /// A number of four bytes at this place of the payload: an error code, say.
    pub fn number(&self, at: usize) -> u32 {
        let bytes = self.payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_be_bytes(bytes.unwrap_or_else(|| panic!("four bytes are at {at} in {self:?}")))
    }

    /// The value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// A frame's bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A block of header fields, each written out: no table, no Huffman code.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| match text.len() {
        short @ 0..127 => [&[short as u8], text.as_bytes()].concat(),
        long => {
            let rest = long - 127;
            let length = [0x7f, 0x80 | (rest & 0x7f) as u8, 0x80 | (rest >> 7 & 0x7f) as u8, (rest >> 14) as u8];
            [&length, text.as_bytes()].concat()
        }
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// The client's end of a connection.
pub struct Http2 {
    wire: Wire,
    host: String,
    decoder: Decoder,
}

impl Http2 {
    /// On a connection on which nothing was said.
    pub fn new(wire: Wire, host: &str) -> Self {
        Http2 { wire, host: host.to_string(), decoder: Decoder::new(4_096) }
    }

    /// The connection under it.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _gone = self.wire.try_send(bytes); // a server that has ended the connection says why in what it sent
    }

    /// Sends a frame.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) {
        self.send(frame(kind, flags, stream, payload));
    }

    /// The fields of a request.
    pub fn fields<'a>(&'a self, method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", &self.host)]
    }

    /// Asks: HEADERS in one frame. `flags` besides END_HEADERS.
    pub fn ask(&mut self, stream: u32, method: &str, path: &str, more: &[(&str, &str)], flags: u8) {
        let request = block(&[&self.fields(method, path)[..], more].concat());
        self.frame(HEADERS, END_HEADERS | flags, stream, request);
    }

    /// A `GET` that is whole.
    pub fn get(&mut self, stream: u32, path: &str) {
        self.ask(stream, "GET", path, &[], END_STREAM);
    }

    /// The next frame; `None` at the end of the connection.
    pub fn try_next(&mut self) -> Option<Frame> {
        if self.wire.gone_before_a_byte() {
            return None;
        }
        let head = self.wire.exactly(9);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.wire.exactly(length);
        let mut fields = Vec::new();
        if head[3] == HEADERS {
            let decoded = self.decoder.decode(&payload).expect("the server packs its fields as HPACK says");
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("fields of the demo are text");
            fields = decoded.into_iter().map(|field| (text(field.name), text(field.value))).collect();
        }
        Some(Frame { kind: head[3], flags: head[4], stream, payload, fields })
    }

    /// The next frame.
    pub fn next_frame(&mut self) -> Frame {
        self.try_next().expect("the server ended the connection; a frame should come")
    }

    /// The next frame of this type on this stream; others are passed over.
    pub fn until(&mut self, kind: u8, stream: u32) -> Frame {
        self.find(|frame| frame.kind == kind && frame.stream == stream)
    }

    /// The next frame that is so; others are passed over.
    pub fn find(&mut self, is_it: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next_frame();
            if is_it(&frame) {
                return frame;
            }
        }
    }

    /// The answer on a stream: its HEADERS, not those of an interim answer, and its body to the end.
    pub fn answer(&mut self, stream: u32) -> (Frame, Vec<u8>) {
        let is_final = |frame: &Frame| frame.field(":status").is_some_and(|status| !status.starts_with('1'));
        let head = self.find(|frame| frame.kind == HEADERS && frame.stream == stream && is_final(frame));
        let (mut body, mut ended) = (Vec::new(), head.flags & END_STREAM != 0);
        while !ended {
            let part = self.until(DATA, stream);
            ended = part.flags & END_STREAM != 0;
            body.extend(part.payload);
        }
        (head, body)
    }

    /// The text of a stream that does not end, until these words are in it.
    pub fn hears(&mut self, stream: u32, words: &str) -> String {
        let mut text = String::new();
        while !text.contains(words) {
            text += &String::from_utf8_lossy(&self.until(DATA, stream).payload);
        }
        text
    }

    /// Waits until all that was sent so far was looked at: for the answer to a ping.
    pub fn settle(&mut self) {
        self.frame(PING, 0, 0, b"settled?");
        self.find(|frame| frame.kind == PING && frame.payload == b"settled?");
    }

    /// Says something in the room.
    pub fn say(&mut self, stream: u32, text: &str) -> Message {
        self.ask(stream, "POST", "/say", &[], 0);
        self.frame(DATA, END_STREAM, stream, text);
        let (head, body) = self.answer(stream);
        let body = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(head.field(":status"), Some("201"), "the room takes the message: {body}");
        Message::read(&body)
    }
}

impl Server {
    /// Whether this is a demo whose raw clients speak HTTP/2.
    pub fn speaks_http2(&self) -> bool {
        self.name().starts_with("http2")
    }

    /// Where its plain HTTP/2 is, when it has a port for that.
    pub fn h2c(&self) -> String {
        self.prints("h2c: 127.0.0.1:").trim().trim_start_matches("h2c: ").to_string()
    }

    /// A connection of HTTP/2, on which the preface was sent and nothing else.
    pub fn http2(&self) -> Http2 {
        let mut client = self.silent_http2();
        client.send([PREFACE, &frame(SETTINGS, 0, 0, [])].concat());
        client
    }

    /// A connection to the port for HTTP/2, on which nothing was sent.
    pub fn silent_http2(&self) -> Http2 {
        let host = self.h2c();
        Http2::new(Wire::connect(&host), &host)
    }
}
