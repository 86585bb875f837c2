//! An answer to the first task of the chapter: a connection that is silent for too long is closed with 4408.
//!
//! Run    `cargo run -p process --example idle`, then connect to `/?idle=3`

use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use demo::{Demo, Site};
use frames::message::Role;
use frames::websocket::{Next, WebSocket};
use handshake::page_server;
use process::child::{MAX_LINE, Program, close_for};
use process::command::{Permits, ProgramOptions};
use process::example;
use room::Room;

const DEMO: Demo = Demo { serve, ..process::DEMO };

fn main() -> ExitCode {
    example::run_or(|| bench::run_with(&DEMO, ProgramOptions::default()))
}

fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let options = site.shared.get::<ProgramOptions>();
    let permits = Permits::new(options.max_forks);
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return process::answer(&stream, &request, &site, &options);
        }
        let seconds: Option<u64> = request.query("idle").and_then(|seconds| seconds.parse().ok());
        let started = handshake::check(&request, &site, &[])
            .and_then(|_| Program::start(&options, &request, &site, permits.take()?));
        match started {
            Ok(program) => {
                handshake::upgrade(&stream, &request, &site, &[])?;
                let socket = WebSocket::new(stream, rest, Role::Server, MAX_LINE);
                converse(socket, program, seconds.map(Duration::from_secs));
                Ok(())
            }
            Err(refusal) => page_server::refuse(&stream, refusal),
        }
    })
}

// ANCHOR: answer
/// As `converse` in `lib.rs`, with a limit on the time since the client sent its last line. What
/// the program prints does not count: a program that counts seconds would never be idle.
fn converse(mut socket: WebSocket, mut program: Program, idle: Option<Duration>) {
    let (sender, output) = (socket.sender(), program.output());
    let (all_is_told, told) = mpsc::channel();
    if net::spawn(move || drop(all_is_told.send(process::tell(output, &sender)))).is_err() {
        return;
    }
    let _works_without = socket.set_read_timeout(Some(Duration::from_millis(50)));
    let mut last_line = Instant::now();
    let (code, reason) = loop {
        match socket.read() {
            Next::Message(message) => {
                last_line = Instant::now();
                program.give(message);
            }
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
        if idle.is_some_and(|idle| last_line.elapsed() >= idle) {
            break (4408, "idle for too long".to_string());
        }
        if let Some(status) = program.has_ended() {
            program.end();
            let _end = told.recv();
            break close_for(status);
        }
    };
    socket.close(code, &reason, Duration::from_secs(5));
}
// ANCHOR_END: answer
