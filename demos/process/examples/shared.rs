//! An answer to the second task of the chapter: one program for all connections. Its lines go into the room, and each
//! connection reads the room.
//!
//! Run    `cargo run -p process --example shared`, then open the page in two tabs

use std::io;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use demo::{Demo, Site};
use frames::message::{DataMessage, Role};
use frames::outbox::Sender;
use frames::websocket::{Next, WebSocket};
use handshake::page_server;
use process::child::{MAX_LINE, Output, Program};
use process::command::{Permits, ProgramOptions};
use process::example;
use room::{Reader, Room};

const DEMO: Demo = Demo { serve, ..process::DEMO };

fn main() -> ExitCode {
    example::run_or(|| bench::run_with(&DEMO, ProgramOptions::default()))
}

// ANCHOR: answer
/// The first connection starts the program, and it is never ended. All connections give it lines.
fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let options = site.shared.get::<ProgramOptions>();
    let shared: Mutex<Option<Arc<Program>>> = Mutex::new(None);
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return process::answer(&stream, &request, &site, &options);
        }
        let reader = room.reader(room.last()); // what is said after the handshake is heard
        if handshake::upgrade(&stream, &request, &site, &[])?.is_none() {
            return Ok(());
        }
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.is_none() {
            let started = Permits::new(1)
                .take()
                .and_then(|permit| Program::start(&options, &request, &site, permit));
            let Ok(mut program) = started else { return Ok(()) };
            let (output, room) = (program.output(), room.clone());
            net::spawn(move || say_all(output, &room))?;
            *shared = Some(Arc::new(program));
        }
        let program = shared.clone();
        drop(shared); // or one connection at a time would be served
        let mut socket = WebSocket::new(stream, rest, Role::Server, MAX_LINE);
        let sender = socket.sender();
        net::spawn(move || tell(&sender, reader))?;
        while let Some(program) = &program
            && let Next::Message(message) = socket.read()
        {
            program.give(message);
        }
        Ok(())
    })
}

/// Puts what the program prints into the room. A line of over 1,000 characters is refused there.
fn say_all(mut output: Output, room: &Room) {
    while let Ok(Some(DataMessage::Text(line))) = output.wait() {
        let _too_long = room.say(&line);
    }
}

/// Tells one connection what comes into the room.
fn tell(sender: &Sender, mut reader: Reader) {
    while sender.is_open() {
        let news = reader.wait(Duration::from_secs(1));
        let lines: Vec<String> =
            news.messages.iter().map(|message| message.text.to_string()).collect();
        if sender.texts(&lines).is_err() {
            return;
        }
    }
}
// ANCHOR_END: answer
