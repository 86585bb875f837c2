//! Talks to any WebSocket server from a terminal, as netcat does to a TCP server:
//!
//! ```text
//! cargo run -p frames --example client -- ws://127.0.0.1:8011/
//! ```
//!
//! Every line that you type is a text message; every message that comes is a line. Ctrl-D ends it politely.

use std::io::{self, BufRead, Write};
use std::process::exit;
use std::thread;
use std::time::Duration;

use frames::close::{Close, NORMAL};
use frames::message::{MAX_MESSAGE, Message, Role};
use frames::socket::{End, Next, Socket};
use handshake::client::{Address, connect};

fn main() {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: cargo run -p frames --example client -- ws://127.0.0.1:8011/");
        exit(2);
    };
    if let Err(why) = talk(&url) {
        eprintln!("{why}");
        exit(1);
    }
}

// ANCHOR: talk
fn talk(url: &str) -> Result<(), String> {
    let address = Address::parse(url)?;
    let (stream, rest, _) = connect(&address, &[]).map_err(|error| format!("{url}: {error}"))?;
    let mut socket = Socket::new(stream, rest, Role::Client, MAX_MESSAGE);
    eprintln!("open; type a line, Ctrl-D ends");

    // One thread reads what you type, this one reads what comes. A socket has two ends for that.
    let speaker = socket.speaker();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if speaker.text(&line).is_err() {
                return;
            }
        }
        thread::sleep(Duration::from_millis(200)); // what is piped in may still be answered
        let _gone = speaker.close(&Close { code: Some(NORMAL), reason: String::new() });
    });
    loop {
        match socket.read() {
            Next::Message(Message::Text(text)) => print(&text),
            Next::Message(Message::Binary(bytes)) => print(&format!("{} bytes: {bytes:02x?}", bytes.len())),
            Next::Pong(_) | Next::Silence => {}
            Next::Gone(End::Closed(close)) => {
                eprintln!(
                    "closed: {} {}",
                    close.code.map_or("no code".to_string(), |code| code.to_string()),
                    close.reason
                );
                return Ok(());
            }
            Next::Gone(End::Failed(failure)) => return Err(format!("the server broke a rule: {failure}")),
            Next::Gone(End::Lost) => return Err("the connection is lost".to_string()),
        }
    }
}
// ANCHOR_END: talk

fn print(line: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        exit(0); // nobody reads it: `| head`
    }
}
