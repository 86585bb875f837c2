//! An answer to a task of the chapter: a message of a few kilobytes that inflates to 100 MB.
//!
//! Run    `cargo run -p deflate --example bomb -- ws://127.0.0.1:8013/echo`

use std::process::exit;

use deflate::client::connect;
use deflate::negotiation::Parameters;
use frames::message::DataMessage;
use frames::websocket::{End, Next};
use handshake::address::Address;

// ANCHOR: answer
fn main() {
    let url = std::env::args().nth(1).unwrap_or_default();
    let opened = Address::parse(&url).and_then(|address| {
        connect(&address, &Parameters::default(), 1 << 20).map_err(|error| error.to_string())
    });
    let mut socket = opened.unwrap_or_else(|why| {
        eprintln!("{url:?}: {why}");
        exit(1);
    });
    // The socket compresses what it sends: a thousand zeros become about one byte.
    let bomb = DataMessage::Binary(vec![0; 100_000_000]);
    if let Err(error) = socket.sender().send(&bomb) {
        eprintln!("the server did not take it all: {error}");
    }
    match socket.read() {
        Next::Gone(End::Closed(close)) => {
            println!("closed with {:?}: {}", close.code, close.reason)
        }
        other => println!("not closed: {other:?}"),
    }
}
// ANCHOR_END: answer
