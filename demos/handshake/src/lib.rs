//! The WebSocket opening handshake, by hand: how a connection that speaks HTTP becomes one that does not.
//!
//! Run    `cargo run -p handshake`, then open <http://127.0.0.1:8010>
//! Read   `request.rs` (a head), `accept.rs` (what is checked and what is answered), `client.rs` (the other half); then
//!        this file and `../page.html`
//! Wire   `GET /socket`, `Upgrade: websocket`, `Sec-WebSocket-Key` ... `101`, `Sec-WebSocket-Accept` ... bytes
//! Book   `book/src/handshake.md`
//!
//! Left out: what the bytes after 101 mean. This server shows them as they come, and that is all it can do; `frames`, the
//! next lesson, can read them. Also left out: extensions, cookies, logins. Source: RFC 6455, sections 1.3 and 4.

pub mod accept;
pub mod answer;
pub mod client;
pub mod random;
pub mod request;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use demo::{Demo, Site, Speaks};
use room::Room;

use crate::accept::Accepted;
use crate::request::{Refusal, Request, Unread};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "handshake",
    port: 8010,
    title: "The WebSocket handshake",
    promise: "One HTTP request asks to speak something else from now on; one answer agrees, and proves that it understood.",
    first: "open the page, follow the key to its answer, then send a handshake with one thing wrong",
    page: demo::page!("attempt.js"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[],
};

/// The subprotocols that this server says it speaks: so that the page can show how one is chosen.
const KNOWN: &[&str] = &["room.v2", "room.v1"];

/// How long the answer to an attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many bytes of one read are shown.
const SHOWN: usize = 300;

/// The newest handshakes, for the page to walk through: the tab's own word for itself, and what happened.
static HANDSHAKES: Mutex<VecDeque<(String, Value)>> = Mutex::new(VecDeque::new());

/// How many handshakes are remembered.
const REMEMBERED: usize = 100;

/// Serves the page, and sockets whose bytes become the room's messages.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    answer::each_connection(listener, move |stream| serve_one(stream, &room))
}

// ANCHOR: one-port
/// One port for HTTP and WebSocket: which of the two it is, the first request says.
fn serve_one(stream: TcpStream, room: &Room) -> io::Result<()> {
    let Some((request, rest)) = read_request(&stream)? else { return Ok(()) };
    if accept::is_meant(&request) {
        if request.path() != "/socket" {
            return answer::refuse(&stream, &Refusal::new(404, "The socket is at /socket."));
        }
        return match upgrade(&stream, &request, KNOWN)? {
            Some(accepted) => {
                remember(&request, &accepted);
                show_bytes(&stream, rest, room)
            }
            None => Ok(()),
        };
    }
    if let Err(refusal) = accept::check_host_and_origin(&request) {
        return answer::refuse(&stream, &refusal);
    }
    match (request.method.as_str(), request.path()) {
        ("GET", "/") => page(&stream, &request, &DEMO),
        ("GET", "/walk") => walk(&stream, &request),
        ("GET", "/wait") => wait(&stream, &request, room),
        ("POST", "/try") => try_head(&stream, &request, rest),
        ("GET", "/socket") => answer::refuse(&stream, &speaks_websocket()),
        (_, "/" | "/walk" | "/wait" | "/socket") => answer::refuse(&stream, &method_not_allowed("GET")),
        (_, "/try") => answer::refuse(&stream, &method_not_allowed("POST")),
        _ => answer::refuse(&stream, &Refusal::new(404, "There is nothing under this path.")),
    }
}
// ANCHOR_END: one-port

// ANCHOR: upgrade
/// Reads the first request of a connection, with what came behind its head. `None`: there was none, or it was refused.
///
/// # Errors
/// When the client has gone.
pub fn read_request(stream: &TcpStream) -> io::Result<Option<(Request, Vec<u8>)>> {
    match request::read_head(stream, shared::bench::head_timeout()) {
        Ok(read) => Ok(Some(read)),
        Err(Unread::Gone) => Ok(None),
        Err(Unread::Refused(refusal)) => answer::refuse(stream, &refusal).map(|()| None),
    }
}

/// Answers a handshake with 101, and the connection is a WebSocket; or refuses it: then `None`.
///
/// # Errors
/// When the client has gone.
pub fn upgrade(mut stream: &TcpStream, request: &Request, known: &[&str]) -> io::Result<Option<Accepted>> {
    match accept::check(request, known) {
        Ok(accepted) => {
            stream.write_all(accept::switching_protocols(&accepted).as_bytes())?;
            stream.set_read_timeout(None)?; // a WebSocket may be silent for as long as it likes
            Ok(Some(accepted))
        }
        Err(refusal) => answer::refuse(stream, &refusal).map(|()| None),
    }
}
// ANCHOR_END: upgrade

/// Answers with a demo's page.
///
/// # Errors
/// When the client has gone.
pub fn page(stream: &TcpStream, request: &Request, demo: &Demo) -> io::Result<()> {
    let html = demo.page.html(request.only("Host").unwrap_or("127.0.0.1"));
    answer::send(stream, 200, "text/html; charset=utf-8", &html, &[])
}

/// The refusal of an ordinary request at a place that speaks WebSocket only.
pub fn speaks_websocket() -> Refusal {
    accept::upgrade_required(Refusal::new(426, "This address speaks WebSocket: ask for an upgrade."))
}

/// The refusal of a method, with the one that the path takes (RFC 9110, 15.5.6).
pub fn method_not_allowed(allow: &str) -> Refusal {
    Refusal::new(405, format!("This path takes {allow} only.")).with("Allow", allow)
}

// ANCHOR: mere-bytes
/// After 101 there are no requests any more, only bytes. What they mean, this lesson does not know: each read becomes a
/// line in the room, in hexadecimal, as many bytes as happened to arrive together.
fn show_bytes(mut stream: &TcpStream, rest: Vec<u8>, room: &Room) -> io::Result<()> {
    let mut bytes = vec![0; 4096];
    let mut arrived = rest.len();
    bytes[..arrived].copy_from_slice(&rest);
    loop {
        if arrived > 0 {
            let hex: Vec<String> = bytes[..arrived.min(SHOWN)].iter().map(|byte| format!("{byte:02x}")).collect();
            let more = if arrived > SHOWN { format!(" ... and {} more", arrived - SHOWN) } else { String::new() };
            let _said = room.say(&format!("{}{more}", hex.join(" "))); // never empty, never too long
        }
        arrived = stream.read(&mut bytes)?;
        if arrived == 0 {
            return Ok(());
        }
    }
}
// ANCHOR_END: mere-bytes

/// Remembers a handshake under the word that the tab put into the address: `/socket?tab=k3x9`.
fn remember(request: &Request, accepted: &Accepted) {
    let joined = format!("{}{}", accepted.key, accept::GUID);
    let sha1 = sha1_smol::Sha1::from(&joined).digest().to_string();
    let steps = json!({
        "request": request.raw,
        "key": accepted.key,
        "guid": accept::GUID,
        "joined": joined,
        "sha1": sha1,
        "accept": accept::accept_key(&accepted.key),
        "response": accept::switching_protocols(accepted),
    });
    let mut handshakes = HANDSHAKES.lock().unwrap_or_else(PoisonError::into_inner);
    handshakes.push_back((request.query("tab").unwrap_or("").to_string(), steps));
    if handshakes.len() > REMEMBERED {
        handshakes.pop_front();
    }
}

/// `GET /walk?tab=k3x9`: that tab's newest handshake, step by step.
fn walk(stream: &TcpStream, request: &Request) -> io::Result<()> {
    let tab = request.query("tab").unwrap_or("");
    let handshakes = HANDSHAKES.lock().unwrap_or_else(PoisonError::into_inner);
    let steps = handshakes.iter().rev().find(|(other, _)| other == tab).map(|(_, steps)| steps.clone());
    drop(handshakes);
    match steps {
        Some(steps) => answer::json(stream, &steps),
        None => answer::refuse(stream, &Refusal::new(404, "No handshake of this tab is remembered: open a socket.")),
    }
}

/// `GET /wait?after=7`: what arrived after line 7, as soon as there is some; the long poll of an earlier lesson.
fn wait(stream: &TcpStream, request: &Request, room: &Room) -> io::Result<()> {
    let after = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    answer::json(stream, &room.wait_since(after, Duration::from_secs(20)).json())
}

// ANCHOR: try
/// `POST /try`: sends the head in the body to this very server, byte for byte but for the line ends, as no browser would
/// let a page do, and answers with what came back.
///
/// It goes through the front door like anyone's, so the wire view shows it; and only there, so that nobody can make
/// this server knock at other doors.
fn try_head(stream: &TcpStream, request: &Request, rest: Vec<u8>) -> io::Result<()> {
    let head = request::read_body(request, rest, stream, 2 * request::MAX_HEAD)
        .and_then(|body| String::from_utf8(body).map_err(|_| Refusal::new(400, "A head is text; this is not.")))
        .and_then(|head| if head.is_empty() { Err(Refusal::new(400, "Nothing to send.")) } else { Ok(head) });
    let head = match head {
        Ok(head) => head.replace("\r\n", "\n"),
        Err(refusal) => return answer::refuse(stream, &refusal),
    };
    // Up to the first empty line and not further: a head has no body, and an attempt makes no attempts of its own.
    let head = head.split("\n\n").next().unwrap_or("").trim_end_matches('\n').replace('\n', "\r\n") + "\r\n\r\n";
    let tried = shared::bench::public_address()
        .ok_or_else(|| io::Error::other("this server has no public address"))
        .and_then(client::dial_address)
        .and_then(|mut own| {
            own.write_all(head.as_bytes())?;
            let deadline = Instant::now() + PATIENCE;
            let (response, mut body) = client::read_answer(&own, deadline)?;
            if !response.starts_with("HTTP/1.1 101 ") {
                let mut chunk = [0; 4096];
                while let Ok(length @ 1..) = request::read_before(&own, &mut chunk, deadline) {
                    body.extend_from_slice(&chunk[..length]);
                }
            }
            Ok((response, body))
        });
    match tried {
        Ok((response, rest)) => {
            let status = response.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
            let body = String::from_utf8_lossy(&rest).into_owned();
            answer::json(stream, &json!({ "request": head, "response": response, "status": status, "body": body }))
        }
        Err(error) => {
            let why = match error.kind() {
                io::ErrorKind::UnexpectedEof => "The server closed the connection without a word.".to_string(),
                _ if request::is_timeout(&error) => "The server did not answer within 5 s.".to_string(),
                _ => format!("The attempt failed: {error}."),
            };
            answer::refuse(stream, &Refusal::new(502, why))
        }
    }
}
// ANCHOR_END: try
