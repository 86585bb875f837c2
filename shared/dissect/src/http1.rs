//! HTTP/1.1 (RFC 9112): one unit for each head, chunk, and body or piece of a body.
//!
//! [`Framing`] says where each part ends; here the parts are put together to units and named.

use super::content::{self, Content};
use super::draft::{Draft, PIECE, bytes_of, text};
use super::framing::{BodyEnd, Framing, Head, Malformed, Part, Role, body_end};
use super::{Asked, Dir, MAX_ASKED, Protocol, Talk, Turn, Unit, head, plain};

/// One direction of an HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct Http1 {
    role: Role,
    framing: Framing,
    draft: Draft,
    /// What the draft is going to be.
    stage: Stage,
    /// Decodes the body; there is one behind every head that announces a body.
    content: Option<Box<dyn Content>>,
    /// How many pieces of the body have been told.
    pieces: u64,
    /// Why what follows is not told as HTTP: `Stage::Search` shows it.
    why: String,
    /// `Stage::Search` only: the line that is not whole yet.
    line: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
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

impl Http1 {
    pub fn new(dir: Dir) -> Self {
        let role = match dir {
            Dir::Up => Role::Request,
            Dir::Down => Role::Response,
        };
        Http1 {
            role,
            framing: Framing::new(role),
            draft: Draft::new(dir, 0),
            stage: Stage::Head,
            content: None,
            pieces: 0,
            why: String::new(),
            line: Vec::new(),
        }
    }

    /// A head is whole.
    fn head(&mut self, head: &Head, headless: bool, talk: &mut Talk, out: &mut Vec<Unit>) {
        let kind = match (self.role, head.status()) {
            (Role::Request, _) => "request",
            (Role::Response, 100 | 102..=199) => "interim",
            (Role::Response, _) => "response",
        };
        head::name_fields(&mut self.draft, self.role);
        out.push(self.draft.finish(kind, head::meaning(head, self.role, headless), true));
        self.pieces = 0;
        self.content = Some(content::choose(head));
        self.stage = match body_end(head, self.role, headless) {
            Ok(BodyEnd::Chunked) => Stage::ChunkSize,
            Ok(BodyEnd::Length(0)) | Err(_) => Stage::Head,
            Ok(_) => Stage::Body,
        };
        match self.role {
            Role::Request => {
                let upgrade = head::asks_to_upgrade(head);
                let asked = Asked { head: head.method() == "HEAD", connect: head.method() == "CONNECT", upgrade };
                if talk.asked.len() < MAX_ASKED {
                    talk.asked.push_back(asked);
                    talk.undecided = self.stage == Stage::Head && (upgrade || asked.connect);
                }
            }
            Role::Response if kind == "interim" => {}
            Role::Response => {
                let asked = talk.asked.pop_front().unwrap_or_default();
                let tunnel = asked.connect && (200..300).contains(&head.status());
                if asked.upgrade || asked.connect {
                    talk.undecided = false;
                }
                if head.status() == 101 || tunnel {
                    let word = |name| head.field(name).unwrap_or("").trim().to_ascii_lowercase();
                    let protocol = if tunnel { String::new() } else { word("upgrade") };
                    talk.turn = Some(Turn { protocol, extensions: word("sec-websocket-extensions") });
                }
            }
        }
    }

    /// Content of a body that is not chunked: a unit ends with the body, where the decoder says so, or at [`PIECE`].
    fn body(&mut self, mut bytes: &[u8], last: bool, out: &mut Vec<Unit>) {
        let Some(content) = &mut self.content else { return };
        while !bytes.is_empty() {
            let room = usize::try_from(PIECE - self.draft.len()).unwrap_or(usize::MAX);
            let (taken, ends) = content.take(&bytes[..bytes.len().min(room)], &mut self.draft);
            bytes = &bytes[taken..];
            if ends || self.draft.len() >= PIECE || (last && bytes.is_empty()) {
                let whole = last && bytes.is_empty();
                let meaning = body_meaning(content.as_ref(), &mut self.draft, self.pieces, whole);
                out.push(self.draft.finish(content.kind(), meaning, true));
                content.next_unit();
                self.pieces += 1;
            }
        }
        if last {
            self.stage = Stage::Head;
        }
    }

    fn chunk_size(&mut self, size: u64) {
        let line = text(self.draft.open(), self.draft.open_len());
        let line = line.trim_end_matches(['\r', '\n']);
        let digits = line.split(';').next().unwrap_or("");
        let end = self.draft.len() - 2;
        let value = format!("{digits} = {}", bytes_of(size));
        let note = match size {
            0 => "No more content: this is the last chunk (RFC 9112, 7.1).",
            _ => "How much content follows, in hexadecimal digits (RFC 9112, 7.1).",
        };
        self.draft.cut_at(digits.len() as u64, "chunk size", value, note);
        let extension = line.get(digits.len()..).unwrap_or("").to_string();
        self.draft.cut_at(end, "chunk extension", extension, "Hardly anybody uses it (RFC 9112, 7.1.1).");
        self.draft.cut("line end", "CR LF".into(), "");
        self.stage = if size == 0 { Stage::LastChunk } else { Stage::Chunk { left: size } };
    }

    fn chunk_data(&mut self, mut bytes: &[u8]) {
        let Stage::Chunk { left } = self.stage else { return };
        let left = left.saturating_sub(bytes.len() as u64);
        let Some(content) = &mut self.content else { return };
        while !bytes.is_empty() {
            let (taken, _) = content.take(bytes, &mut self.draft);
            bytes = &bytes[taken..];
        }
        self.stage = Stage::Chunk { left };
        if left == 0 {
            let meaning = content.finish(&mut self.draft);
            content.next_unit();
            self.stage = Stage::ChunkEnd { meaning };
        }
    }

    /// These bytes are not HTTP. What has been seen of the unit is told with them, and the search begins.
    fn fault(&mut self, bytes: &[u8], fault: &Malformed, out: &mut Vec<Unit>) {
        self.why = format!("fault: {}", fault.why);
        match &self.stage {
            // A head that ended as heads end is told as one, with its fault.
            Stage::Head if !self.framing.in_head() => {
                self.draft.push(bytes);
                head::name_fields(&mut self.draft, self.role);
                let kind = if self.role == Role::Request { "request" } else { "response" };
                let start = head::part_meaning(self.draft.kept(), self.role);
                let start = start.split_once(": ").map_or("", |(_, start)| start);
                out.push(self.draft.finish(kind, format!("{start}, {}", self.why), true));
            }
            Stage::ChunkEnd { meaning } => {
                let meaning = format!("{meaning}, {}", self.why);
                out.push(self.draft.finish("chunk", meaning, false));
                plain::extend(&mut self.draft, bytes, &self.why, out);
            }
            _ => plain::extend(&mut self.draft, bytes, &self.why, out),
        }
        self.search();
    }

    fn search(&mut self) {
        self.framing = Framing::new(self.role);
        self.stage = Stage::Search;
        self.content = None;
        self.line.clear();
    }

    /// Looks for a line that starts a message. Takes bytes up to the next line end, at most.
    fn look(&mut self, bytes: &[u8], talk: &mut Talk, out: &mut Vec<Unit>) -> usize {
        let room = bytes.len().min(MAX_LINE - self.line.len());
        let end = bytes[..room].iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(room);
        self.line.extend_from_slice(&bytes[..taken]);
        if end.is_none() && self.line.len() < MAX_LINE {
            return taken;
        }
        let line = std::mem::take(&mut self.line);
        let start = message_start(&line, self.role).unwrap_or(line.len());
        plain::extend(&mut self.draft, &line[..start], &self.why, out);
        if start < line.len() {
            plain::flush(&mut self.draft, &self.why, true, out);
            self.stage = Stage::Head;
            // One line is no whole head, so nothing can turn or wait here.
            let mut rest = &line[start..];
            while !rest.is_empty() {
                rest = &rest[self.step(rest, talk, out)..];
            }
        }
        taken
    }

    /// One step of the framing.
    fn step(&mut self, bytes: &[u8], talk: &mut Talk, out: &mut Vec<Unit>) -> usize {
        let headless = self.role == Role::Response && talk.asked.front().is_some_and(|asked| asked.head);
        if headless && self.stage == Stage::Head {
            self.framing.answers_head_request();
        }
        let (taken, part) = match self.framing.step(bytes) {
            Ok(step) => step,
            Err(malformed) => {
                let taken = self.framing.reached().clamp(1, bytes.len());
                self.fault(&bytes[..taken], &malformed, out);
                return taken;
            }
        };
        let now = &bytes[..taken];
        match part {
            Part::HeadPart | Part::ChunkSizePart => self.draft.push(now),
            Part::Head(head) => {
                self.draft.push(now);
                self.head(&head, headless, talk, out);
            }
            Part::Body => self.body(now, !self.framing.until_close() && self.framing.between_messages(), out),
            Part::ChunkSize(size) => {
                self.draft.push(now);
                self.chunk_size(size);
            }
            Part::ChunkData => self.chunk_data(now),
            Part::ChunkEnd => {
                self.draft.push(now);
                if let (Stage::ChunkEnd { meaning }, b"\n") = (&self.stage, now) {
                    let meaning = meaning.clone();
                    self.draft.cut("line end", "CR LF".into(), "Ends the chunk; it is not content.");
                    out.push(self.draft.finish("chunk", meaning, true));
                    self.stage = Stage::ChunkSize;
                }
            }
            Part::Trailer => {
                self.draft.push(now);
                if self.framing.between_messages() {
                    let meaning = self.describe_last_chunk();
                    out.push(self.draft.finish("last-chunk", meaning, true));
                    self.stage = Stage::Head;
                }
            }
            Part::Tunnel => plain::extend(&mut self.draft, now, "", out),
        }
        taken
    }

    /// Goes on behind what stood unfinished, which has been told.
    fn drop_draft(&mut self) {
        self.draft.push(&self.line);
        self.line.clear();
        self.draft.finish("", String::new(), false);
    }

    fn describe_last_chunk(&mut self) -> String {
        let kept = self.draft.kept().to_vec();
        head::name_header_lines(&mut self.draft, &kept, "The empty line ends the body (RFC 9112, 7.1.2).");
        match self.role {
            Role::Request => "last chunk: the request is complete".to_string(),
            Role::Response => "last chunk: the answer is complete".to_string(),
        }
    }

    /// What stands unfinished, as a unit; the draft is empty afterwards.
    fn unfinished(&self, draft: &mut Draft) -> Unit {
        match &self.stage {
            Stage::Head => {
                let meaning = head::part_meaning(draft.kept(), self.role);
                head::name_fields(draft, self.role);
                draft.finish(if self.role == Role::Request { "request" } else { "response" }, meaning, false)
            }
            Stage::Body => match &self.content {
                Some(content) => {
                    let meaning = body_meaning(content.as_ref(), draft, self.pieces, false);
                    draft.finish(content.kind(), meaning, false)
                }
                None => plain::run(draft, "", false),
            },
            Stage::ChunkSize => {
                draft.cut("chunk size", draft.open_text(), "This line is not whole yet.");
                draft.finish("chunk", "part of a chunk's size".into(), false)
            }
            Stage::Chunk { left } => {
                let mut meaning = format!("part of a chunk, {} to come", bytes_of(*left));
                if let (Some(content), true) = (&self.content, draft.open_len() > 0) {
                    meaning = format!("{meaning}: {}", content.finish(draft));
                }
                draft.finish("chunk", meaning, false)
            }
            Stage::ChunkEnd { meaning } => {
                draft.cut("line end", "CR".into(), "");
                draft.finish("chunk", meaning.clone(), false)
            }
            Stage::LastChunk => {
                let kept = draft.kept().to_vec();
                head::name_header_lines(draft, &kept, "");
                draft.finish("last-chunk", "last chunk: trailer fields may follow".into(), false)
            }
            Stage::Search => {
                draft.push(&self.line);
                plain::run(draft, &self.why, false)
            }
        }
    }
}

/// What a body or a piece of one means. `last`: it ends with this piece.
fn body_meaning(content: &dyn Content, draft: &mut Draft, pieces: u64, last: bool) -> String {
    let full = draft.len() >= PIECE;
    let meaning = content.finish(draft);
    if content.kind() == "body" && (pieces > 0 || (full && !last)) {
        return format!("piece {} of the body, {meaning}", pieces + 1);
    }
    meaning
}

/// Where in a line (with its line end) a message may start: a status line, or a request line with a method that everybody
/// knows, perhaps behind a body that does not end with a line end.
fn message_start(line: &[u8], role: Role) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n")?;
    let version = |word: &[u8]| word == b"HTTP/1.1" || word == b"HTTP/1.0";
    match role {
        Role::Response => (0..line.len().saturating_sub(11)).rev().find(|&at| {
            let digits = &line[at + 9..at + 12];
            version(&line[at..at + 8]) && line[at + 8] == b' ' && digits.iter().all(u8::is_ascii_digit)
        }),
        Role::Request => {
            let words: Vec<&[u8]> = line.rsplitn(3, |&byte| byte == b' ').collect();
            let [last, target, before] = words[..] else { return None };
            let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
            let method = methods.iter().find(|method| before.ends_with(method.as_bytes()))?;
            (version(last) && !target.is_empty()).then(|| before.len() - method.len())
        }
    }
}

impl Protocol for Http1 {
    fn feed(&mut self, bytes: &[u8], talk: &mut Talk, out: &mut Vec<Unit>) -> usize {
        let mut taken = 0;
        let decided = !talk.undecided;
        while taken < bytes.len() && talk.turn.is_none() {
            taken += match self.stage {
                Stage::Search => self.look(&bytes[taken..], talk, out),
                _ => self.step(&bytes[taken..], talk, out),
            };
            // The bytes behind have to wait for the other side, or the other side's have waited for this.
            if talk.undecided == decided {
                break;
            }
        }
        taken
    }

    fn pending(&self) -> Option<Unit> {
        let empty = self.draft.is_empty() && self.line.is_empty();
        (!empty).then(|| self.unfinished(&mut self.draft.clone()))
    }

    fn pending_from(&self) -> Option<u64> {
        (!(self.draft.is_empty() && self.line.is_empty())).then(|| self.draft.from())
    }

    fn interrupted(&mut self, out: &mut Vec<Unit>) {
        if self.stage == Stage::Search {
            let line = std::mem::take(&mut self.line);
            plain::extend(&mut self.draft, &line, &self.why, out);
            plain::flush(&mut self.draft, &self.why, true, out);
        }
    }

    fn lost(&mut self, bytes: u64, talk: &mut Talk, out: &mut Vec<Unit>) {
        if let Some(mut unit) = self.pending() {
            unit.meaning.push_str(", the rest was not seen");
            out.push(unit);
        }
        self.drop_draft();
        self.draft.pass_over(bytes);
        if self.stage != Stage::Search && self.framing.skip(bytes) {
            if let Some(content) = &mut self.content {
                content.next_unit();
                content.lost();
            }
            self.pieces += 1;
            match &mut self.stage {
                Stage::Chunk { left } if *left > bytes => *left -= bytes,
                Stage::Chunk { .. } => self.stage = Stage::ChunkEnd { meaning: "the end of a chunk".into() },
                Stage::Body if self.framing.between_messages() => self.stage = Stage::Head,
                _ => {}
            }
        } else {
            self.why = "bytes before this were not seen".into();
            self.search();
            *talk = Talk::default();
        }
    }

    fn end(&mut self, out: &mut Vec<Unit>) {
        let Some(mut unit) = self.pending() else { return };
        if self.framing.until_close() || self.stage == Stage::Search {
            unit.whole = true;
        } else {
            unit.meaning.push_str(", cut short: the connection ended here");
        }
        out.push(unit);
        self.drop_draft();
    }
}
