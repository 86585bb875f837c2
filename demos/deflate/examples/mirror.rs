//! A client that says back what a server says, compressed, until the server closes:
//! `cargo run -p deflate --example mirror -- ws://...`
//!
//! It is what a conformance suite wants to talk to when it plays the server (`make conformance`).

use std::process::exit;

use deflate::client::connect;
use deflate::negotiation::Parameters;
use frames::message::MAX_MESSAGE;
use frames::websocket::Next;
use handshake::address::Address;

fn main() {
    let url = std::env::args().nth(1).unwrap_or_default();
    // What a server may ask of this client: to forget its window, and to keep a smaller one.
    let offer = Parameters {
        client_no_context_takeover: true,
        client_max_window_bits: Some(None),
        ..Parameters::default()
    };
    let opened = Address::parse(&url).and_then(|address| {
        connect(&address, &offer, MAX_MESSAGE).map_err(|error| error.to_string())
    });
    let mut socket = opened.unwrap_or_else(|why| {
        eprintln!("{url:?}: {why}");
        exit(1);
    });
    loop {
        match socket.read() {
            Next::Message(message) => socket.answer(&message),
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => return,
        }
    }
}
