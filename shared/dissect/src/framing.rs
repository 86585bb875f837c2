//! Where an HTTP/1.1 message starts and ends (RFC 9112, section 6), found while the bytes go by.
//!
//! The front door needs it to hold its limits, the `hold` cable to know when an answer is complete, the wire view to
//! cut a stream into rows. None of the three needs to keep a body, so [`Framing`] keeps nothing but the head.

use std::fmt;

/// Which of the two kinds of message a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Browser to server.
    Request,
    /// Server to browser.
    Response,
}

/// The longest head: start line, header fields and the empty line, in bytes.
pub const MAX_HEAD: usize = 16 * 1024;

/// Longest line inside a chunked body: a chunk size with its extensions, or a trailer field, in bytes.
const MAX_CHUNK_LINE: usize = 1024;

/// A message head, taken apart. Header values are trimmed; bytes that are no UTF-8 show as `\u{fffd}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The first line, without its line end.
    pub start: String,
    /// Name and value of every header field, in order, the name as it was written.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The part of the start line before the first space: a request's method.
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or("")
    }

    /// The second word of a request line.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or("")
    }

    /// The status code of a response, 0 when there is none.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The value of the first header field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated list of tokens, as in `Connection`, has this one.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .any(|one| one.trim().eq_ignore_ascii_case(token))
    }
}

/// Why a byte stream is not HTTP/1.1: the status code to answer with and a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// 400, 414, 431, 501 or 505.
    pub status: u16,
    /// What is wrong, in one sentence.
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.why)
    }
}

fn malformed<T>(status: u16, why: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed { status, why: why.into() })
}

/// What the bytes just consumed were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Some of a head; more has to come.
    HeadPart,
    /// The rest of a head: here it is, whole.
    Head(Head),
    /// Content of a body with `Content-Length`, or of one that lasts until the connection closes.
    Body,
    /// Some of the line that gives a chunk's size.
    ChunkSizePart,
    /// The rest of the line that gives a chunk's size: so many bytes follow. 0 announces the end.
    ChunkSize(u64),
    /// Content of a chunk.
    ChunkData,
    /// Some of the line end behind a chunk's content.
    ChunkEnd,
    /// Trailer fields and the empty line after the last chunk.
    Trailer,
    /// What follows a `101`: another protocol's bytes.
    Tunnel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd(u8),
    Trailer,
    Tunnel,
}

/// How the body of a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// After so many bytes; 0 means that there is no body.
    Length(u64),
    /// With a chunk of size 0.
    Chunked,
    /// When the connection closes.
    Close,
}

/// Follows one direction of one connection.
#[derive(Clone, Debug)]
pub struct Framing {
    role: Role,
    state: State,
    /// The bytes of the head, chunk-size line or trailer line that is not whole yet.
    line: Vec<u8>,
    /// The trailer section so far, in bytes.
    trailer: usize,
    /// Responses only: the next response answers a HEAD request, so it has no body whatever its head says.
    headless: bool,
    /// How many messages have ended.
    done: u64,
    /// How far the last step looked into its bytes.
    reached: usize,
}

impl Framing {
    /// At the start of a connection.
    pub fn new(role: Role) -> Self {
        Framing { role, state: State::Head, line: Vec::new(), trailer: 0, headless: false, done: 0, reached: 0 }
    }

    /// Says that the next response is the answer to a HEAD request.
    pub fn answers_head_request(&mut self) {
        self.headless = true;
    }

    /// Says that what follows is not HTTP any more.
    pub fn tunnel(&mut self) {
        self.state = State::Tunnel;
    }

    /// After a step that ended in [`Malformed`]: how many of its bytes it had read, the offending one included. The same
    /// stream is found malformed at the same byte however it is split.
    pub fn reached(&self) -> usize {
        self.reached
    }

    /// Passes over so many bytes that nobody saw, and says whether the place in the stream is still known: it is when
    /// all of them lie in a body or chunk whose length is known.
    pub fn skip(&mut self, bytes: u64) -> bool {
        match self.state {
            State::Length(left) if bytes <= left => {
                self.state = State::Length(left - bytes);
                if left == bytes {
                    self.end();
                }
                true
            }
            State::ChunkData(left) if bytes <= left => {
                self.state = if left == bytes { State::ChunkEnd(0) } else { State::ChunkData(left - bytes) };
                true
            }
            State::UntilClose | State::Tunnel => true,
            _ => false,
        }
    }

    /// Whether the stream stands between two messages, with not one byte of the next.
    pub fn between_messages(&self) -> bool {
        self.state == State::Head && self.line.is_empty()
    }

    /// Whether a head has begun and is not whole.
    pub fn in_head(&self) -> bool {
        self.state == State::Head && !self.line.is_empty()
    }

    /// Whether the body lasts until the connection closes.
    pub fn until_close(&self) -> bool {
        self.state == State::UntilClose
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
    pub fn step(&mut self, bytes: &[u8]) -> Result<(usize, Part), Malformed> {
        match self.state {
            State::Head => self.head(bytes),
            State::Length(left) => {
                let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.state = State::Length(left - taken as u64);
                if self.state == State::Length(0) {
                    self.end();
                }
                Ok((taken, Part::Body))
            }
            State::UntilClose => Ok((bytes.len(), Part::Body)),
            State::Tunnel => Ok((bytes.len(), Part::Tunnel)),
            State::ChunkSize => self.chunk_size(bytes),
            State::ChunkData(left) => {
                let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - taken as u64;
                self.state = if left == 0 { State::ChunkEnd(0) } else { State::ChunkData(left) };
                Ok((taken, Part::ChunkData))
            }
            State::ChunkEnd(seen) => {
                self.reached = 1;
                if bytes[0] != b"\r\n"[seen as usize] {
                    return malformed(400, "A chunk is longer than its size says.");
                }
                self.state = if seen == 0 { State::ChunkEnd(1) } else { State::ChunkSize };
                Ok((1, Part::ChunkEnd))
            }
            State::Trailer => self.trailer(bytes),
        }
    }

    fn head(&mut self, bytes: &[u8]) -> Result<(usize, Part), Malformed> {
        let mut taken = 0;
        while taken < bytes.len() {
            self.line.push(bytes[taken]);
            taken += 1;
            self.reached = taken;
            // An empty line in front of a request line is to be passed over (RFC 9112, 2.2).
            if self.role == Role::Request && self.line == b"\r\n" {
                self.line.clear();
                continue;
            }
            if self.line.len() == 1 && !self.line[0].is_ascii_graphic() && self.line[0] != b'\r' {
                return malformed(400, "This is not HTTP: the first byte is no letter.");
            }
            if self.line.ends_with(b"\r\n\r\n") {
                let line = std::mem::take(&mut self.line);
                let head = parse_head(&line, self.role)?;
                self.enter_body(&head)?;
                return Ok((taken, Part::Head(head)));
            }
            if self.line.len() >= MAX_HEAD {
                let one_line = !self.line.windows(2).any(|two| two == b"\r\n");
                let (status, what) = if one_line { (414, "first line") } else { (431, "head") };
                return malformed(status, format!("The {what} is longer than {MAX_HEAD} bytes."));
            }
        }
        Ok((taken, Part::HeadPart))
    }

    fn enter_body(&mut self, head: &Head) -> Result<(), Malformed> {
        let interim = self.role == Role::Response && (100..200).contains(&head.status());
        if interim && head.status() == 101 {
            self.state = State::Tunnel;
            self.done += 1;
            return Ok(());
        }
        if interim {
            return Ok(()); // the real answer is still to come
        }
        let headless = std::mem::take(&mut self.headless);
        self.state = match body_end(head, self.role, headless)? {
            BodyEnd::Length(0) => {
                self.end();
                return Ok(());
            }
            BodyEnd::Length(length) => State::Length(length),
            BodyEnd::Chunked => State::ChunkSize,
            BodyEnd::Close => State::UntilClose,
        };
        Ok(())
    }

    fn end(&mut self) {
        self.state = State::Head;
        self.done += 1;
    }

    fn chunk_size(&mut self, bytes: &[u8]) -> Result<(usize, Part), Malformed> {
        let (taken, whole) = self.take_line(bytes)?;
        if !whole {
            return Ok((taken, Part::ChunkSizePart));
        }
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line[..line.len() - 2]);
        let digits = text.split(';').next().unwrap_or("").trim_matches([' ', '\t']);
        let hex = !digits.is_empty() && digits.len() <= 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(size) = hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten() else {
            return malformed(400, "A chunk size is no hexadecimal number.");
        };
        self.state = if size == 0 { State::Trailer } else { State::ChunkData(size) };
        self.trailer = 0;
        Ok((taken, Part::ChunkSize(size)))
    }

    fn trailer(&mut self, bytes: &[u8]) -> Result<(usize, Part), Malformed> {
        let (taken, whole) = self.take_line(bytes)?;
        self.trailer += taken;
        if self.trailer > MAX_HEAD {
            return malformed(431, format!("The trailer is longer than {MAX_HEAD} bytes."));
        }
        if whole && std::mem::take(&mut self.line) == b"\r\n" {
            self.end();
        }
        Ok((taken, Part::Trailer))
    }

    /// Takes bytes up to and with the next line end, at most; says how many and whether the line is whole.
    fn take_line(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        for (at, &byte) in bytes.iter().enumerate() {
            self.line.push(byte);
            self.reached = at + 1;
            if self.line.ends_with(b"\r\n") {
                return Ok((at + 1, true));
            }
            if self.line.len() > MAX_CHUNK_LINE {
                return malformed(400, format!("A line inside the body is longer than {MAX_CHUNK_LINE} bytes."));
            }
        }
        Ok((bytes.len(), false))
    }
}

/// Takes a whole head apart, by the letter of RFC 9112, sections 3 to 5.
fn parse_head(bytes: &[u8], role: Role) -> Result<Head, Malformed> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len() - 4]);
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or("").to_string();
    if text.split("\r\n").any(|line| line.contains(['\r', '\n', '\0'])) {
        return malformed(400, "A line of the head does not end with CR LF, or has a NUL in it.");
    }
    match role {
        Role::Request => request_line(&start)?,
        Role::Response => status_line(&start)?,
    }
    let mut fields = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            return malformed(400, "A header line has no colon.");
        };
        if name.is_empty() || !name.bytes().all(is_token) {
            return malformed(400, "A header name has a character that no name may have.");
        }
        fields.push((name.to_string(), value.trim_matches([' ', '\t']).to_string()));
    }
    Ok(Head { start, fields })
}

fn request_line(line: &str) -> Result<(), Malformed> {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = words[..] else {
        return malformed(400, "The request line is not: method, target, version.");
    };
    if method.is_empty() || !method.bytes().all(is_token) || target.is_empty() {
        return malformed(400, "The request line is not: method, target, version.");
    }
    version_is_1(version)
}

fn status_line(line: &str) -> Result<(), Malformed> {
    let mut words = line.splitn(3, ' ');
    version_is_1(words.next().unwrap_or(""))?;
    match words.next().unwrap_or("").as_bytes() {
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => Ok(()),
        _ => malformed(400, "The status line has no three-digit status."),
    }
}

fn version_is_1(version: &str) -> Result<(), Malformed> {
    match version {
        "HTTP/1.1" | "HTTP/1.0" => Ok(()),
        other if other.starts_with("HTTP/") => malformed(505, "This server speaks HTTP/1.1."),
        _ => malformed(400, "This is not HTTP/1.1."),
    }
}

/// A character of a method or header name (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// How the message with this head ends: the rules of RFC 9112, 6.3, in their order.
///
/// # Errors
/// [`Malformed`] for lengths that contradict each other, a second framing beside `Content-Length` (the way in for
/// request smuggling), or a transfer coding other than `chunked`.
pub fn body_end(head: &Head, role: Role, answers_head_request: bool) -> Result<BodyEnd, Malformed> {
    let status = head.status();
    if role == Role::Response && (answers_head_request || status / 100 == 1 || status == 204 || status == 304) {
        return Ok(BodyEnd::Length(0));
    }
    let mut lengths: Vec<&str> = Vec::new();
    for (name, value) in &head.fields {
        if name.eq_ignore_ascii_case("content-length") {
            lengths.extend(value.split(',').map(str::trim));
        }
    }
    if let Some(coding) = head.field("transfer-encoding") {
        let codings = head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding")).count();
        if !lengths.is_empty() || codings > 1 {
            return malformed(
                400,
                "One header has to say where the body ends: Content-Length or Transfer-Encoding, once.",
            );
        }
        if !coding.eq_ignore_ascii_case("chunked") {
            return malformed(501, "The only transfer coding known here is chunked.");
        }
        return Ok(BodyEnd::Chunked);
    }
    if let Some(&first) = lengths.first() {
        let digits = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
        return match digits.then(|| first.parse::<u64>().ok()).flatten() {
            Some(length) if lengths.iter().all(|other| *other == first) => Ok(BodyEnd::Length(length)),
            _ => malformed(400, "Content-Length is not one whole number."),
        };
    }
    Ok(if role == Role::Request { BodyEnd::Length(0) } else { BodyEnd::Close })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a stream, each with its bytes, neighbours of the same kind joined.
    fn parts(role: Role, stream: &[u8], split: usize) -> Result<Vec<(String, Vec<u8>)>, Malformed> {
        let mut framing = Framing::new(role);
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        for piece in stream.chunks(split) {
            let mut rest = piece;
            while !rest.is_empty() {
                let (taken, part) = framing.step(rest)?;
                let name = match part {
                    Part::Head(_) | Part::HeadPart => "head",
                    Part::ChunkSize(_) | Part::ChunkSizePart => "size",
                    Part::Body => "body",
                    Part::ChunkData => "data",
                    Part::ChunkEnd => "end",
                    Part::Trailer => "trailer",
                    Part::Tunnel => "tunnel",
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

    fn refused(request: &str) -> u16 {
        parts(Role::Request, request.as_bytes(), 1_000_000).expect_err("should have been refused").status
    }

    #[test]
    fn any_split_of_a_stream_gives_the_same_parts() {
        let stream = b"POST /say HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\
            POST /say HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        let whole = parts(Role::Request, stream, stream.len()).unwrap();
        let names: Vec<&str> = whole.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["head", "body", "head", "size", "data", "end", "size", "trailer", "head"]);
        for split in 1..stream.len() {
            assert_eq!(parts(Role::Request, stream, split).unwrap(), whole, "split every {split} bytes");
        }
    }

    #[test]
    fn an_answer_without_length_lasts_until_the_connection_closes() {
        let got = parts(Role::Response, b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 7).unwrap();
        assert_eq!(got[1], ("body".into(), b"HTTP/1.1 200 OK\r\n\r\n".to_vec()));
    }

    #[test]
    fn interim_answers_do_not_count_and_204_has_no_body() {
        let mut framing = Framing::new(Role::Response);
        let stream = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let (first, _) = framing.step(stream).unwrap();
        assert_eq!(framing.messages(), 0);
        framing.step(&stream[first..]).unwrap();
        assert_eq!(framing.messages(), 1);
        assert!(framing.between_messages());
    }

    #[test]
    fn a_101_turns_the_stream_over_to_another_protocol() {
        let got = parts(Role::Response, b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello", 3).unwrap();
        assert_eq!(got[1], ("tunnel".into(), b"\x81\x05hello".to_vec()));
    }

    #[test]
    fn what_is_not_http_is_refused_with_the_status_that_says_why() {
        assert_eq!(refused("\x16\x03\x01\x02\x00 a TLS hello"), 400);
        assert_eq!(refused("GET /\r\n\r\n"), 400);
        assert_eq!(refused("GET / HTTP/3.0\r\n\r\n"), 505);
        assert_eq!(refused("PRI * HTTP/2.0\r\n\r\n"), 505);
        assert_eq!(refused("GET / HTTP/1.1\r\nno colon\r\n\r\n"), 400);
        assert_eq!(refused("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), 400);
        assert_eq!(refused("GET / HTTP/1.1\r\n folded: x\r\n\r\n"), 400);
        assert_eq!(refused("GET / HTTP/1.1\nHost: x\r\n\r\n"), 400);
        assert_eq!(refused("POST / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n"), 400);
        assert_eq!(refused("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), 400);
        assert_eq!(refused("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"), 400);
        assert_eq!(refused("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
        assert_eq!(refused("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
        assert_eq!(refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), 400);
        assert_eq!(refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"), 400);
        assert_eq!(refused(&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_HEAD))), 414);
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD))), 431);
    }
}
