//! Machinery: the client's half of a handshake with permessage-deflate, for programs that are no browser.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Instant;

use frames::message::Role;
use handshake::address::Address;
use handshake::client::{TIMEOUT, check_answer, handshake_request, new_key};
use handshake::request::read_head;

use crate::extension::{self, CompressedSocket};
use crate::negotiation::{self, Agreed, Parameters};

const FIELD: &str = "Sec-WebSocket-Extensions";

/// A connection behind its handshake, the bytes that came behind the answer, and what was agreed on.
pub type Agreement = (TcpStream, Vec<u8>, Option<Agreed>);

/// Opens a WebSocket that offers this. A message that arrives has at most so many bytes, compressed or not.
///
/// # Errors
/// When there is no connection, or the answer is not one to this offer.
pub fn connect(
    address: &Address,
    offer: &Parameters,
    longest: usize,
) -> io::Result<CompressedSocket> {
    let stream = TcpStream::connect(&address.connect)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let (stream, rest, agreed) = upgrade(stream, &address.host, &address.resource, offer)?;
    let limits = (longest.into(), longest);
    Ok(extension::open(stream, rest, Role::Client, agreed, 6, limits))
}

// ANCHOR: upgrade
/// The same over a connection that is open. Without the field of the extension, the handshake is
/// the one of the lesson `handshake`, and so is its check.
///
/// # Errors
/// As [`connect`].
pub fn upgrade(
    mut stream: TcpStream,
    host: &str,
    resource: &str,
    offer: &Parameters,
) -> io::Result<Agreement> {
    let key = new_key();
    let request = handshake_request(host, resource, &key, &[]);
    let request =
        request.trim_end().to_string() + &format!("\r\n{FIELD}: {}\r\n\r\n", offer.field());
    stream.write_all(request.as_bytes())?;

    let mut head = Vec::new();
    let rest = read_head(&stream, &mut head, Instant::now() + TIMEOUT)?;
    let head = String::from_utf8_lossy(&head);
    let (ours, others): (Vec<&str>, Vec<&str>) =
        head.split("\r\n").partition(|line| value(line).is_some());
    check_answer(&others.join("\r\n"), &key, &[]).map_err(io::Error::other)?;
    let answer: Vec<&str> = ours.into_iter().filter_map(value).collect();
    let agreed = negotiation::check_answer(&answer.join(", "), offer).map_err(io::Error::other)?;
    stream.set_read_timeout(None)?;
    Ok((stream, rest, agreed))
}
// ANCHOR_END: upgrade

/// What a line of the head says, if it is of the extension's field.
fn value(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case(FIELD).then(|| value.trim())
}
