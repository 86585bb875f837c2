//! An answer to the second and third task: a bot. It answers `!echo hello` with `hello`; once, whatever happens to its
//! connection.
//!
//! Run    `cargo run -p chat --example bot -- 127.0.0.1:8014`

use std::collections::BTreeSet;
use std::error::Error;
use std::thread;
use std::time::Duration;

use handshake::address::Address;
use handshake::client::connect;
use serde_json::{Value, json};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

// ANCHOR: answer
/// Where the bot is: it has dealt with all messages up to `last`, but for those in `unanswered`.
#[derive(Default)]
struct Progress {
    life: String,
    last: u64,
    unanswered: BTreeSet<u64>,
}

impl Progress {
    /// The cursor to come back with: in front of the first message that has no answer yet.
    fn cursor(&self) -> String {
        let after = self.unanswered.first().map_or(self.last, |first| first - 1);
        format!("{}-{after}", self.life)
    }
}

fn main() {
    let host = std::env::args().nth(1).unwrap_or("127.0.0.1:8014".to_string());
    let mut progress = Progress::default();
    loop {
        if let Err(why) = converse(&host, &mut progress) {
            eprintln!("{why}; again in 0.5 s");
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// One connection, from the handshake to its end, which is always an error.
fn converse(host: &str, progress: &mut Progress) -> Result<(), Box<dyn Error>> {
    let wish = format!("ws://{host}/?name=bot&tab=the-only-bot&after={}", progress.cursor());
    let (stream, rest, _) = connect(&Address::parse(&wish)?, &["room"])?;
    let mut socket = WebSocket::from_partially_read(stream, rest, Role::Client, None);
    loop {
        let Message::Text(text) = socket.read()? else { continue };
        let event: Value = serde_json::from_str(&text)?;
        let id = event["id"].as_u64().unwrap_or_default();
        match event["type"].as_str() {
            Some("here") => {
                println!("here as {}", event["you"]);
                progress.life = event["life"].as_str().unwrap_or_default().to_string();
                progress.last = event["after"].as_u64().unwrap_or_default();
                progress.unanswered.clear(); // all of them come again
            }
            Some("message") => {
                progress.last = id;
                let text = event["text"].as_str().unwrap_or_default();
                if let Some(wanted) = text.strip_prefix("!echo ") {
                    progress.unanswered.insert(id);
                    // The key is made of the question's number. So a second answer to the same
                    // question is the same message, for this bot and for one that is started again.
                    let key = format!("{}-{id}", progress.life);
                    let say = json!({ "type": "say", "text": wanted, "key": key });
                    socket.send(Message::text(say.to_string()))?;
                }
            }
            Some("said") => {
                let key = event["key"].as_str().unwrap_or_default();
                let answered = key.rsplit('-').next().and_then(|id| id.parse().ok());
                answered.map(|id| progress.unanswered.remove(&id));
            }
            _ => {}
        }
    }
}
// ANCHOR_END: answer
