//! Reads a request head by hand: bytes until an empty line, cut into a request line and header fields.
//!
//! ```text
//! GET /socket HTTP/1.1\r\n           request line: method, target, version     (RFC 9112, 3)
//! Host: 127.0.0.1:8010\r\n           header fields: name, colon, value          (RFC 9112, 5)
//! Upgrade: websocket\r\n             names in any case, values trimmed
//! \r\n                               an empty line ends the head                (RFC 9112, 2.1)
//! ```
//!
//! Nobody may make us wait or remember without end: a head has ten seconds to arrive, all of it, and [`MAX_HEAD`]
//! bytes to do it in. A limit for each `read` alone would not do: a client that sends a byte every nine seconds keeps
//! such a server busy for ever.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The longest head, in bytes: request line, header fields and the empty line.
pub const MAX_HEAD: usize = 16 * 1024;

/// A request head, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, most of the time. Methods are case-sensitive (RFC 9110, 9.1).
    pub method: String,
    /// The path with its query, `/socket?tab=7`.
    pub target: String,
    /// `HTTP/1.1`.
    pub version: String,
    /// Name and value of each header field, in order; the name as it was written, the value trimmed.
    pub fields: Vec<(String, String)>,
    /// The head as it came off the wire, with its empty line, for the page to show.
    pub raw: String,
}

/// An answer that is a refusal: the status code, what is wrong in one sentence, and header fields that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 4xx or 5xx.
    pub status: u16,
    /// One sentence for a person.
    pub why: String,
    /// What the status code demands, like `Allow` with 405.
    pub fields: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal without header fields of its own.
    pub fn new(status: u16, why: impl Into<String>) -> Self {
        Refusal { status, why: why.into(), fields: Vec::new() }
    }

    /// The same refusal with one more header field.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }
}

/// Why there is no request.
#[derive(Debug)]
pub enum Unread {
    /// Nobody is there to be answered: the connection ended, or not one byte came.
    Gone,
    /// Somebody is there and gets this answer.
    Refused(Refusal),
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Self {
        Unread::Refused(refusal)
    }
}

// ANCHOR: read-head
/// Reads one head. A read may bring half a line or more than the head: what came behind the empty line is returned too,
/// since it is the beginning of whatever comes next.
///
/// # Errors
/// [`Unread::Gone`], or the refusal to answer with: 400, 408, 414 or 431.
pub fn read_head(stream: &TcpStream, timeout: Duration) -> Result<(Request, Vec<u8>), Unread> {
    let deadline = Instant::now() + timeout;
    let mut arrived = Vec::new();
    let mut chunk = [0; 4096];
    let mut searched = 0;
    loop {
        if let Some(end) = end_of_head(&arrived, searched) {
            let rest = arrived.split_off(end);
            return if end > MAX_HEAD { Err(too_long(&arrived).into()) } else { Ok((parse(&arrived)?, rest)) };
        }
        if arrived.len() > MAX_HEAD {
            return Err(too_long(&arrived).into());
        }
        searched = arrived.len().saturating_sub(3); // the end may have begun, with three of its four bytes
        match read_before(stream, &mut chunk, deadline) {
            Ok(0) => return Err(Unread::Gone),
            Ok(length) => arrived.extend_from_slice(&chunk[..length]),
            Err(error) if !is_timeout(&error) || arrived.is_empty() => return Err(Unread::Gone),
            Err(_) => return Err(Refusal::new(408, "The rest of the head did not come in time.").into()),
        }
    }
}
// ANCHOR_END: read-head

/// One `read` that ends at the deadline at the latest.
///
/// # Errors
/// What the socket says; [`is_timeout`] tells when it was the deadline.
pub fn read_before(mut stream: &TcpStream, chunk: &mut [u8], deadline: Instant) -> io::Result<usize> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    loop {
        match stream.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Whether a read or write ended because its time was over. Which of the two kinds it is depends on the platform.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Where the head ends: behind the first empty line, which is not before `from`. An empty line in front of the request
/// line is passed over (RFC 9112, 2.2).
fn end_of_head(arrived: &[u8], from: usize) -> Option<usize> {
    let start = if arrived.starts_with(b"\r\n") { from.max(2) } else { from };
    arrived[start..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| start + at + 4)
}

fn too_long(arrived: &[u8]) -> Refusal {
    if arrived[2..].windows(2).any(|two| two == b"\r\n") {
        Refusal::new(431, format!("The head is longer than {MAX_HEAD} bytes."))
    } else {
        Refusal::new(414, format!("The request line is longer than {MAX_HEAD} bytes."))
    }
}

// ANCHOR: parse
/// Cuts a head into its parts, by the letter of RFC 9112: whoever is generous here reads something else than the proxy
/// in front of him does, and that is a hole.
fn parse(head: &[u8]) -> Result<Request, Refusal> {
    let bad = |why: &str| Refusal::new(400, why);
    let raw = String::from_utf8_lossy(head).into_owned();
    let head = raw.strip_prefix("\r\n").unwrap_or(&raw);
    let head = head.strip_suffix("\r\n\r\n").ok_or_else(|| bad("The head has no end."))?;
    let mut lines = head.split("\r\n");

    let words: Vec<&str> = lines.next().unwrap_or("").split(' ').collect();
    let &[method, target, version] = &words[..] else {
        return Err(bad("A request line is three words with one space between: method, target, version."));
    };
    if !is_token(method) {
        return Err(bad("The method has a character that no method has."));
    }
    if target.is_empty() || target.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(bad("The target has a character that no address has."));
    }
    match version {
        "HTTP/1.1" | "HTTP/1.0" => {}
        other if other.starts_with("HTTP/") => return Err(Refusal::new(505, "This server speaks HTTP/1.1.")),
        _ => return Err(bad("The request line does not end with HTTP/1.1.")),
    }

    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| bad("A header field has no colon."))?;
        if !is_token(name) {
            return Err(bad("A header field's name has a space or another character that no name has."));
        }
        if value.contains(['\r', '\n', '\0']) {
            return Err(bad("A header field has a line end or a NUL inside."));
        }
        fields.push((name.to_string(), value.trim_matches([' ', '\t']).to_string()));
    }
    let (method, target, version) = (method.to_string(), origin_form(target)?, version.to_string());
    Ok(Request { method, target, version, fields, raw })
}
// ANCHOR_END: parse

/// The path and query. A client may also send the absolute form, `http://host/path` (RFC 9112, 3.2.2).
fn origin_form(target: &str) -> Result<String, Refusal> {
    if target.starts_with('/') {
        return Ok(target.to_string());
    }
    let rest = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).map(|_| &target[7..]);
    let Some(rest) = rest else {
        return Err(Refusal::new(400, "The target is neither a path nor an http address."));
    };
    Ok(rest.find(['/', '?']).map_or("/".to_string(), |at| match &rest[at..] {
        path if path.starts_with('/') => path.to_string(),
        query => format!("/{query}"),
    }))
}

/// Whether this is a token: one or more of the characters that names are made of (RFC 9110, 5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// A value from the query, as it stands there: `7` of `/socket?tab=7` for `tab`. Nothing is percent-decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The values of all header fields of this name. Names are case-insensitive (RFC 9110, 5.1).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The value of the only header field of this name; `None` when there is none or more than one.
    pub fn only<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// The members of a list like `Connection: keep-alive, Upgrade`. The list may be spread over several header fields
    /// of the same name, and empty members do not count (RFC 9110, 5.6.1).
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name)
            .flat_map(|value| value.split(','))
            .map(|one| one.trim_matches([' ', '\t']))
            .filter(|one| !one.is_empty())
    }

    /// Whether a list has this member, in any case.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        self.list(name).any(|one| one.eq_ignore_ascii_case(member))
    }
}

/// Reads a request's body: as many bytes as `Content-Length` says, the first of them in `rest` perhaps.
///
/// # Errors
/// 411 without a length, 413 when it is longer than `limit` bytes, 400 or 408 when it does not come.
pub fn read_body(request: &Request, mut rest: Vec<u8>, stream: &TcpStream, limit: usize) -> Result<Vec<u8>, Refusal> {
    if request.all("Transfer-Encoding").next().is_some() {
        return Err(Refusal::new(411, "Send the body with a Content-Length."));
    }
    let length = match (request.only("Content-Length"), request.all("Content-Length").count()) {
        (None, 0) => return Err(Refusal::new(411, "How long is the body? Say it with Content-Length.")),
        (Some(digits), _) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().unwrap_or(usize::MAX)
        }
        _ => return Err(Refusal::new(400, "Content-Length is not one number.")),
    };
    if length > limit {
        return Err(Refusal::new(413, format!("The body is longer than {limit} bytes.")));
    }
    let deadline = Instant::now() + shared::bench::head_timeout();
    let mut chunk = [0; 4096];
    while rest.len() < length {
        match read_before(stream, &mut chunk, deadline) {
            Ok(0) => return Err(Refusal::new(400, "The body ended before its Content-Length.")),
            Ok(more) => rest.extend_from_slice(&chunk[..more]),
            Err(_) => return Err(Refusal::new(408, "The rest of the body did not come in time.")),
        }
    }
    rest.truncate(length);
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Request, Refusal> {
        parse(text.as_bytes())
    }

    fn status(text: &str) -> u16 {
        head(text).map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn a_head_is_a_request_line_and_header_fields() {
        let request = head("GET /chat?x=1&after=7 HTTP/1.1\r\nHost: a\r\nuPGRADE:\t websocket \r\n\r\n").unwrap();
        assert_eq!((request.method.as_str(), request.path(), request.query("after")), ("GET", "/chat", Some("7")));
        assert_eq!(request.only("Upgrade"), Some("websocket"));
    }

    #[test]
    fn connection_is_a_list_of_tokens_over_any_number_of_fields() {
        let request = head("GET / HTTP/1.1\r\nConnection: keep-alive,, upGRADE\r\nConnection: x\r\n\r\n").unwrap();
        assert!(request.lists("connection", "Upgrade") && request.lists("Connection", "x"));
        assert!(!head("GET / HTTP/1.1\r\nConnection: not-upgrade\r\n\r\n").unwrap().lists("Connection", "upgrade"));
    }

    #[test]
    fn a_head_that_two_readers_could_read_differently_is_refused() {
        for bad in [
            "GET /\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1 \r\n\r\n",
            "G{T / HTTP/1.1\r\n\r\n",
            "GET socket HTTP/1.1\r\n\r\n",
            "GET / FTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\0\r\n\r\n",
        ] {
            assert_eq!(status(bad), 400, "{bad:?}");
        }
        assert_eq!(status("GET / HTTP/2.0\r\n\r\n"), 505);
    }

    #[test]
    fn an_empty_line_in_front_is_passed_over() {
        assert_eq!(end_of_head(b"\r\nGET / HTTP/1.1\r\n\r\nrest", 0), Some(20));
        assert_eq!(status("\r\nGET / HTTP/1.1\r\n\r\n"), 200);
    }

    #[test]
    fn the_absolute_form_names_the_same_path() {
        assert_eq!(head("GET http://a:1/chat?x=1 HTTP/1.1\r\n\r\n").unwrap().target, "/chat?x=1");
        assert_eq!(head("GET HTTP://a HTTP/1.1\r\n\r\n").unwrap().target, "/");
        assert_eq!(head("GET http://a?x=1 HTTP/1.1\r\n\r\n").unwrap().target, "/?x=1");
    }
}
