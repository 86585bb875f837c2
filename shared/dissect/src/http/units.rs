//! HTTP/1.1 (RFC 9112): one unit for each head, chunk, and body or piece of a body.
//!
//! [`MessageFramer`] says where each part ends; here the parts are put together to units and named.

use super::fields;
use super::framing::FramerState;
use super::{Malformed, MessageFramer, MessageHead, MessageKind, MessagePart};
use crate::body::{self, BodyDecoder};
use crate::engine_io;
use crate::show::{bytes_of, text};
use crate::text::opaque;
use crate::unit::{PIECE, UnitBuilder, at_most};
use crate::{Dir, MAX_OPEN_REQUESTS, Negotiation, OpenRequest, ProtocolSwitch, StreamDecoder, Unit};

/// One direction of an HTTP/1.1 connection.
#[derive(Debug)]
pub(crate) struct HttpUnits {
    kind: MessageKind,
    framer: MessageFramer,
    builder: UnitBuilder,
    /// Decodes the body; there is one behind every head that announces a body.
    content: Option<Box<dyn BodyDecoder>>,
    /// How many pieces of the body have become units.
    pieces: u64,
    /// What the chunk means whose content is whole.
    chunk: String,
    /// Why the place is not known: the bytes up to the next line that starts a message are shown with this.
    search: Option<String>,
    /// That line, as far as it is there.
    line: Vec<u8>,
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
            content: None,
            pieces: 0,
            chunk: String::new(),
            search: None,
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
        let asked = match self.kind {
            MessageKind::Request => engine_io::asked_by(head),
            MessageKind::Response => negotiation.open.front().and_then(|request| request.engine_io),
        };
        let text = head.field("content-type").is_none_or(|kind| kind.starts_with("text/plain"));
        self.content = Some(match asked.filter(|_| text) {
            Some(carries) => Box::new(engine_io::Payload::new(carries)),
            None => body::choose(head),
        });
        match self.kind {
            MessageKind::Request => {
                let upgrade = fields::asks_to_upgrade(head);
                let method = head.method();
                let request =
                    OpenRequest { head: method == "HEAD", connect: method == "CONNECT", upgrade, engine_io: asked };
                if negotiation.open.len() < MAX_OPEN_REQUESTS {
                    negotiation.open.push_back(request);
                    negotiation.undecided = self.framer.between_messages() && (upgrade || request.connect);
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
                    let extensions = word("sec-websocket-extensions");
                    negotiation.switch = Some(ProtocolSwitch { protocol, extensions, engine_io: request.engine_io });
                }
            }
        }
    }

    /// Content of a body that is not chunked: a unit ends with the body, where the decoder says so, or at [`PIECE`].
    fn body(&mut self, mut bytes: &[u8], last: bool, out: &mut Vec<Unit>) {
        let Some(content) = &mut self.content else { return };
        while !bytes.is_empty() {
            let room = at_most(bytes, PIECE - self.builder.len());
            let (taken, ends) = content.take(&bytes[..room], &mut self.builder);
            bytes = &bytes[taken..];
            if ends || self.builder.len() >= PIECE || (last && bytes.is_empty()) {
                let whole = last && bytes.is_empty();
                let meaning = body_meaning(content.as_ref(), &mut self.builder, self.pieces, whole);
                out.push(self.builder.finish(content.kind(), meaning, true));
                content.next_unit();
                self.pieces += 1;
            }
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
        self.builder.cut_at(
            end,
            "chunk extension",
            extension,
            "Extra information about this chunk; rarely used (RFC 9112, 7.1.1).",
        );
        self.builder.cut("line end", "CR LF".into(), "");
    }

    fn chunk_data(&mut self, mut bytes: &[u8]) {
        let Some(content) = &mut self.content else { return };
        while !bytes.is_empty() {
            let (taken, _) = content.take(bytes, &mut self.builder);
            bytes = &bytes[taken..];
        }
        if self.framer.state == FramerState::ChunkEnd(0) {
            self.chunk = content.finish(&mut self.builder);
            content.next_unit();
        }
    }

    /// These bytes are not HTTP. What has been seen of the unit is shown with them, and the search begins.
    fn fault(&mut self, bytes: &[u8], fault: &Malformed, out: &mut Vec<Unit>) {
        let why = format!("fault: {}", fault.why);
        match self.framer.state {
            // A head that ended as heads end is shown as one, with its fault.
            FramerState::Head if !self.framer.in_head() => {
                self.builder.push(bytes);
                fields::name_fields(&mut self.builder, self.kind);
                let start = fields::part_meaning(self.builder.kept(), self.kind);
                let start = start.split_once(": ").map_or("", |(_, start)| start);
                out.push(self.builder.finish(self.kind.as_str(), format!("{start}, {why}"), true));
            }
            FramerState::ChunkEnd(_) => {
                out.push(self.builder.finish("chunk", format!("{}, {why}", self.chunk), false));
                opaque::extend(&mut self.builder, bytes, &why, out);
            }
            _ => opaque::extend(&mut self.builder, bytes, &why, out),
        }
        self.search(why);
    }

    fn search(&mut self, why: String) {
        self.framer = MessageFramer::new(self.kind);
        self.search = Some(why);
        self.content = None;
        self.line.clear();
    }

    /// Looks for a line that starts a message. Takes bytes up to the next line end, at most.
    fn look(&mut self, why: &str, bytes: &[u8], negotiation: &mut Negotiation, out: &mut Vec<Unit>) -> usize {
        let room = bytes.len().min(MAX_LINE - self.line.len());
        let end = bytes[..room].iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(room);
        self.line.extend_from_slice(&bytes[..taken]);
        if end.is_none() && self.line.len() < MAX_LINE {
            return taken;
        }
        let line = std::mem::take(&mut self.line);
        let start = message_start(&line, self.kind).unwrap_or(line.len());
        opaque::extend(&mut self.builder, &line[..start], why, out);
        if start < line.len() {
            opaque::flush(&mut self.builder, why, out);
            self.search = None;
            // One line is no whole head, so nothing can switch or wait here.
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
        if headless && self.framer.state == FramerState::Head {
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
        if !matches!(part, MessagePart::Body | MessagePart::ChunkData | MessagePart::Tunnel) {
            self.builder.push(now);
        }
        match part {
            MessagePart::HeadPart
            | MessagePart::ChunkSizePart
            | MessagePart::TrailerPart
            | MessagePart::TrailerField(..) => {}
            MessagePart::Head(head) => self.head(&head, headless, negotiation, out),
            MessagePart::Body => self.body(now, !self.framer.until_close() && self.framer.between_messages(), out),
            MessagePart::ChunkSize(size) => self.chunk_size(size),
            MessagePart::ChunkData => self.chunk_data(now),
            MessagePart::ChunkEnd => {
                if now == b"\n" {
                    self.builder.cut("line end", "CR LF".into(), "Ends the chunk; it is not content.");
                    out.push(self.builder.finish("chunk", std::mem::take(&mut self.chunk), true));
                }
            }
            MessagePart::TrailerEnd => {
                fields::name_header_lines(&mut self.builder, "The empty line ends the body (RFC 9112, 7.1.2).");
                let what = if self.kind == MessageKind::Request { "request" } else { "answer" };
                out.push(self.builder.finish("last-chunk", format!("last chunk: the {what} is complete"), true));
            }
            MessagePart::Tunnel => opaque::extend(&mut self.builder, now, "", out),
        }
        taken
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

/// Where in a line (with its line end) a message may start: a status line, or a request line with a method that is well
/// known, perhaps behind a body that does not end with a line end.
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
            taken += match self.search.clone() {
                Some(why) => self.look(&why, &bytes[taken..], negotiation, out),
                None => self.step(&bytes[taken..], negotiation, out),
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
        if let Some(why) = &self.search {
            return opaque::run(builder, why, false);
        }
        match (self.framer.state, &self.content) {
            (FramerState::Head, _) => {
                let meaning = fields::part_meaning(builder.kept(), self.kind);
                fields::name_fields(builder, self.kind);
                builder.finish(self.kind.as_str(), meaning, false)
            }
            (FramerState::Length(_) | FramerState::UntilClose, Some(content)) => {
                let meaning = body_meaning(content.as_ref(), builder, self.pieces, false);
                builder.finish(content.kind(), meaning, false)
            }
            (FramerState::ChunkSize, _) => {
                builder.cut("chunk size", builder.open_text(), "This line is not whole yet.");
                builder.finish("chunk", "part of a chunk's size".into(), false)
            }
            (FramerState::ChunkData(left), Some(content)) => {
                let mut meaning = format!("part of a chunk, {} to come", bytes_of(left));
                if builder.open_len() > 0 {
                    meaning = format!("{meaning}: {}", content.finish(builder));
                }
                builder.finish("chunk", meaning, false)
            }
            (FramerState::ChunkEnd(_), _) => {
                builder.cut("line end", "CR".into(), "");
                builder.finish("chunk", self.chunk.clone(), false)
            }
            (FramerState::Trailer, _) => {
                fields::name_header_lines(builder, "");
                builder.finish("last-chunk", "last chunk: trailer fields may follow".into(), false)
            }
            _ => opaque::run(builder, "", false),
        }
    }

    fn interrupted(&mut self, out: &mut Vec<Unit>) {
        if let Some(why) = &self.search {
            let line = std::mem::take(&mut self.line);
            opaque::extend(&mut self.builder, &line, why, out);
            opaque::flush(&mut self.builder, why, out);
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
        if self.search.is_none() && self.framer.skip(bytes) {
            if let Some(content) = &mut self.content {
                content.next_unit();
                content.lost();
            }
            self.pieces += 1;
            self.chunk = "the end of a chunk".into();
        } else {
            self.search("bytes before this were not seen".into());
            *negotiation = Negotiation::default();
        }
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        let Some(mut unit) = self.pending() else { return };
        if self.framer.until_close() || self.search.is_some() {
            unit.whole = true;
        } else {
            unit.meaning.push_str(", cut short: the connection ended here");
        }
        out.push(unit);
        self.start_anew();
        self.line.clear();
    }
}
