//! The head of an HTTP/1.1 message, taken apart by the letter of RFC 9112, sections 2 to 5.
//!
//! It is strict on purpose. Two programs that read one head differently are a hole: what the first passes as a body, the
//! second carries out as a request (RFC 9112, 11.2).

use std::fmt;

/// Which of the two kinds of message a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Browser to server.
    Request,
    /// Server to browser.
    Response,
}

impl MessageKind {
    /// `"request"` or `"response"`.
    pub fn as_str(self) -> &'static str {
        match self {
            MessageKind::Request => "request",
            MessageKind::Response => "response",
        }
    }
}

/// Why bytes are not HTTP/1.1: the status code to answer with, and a sentence for a person.
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

pub(crate) fn malformed<T>(status: u16, why: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed { status, why: why.into() })
}

/// A message head. Bytes of a header value that are no UTF-8 show as `\u{fffd}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageHead {
    /// The first line, without its line end.
    pub start: String,
    /// Name and value of every header field, in order: the name as it was written, the value without white space around.
    pub fields: Vec<(String, String)>,
}

impl MessageHead {
    /// The method of a request.
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or("")
    }

    /// The target of a request, in the form in which it came.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or("")
    }

    /// `HTTP/1.1` or `HTTP/1.0`: the first word of a response, the last one of a request.
    pub fn version(&self) -> &str {
        self.start.split(' ').find(|word| word.starts_with("HTTP/")).unwrap_or("")
    }

    /// The status code of a response, 0 when there is none.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The values of all header fields of that name. Names are case-insensitive (RFC 9110, 5.1).
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The value of the first header field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated list of tokens, as in `Connection`, has this one.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.values(name).flat_map(|value| value.split(',')).any(|one| trim(one).eq_ignore_ascii_case(token))
    }
}

/// Takes a whole head apart, its empty line included.
pub(crate) fn parse_head(bytes: &[u8], kind: MessageKind) -> Result<MessageHead, Malformed> {
    let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r\n\r\n").unwrap_or(bytes));
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or("").to_string();
    match kind {
        MessageKind::Request => request_line(&start)?,
        MessageKind::Response => status_line(&start)?,
    }
    Ok(MessageHead { start, fields: lines.map(parse_field).collect::<Result<_, _>>()? })
}

/// A header or trailer field, without its line end (RFC 9112, 5).
pub(crate) fn parse_field(line: &str) -> Result<(String, String), Malformed> {
    let Some((name, value)) = line.split_once(':') else {
        return malformed(400, "A header line has no colon.");
    };
    if !is_token(name) {
        return malformed(400, "A header name has a character that no name may have.");
    }
    if has_control_characters(value) {
        return malformed(400, "A header value has a control character in it.");
    }
    Ok((name.to_string(), trim(value).to_string()))
}

/// `method SP request-target SP HTTP-version` (RFC 9112, 3).
fn request_line(line: &str) -> Result<(), Malformed> {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = words[..] else {
        return malformed(400, "The request line is not: method, target, version.");
    };
    if !is_token(method) {
        return malformed(400, "The method has a character that no method may have.");
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return malformed(400, "The target has a character that no target may have.");
    }
    known_version(version)?;
    if !is_target(method, target) {
        return malformed(400, "The target is neither a path nor an http address.");
    }
    Ok(())
}

/// The four forms of a target (RFC 9112, 3.2).
fn is_target(method: &str, target: &str) -> bool {
    match method {
        "CONNECT" => is_authority(target),
        "OPTIONS" if target == "*" => true,
        _ => target.starts_with('/') || absolute_form(target).is_some(),
    }
}

/// Splits `http://host:port/path?query` into `host:port` and `/path?query`; `None` for a target of another form.
///
/// A server must take this form, and then the host is this one, whatever `Host` says (RFC 9112, 3.2.2).
pub fn absolute_form(target: &str) -> Option<(&str, String)> {
    let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"))?;
    let rest = &target[scheme.len()..];
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    is_authority(authority).then(|| (authority, format!("{slash}{path}")))
}

/// `host` or `host:port`, without a user's name (RFC 9110, 4.2.4).
fn is_authority(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(':') && !text.contains(['/', '?', '#', '@'])
}

/// `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112, 4); the last space may be missing.
fn status_line(line: &str) -> Result<(), Malformed> {
    let mut words = line.splitn(3, ' ');
    known_version(words.next().unwrap_or(""))?;
    if !matches!(words.next().unwrap_or("").as_bytes(), [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9']) {
        return malformed(400, "The status line has no three-digit status.");
    }
    if words.next().is_some_and(has_control_characters) {
        return malformed(400, "The reason has a control character in it.");
    }
    Ok(())
}

fn known_version(version: &str) -> Result<(), Malformed> {
    match version {
        "HTTP/1.1" | "HTTP/1.0" => Ok(()),
        other if other.starts_with("HTTP/") => malformed(505, "This server speaks HTTP/1.1."),
        _ => malformed(400, "This is not HTTP/1.1."),
    }
}

/// Methods and header names are tokens (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Of all control characters only the tab may stand in a header value (RFC 9110, 5.5).
fn has_control_characters(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_control() && c != '\t')
}

/// Takes off the white space around a value: spaces and tabs, and nothing else (RFC 9110, 5.6.3).
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(head: &str) -> MessageHead {
        parse_head(head.as_bytes(), MessageKind::Request).unwrap()
    }

    #[test]
    fn a_request_head_is_method_target_version_and_fields() {
        let head =
            request("GET /wait?after=7 HTTP/1.1\r\nHost: a\r\nuPGRADE:\t x \r\nConnection: a ,\tupGRADE\r\n\r\n");
        assert_eq!((head.method(), head.target(), head.version()), ("GET", "/wait?after=7", "HTTP/1.1"));
        assert_eq!((head.field("upgrade"), head.field("Origin")), (Some("x"), None));
        assert!(head.lists("connection", "upgrade") && !head.lists("connection", "up"));
    }

    #[test]
    fn an_absolute_target_is_a_host_and_a_path() {
        let split = |target| absolute_form(target).map(|(host, path)| format!("{host} {path}"));
        assert_eq!(split("http://a:8003/wait?after=7").as_deref(), Some("a:8003 /wait?after=7"));
        assert_eq!(split("HTTP://a").as_deref(), Some("a /"));
        assert_eq!(split("http://a?b").as_deref(), Some("a /?b"));
        for other in ["/wait", "*", "a:8003", "https://a/", "http://", "http:///x", "http://user@a/", "http://a#b"] {
            assert_eq!(split(other), None, "{other}");
        }
    }

    #[test]
    fn a_target_has_the_form_that_its_method_allows() {
        let taken =
            |line: &str| parse_head(format!("{line} HTTP/1.1\r\n\r\n").as_bytes(), MessageKind::Request).is_ok();
        for line in ["OPTIONS *", "OPTIONS /", "CONNECT a:443", "GET /", "GET http://a/"] {
            assert!(taken(line), "{line}");
        }
        for line in ["GET *", "CONNECT /", "GET a:443", "CONNECT http://a/"] {
            assert!(!taken(line), "{line}");
        }
    }
}
