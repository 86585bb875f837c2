//! An answer to the tasks of the chapter on frames: an echo in capital letters that counts what a message costs.
//!
//! Run    `cargo run -p frames --example shout`, then `cargo run -p frames --example client -- ws://127.0.0.1:8011/`

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use frames::message::{MAX_MESSAGE, Message, Role};
use frames::socket::{Next, Socket};
use handshake::{accept, answer};
use demo::{Demo, Site};
use room::Room;

const DEMO: Demo = Demo { serve, ..frames::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve(listener: TcpListener, _: Arc<Room>) -> io::Result<()> {
    answer::each_connection(listener, serve_one)
}

fn serve_one(stream: TcpStream) -> io::Result<()> {
    let Some((request, rest)) = handshake::read_request(&stream)? else { return Ok(()) };
    if !accept::is_meant(&request) {
        return handshake::page(&stream, &request, &DEMO);
    }
    if handshake::upgrade(&stream, &request, &["echo"])?.is_some() {
        shout(Socket::new(stream, rest, Role::Server, MAX_MESSAGE));
    }
    Ok(())
}

// ANCHOR: answer
fn shout(mut socket: Socket) {
    loop {
        match socket.read() {
            Next::Message(Message::Text(text)) => {
                let loud = text.to_uppercase();
                let (up, down) = (head(text.len()) + 4 + text.len(), head(loud.len()) + loud.len());
                socket.answer(&Message::Text(loud));
                socket.answer(&Message::Text(format!("{up} bytes up in one frame, {down} down")));
            }
            Next::Message(Message::Binary(_)) | Next::Pong(_) | Next::Silence => {}
            Next::Gone(_) => return,
        }
    }
}

/// The bytes in front of a payload of this length, without a masking key: there are three forms.
fn head(length: usize) -> usize {
    match length {
        0..=125 => 2,
        126..=0xffff => 2 + 2,
        _ => 2 + 8,
    }
}
// ANCHOR_END: answer
