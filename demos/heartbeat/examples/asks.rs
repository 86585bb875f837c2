//! An answer to the second task of the chapter: a program that is no browser may ask, too.
//!
//! Run    `cargo run -p heartbeat`, and in another terminal `cargo run -p heartbeat --example asks -- 127.0.0.1:8012`

use std::io;
use std::process::exit;
use std::time::Duration;

use frames::message::{MAX_MESSAGE, Role};
use frames::websocket::{Next, WebSocket};
use handshake::address::Address;
use handshake::client::connect;

fn main() {
    let host = std::env::args().nth(1).unwrap_or_else(|| {
        eprintln!("usage: cargo run -p heartbeat --example asks -- 127.0.0.1:8012");
        exit(2);
    });
    if let Err(error) = ask(&host) {
        eprintln!("{error}");
        exit(1);
    }
}

// ANCHOR: answer
/// How often to ask, and how long to wait for any sign of life.
const EVERY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the server after each silence. A server that speaks is not asked.
fn ask(host: &str) -> io::Result<()> {
    let address = Address::parse(&format!("ws://{host}/")).map_err(io::Error::other)?;
    let (stream, rest, _) = connect(&address, &["room"])?;
    let mut socket = WebSocket::new(stream, rest, Role::Client, MAX_MESSAGE);
    println!("open");
    loop {
        socket.set_read_timeout(Some(EVERY))?;
        match socket.read() {
            Next::Timeout if socket.last_heard().elapsed() >= PATIENCE => {
                let silence = socket.last_heard().elapsed().as_secs_f64();
                println!("nothing heard for {silence:.1} s: the cable is out");
                return Ok(());
            }
            Next::Timeout => socket.sender().ping(b"there?")?,
            Next::Pong(_) => println!("the server is there"),
            Next::Message(_) => {}
            Next::Gone(end) => {
                println!("the server ended it: {end:?}");
                return Ok(());
            }
        }
    }
}
// ANCHOR_END: answer
