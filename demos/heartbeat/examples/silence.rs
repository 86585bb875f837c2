//! An answer to a task of the chapter on what lies between: how long may a connection be silent here?
//!
//! Run    `cargo run -p heartbeat`, and in another terminal `cargo run -p heartbeat --example silence -- 127.0.0.1:8012`

use std::io;
use std::process::exit;

use frames::message::{MAX_MESSAGE, Role};
use frames::websocket::{Next, WebSocket};
use handshake::address::Address;
use handshake::client::connect;

fn main() {
    let host = std::env::args().nth(1).unwrap_or_else(|| {
        eprintln!("usage: cargo run -p heartbeat --example silence -- 127.0.0.1:8012");
        exit(2);
    });
    match silence(&host) {
        Ok(seconds) => println!("the connection ended after {seconds:.1} s of silence"),
        Err(error) => {
            eprintln!("{error}");
            exit(1);
        }
    }
}

// ANCHOR: answer
/// Opens a WebSocket, says nothing, and returns how many seconds of silence it survived. A box that
/// forgets without a word would keep this program waiting: it would have to ask, too.
fn silence(host: &str) -> io::Result<f64> {
    let address = Address::parse(&format!("ws://{host}/")).map_err(io::Error::other)?;
    let (stream, rest, _) = connect(&address, &["room"])?;
    let mut socket = WebSocket::new(stream, rest, Role::Client, MAX_MESSAGE);
    socket.set_read_timeout(None)?;
    loop {
        if let Next::Gone(_) = socket.read() {
            return Ok(socket.last_heard().elapsed().as_secs_f64());
        }
    }
}
// ANCHOR_END: answer
