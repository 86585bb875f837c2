//! Reads a request head by hand: bytes until an empty line, cut into a request line and header fields.
//!
//! ```text
//! GET /socket HTTP/1.1\r\n           request line: method, target, version     (RFC 9112, 3)
//! Host: 127.0.0.1:8010\r\n           header fields: name, colon, value          (RFC 9112, 5)
//! Upgrade: websocket\r\n             names in any case, values trimmed
//! \r\n                               an empty line ends the head                (RFC 9112, 2.1)
//! ```
//!
//! Time and memory are limited: the whole head must arrive before a deadline, and have [`MAX_HEAD`] bytes at most.

use std::io;
use std::net::TcpStream;
use std::time::Instant;

use crate::refusal::Refusal;
use crate::target;

/// The longest head, in bytes: request line, header fields and the empty line.
pub const MAX_HEAD: usize = 16 * 1024;

/// A request head, cut into its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET` for a handshake. Methods are case-sensitive (RFC 9110, 9.1).
    pub method: String,
    /// The host in a target of absolute form: it counts instead of the `Host` field (RFC 9112, 3.2.2).
    pub host: Option<String>,
    /// The path with its query, `/socket?tab=7`.
    pub target: String,
    /// `HTTP/1.1`.
    pub version: String,
    /// Name and value of each header field, in order; the name as it was written, the value trimmed.
    pub fields: Vec<(String, String)>,
    /// The head as it came off the wire, with its empty line, for the page to show.
    pub raw: String,
}

/// Reads one head into `head`, which is empty before. A read may bring half a line, or more than
/// the head: the bytes behind the empty line are returned, since they begin what comes next.
///
/// # Errors
/// `UnexpectedEof` when the connection ended before the head did, `FileTooLarge` when the head is
/// longer than [`MAX_HEAD`], a time-out at the deadline.
pub fn read_head(stream: &TcpStream, head: &mut Vec<u8>, deadline: Instant) -> io::Result<Vec<u8>> {
    let (mut chunk, mut searched) = ([0; 4096], 0);
    loop {
        let end = end_of_head(head, searched);
        if end.unwrap_or(head.len()) > MAX_HEAD {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if let Some(end) = end {
            return Ok(head.split_off(end));
        }
        searched = head.len().saturating_sub(3); // three of the end's four bytes may be here
        match net::read_before(stream, &mut chunk, deadline)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => head.extend_from_slice(&chunk[..length]),
        }
    }
}

/// Where the head ends: behind the first empty line, which is not before `from`. One empty line in
/// front of the request line is ignored (RFC 9112, 2.2).
pub fn end_of_head(arrived: &[u8], from: usize) -> Option<usize> {
    let start = if arrived.starts_with(b"\r\n") { from.max(2) } else { from };
    arrived[start..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| start + at + 4)
}

impl Request {
    /// Cuts a head into its parts, strictly by RFC 9112. A parser that accepts more than the proxy
    /// in front of it can be shown a request that the proxy did not see: request smuggling (11.2).
    ///
    /// # Errors
    /// The refusal to answer with: 400 or 505.
    pub fn parse(head: &[u8]) -> Result<Request, Refusal> {
        let bad = |why: &str| Refusal::new(400, why);
        let raw = String::from_utf8_lossy(head).into_owned();
        let head = raw.strip_prefix("\r\n").unwrap_or(&raw);
        let head = head.strip_suffix("\r\n\r\n").ok_or_else(|| bad("The head has no end."))?;
        let mut lines = head.split("\r\n");

        let words: Vec<&str> = lines.next().unwrap_or("").split(' ').collect();
        let &[method, target, version] = &words[..] else {
            return Err(bad("A request line is method, target and version, one space between."));
        };
        if !is_token(method) {
            return Err(bad("The method has a character that no method has."));
        }
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad("The target has a character that no address has."));
        }
        match version.as_bytes() {
            b"HTTP/1.1" | b"HTTP/1.0" => {}
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Refusal::new(505, "This server speaks HTTP/1.1."));
            }
            _ => return Err(bad("The request line does not end with HTTP/1.1.")),
        }

        let mut fields = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| bad("A field has no colon."))?;
            if !is_token(name) {
                return Err(bad("A field's name has a character that no name has."));
            }
            if value.chars().any(|one| one.is_ascii_control() && one != '\t') {
                return Err(bad("A field's value has a control character."));
            }
            fields.push((name.to_string(), value.trim_matches([' ', '\t']).to_string()));
        }
        let (host, target) = target::split(target)?;
        Ok(Request { method: method.into(), host, target, version: version.into(), fields, raw })
    }
}

/// Whether this is a token: one or more of the characters that names are made of (RFC 9110, 5.6.2).
pub fn is_token(text: &str) -> bool {
    let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(in_names)
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// A value from the query, as it stands there: `7` of `/socket?tab=7` for `tab`. Nothing is percent-decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The values of all header fields of this name. Names are case-insensitive (RFC 9110, 5.1).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.fields.iter().filter(same).map(|(_, value)| value.as_str())
    }

    /// The value of the only header field of this name; `None` when there is none or more than one.
    pub fn only<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// The members of a list like `Connection: keep-alive, Upgrade`. The list may be spread over several fields of the same
    /// name, and empty members do not count (RFC 9110, 5.6.1).
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let members = self.all(name).flat_map(|value| value.split(','));
        members.map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty())
    }

    /// Whether a list has this member, in any case.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        self.list(name).any(|one| one.eq_ignore_ascii_case(member))
    }
}

#[cfg(test)]
#[rustfmt::skip] // formatted where it stands, with that folder's width
#[path = "../../../shared/dissect/tests/cases/mod.rs"]
mod cases;

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Request, Refusal> {
        Request::parse(text.as_bytes())
    }

    fn status(head: &[u8]) -> u16 {
        Request::parse(head).map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn a_head_is_a_request_line_and_header_fields() {
        let request =
            head("GET /chat?x=1&after=7 HTTP/1.1\r\nHost: a\r\nuPGRADE:\t websocket \r\n\r\n")
                .unwrap();
        assert_eq!(
            (request.method.as_str(), request.path(), request.query("after")),
            ("GET", "/chat", Some("7"))
        );
        assert_eq!(request.only("Upgrade"), Some("websocket"));
    }

    #[test]
    fn connection_is_a_list_of_tokens_over_any_number_of_fields() {
        let request =
            head("GET / HTTP/1.1\r\nConnection: keep-alive,, upGRADE\r\nConnection: x\r\n\r\n")
                .unwrap();
        assert!(request.lists("connection", "Upgrade") && request.lists("Connection", "x"));
        assert!(
            !head("GET / HTTP/1.1\r\nConnection: not-upgrade\r\n\r\n")
                .unwrap()
                .lists("Connection", "upgrade")
        );
    }

    /// The same table is put to the parser of the front door: two parsers that disagree are a hole.
    #[test]
    fn a_head_that_two_programs_could_read_differently_is_refused() {
        let table = include_str!("../../../shared/dissect/tests/request_heads.txt");
        for (expected, head) in cases::cases(table) {
            assert_eq!(status(&head), expected, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn an_empty_line_in_front_is_passed_over() {
        assert_eq!(end_of_head(b"\r\nGET / HTTP/1.1\r\n\r\nrest", 0), Some(20));
        assert_eq!(status(b"\r\nGET / HTTP/1.1\r\n\r\n"), 200);
    }
}
