//! An answer to the third task: an eavesdropper who can't read, and still knows which of some words was said.
//!
//! Run    `cargo run -p wss --example eavesdropper -- 127.0.0.1:9017 yes perhaps "never mind"`

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::Value;

// ANCHOR: answer
/// How many bytes a frame has with this text in it, as the page sends it: the event's other
/// letters, a key of 24 letters, and six bytes in front (RFC 6455, 5.2).
fn frame_size(text: &str) -> usize {
    let event = r#"{"type":"say","text":"","key":""}"#.len() + 24 + text.len();
    event + if event < 126 { 6 } else { 8 }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let bench = words.next().ok_or("where is the bench? 127.0.0.1:9017")?;
    let words: Vec<String> = words.collect();
    let mut said = 0;
    let mut stream = TcpStream::connect(&bench)?;
    write!(stream, "GET /feed HTTP/1.1\r\nHost: {bench}\r\n\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let Some(row) = line.strip_prefix("data: ") else { continue };
        let row: Value = serde_json::from_str(row)?;
        // Outside: records from the browser, and their sizes. What is inside is not for us.
        let record = row["kind"] == "record" && row["dir"] == "up" && row["whole"] == true;
        if !record || !row["in"].is_null() {
            continue;
        }
        let sealed = row["size"].as_u64().unwrap_or(0) as usize;
        if let Some(word) = words.iter().find(|word| frame_size(word) + 22 == sealed) {
            println!("{word}");
            said += 1;
        }
        if said == words.len() {
            return Ok(()); // each once: the exercise is over
        }
    }
    Ok(())
}
// ANCHOR_END: answer
