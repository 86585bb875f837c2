//! A client that says back what a server says, until the server closes: `cargo run -p frames --example echo -- ws://...`
//!
//! It is what a conformance suite wants to talk to when it plays the server (`make conformance`).

use std::process::exit;

use frames::message::{MAX_MESSAGE, Role};
use frames::websocket::{Next, WebSocket};
use handshake::address::Address;
use handshake::client::connect;

fn main() {
    let url = std::env::args().nth(1).unwrap_or_default();
    let opened = Address::parse(&url)
        .and_then(|address| connect(&address, &[]).map_err(|error| error.to_string()));
    let (stream, rest, _) = opened.unwrap_or_else(|why| {
        eprintln!("{url:?}: {why}");
        exit(1);
    });
    let mut socket = WebSocket::new(stream, rest, Role::Client, MAX_MESSAGE);
    loop {
        match socket.read() {
            Next::Message(message) => socket.answer(&message),
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
    }
}
