//! Talks to any WebSocket server from a terminal, as netcat does to a TCP server:
//!
//! ```text
//! cargo run -p frames --example client -- ws://127.0.0.1:8011/
//! ```
//!
//! Every line that you type is a text message; every message that comes is a line. Ctrl-D ends it politely.

use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::process::exit;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use frames::close::{Close, NORMAL_CLOSURE};
use frames::message::{DataMessage, MAX_MESSAGE, Role};
use frames::websocket::{End, Next, WebSocket};
use handshake::address::Address;
use handshake::client::connect;

/// How long, after the end of the input, the lines may take to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// The lines that were sent and have not come back: as they are from an echo, in JSON from a room.
#[derive(Default)]
struct Unanswered {
    lines: Mutex<VecDeque<String>>,
    fewer: Condvar,
}

impl Unanswered {
    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, text: &str) {
        let mut lines = self.lock();
        if lines.front().is_some_and(|line| text == line || text.contains(&format!("{line:?}"))) {
            lines.pop_front();
            self.fewer.notify_one();
        }
    }

    fn wait(&self) {
        let _late = self.fewer.wait_timeout_while(self.lock(), PATIENCE, |lines| !lines.is_empty());
    }
}

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

fn talk(url: &str) -> Result<(), String> {
    let address = Address::parse(url)?;
    let (stream, rest, _) = connect(&address, &[]).map_err(|error| format!("{url}: {error}"))?;
    let mut socket = WebSocket::new(stream, rest, Role::Client, MAX_MESSAGE);
    eprintln!("open; type a line, Ctrl-D ends");

    // One thread reads what you type, this one reads what comes: a WebSocket has two ends.
    let (sender, unanswered) = (socket.sender(), Arc::new(Unanswered::default()));
    let sent = unanswered.clone();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            sent.lock().push_back(line.clone());
            if sender.text(&line).is_err() {
                return;
            }
        }
        sent.wait(); // what is piped in may still be answered
        let _gone = sender.close(&Close { code: Some(NORMAL_CLOSURE), reason: String::new() });
    });
    loop {
        match socket.read() {
            Next::Message(DataMessage::Text(text)) => {
                print(&text);
                unanswered.hear(&text);
            }
            Next::Message(DataMessage::Binary(bytes)) => print(&format!("binary: {bytes:02x?}")),
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(End::Closed(close)) => {
                let code = close.code.map_or("no code".to_string(), |code| code.to_string());
                eprintln!("closed: {code} {}", close.reason);
                return Ok(());
            }
            Next::Gone(End::Failed(why)) => return Err(format!("the server broke a rule: {why}")),
            Next::Gone(End::Abnormal) => return Err("the connection is lost".to_string()),
        }
    }
}

fn print(line: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        exit(0); // nobody reads it: `| head`
    }
}
