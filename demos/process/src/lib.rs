//! Any program as a WebSocket server: a line that it prints is a message, and the other way round.
//!
//! Run    `cargo run -p process`, then open <http://127.0.0.1:8015>; with a program of yours:
//!        `cargo run -p process -- python3 -u demos/process/programs/count.py`
//! Read   this file top to bottom, then `child.rs` (start a program, give it lines, end it)
//! Wire   `101` ... text `hello` ... the program reads `hello\n`, prints `HELLO\n` ... text `HELLO`
//! Book   `book/src/process.md`
//!
//! Left out: a folder of programs, TLS, logins. Sources: websocketd; RFC 3875 (CGI).

pub mod child;
pub mod command;
mod environment;
pub mod example;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use frames::close::{MESSAGE_TOO_BIG, TRY_AGAIN_LATER};
use frames::message::Role;
use frames::outbox::Sender;
use frames::websocket::{Next, WebSocket};
use handshake::page_server::{self, PageAnswer, method_not_allowed, not_found};
use handshake::request::Request;
use room::Room;

use crate::child::{MAX_LINE, Output, Program, close_for};
use crate::command::{Permits, ProgramOptions};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "process",
    port: 8015,
    title: "Any program as a server",
    promise: "A program that reads lines and prints lines is a WebSocket server: one child for each connection.",
    first: "open the page and send a line: a program of its own answers; send `exit 3` and see what the page is told",
    page: demo::page!("console.js", "process.css"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[],
};

/// How soon a thread that waits for its client notices that the program has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How long the last lines of a program may take to leave, after its end. A process that it started and that has left its
/// group may hold the output open for ever.
const LAST_LINES: Duration = Duration::from_secs(5);

/// How long a client that is told to close may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves the program and the page. The room stays empty: each connection has a program to itself.
pub fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let options = site.shared.get::<ProgramOptions>();
    let permits = Permits::new(options.max_forks);
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return answer(&stream, &request, &site, &options);
        }
        let started = handshake::check(&request, &site, &[]).and_then(|_| {
            let permit = permits.take()?;
            Program::start(&options, &request, &site, permit)
        });
        let program = match started {
            Ok(started) => started,
            Err(refusal) => return page_server::refuse(&stream, refusal),
        };
        if handshake::upgrade(&stream, &request, &site, &[])?.is_some() {
            converse(WebSocket::new(stream, rest, Role::Server, MAX_LINE), program);
        }
        Ok(())
    })
}

// ANCHOR: converse
/// Serves one connection. This thread carries messages to the program; a second one carries its
/// lines back. This thread owns the program, so the program ends when this function returns.
fn converse(mut socket: WebSocket, mut program: Program) {
    let (sender, output) = (socket.sender(), program.output());
    let (tell_result, told) = mpsc::channel();
    if net::spawn(move || drop(tell_result.send(tell(output, &sender)))).is_err() {
        return;
    }
    let _works_without = socket.set_read_timeout(Some(LOOK));
    let (code, reason) = loop {
        match socket.read() {
            Next::Message(message) => {
                if !program.give(message) {
                    break (TRY_AGAIN_LATER, "the program does not read its input".to_string());
                }
            }
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
        if let Ok(Err(_)) = told.try_recv() {
            break line_too_long();
        }
        if let Some(status) = program.has_ended() {
            program.end(); // what it started ends, too
            if let Ok(Err(_)) = told.recv_timeout(LAST_LINES) {
                break line_too_long();
            }
            break close_for(status);
        }
    };
    socket.close(code, &reason, CLOSING);
}
// ANCHOR_END: converse

fn line_too_long() -> (u16, String) {
    (MESSAGE_TOO_BIG, "the program printed a line of over 64 KiB".to_string())
}

// ANCHOR: tell
/// Sends each line that the program prints, as a message. When the client takes nothing, this
/// thread waits in its write; then nobody reads the pipe, it fills up, and the program waits in its
/// `print`. That is back-pressure, and it needs no code.
///
/// # Errors
/// When a line is too long.
pub fn tell(mut output: Output, sender: &Sender) -> io::Result<()> {
    while let Some(message) = output.wait()? {
        if sender.send(&message).is_err() {
            sender.hang_up(); // the other thread notices
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: tell

/// Answers an ordinary request: the page, and what the page shows of the command line.
pub fn answer(
    tcp: &TcpStream,
    request: &Request,
    site: &Site,
    options: &ProgramOptions,
) -> io::Result<()> {
    page_server::answer(tcp, request, site, |method, path| match (method, path) {
        ("GET", "/") => Ok(PageAnswer::page(&DEMO, request, site)),
        ("GET", "/program") => Ok(PageAnswer::json(&options.json())),
        (_, "/" | "/program") => Err(method_not_allowed("GET, HEAD")),
        _ => Err(not_found()),
    })
}
