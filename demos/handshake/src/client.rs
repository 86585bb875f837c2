//! The client's half of the opening handshake (RFC 6455, 4.1), for programs that are no browser.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::accept_key;
use crate::address::Address;
use crate::fields::VERSION;
use crate::request::{is_token, read_head};

/// How long a connection may take to be made, and an answer to come.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A fresh `Sec-WebSocket-Key` (RFC 6455, 4.1, item 7).
pub fn new_key() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    STANDARD.encode(bytes)
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

/// A WebSocket that is open: the connection, the bytes that came behind the answer's head, and the subprotocol that the
/// server chose.
pub type Opened = (TcpStream, Vec<u8>, Option<String>);

/// Opens a WebSocket.
///
/// # Errors
/// When there is no connection, or the answer is not the 101 that this very key asks for.
pub fn connect(address: &Address, protocols: &[&str]) -> io::Result<Opened> {
    upgrade(dial(&address.connect)?, &address.host, &address.resource, protocols)
}

/// The same over a connection that is open already.
///
/// # Errors
/// As [`connect`].
pub fn upgrade(
    mut stream: TcpStream,
    host: &str,
    resource: &str,
    protocols: &[&str], // to offer, best first
) -> io::Result<Opened> {
    let key = new_key();
    stream.write_all(handshake_request(host, resource, &key, protocols).as_bytes())?;
    let mut head = Vec::new();
    let rest = read_head(&stream, &mut head, Instant::now() + TIMEOUT)?;
    let head = String::from_utf8_lossy(&head);
    let protocol = check_answer(&head, &key, protocols).map_err(io::Error::other)?;
    stream.set_read_timeout(None)?;
    Ok((stream, rest, protocol))
}

fn dial(name: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::other(format!("{name} has no address"));
    for address in name.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Checks the server's answer, item by item of RFC 6455, 4.1; returns the subprotocol it chose.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_answer(head: &str, key: &str, protocols: &[&str]) -> Result<Option<String>, String> {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or("");
    let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let all = |name: &str| -> Vec<&str> {
        let same = fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.trim()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::is_key;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: x, upgrade\r\n\
                        Sec-WebSocket-Accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\nSec-WebSocket-Protocol: chat\r\n\r\n";

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
            assert!(
                check_answer(&GOOD.replace(from, to), KEY, &["chat"]).is_err(),
                "{from} -> {to}"
            );
        }
        assert!(check_answer(GOOD, KEY, &[]).is_err(), "a subprotocol that was not offered");
    }
}
