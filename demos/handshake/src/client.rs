//! The client's half of the opening handshake (RFC 6455, 4.1), for programs that are no browser.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::accept::{VERSION, accept_key};
use crate::random::Random;
use crate::request::{MAX_HEAD, is_token, read_before};

/// How long a connection may take to be made, and an answer to come.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A `ws://` address, taken apart (RFC 6455, 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name and port as a `Host` header says them; no port when it is 80.
    pub host: String,
    /// Name and port to connect to.
    pub connect: String,
    /// Path and query, "/" at least.
    pub resource: String,
}

impl Address {
    /// Reads an address like `ws://127.0.0.1:8011/echo?x=1`.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn parse(address: &str) -> Result<Self, String> {
        let scheme = address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("ws://"));
        if !scheme {
            return Err(format!("An address starts with ws://, and {address:?} does not. (wss:// is another lesson.)"));
        }
        if address.contains('#') || address.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("An address has no fragment, no space and nothing that is not ASCII.".to_string());
        }
        let rest = &address[5..];
        let (host, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if host.is_empty() || host.contains('@') {
            return Err(format!("There is no host in {address:?}."));
        }
        Ok(Address {
            host: host.strip_suffix(":80").unwrap_or(host).to_string(),
            connect: if has_port { host.to_string() } else { format!("{host}:80") },
            resource: if resource.starts_with('/') { resource.to_string() } else { format!("/{resource}") },
        })
    }
}

/// A fresh `Sec-WebSocket-Key` (RFC 6455, 4.1, item 7).
pub fn new_key() -> String {
    STANDARD.encode(Random::default().sixteen())
}

/// The head that asks for a WebSocket.
pub fn handshake_request(host: &str, resource: &str, key: &str, protocols: &[&str]) -> String {
    let mut head = format!(
        "GET {resource} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {VERSION}\r\n"
    );
    if !protocols.is_empty() {
        head += &format!("Sec-WebSocket-Protocol: {}\r\n", protocols.join(", "));
    }
    head + "\r\n"
}

// ANCHOR: connect
/// Opens a WebSocket: returns the connection, what the server sent already behind its head, and the subprotocol it chose.
///
/// # Errors
/// When there is no connection, or the answer is not the 101 that this very key asks for.
pub fn connect(address: &Address, protocols: &[&str]) -> io::Result<(TcpStream, Vec<u8>, Option<String>)> {
    let mut stream = dial(&address.connect)?;
    let key = new_key();
    stream.write_all(handshake_request(&address.host, &address.resource, &key, protocols).as_bytes())?;
    let (head, rest) = read_answer(&stream, Instant::now() + TIMEOUT)?;
    let protocol = check_answer(&head, &key, protocols).map_err(io::Error::other)?;
    stream.set_read_timeout(None)?;
    Ok((stream, rest, protocol))
}
// ANCHOR_END: connect

fn dial(name: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::other(format!("{name} has no address"));
    for address in name.to_socket_addrs()? {
        match dial_address(address) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects, with a limit of time for that and for each later write.
///
/// # Errors
/// When nobody listens there.
pub fn dial_address(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Reads an answer's head, and returns what came behind it too.
///
/// # Errors
/// When no whole head comes by the deadline.
pub fn read_answer(stream: &TcpStream, deadline: Instant) -> io::Result<(String, Vec<u8>)> {
    let mut arrived = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(at) = arrived.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = arrived.split_off(at + 4);
            return Ok((String::from_utf8_lossy(&arrived).into_owned(), rest));
        }
        if arrived.len() > MAX_HEAD {
            return Err(io::Error::other("the server's head has no end"));
        }
        match read_before(stream, &mut chunk, deadline)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => arrived.extend_from_slice(&chunk[..length]),
        }
    }
}

// ANCHOR: check-answer
/// Checks the server's answer, item by item of RFC 6455, 4.1; returns the subprotocol it chose.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_answer(head: &str, key: &str, protocols: &[&str]) -> Result<Option<String>, String> {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or("");
    let fields: Vec<(&str, &str)> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    let all = |name: &str| -> Vec<&str> {
        fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value).collect()
    };
    let accept = accept_key(key);

    if !(status.starts_with("HTTP/1.1 101 ") || status == "HTTP/1.1 101") {
        return Err(format!("the server answers {status:?}, not 101"));
    }
    if !matches!(all("Upgrade")[..], [value] if value.eq_ignore_ascii_case("websocket")) {
        return Err("the answer has no Upgrade: websocket".to_string());
    }
    let connection = all("Connection").join(",");
    if !connection.split(',').any(|token| token.trim().eq_ignore_ascii_case("Upgrade")) {
        return Err("the answer's Connection does not list Upgrade".to_string());
    }
    if all("Sec-WebSocket-Accept")[..] != [accept.as_str()] {
        return Err("Sec-WebSocket-Accept is not the answer to our key".to_string());
    }
    if !all("Sec-WebSocket-Extensions").is_empty() {
        return Err("the server uses an extension that we did not offer".to_string());
    }
    match all("Sec-WebSocket-Protocol")[..] {
        [] => Ok(None),
        [chosen] if is_token(chosen) && protocols.contains(&chosen) => Ok(Some(chosen.to_string())),
        _ => Err("the server chose a subprotocol that we did not offer".to_string()),
    }
}
// ANCHOR_END: check-answer

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::is_key;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: x, upgrade\r\n\
                        Sec-WebSocket-Accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\nSec-WebSocket-Protocol: chat\r\n\r\n";

    #[test]
    fn an_address_names_host_port_and_resource() {
        let address = |text| Address::parse(text).map(|a| (a.host, a.connect, a.resource));
        let parts = |a: &str, b: &str, c: &str| Ok((a.to_string(), b.to_string(), c.to_string()));
        assert_eq!(address("ws://127.0.0.1:8011/echo?x=1"), parts("127.0.0.1:8011", "127.0.0.1:8011", "/echo?x=1"));
        assert_eq!(address("WS://a"), parts("a", "a:80", "/"));
        assert_eq!(address("ws://a:80?x"), parts("a", "a:80", "/?x"));
        assert_eq!(address("ws://[::1]:8011/"), parts("[::1]:8011", "[::1]:8011", "/"));
        for bad in ["http://a/", "wss://a/", "ws://", "ws:///x", "ws://a/#top", "ws://a/\r\nX: y", "ws://me@a/"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fresh_key_is_a_key_and_fresh() {
        assert!(is_key(&new_key()));
        assert_ne!(new_key(), new_key());
    }

    #[test]
    fn only_the_right_101_is_taken() {
        assert_eq!(check_answer(GOOD, KEY, &["chat"]), Ok(Some("chat".to_string())));
        for (from, to) in [
            ("HTTP/1.1 101", "HTTP/1.1 200"),
            ("upgrade: WebSocket\r\n", ""),
            ("upgrade: WebSocket", "upgrade: h2c"),
            ("x, upgrade", "keep-alive"),
            ("s3pP", "s3pQ"),
            ("Protocol: chat", "Protocol: CHAT"),
            ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"),
        ] {
            assert!(check_answer(&GOOD.replace(from, to), KEY, &["chat"]).is_err(), "{from} -> {to}");
        }
        assert!(check_answer(GOOD, KEY, &[]).is_err(), "a subprotocol that was not offered");
    }
}
