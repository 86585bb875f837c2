//! Machinery: sends the frames that the page has composed. A browser sends right frames only, so the page gives the bytes of
//! its wrong ones to the demo, and a small client in here sends them: to the demo's own public port, so that the wire view
//! shows them like any others.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use handshake::client;
use handshake::page_server::{PageAnswer, read_body};
use handshake::refusal::Refusal;
use handshake::request::Request;
use serde_json::{Value, json};

use crate::close::Close;
use crate::frame::{FrameHeader, Opcode, mask};

/// The longest body of a request to the composer, in bytes: hexadecimal takes two for one.
const MAX_BODY: usize = 256 * 1024;

/// How many writes one attempt may have, and the pause after each.
const MAX_PIECES: usize = 20;
const PAUSE: Duration = Duration::from_millis(30);

/// How long the answer may take to begin, and how long it must be silent to be over.
const ANSWER: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_millis(300);

/// The longest answer that is shown, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Answers `POST /compose` with `{"path":"/echo","pieces":["8185...","..."]}`, one write for each piece.
///
/// # Errors
/// The refusal to answer with.
pub fn answer(
    stream: &TcpStream,
    request: &Request,
    rest: Vec<u8>,
    site: &Site,
) -> Result<PageAnswer, Refusal> {
    let (path, pieces) =
        read_order(&read_body(stream, request, rest, MAX_BODY, site.head_timeout)?)?;
    let (bytes, closed) = send(request.host().unwrap_or(""), path, &pieces, site)
        .map_err(|error| Refusal::new(502, format!("The bytes did not arrive: {error}.")))?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(PageAnswer::json(&json!({ "hex": hex, "frames": describe(&bytes), "closed": closed })))
}

fn read_order(body: &[u8]) -> Result<(&'static str, Vec<Vec<u8>>), Refusal> {
    let bad = |why: &str| Refusal::new(400, why);
    let order: Value = serde_json::from_slice(body).map_err(|_| bad("The body is not JSON."))?;
    let path = match order["path"].as_str() {
        None | Some("/echo") => "/echo",
        Some("/") => "/",
        Some(_) => return Err(bad("The path is / or /echo.")),
    };
    let pieces =
        order["pieces"].as_array().filter(|pieces| (1..=MAX_PIECES).contains(&pieces.len()));
    let pieces = pieces.ok_or_else(|| bad("There must be 1 to 20 pieces."))?;
    let pieces: Option<Vec<_>> =
        pieces.iter().map(|piece| piece.as_str().and_then(from_hex)).collect();
    Ok((path, pieces.ok_or_else(|| bad("A piece is hexadecimal: two digits for each byte."))?))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Opens a WebSocket as any client would, and then sends whatever bytes it was given. Returns what
/// came back, and whether the server ended the connection.
fn send(host: &str, path: &str, pieces: &[Vec<u8>], site: &Site) -> io::Result<(Vec<u8>, bool)> {
    let stream = TcpStream::connect_timeout(&site.public_address(), ANSWER)?;
    stream.set_write_timeout(Some(ANSWER))?;
    let (mut stream, mut answer, _) = client::upgrade(stream, host, path, &[])?;
    for piece in pieces {
        if stream.write_all(piece).is_err() {
            break; // refused before its last byte: the answer says why
        }
        thread::sleep(PAUSE);
    }
    let mut chunk = [0; 4096];
    while answer.len() < MAX_ANSWER {
        let limit = if answer.is_empty() { ANSWER } else { SILENCE };
        match net::read_before(&stream, &mut chunk, Instant::now() + limit) {
            Ok(0) => return Ok((answer, true)),
            Ok(length) => answer.extend_from_slice(&chunk[..length]),
            Err(error) if net::is_timeout(&error) => break,
            Err(_) => return Ok((answer, true)),
        }
    }
    Ok((answer, false))
}

/// The frames of an answer, as far as they can be read.
fn describe(bytes: &[u8]) -> Vec<Value> {
    let (mut wire, mut frames) = (bytes, Vec::new());
    while let Ok(header) = FrameHeader::parse(&mut wire) {
        let Some((payload, rest)) =
            usize::try_from(header.length).ok().and_then(|length| wire.split_at_checked(length))
        else {
            break;
        };
        wire = rest;
        let mut payload = payload.to_vec();
        mask(&mut payload, header.key.unwrap_or_default(), 0);
        let mut frame = json!({
            "fin": header.fin, "opcode": header.opcode as u8, "name": name(header.opcode), "length": header.length,
        });
        if header.opcode == Opcode::Close
            && let Ok(close) = Close::parse(&payload)
        {
            frame["code"] = json!(close.code);
            frame["reason"] = json!(close.reason);
        } else {
            frame["text"] = json!(str::from_utf8(&payload).ok());
        }
        frames.push(frame);
    }
    frames
}

fn name(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::Continuation => "continuation",
        Opcode::Text => "text",
        Opcode::Binary => "binary",
        Opcode::Close => "close",
        Opcode::Ping => "ping",
        Opcode::Pong => "pong",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_path_and_pieces_in_hexadecimal() {
        let order = |text: &str| read_order(text.as_bytes()).map_err(|refusal| refusal.status);
        assert_eq!(
            order(r#"{"path":"/","pieces":["81ff","00"]}"#),
            Ok(("/", vec![vec![0x81, 0xFF], vec![0]]))
        );
        assert_eq!(order(r#"{"pieces":[""]}"#), Ok(("/echo", vec![vec![]])));
        for bad in [
            "",
            "[]",
            r#"{"pieces":[]}"#,
            r#"{"pieces":["8"]}"#,
            r#"{"pieces":["é1"]}"#,
            r#"{"pieces":[1]}"#,
        ] {
            assert_eq!(order(bad), Err(400), "{bad}");
        }
        assert_eq!(order(r#"{"path":"/elsewhere","pieces":["81"]}"#), Err(400));
    }

    #[test]
    fn an_answer_is_described_frame_by_frame() {
        let frames = describe(b"\x01\x03Hel\x80\x02lo\x88\x05\x03\xeawhy\x81\x7e");
        assert_eq!(frames.len(), 3);
        assert_eq!(
            frames[0],
            json!({ "fin": false, "opcode": 1, "name": "text", "length": 3, "text": "Hel" })
        );
        assert_eq!(frames[2]["code"], 1002);
        assert_eq!(frames[2]["reason"], "why");
    }
}
