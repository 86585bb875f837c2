//! Machinery: what the page shows beside the socket. The newest handshakes step by step, the bytes that arrived, and
//! attempts with a head in which something is wrong.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use demo::{Demo, Site};
use room::{Cursor, Room};
use serde_json::{Value, json};
use sha1_smol::Sha1;

use crate::page_server::{
    self, PageAnswer, method_not_allowed, not_found, read_body, speaks_websocket,
};
use crate::refusal::Refusal;
use crate::request::{MAX_HEAD, Request, read_head};

/// How many handshakes are remembered.
const REMEMBERED: usize = 100;

/// How many bytes of one read are shown.
const SHOWN: usize = 300;

/// How long a poll waits for bytes.
const POLL: Duration = Duration::from_secs(20);

/// How long the answer to an attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The page's server, and what it shows.
pub struct Walkthrough {
    demo: &'static Demo,
    room: Arc<Room>,
    site: Arc<Site>,
    /// The newest handshakes: what the tab put into its address (`/socket?tab=k3x9`), and the steps.
    handshakes: Mutex<VecDeque<(String, Value)>>,
}

impl Walkthrough {
    /// With no handshake to show yet.
    pub fn new(demo: &'static Demo, room: Arc<Room>, site: Arc<Site>) -> Self {
        Walkthrough { demo, room, site, handshakes: Mutex::default() }
    }

    /// Answers an ordinary request. `rest` is what has arrived of its body.
    ///
    /// # Errors
    /// When the client has gone.
    pub fn answer(&self, stream: &TcpStream, request: &Request, rest: Vec<u8>) -> io::Result<()> {
        page_server::answer(stream, request, &self.site, |method, path| match (method, path) {
            ("GET", "/") => Ok(PageAnswer::page(self.demo, request, &self.site)),
            ("GET", "/walk") => self.walk(request),
            ("GET", "/wait") => Ok(self.wait(request)),
            ("POST", "/try") => {
                let head = read_body(stream, request, rest, 2 * MAX_HEAD, self.site.head_timeout)?;
                let head = String::from_utf8(head)
                    .map_err(|_| Refusal::new(400, "A head is text; this is not."))?;
                attempt(&head, &self.site)
            }
            ("GET", "/socket") => Err(speaks_websocket()),
            (_, "/" | "/walk" | "/wait" | "/socket") => Err(method_not_allowed("GET, HEAD")),
            (_, "/try") => Err(method_not_allowed("POST")),
            _ => Err(not_found()),
        })
    }

    /// Remembers a handshake that was answered with 101.
    pub fn remember(&self, request: &Request, key: &str, guid: &str, response: &str) {
        let joined = format!("{key}{guid}");
        let sha1 = Sha1::from(&joined).digest();
        let steps = json!({
            "request": request.raw,
            "key": key,
            "joined": joined,
            "sha1": sha1.to_string(),
            "accept": STANDARD.encode(sha1.bytes()),
            "response": response,
        });
        let mut handshakes = self.handshakes();
        handshakes.push_back((request.query("tab").unwrap_or("").to_string(), steps));
        if handshakes.len() > REMEMBERED {
            handshakes.pop_front();
        }
    }

    /// `GET /walk?tab=k3x9`: that tab's newest handshake.
    fn walk(&self, request: &Request) -> Result<PageAnswer, Refusal> {
        let tab = request.query("tab").unwrap_or("");
        match self.handshakes().iter().rev().find(|(other, _)| other == tab) {
            Some((_, steps)) => Ok(PageAnswer::json(steps)),
            None => {
                Err(Refusal::new(404, "No handshake of this tab is remembered: open a socket."))
            }
        }
    }

    fn handshakes(&self) -> MutexGuard<'_, VecDeque<(String, Value)>> {
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `GET /wait?after=9f3c01d2-7`: what arrived after line 7, as soon as there is some; the long poll of an earlier
    /// lesson.
    fn wait(&self, request: &Request) -> PageAnswer {
        let cursor =
            request.query("after").and_then(|after| after.parse().ok()).unwrap_or(Cursor::START);
        PageAnswer::json(&self.room.wait_since(cursor, POLL).json())
    }

    /// After 101 there are no requests any more, only bytes, and this lesson does not know what
    /// they mean. Each read becomes a line in the room, in hexadecimal: as many bytes as came
    /// together.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn show_bytes(&self, mut stream: &TcpStream, rest: &[u8]) -> io::Result<()> {
        self.show(rest); // what has arrived with the head
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes)? {
                0 => return Ok(()),
                arrived => self.show(&bytes[..arrived]),
            }
        }
    }

    fn show(&self, bytes: &[u8]) {
        let shown = &bytes[..bytes.len().min(SHOWN)];
        let mut line: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
        if bytes.len() > SHOWN {
            line.push(format!("... and {} more", bytes.len() - SHOWN));
        }
        let _empty = self.room.say(&line.join(" ")); // refused when nothing has arrived; it is never too long
    }
}

/// `POST /try`: sends the head in the body to this very server, byte for byte but for the line
/// ends, and answers with what came back. No browser lets a page send such a head.
///
/// It goes to the demo's public port, so that the wire view shows it; and to no other address, so
/// that this server can't be used to reach one.
fn attempt(head: &str, site: &Site) -> Result<PageAnswer, Refusal> {
    // Only the first head: an attempt has no body, and so it can't order another attempt.
    let head = head.replace("\r\n", "\n");
    let head = head.split("\n\n").next().unwrap_or("").trim_end_matches('\n');
    if head.is_empty() {
        return Err(Refusal::new(400, "There is nothing to send."));
    }
    let head = head.replace('\n', "\r\n") + "\r\n\r\n";
    match exchange(&head, site) {
        Ok((response, body)) => {
            let status = response.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
            Ok(PageAnswer::json(&json!({
                "request": head, "response": response, "status": status, "body": body,
            })))
        }
        Err(error) => {
            let why = match error.kind() {
                io::ErrorKind::UnexpectedEof => "The server gave no answer and closed.",
                _ if net::is_timeout(&error) => "The server did not answer within 5 s.",
                _ => "The attempt failed.",
            };
            Err(Refusal::new(502, why))
        }
    }
}

/// Sends a head to this server, and returns the head and the body of the answer.
fn exchange(head: &str, site: &Site) -> io::Result<(String, String)> {
    let mut stream = TcpStream::connect_timeout(&site.public_address(), ATTEMPT)?;
    stream.set_write_timeout(Some(ATTEMPT))?;
    stream.write_all(head.as_bytes())?;
    let (mut response, deadline) = (Vec::new(), Instant::now() + ATTEMPT);
    let mut body = read_head(&stream, &mut response, deadline)?;
    let response = String::from_utf8_lossy(&response).into_owned();
    let mut chunk = [0; 4096];
    while !response.starts_with("HTTP/1.1 101 ") {
        match net::read_before(&stream, &mut chunk, deadline) {
            Ok(length @ 1..) => body.extend_from_slice(&chunk[..length]),
            _ => break,
        }
    }
    Ok((response, String::from_utf8_lossy(&body).into_owned()))
}
