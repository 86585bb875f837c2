//! Where an HTTP/1.1 message starts and ends (RFC 9112, sections 6 and 7), found while the bytes go by.
//!
//! The front door needs it to hold its limits, the `hold` cable to know when an answer is complete, the wire view to
//! cut a stream into rows. None of the three needs to keep a body, so [`MessageFramer`] keeps nothing but the line or
//! the head that is not whole yet.

use crate::unit::at_most;

use super::head::{Malformed, MessageHead, MessageKind, is_token_byte, malformed, parse_field, parse_head};

/// The longest head: start line, header fields and the empty line, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;

/// The longest line inside a chunked body: a chunk size with its extensions, or a trailer field, in bytes.
const MAX_CHUNK_LINE: usize = 1024;

/// What the bytes just taken were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// Some of a head; more has to come.
    HeadPart,
    /// The rest of a head: here it is, whole.
    Head(MessageHead),
    /// Content of a body with `Content-Length`, or of one that lasts until the connection closes.
    Body,
    /// Some of the line that gives a chunk's size.
    ChunkSizePart,
    /// The rest of the line that gives a chunk's size: this many bytes follow. 0 announces the end.
    ChunkSize(u64),
    /// Content of a chunk.
    ChunkData,
    /// Some of the line end behind a chunk's content.
    ChunkEnd,
    /// Some of a line behind the last chunk.
    TrailerPart,
    /// The rest of a trailer field's line: name and value.
    TrailerField(String, String),
    /// The rest of the empty line behind the last chunk and its trailer fields: the message is complete.
    TrailerEnd,
    /// What follows a `101`: another protocol's bytes.
    Tunnel,
}

/// How the body of a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// After this many bytes; 0 means that there is no body.
    Length(u64),
    /// With a chunk of size 0.
    Chunked,
    /// When the connection closes.
    Close,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FramerState {
    Head,
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    /// This many of the two bytes have come.
    ChunkEnd(u8),
    Trailer,
    Tunnel,
}

/// Follows one direction of one connection.
#[derive(Clone, Debug)]
pub struct MessageFramer {
    kind: MessageKind,
    pub(super) state: FramerState,
    /// The bytes of the head, chunk-size line or trailer line that is not whole yet.
    line: Vec<u8>,
    /// An empty line has been passed over in front of this request.
    blank: bool,
    /// The trailer section so far, in bytes.
    trailer: usize,
    /// Responses only: the next response answers a HEAD request, so it has no body whatever its head says.
    headless: bool,
    /// How many messages have ended.
    done: u64,
    /// How far the last step looked into its bytes.
    reached: usize,
}

impl MessageFramer {
    /// At the start of a connection.
    pub fn new(kind: MessageKind) -> Self {
        let state = FramerState::Head;
        MessageFramer { kind, state, line: Vec::new(), blank: false, trailer: 0, headless: false, done: 0, reached: 0 }
    }

    /// Says that the next response is the answer to a HEAD request.
    pub fn answers_head_request(&mut self) {
        self.headless = true;
    }

    /// After a step that ended in [`Malformed`]: how many of its bytes it had read, the offending one included. The same
    /// stream is found malformed at the same byte however it is split.
    pub fn reached(&self) -> usize {
        self.reached
    }

    /// Passes over bytes that were not seen, and says whether the place in the stream is still known: it is when
    /// all of them lie in a body or chunk whose length is known.
    pub fn skip(&mut self, bytes: u64) -> bool {
        match self.state {
            FramerState::Length(left) | FramerState::ChunkData(left) if bytes <= left => self.content(left, bytes),
            FramerState::UntilClose | FramerState::Tunnel => {}
            _ => return false,
        }
        true
    }

    /// Whether the stream stands between two messages, with not one byte of the next.
    pub fn between_messages(&self) -> bool {
        self.state == FramerState::Head && self.line.is_empty()
    }

    /// Whether a head has begun and is not whole.
    pub fn in_head(&self) -> bool {
        self.state == FramerState::Head && !self.line.is_empty()
    }

    /// Whether the body lasts until the connection closes.
    pub fn until_close(&self) -> bool {
        self.state == FramerState::UntilClose
    }

    /// How many messages have ended. A `1xx` other than 101 is not the end of an answer and does not count.
    pub fn messages(&self) -> u64 {
        self.done
    }

    /// Takes some bytes from the front of `bytes` (which must not be empty) and says how many and what they were.
    /// Call again with the rest. The same stream gives the same parts however it is split, but for the `...Part`
    /// ones and for content that arrives in pieces.
    ///
    /// # Errors
    /// [`Malformed`] when this is not HTTP/1.1 or a line is over its limit. The stream can't be followed further.
    pub fn step(&mut self, bytes: &[u8]) -> Result<(usize, MessagePart), Malformed> {
        match self.state {
            FramerState::Head => self.head(bytes),
            FramerState::Length(left) => {
                let taken = at_most(bytes, left);
                self.content(left, taken as u64);
                Ok((taken, MessagePart::Body))
            }
            FramerState::UntilClose => Ok((bytes.len(), MessagePart::Body)),
            FramerState::Tunnel => Ok((bytes.len(), MessagePart::Tunnel)),
            FramerState::ChunkSize => self.chunk_size(bytes),
            FramerState::ChunkData(left) => {
                let taken = at_most(bytes, left);
                self.content(left, taken as u64);
                Ok((taken, MessagePart::ChunkData))
            }
            FramerState::ChunkEnd(seen) => {
                self.reached = 1;
                if bytes[0] != b"\r\n"[usize::from(seen)] {
                    return malformed(400, "A chunk is longer than its size says.");
                }
                self.state = if seen == 0 { FramerState::ChunkEnd(1) } else { FramerState::ChunkSize };
                Ok((1, MessagePart::ChunkEnd))
            }
            FramerState::Trailer => self.trailer(bytes),
        }
    }

    fn head(&mut self, bytes: &[u8]) -> Result<(usize, MessagePart), Malformed> {
        for (at, &byte) in bytes.iter().enumerate() {
            self.reached = at + 1;
            self.push(byte)?;
            // One empty line in front of a request line is to be passed over (RFC 9112, 2.2).
            if self.kind == MessageKind::Request && self.line == b"\r\n" {
                if std::mem::replace(&mut self.blank, true) {
                    return malformed(400, "Two empty lines stand where a request should begin.");
                }
                self.line.clear();
                continue;
            }
            if self.line.len() == 1 && !byte.is_ascii_graphic() && byte != b'\r' {
                return malformed(400, "This is not HTTP: the first byte is no letter.");
            }
            if self.line.ends_with(b"\r\n\r\n") {
                let line = std::mem::take(&mut self.line);
                let head = parse_head(&line, self.kind)?;
                self.enter_body(&head)?;
                return Ok((at + 1, MessagePart::Head(head)));
            }
            if self.line.len() >= MAX_HEAD {
                let one_line = !self.line.windows(2).any(|two| two == b"\r\n");
                let (status, what) = if one_line { (414, "first line") } else { (431, "head") };
                return malformed(status, format!("The {what} is longer than {MAX_HEAD} bytes."));
            }
        }
        Ok((bytes.len(), MessagePart::HeadPart))
    }

    fn enter_body(&mut self, head: &MessageHead) -> Result<(), Malformed> {
        let status = if self.kind == MessageKind::Response { head.status() } else { 0 };
        match status {
            101 => {
                self.end();
                self.state = FramerState::Tunnel;
                return Ok(());
            }
            100..=199 => return Ok(()), // the real answer is still to come
            _ => {}
        }
        let headless = std::mem::take(&mut self.headless);
        match body_end(head, self.kind, headless)? {
            BodyEnd::Length(0) => self.end(),
            BodyEnd::Length(length) => self.state = FramerState::Length(length),
            BodyEnd::Chunked => self.state = FramerState::ChunkSize,
            BodyEnd::Close => self.state = FramerState::UntilClose,
        }
        Ok(())
    }

    /// Takes note of content that went by: `left` bytes of the body or chunk were to come.
    fn content(&mut self, left: u64, bytes: u64) {
        match (self.state, left - bytes) {
            (FramerState::ChunkData(_), 0) => self.state = FramerState::ChunkEnd(0),
            (FramerState::ChunkData(_), left) => self.state = FramerState::ChunkData(left),
            (_, 0) => self.end(),
            (_, left) => self.state = FramerState::Length(left),
        }
    }

    fn end(&mut self) {
        self.state = FramerState::Head;
        self.blank = false;
        self.done += 1;
    }

    fn chunk_size(&mut self, bytes: &[u8]) -> Result<(usize, MessagePart), Malformed> {
        let (taken, line) = self.take_line(bytes)?;
        let Some(line) = line else { return Ok((taken, MessagePart::ChunkSizePart)) };
        let Some(size) = parse_chunk_size(&line) else {
            return malformed(400, "A chunk's first line is not: size in hexadecimal digits, ;name=value extensions.");
        };
        self.state = if size == 0 { FramerState::Trailer } else { FramerState::ChunkData(size) };
        self.trailer = 0;
        Ok((taken, MessagePart::ChunkSize(size)))
    }

    fn trailer(&mut self, bytes: &[u8]) -> Result<(usize, MessagePart), Malformed> {
        let (taken, line) = self.take_line(bytes)?;
        self.trailer += taken;
        if self.trailer > MAX_HEAD {
            return malformed(431, format!("The trailer is longer than {MAX_HEAD} bytes."));
        }
        let part = match line.as_deref() {
            None => MessagePart::TrailerPart,
            Some([]) => {
                self.end();
                MessagePart::TrailerEnd
            }
            Some(line) => {
                let (name, value) = parse_field(&String::from_utf8_lossy(line))?;
                MessagePart::TrailerField(name, value)
            }
        };
        Ok((taken, part))
    }

    /// Takes bytes up to and with the next line end, at most; says how many, and gives the line without its end once it
    /// is whole.
    fn take_line(&mut self, bytes: &[u8]) -> Result<(usize, Option<Vec<u8>>), Malformed> {
        for (at, &byte) in bytes.iter().enumerate() {
            self.reached = at + 1;
            self.push(byte)?;
            if self.line.ends_with(b"\r\n") {
                let mut line = std::mem::take(&mut self.line);
                line.truncate(line.len() - 2);
                return Ok((at + 1, Some(line)));
            }
            if self.line.len() > MAX_CHUNK_LINE {
                return malformed(400, format!("A line inside the body is longer than {MAX_CHUNK_LINE} bytes."));
            }
        }
        Ok((bytes.len(), None))
    }

    /// Adds a byte to the head or line. CR and LF come only as a pair (RFC 9112, 2.2).
    fn push(&mut self, byte: u8) -> Result<(), Malformed> {
        let after_cr = self.line.last() == Some(&b'\r');
        self.line.push(byte);
        match (after_cr, byte == b'\n') {
            (true, false) => malformed(400, "A CR stands without the LF behind it."),
            (false, true) => malformed(400, "A line ends with LF alone; it has to be CR LF."),
            _ => Ok(()),
        }
    }
}

/// The size in a chunk's first line: `chunk-size [ chunk-ext ]` (RFC 9112, 7.1).
fn parse_chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, mut extensions) = line.split_at(digits);
    while !extensions.is_empty() {
        extensions = after_extension(extensions)?;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// What stands behind one chunk extension: `BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ]` (RFC 9112, 7.1.1).
fn after_extension(line: &[u8]) -> Option<&[u8]> {
    let name = after_white_space(after_white_space(line).strip_prefix(b";")?);
    let rest = after_token(name)?;
    let Some(value) = after_white_space(rest).strip_prefix(b"=") else { return Some(rest) };
    let value = after_white_space(value);
    match value.strip_prefix(b"\"") {
        Some(quoted) => after_quoted(quoted),
        None => after_token(value),
    }
}

/// BWS: white space that must not be written and has to be read (RFC 9110, 5.6.3).
fn after_white_space(line: &[u8]) -> &[u8] {
    &line[line.iter().take_while(|byte| b" \t".contains(byte)).count()..]
}

fn after_token(line: &[u8]) -> Option<&[u8]> {
    let length = line.iter().take_while(|&&byte| is_token_byte(byte)).count();
    (length > 0).then(|| &line[length..])
}

/// What stands behind the quotation mark that ends a quoted string (RFC 9110, 5.6.4).
fn after_quoted(mut line: &[u8]) -> Option<&[u8]> {
    loop {
        line = match line {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] if *byte == b'\t' || !byte.is_ascii_control() => rest,
            _ => return None,
        };
    }
}

/// How the message with this head ends: the rules of RFC 9112, 6.3, in their order.
///
/// # Errors
/// [`Malformed`] for a length that is not one number, for a second framing beside `Content-Length` (the way in for
/// request smuggling), or for a transfer coding other than `chunked`.
pub fn body_end(head: &MessageHead, kind: MessageKind, answers_head_request: bool) -> Result<BodyEnd, Malformed> {
    let status = head.status();
    if kind == MessageKind::Response && (answers_head_request || matches!(status, 100..=199 | 204 | 304)) {
        return Ok(BodyEnd::Length(0));
    }
    let codings: Vec<&str> = head.values("transfer-encoding").collect();
    let lengths: Vec<&str> = head.values("content-length").collect();
    match (&codings[..], &lengths[..]) {
        ([], []) if kind == MessageKind::Request => Ok(BodyEnd::Length(0)),
        ([], []) => Ok(BodyEnd::Close),
        ([], [length]) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse().map(BodyEnd::Length).or_else(|_| malformed(400, "Content-Length is too large a number."))
        }
        // "5, 5" may be refused or taken for 5 (RFC 9110, 8.6): refused, since the next reader may see two numbers.
        ([], _) => malformed(400, "Content-Length is not one whole number."),
        ([_], []) if head.version() == "HTTP/1.0" => malformed(400, "HTTP/1.0 has no Transfer-Encoding."),
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(BodyEnd::Chunked),
        ([_], []) => malformed(501, "The only transfer coding known here is chunked."),
        _ => malformed(400, "One header has to say where the body ends: Content-Length or Transfer-Encoding, once."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a stream, each with its bytes, neighbours of the same kind joined.
    fn parts(kind: MessageKind, stream: &[u8], split: usize) -> Result<Vec<(String, Vec<u8>)>, Malformed> {
        let mut framing = MessageFramer::new(kind);
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        for piece in stream.chunks(split) {
            let mut rest = piece;
            while !rest.is_empty() {
                let (taken, part) = framing.step(rest)?;
                let name = match part {
                    MessagePart::Head(_) | MessagePart::HeadPart => "head",
                    MessagePart::ChunkSize(_) | MessagePart::ChunkSizePart => "size",
                    MessagePart::Body => "body",
                    MessagePart::ChunkData => "data",
                    MessagePart::ChunkEnd => "end",
                    MessagePart::TrailerPart | MessagePart::TrailerField(..) | MessagePart::TrailerEnd => "trailer",
                    MessagePart::Tunnel => "tunnel",
                };
                match parts.last_mut() {
                    Some((last, bytes)) if last == name && !bytes.ends_with(b"\r\n\r\n") => {
                        bytes.extend(&rest[..taken])
                    }
                    _ => parts.push((name.to_string(), rest[..taken].to_vec())),
                }
                rest = &rest[taken..];
            }
        }
        Ok(parts)
    }

    #[test]
    fn any_split_of_a_stream_gives_the_same_parts() {
        let stream = b"POST /say HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\
            POST /say HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        let whole = parts(MessageKind::Request, stream, stream.len()).unwrap();
        let names: Vec<&str> = whole.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["head", "body", "head", "size", "data", "end", "size", "trailer", "head"]);
        for split in 1..stream.len() {
            assert_eq!(parts(MessageKind::Request, stream, split).unwrap(), whole, "split every {split} bytes");
        }
    }

    #[test]
    fn an_answer_without_length_lasts_until_the_connection_closes() {
        let got = parts(MessageKind::Response, b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 7).unwrap();
        assert_eq!(got[1], ("body".into(), b"HTTP/1.1 200 OK\r\n\r\n".to_vec()));
    }

    #[test]
    fn interim_answers_do_not_count_and_204_has_no_body() {
        let mut framing = MessageFramer::new(MessageKind::Response);
        let stream = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let (first, _) = framing.step(stream).unwrap();
        assert_eq!(framing.messages(), 0);
        framing.step(&stream[first..]).unwrap();
        assert_eq!(framing.messages(), 1);
        assert!(framing.between_messages());
    }

    #[test]
    fn a_101_turns_the_stream_over_to_another_protocol() {
        let got = parts(MessageKind::Response, b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello", 3).unwrap();
        assert_eq!(got[1], ("tunnel".into(), b"\x81\x05hello".to_vec()));
    }
}
