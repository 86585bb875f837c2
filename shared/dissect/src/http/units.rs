//! HTTP/1.1 (RFC 9112): one unit for each head, chunk, and body or piece of a body.
//!
//! [`MessageFramer`] says where each part ends; here the parts are put together to units and named.

use super::fields;
use super::{BodyEnd, Malformed, MessageFramer, MessageHead, MessageKind, MessagePart, body_end};
use crate::body::{self, BodyDecoder};
use crate::show::{bytes_of, text};
use crate::text::opaque;
use crate::unit::{PIECE, UnitBuilder};
use crate::{Dir, MAX_OPEN_REQUESTS, Negotiation, OpenRequest, ProtocolSwitch, StreamDecoder, Unit};

/// One direction of an HTTP/1.1 connection.
#[derive(Debug)]
pub(crate) struct HttpUnits {
    kind: MessageKind,
    framer: MessageFramer,
    builder: UnitBuilder,
    /// What the builder is going to be.
    stage: HttpStage,
    /// Decodes the body; there is one behind every head that announces a body.
    content: Option<Box<dyn BodyDecoder>>,
    /// How many pieces of the body have been told.
    pieces: u64,
    /// Why what follows is not told as HTTP: `HttpStage::Search` shows it.
    why: String,
    /// `HttpStage::Search` only: the line that is not whole yet.
    line: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HttpStage {
    Head,
    /// Content of a body that is not chunked.
    Body,
    /// A chunk's size line.
    ChunkSize,
    /// A chunk's content: so many bytes are still to come.
    Chunk {
        left: u64,
    },
    /// The line end behind a chunk's content, which means this.
    ChunkEnd {
        meaning: String,
    },
    /// The size line 0 has been; trailer fields may come.
    LastChunk,
    /// The place is not known: looking for a line that starts a message.
    Search,
}

/// The longest line in which the search looks for the start of a message, in bytes.
const MAX_LINE: usize = 4096;

impl HttpUnits {
    pub fn new(dir: Dir) -> Self {
        let kind = match dir {
            Dir::Up => MessageKind::Request,
            Dir::Down => MessageKind::Response,
        };
        HttpUnits {
            kind,
            framer: MessageFramer::new(kind),
            builder: UnitBuilder::new(dir, 0),
            stage: HttpStage::Head,
            content: None,
            pieces: 0,
            why: String::new(),
            line: Vec::new(),
        }
    }

    /// A head is whole.
    fn head(&mut self, head: &MessageHead, headless: bool, negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        let kind = match (self.kind, head.status()) {
            (MessageKind::Request, _) => "request",
            (MessageKind::Response, 100 | 102..=199) => "interim",
            (MessageKind::Response, _) => "response",
        };
        fields::name_fields(&mut self.builder, self.kind);
        out.push(self.builder.finish(kind, fields::meaning(head, self.kind, headless), true));
        self.pieces = 0;
        self.content = Some(body::choose(head));
        self.stage = match body_end(head, self.kind, headless) {
            Ok(BodyEnd::Chunked) => HttpStage::ChunkSize,
            Ok(BodyEnd::Length(0)) | Err(_) => HttpStage::Head,
            Ok(_) => HttpStage::Body,
        };
        match self.kind {
            MessageKind::Request => {
                let upgrade = fields::asks_to_upgrade(head);
                let request =
                    OpenRequest { head: head.method() == "HEAD", connect: head.method() == "CONNECT", upgrade };
                if negotiation.open.len() < MAX_OPEN_REQUESTS {
                    negotiation.open.push_back(request);
                    negotiation.undecided = self.stage == HttpStage::Head && (upgrade || request.connect);
                }
            }
            MessageKind::Response if kind == "interim" => {}
            MessageKind::Response => {
                let request = negotiation.open.pop_front().unwrap_or_default();
                let tunnel = request.connect && (200..300).contains(&head.status());
                if request.upgrade || request.connect {
                    negotiation.undecided = false;
                }
                if head.status() == 101 || tunnel {
                    let word = |name| head.field(name).unwrap_or("").trim().to_ascii_lowercase();
                    let protocol = if tunnel { String::new() } else { word("upgrade") };
                    negotiation.switch =
                        Some(ProtocolSwitch { protocol, extensions: word("sec-websocket-extensions") });
                }
            }
        }
    }

    /// Content of a body that is not chunked: a unit ends with the body, where the decoder says so, or at [`PIECE`].
    fn body(&mut self, mut bytes: &[u8], last: bool, out: &mut Vec<Unit>) {
        let Some(content) = &mut self.content else { return };
        while !bytes.is_empty() {
            let room = usize::try_from(PIECE - self.builder.len()).unwrap_or(usize::MAX);
            let (taken, ends) = content.take(&bytes[..bytes.len().min(room)], &mut self.builder);
            bytes = &bytes[taken..];
            if ends || self.builder.len() >= PIECE || (last && bytes.is_empty()) {
                let whole = last && bytes.is_empty();
                let meaning = body_meaning(content.as_ref(), &mut self.builder, self.pieces, whole);
                out.push(self.builder.finish(content.kind(), meaning, true));
                content.next_unit();
                self.pieces += 1;
            }
        }
        if last {
            self.stage = HttpStage::Head;
        }
    }

    fn chunk_size(&mut self, size: u64) {
        let line = text(self.builder.open(), self.builder.open_len());
        let line = line.trim_end_matches(['\r', '\n']);
        let digits = line.split(';').next().unwrap_or("");
        let end = self.builder.len() - 2;
        let value = format!("{digits} = {}", bytes_of(size));
        let note = match size {
            0 => "No more content: this is the last chunk (RFC 9112, 7.1).",
            _ => "How much content follows, in hexadecimal digits (RFC 9112, 7.1).",
        };
        self.builder.cut_at(digits.len() as u64, "chunk size", value, note);
        let extension = line.get(digits.len()..).unwrap_or("").to_string();
        self.builder.cut_at(end, "chunk extension", extension, "Hardly anybody uses it (RFC 9112, 7.1.1).");
        self.builder.cut("line end", "CR LF".into(), "");
        self.stage = if size == 0 { HttpStage::LastChunk } else { HttpStage::Chunk { left: size } };
    }

    fn chunk_data(&mut self, mut bytes: &[u8]) {
        let HttpStage::Chunk { left } = self.stage else { return };
        let left = left.saturating_sub(bytes.len() as u64);
        let Some(content) = &mut self.content else { return };
        while !bytes.is_empty() {
            let (taken, _) = content.take(bytes, &mut self.builder);
            bytes = &bytes[taken..];
        }
        self.stage = HttpStage::Chunk { left };
        if left == 0 {
            let meaning = content.finish(&mut self.builder);
            content.next_unit();
            self.stage = HttpStage::ChunkEnd { meaning };
        }
    }

    /// These bytes are not HTTP. What has been seen of the unit is told with them, and the search begins.
    fn fault(&mut self, bytes: &[u8], fault: &Malformed, out: &mut Vec<Unit>) {
        self.why = format!("fault: {}", fault.why);
        match &self.stage {
            // A head that ended as heads end is told as one, with its fault.
            HttpStage::Head if !self.framer.in_head() => {
                self.builder.push(bytes);
                fields::name_fields(&mut self.builder, self.kind);
                let kind = if self.kind == MessageKind::Request { "request" } else { "response" };
                let start = fields::part_meaning(self.builder.kept(), self.kind);
                let start = start.split_once(": ").map_or("", |(_, start)| start);
                out.push(self.builder.finish(kind, format!("{start}, {}", self.why), true));
            }
            HttpStage::ChunkEnd { meaning } => {
                let meaning = format!("{meaning}, {}", self.why);
                out.push(self.builder.finish("chunk", meaning, false));
                opaque::extend(&mut self.builder, bytes, &self.why, out);
            }
            _ => opaque::extend(&mut self.builder, bytes, &self.why, out),
        }
        self.search();
    }

    fn search(&mut self) {
        self.framer = MessageFramer::new(self.kind);
        self.stage = HttpStage::Search;
        self.content = None;
        self.line.clear();
    }

    /// Looks for a line that starts a message. Takes bytes up to the next line end, at most.
    fn look(&mut self, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        let room = bytes.len().min(MAX_LINE - self.line.len());
        let end = bytes[..room].iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(room);
        self.line.extend_from_slice(&bytes[..taken]);
        if end.is_none() && self.line.len() < MAX_LINE {
            return taken;
        }
        let line = std::mem::take(&mut self.line);
        let start = message_start(&line, self.kind).unwrap_or(line.len());
        opaque::extend(&mut self.builder, &line[..start], &self.why, out);
        if start < line.len() {
            opaque::flush(&mut self.builder, &self.why, out);
            self.stage = HttpStage::Head;
            // One line is no whole head, so nothing can turn or wait here.
            let mut rest = &line[start..];
            while !rest.is_empty() {
                rest = &rest[self.step(rest, negotiation, out)..];
            }
        }
        taken
    }

    /// One step of the framing.
    fn step(&mut self, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        let headless =
            self.kind == MessageKind::Response && negotiation.open.front().is_some_and(|request| request.head);
        if headless && self.stage == HttpStage::Head {
            self.framer.answers_head_request();
        }
        let (taken, part) = match self.framer.step(bytes) {
            Ok(step) => step,
            Err(malformed) => {
                let taken = self.framer.reached().clamp(1, bytes.len());
                self.fault(&bytes[..taken], &malformed, out);
                return taken;
            }
        };
        let now = &bytes[..taken];
        match part {
            MessagePart::HeadPart | MessagePart::ChunkSizePart => self.builder.push(now),
            MessagePart::Head(head) => {
                self.builder.push(now);
                self.head(&head, headless, negotiation, out);
            }
            MessagePart::Body => self.body(now, !self.framer.until_close() && self.framer.between_messages(), out),
            MessagePart::ChunkSize(size) => {
                self.builder.push(now);
                self.chunk_size(size);
            }
            MessagePart::ChunkData => self.chunk_data(now),
            MessagePart::ChunkEnd => {
                self.builder.push(now);
                if let (HttpStage::ChunkEnd { meaning }, b"\n") = (&self.stage, now) {
                    let meaning = meaning.clone();
                    self.builder.cut("line end", "CR LF".into(), "Ends the chunk; it is not content.");
                    out.push(self.builder.finish("chunk", meaning, true));
                    self.stage = HttpStage::ChunkSize;
                }
            }
            MessagePart::TrailerPart | MessagePart::TrailerField(..) => self.builder.push(now),
            MessagePart::TrailerEnd => {
                self.builder.push(now);
                let meaning = self.describe_last_chunk();
                out.push(self.builder.finish("last-chunk", meaning, true));
                self.stage = HttpStage::Head;
            }
            MessagePart::Tunnel => opaque::extend(&mut self.builder, now, "", out),
        }
        taken
    }

    fn describe_last_chunk(&mut self) -> String {
        let kept = self.builder.kept().to_vec();
        fields::name_header_lines(&mut self.builder, &kept, "The empty line ends the body (RFC 9112, 7.1.2).");
        match self.kind {
            MessageKind::Request => "last chunk: the request is complete".to_string(),
            MessageKind::Response => "last chunk: the answer is complete".to_string(),
        }
    }
}

/// What a body or a piece of one means. `last`: it ends with this piece.
fn body_meaning(content: &dyn BodyDecoder, builder: &mut UnitBuilder, pieces: u64, last: bool) -> String {
    let full = builder.len() >= PIECE;
    let meaning = content.finish(builder);
    if content.kind() == "body" && (pieces > 0 || (full && !last)) {
        return format!("piece {} of the body, {meaning}", pieces + 1);
    }
    meaning
}

/// Where in a line (with its line end) a message may start: a status line, or a request line with a method that everybody
/// knows, perhaps behind a body that does not end with a line end.
fn message_start(line: &[u8], kind: MessageKind) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n")?;
    let version = |word: &[u8]| word == b"HTTP/1.1" || word == b"HTTP/1.0";
    match kind {
        MessageKind::Response => (0..line.len().saturating_sub(11)).rev().find(|&at| {
            let digits = &line[at + 9..at + 12];
            version(&line[at..at + 8]) && line[at + 8] == b' ' && digits.iter().all(u8::is_ascii_digit)
        }),
        MessageKind::Request => {
            let words: Vec<&[u8]> = line.rsplitn(3, |&byte| byte == b' ').collect();
            let [last, target, before] = words[..] else { return None };
            let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
            let method = methods.iter().find(|method| before.ends_with(method.as_bytes()))?;
            (version(last) && !target.is_empty()).then(|| before.len() - method.len())
        }
    }
}

impl StreamDecoder for HttpUnits {
    fn feed(&mut self, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        let mut taken = 0;
        let decided = !negotiation.undecided;
        while taken < bytes.len() && negotiation.switch.is_none() {
            taken += match self.stage {
                HttpStage::Search => self.look(&bytes[taken..], negotiation, out),
                _ => self.step(&bytes[taken..], negotiation, out),
            };
            // The bytes behind have to wait for the other side, or the other side's have waited for this.
            if negotiation.undecided == decided {
                break;
            }
        }
        taken
    }

    fn builder(&mut self) -> &mut UnitBuilder {
        &mut self.builder
    }

    fn unfinished(&self) -> (&UnitBuilder, &[u8]) {
        (&self.builder, &self.line)
    }

    fn describe(&self, builder: &mut UnitBuilder) -> Unit {
        match &self.stage {
            HttpStage::Head => {
                let meaning = fields::part_meaning(builder.kept(), self.kind);
                fields::name_fields(builder, self.kind);
                builder.finish(if self.kind == MessageKind::Request { "request" } else { "response" }, meaning, false)
            }
            HttpStage::Body => match &self.content {
                Some(content) => {
                    let meaning = body_meaning(content.as_ref(), builder, self.pieces, false);
                    builder.finish(content.kind(), meaning, false)
                }
                None => opaque::run(builder, "", false),
            },
            HttpStage::ChunkSize => {
                builder.cut("chunk size", builder.open_text(), "This line is not whole yet.");
                builder.finish("chunk", "part of a chunk's size".into(), false)
            }
            HttpStage::Chunk { left } => {
                let mut meaning = format!("part of a chunk, {} to come", bytes_of(*left));
                if let (Some(content), true) = (&self.content, builder.open_len() > 0) {
                    meaning = format!("{meaning}: {}", content.finish(builder));
                }
                builder.finish("chunk", meaning, false)
            }
            HttpStage::ChunkEnd { meaning } => {
                builder.cut("line end", "CR".into(), "");
                builder.finish("chunk", meaning.clone(), false)
            }
            HttpStage::LastChunk => {
                let kept = builder.kept().to_vec();
                fields::name_header_lines(builder, &kept, "");
                builder.finish("last-chunk", "last chunk: trailer fields may follow".into(), false)
            }
            HttpStage::Search => opaque::run(builder, &self.why, false),
        }
    }

    fn interrupted(&mut self, out: &mut Vec<Unit>) {
        if self.stage == HttpStage::Search {
            let line = std::mem::take(&mut self.line);
            opaque::extend(&mut self.builder, &line, &self.why, out);
            opaque::flush(&mut self.builder, &self.why, out);
        }
    }

    fn lost(&mut self, bytes: u64, negotiation: &mut Negotiation, out: &mut Vec<Unit>) {
        if let Some(mut unit) = self.pending() {
            unit.meaning.push_str(", the rest was not seen");
            out.push(unit);
        }
        self.start_anew();
        self.line.clear();
        self.builder.pass_over(bytes);
        if self.stage != HttpStage::Search && self.framer.skip(bytes) {
            if let Some(content) = &mut self.content {
                content.next_unit();
                content.lost();
            }
            self.pieces += 1;
            match &mut self.stage {
                HttpStage::Chunk { left } if *left > bytes => *left -= bytes,
                HttpStage::Chunk { .. } => self.stage = HttpStage::ChunkEnd { meaning: "the end of a chunk".into() },
                HttpStage::Body if self.framer.between_messages() => self.stage = HttpStage::Head,
                _ => {}
            }
        } else {
            self.why = "bytes before this were not seen".into();
            self.search();
            *negotiation = Negotiation::default();
        }
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        let Some(mut unit) = self.pending() else { return };
        if self.framer.until_close() || self.stage == HttpStage::Search {
            unit.whole = true;
        } else {
            unit.meaning.push_str(", cut short: the connection ended here");
        }
        out.push(unit);
        self.start_anew();
        self.line.clear();
    }
}
