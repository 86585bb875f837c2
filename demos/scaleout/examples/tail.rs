//! An answer to the third task of the chapter: prints each message once, whatever happens to the servers.
//!
//! Run    `cargo run -p scaleout --example tail -- 127.0.0.1:8020`

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use std::{env, thread};

use serde_json::Value;

/// The server holds a question for 25 s at most; a longer silence is a lost connection.
const PATIENCE: Duration = Duration::from_secs(35);

fn main() {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8020".to_string());
    let address = address.trim_start_matches("http://").trim_end_matches('/').to_string();
    follow(&address);
}

// ANCHOR: answer
/// Asks, prints, and asks again behind what it has. The cursor moves only when an answer has come
/// whole, so a server that dies in the middle of one costs nothing.
fn follow(address: &str) {
    let (mut cursor, mut wait) = ("0".to_string(), 0.05);
    loop {
        let Ok(news) = ask(address, &cursor) else {
            thread::sleep(Duration::from_secs_f64(wait));
            wait = f64::min(wait * 2.0, 2.0);
            continue;
        };
        wait = 0.05;
        for message in news["messages"].as_array().into_iter().flatten() {
            let text = message["text"].as_str().unwrap_or_default();
            println!("{} {text}", message["id"]);
            if text == "bye" {
                return;
            }
        }
        cursor = format!("{}-{}", news["life"].as_str().unwrap_or_default(), news["after"]);
    }
}

/// One question by long polling. In HTTP/1.0 an answer ends with its connection.
fn ask(address: &str, cursor: &str) -> io::Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /longpoll/wait?after={cursor} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    if head.split(' ').nth(1) != Some("200") {
        return Err(io::Error::other("no server is there"));
    }
    serde_json::from_str(body).map_err(io::Error::other)
}
// ANCHOR_END: answer
