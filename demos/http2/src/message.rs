//! From header fields to a request (RFC 9113, 8.1 to 8.3), with the rules that keep one request from being read as another.
//!
//! What HTTP/1.1 says in its first line, HTTP/2 says in fields whose names begin with a colon: `:method`, `:scheme`,
//! `:authority`, `:path`. A request to speak WebSocket has `:protocol`, too (RFC 8441, 4).

use handshake::request::{Request, is_token};

use crate::frame::{ErrorCode, Violation};
use crate::hpack::FieldLine;

/// A request's fields, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request as a server of HTTP/1.1 would have got it.
    pub request: Request,
    /// `https`, or `http` without TLS.
    pub scheme: String,
    /// What the stream should become, in an extended CONNECT: `websocket`.
    pub protocol: Option<String>,
    /// How long the body is, if the client says so.
    pub content_length: Option<u64>,
}

/// Fields about one connection between two ends: HTTP/2 has frames for that (8.2.2).
const OF_THE_CONNECTION: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

impl Asked {
    /// Makes a request of header fields.
    ///
    /// # Errors
    /// When it is malformed (8.1.1): the stream is reset.
    pub fn parse(stream: u32, fields: Vec<FieldLine>) -> Result<Asked, Violation> {
        let bad = |why| Violation::stream(stream, ErrorCode::ProtocolError, why);
        let (pseudo, regular) = split(fields).map_err(bad)?;
        let [method, scheme, authority, path, protocol] = pseudo;
        let method = method.ok_or(bad("a request has a :method (8.3.1)"))?;
        let tunnel = method == "CONNECT" && protocol.is_none();
        if tunnel && (scheme.is_some() || path.is_some() || authority.is_none()) {
            return Err(bad("CONNECT has an :authority and nothing else (8.5)"));
        }
        if !tunnel && (scheme.is_none() || path.as_ref().is_none_or(String::is_empty)) {
            return Err(bad("a request has a :scheme and a :path (8.3.1)"));
        }
        if protocol.is_some() && (method != "CONNECT" || authority.is_none()) {
            return Err(bad(":protocol is for CONNECT, with an :authority (RFC 8441, 4)"));
        }
        let target = path.unwrap_or_default();
        if !is_token(&method) || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad("a method or path has a character that none has (8.3.1)"));
        }
        let content_length = content_length(&regular).map_err(bad)?;
        let mut request =
            Request { method, target, version: "HTTP/2".to_string(), ..Request::default() };
        request.fields = regular;
        if let Some(authority) = authority {
            if request.all("host").any(|host| !host.eq_ignore_ascii_case(&authority)) {
                return Err(bad("host says something else than :authority (8.3.1)"));
            }
            request.fields.retain(|(name, _)| name != "host");
            request.fields.push(("host".to_string(), authority));
        }
        Ok(Asked { request, scheme: scheme.unwrap_or_default(), protocol, content_length })
    }
}

/// The five fields with a colon, in the order of the match below.
type Pseudo = [Option<String>; 5];

/// Divides the fields into those with a colon, which stand in front, and the others.
fn split(fields: Vec<FieldLine>) -> Result<(Pseudo, Vec<FieldLine>), &'static str> {
    let (mut pseudo, mut regular) = (Pseudo::default(), Vec::new());
    for (name, value) in fields {
        if value.contains(['\0', '\r', '\n']) || value.trim_matches([' ', '\t']).len() < value.len()
        {
            return Err("a field's value has a character that no value has there (8.2.1)");
        }
        let Some(known) = name.strip_prefix(':') else {
            check_regular(&name, &value)?;
            regular.push((name, value));
            continue;
        };
        let place = match known {
            "method" => 0,
            "scheme" => 1,
            "authority" => 2,
            "path" => 3,
            "protocol" => 4,
            _ => return Err("a request has no such field with a colon (8.3)"),
        };
        if !regular.is_empty() {
            return Err("the fields with a colon stand in front of the others (8.3)");
        }
        if pseudo[place].replace(value).is_some() {
            return Err("a field with a colon stands there twice (8.3)");
        }
    }
    Ok((pseudo, regular))
}

fn check_regular(name: &str, value: &str) -> Result<(), &'static str> {
    if !is_token(name) || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("a field's name is in small letters (8.2)");
    }
    if OF_THE_CONNECTION.contains(&name) || (name == "te" && value != "trailers") {
        return Err("a field about the connection has no place in HTTP/2 (8.2.2)");
    }
    Ok(())
}

/// What all `content-length` fields say.
fn content_length(fields: &[FieldLine]) -> Result<Option<u64>, &'static str> {
    let mut length = None;
    for (_, value) in fields.iter().filter(|(name, _)| name == "content-length") {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let said = value
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or("content-length is not a number (8.1.1)")?;
        if length.replace(said).is_some_and(|before| before != said) {
            return Err("content-length says two things (8.1.1)");
        }
    }
    Ok(length)
}

/// Checks the fields behind a body.
///
/// # Errors
/// When they are malformed (8.1): the stream is reset.
pub fn check_trailers(stream: u32, fields: Vec<FieldLine>) -> Result<(), Violation> {
    let bad = |why| Violation::stream(stream, ErrorCode::ProtocolError, why);
    let (pseudo, _) = split(fields).map_err(bad)?;
    match pseudo.iter().flatten().next() {
        None => Ok(()),
        Some(_) => Err(bad("no field with a colon stands behind a body (8.1)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "localhost")];

    fn parse(fields: &[(&str, &str)]) -> Result<Asked, Violation> {
        Asked::parse(
            1,
            fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        )
    }

    #[test]
    fn a_request_is_what_it_would_be_in_http_1_1() {
        let asked = parse(&[&GET[..], &[("accept", "*/*")]].concat()).unwrap();
        assert_eq!(
            (&*asked.request.method, &*asked.request.target, asked.request.host()),
            ("GET", "/", Some("localhost"))
        );
    }

    #[test]
    fn an_extended_connect_names_its_protocol() {
        let mut fields = GET;
        fields[0].1 = "CONNECT";
        assert_eq!(
            parse(&[&fields[..], &[(":protocol", "websocket")]].concat())
                .unwrap()
                .protocol
                .as_deref(),
            Some("websocket")
        );
        assert!(parse(&fields).is_err(), "without a protocol it has no path");
        assert!(parse(&[(":method", "CONNECT"), (":authority", "example:443")]).is_ok());
    }

    #[test]
    fn every_malformed_request_is_refused() {
        for more in [
            &[("Accept", "*/*")][..],
            &[(":status", "200")],
            &[(":path", "/again")],
            &[("accept", "*/*"), (":protocol", "websocket")],
            &[("connection", "keep-alive")],
            &[("transfer-encoding", "chunked")],
            &[("te", "gzip")],
            &[("host", "example")],
            &[("content-length", "-1")],
            &[("content-length", "1"), ("content-length", "2")],
            &[("a", " b")],
            &[("a", "b\r\nc: d")],
            &[("a b", "c")],
            &[("", "")],
            &[(":protocol", "websocket")],
        ] {
            assert!(parse(&[&GET[..], more].concat()).is_err(), "{more:?}");
        }
        for left_out in [0, 1, 2] {
            let fields: Vec<_> = GET
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != left_out)
                .map(|(_, field)| *field)
                .collect();
            assert!(parse(&fields).is_err(), "without {}", GET[left_out].0);
        }
        assert!(parse(&[&GET[..], &[("te", "trailers"), ("host", "LOCALHOST")]].concat()).is_ok());
    }
}
