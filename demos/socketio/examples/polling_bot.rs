//! An answer to the third task: a bot that speaks Socket.IO over long polling, with nothing but a TCP socket. It answers
//! `!echo hello` with `hello`.
//!
//! Run    `cargo run -p socketio --example polling_bot -- 127.0.0.1:8019`

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let host = std::env::args().nth(1).unwrap_or("127.0.0.1:8019".to_string());
    let session = Session::open(&host)?;
    session.send(r#"40/room,{"after":"0"}"#)?;
    loop {
        for packet in session.poll()?.split('\u{1e}') {
            session.take(packet)?;
        }
    }
}

// ANCHOR: answer
/// A session: all that is kept is its address.
struct Session {
    host: String,
    path: String,
}

impl Session {
    fn open(host: &str) -> Result<Self, Box<dyn Error>> {
        let path = "/socket.io/?EIO=4&transport=polling".to_string();
        let mut session = Session { host: host.to_string(), path };
        let open: Value =
            serde_json::from_str(session.poll()?.strip_prefix('0').ok_or("no session")?)?;
        session.path += &format!("&sid={}", open["sid"].as_str().ok_or("no id")?);
        Ok(session)
    }

    /// Waits for packets.
    fn poll(&self) -> Result<String, Box<dyn Error>> {
        self.request("GET", "")
    }

    /// Sends one.
    fn send(&self, packet: &str) -> Result<String, Box<dyn Error>> {
        self.request("POST", packet)
    }

    /// One request on a connection of its own: the answer ends with the connection.
    fn request(&self, method: &str, body: &str) -> Result<String, Box<dyn Error>> {
        let mut stream = TcpStream::connect(&self.host)?;
        let (path, host, length) = (&self.path, &self.host, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no head")?;
        if head.starts_with("HTTP/1.1 200 ") { Ok(body.to_string()) } else { Err(body.into()) }
    }

    /// Does what a packet asks for: a pong for a ping, an answer for a question.
    fn take(&self, packet: &str) -> Result<(), Box<dyn Error>> {
        if packet == "2" {
            self.send("3")?;
        } else if packet.starts_with("40/room,") {
            println!("here");
        } else if let Some(event) = packet.strip_prefix("42/room,[\"message\"") {
            let message: Value = serde_json::from_str(&format!("[0{event}"))?;
            if let Some(wanted) =
                message[1]["text"].as_str().and_then(|text| text.strip_prefix("!echo "))
            {
                // The key is made of the question's number: a second answer is the same message.
                let key = format!("echo {}", message[1]["id"]);
                self.send(&format!("42/room,0{}", json!(["say", wanted, key])))?;
            }
        }
        Ok(())
    }
}
// ANCHOR_END: answer
