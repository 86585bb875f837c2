//! The room over a WebSocket: events in JSON, a text message each.
//!
//! ```text
//! to the server     {"type":"say","text":"hello","key":"k1"}    or just: hello
//! to the browser    {"type":"message","id":8,"text":"hello","at":1760000000000}
//!                   {"type":"said","key":"k1","id":8}             your own, and the number it got
//!                   {"type":"refused","key":"k1","why":"..."}
//!                   {"type":"missed","count":3}                   gone before you came: the room keeps only the newest
//!                   {"type":"restarted"}                          ids count from 1 again
//! ```
//!
//! The address says what the client has already: `ws://127.0.0.1:8011/?after=7`. So nothing is lost between two
//! connections, and nothing comes twice. What was said and not answered with `said` is said again under the same key.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use demo::Site;
use room::{Gap, News, Room};

use crate::close::UNSUPPORTED;
use crate::message::Message;
use crate::socket::{Next, Socket, Speaker};

/// How soon a thread that waits for news notices that its connection has ended.
const BEAT: Duration = Duration::from_secs(1);

/// How long a client that is told to close may take.
const CLOSING: Duration = Duration::from_secs(5);

// ANCHOR: converse
/// Serves one connection: this thread listens, a second one tells the news. Neither waits for the other.
pub fn converse(mut socket: Socket, room: &Arc<Room>, after: u64) {
    let (speaker, told) = (socket.speaker(), room.clone());
    let teller = thread::Builder::new().stack_size(128 * 1024).spawn(move || tell(&speaker, &told, after));
    if let Err(error) = teller {
        eprintln!("no thread to tell the news: {error}");
        return socket.speaker().hang_up();
    }
    loop {
        match socket.read() {
            Next::Message(Message::Text(text)) => {
                let _gone = socket.speaker().text(&hear(&text, room)); // the next read tells, too
            }
            Next::Message(Message::Binary(_)) => {
                socket.close(UNSUPPORTED, "this room speaks text", CLOSING);
                return;
            }
            Next::Pong(_) | Next::Silence => {}
            Next::Gone(_) => return,
        }
    }
}
// ANCHOR_END: converse

// ANCHOR: tell
/// Tells the news until the connection ends. All that is remembered for a client is the id of the last message that went
/// to it: a slow one makes this thread wait in a write, and costs no memory.
fn tell(speaker: &Speaker, room: &Room, mut after: u64) {
    while speaker.is_open() {
        let news = room.wait_since(after, BEAT);
        if speaker.texts(&events(&news, &mut after)).is_err() {
            return;
        }
    }
}
// ANCHOR_END: tell

/// The news as events, oldest first. Moves the cursor behind them.
pub fn events(news: &News, after: &mut u64) -> Vec<String> {
    let mut events = Vec::new();
    match news.gap {
        Gap::None => {}
        Gap::Missed(count) => {
            events.push(json!({ "type": "missed", "count": count }).to_string());
            *after += count;
        }
        Gap::Restarted => {
            events.push(json!({ "type": "restarted" }).to_string());
            *after = 0;
        }
    }
    for message in &news.messages {
        let mut event = message.json();
        event["type"] = json!("message");
        events.push(event.to_string());
        *after = message.id;
    }
    events
}

/// Hears what a client says, and returns the event to answer with. Text that is no JSON object is said as it stands, for
/// whoever types it by hand.
pub fn hear(text: &str, room: &Room) -> String {
    let (said, key) = match serde_json::from_str(text) {
        Ok(Value::Object(event)) => match (event.get("type"), event.get("text")) {
            (Some(Value::String(kind)), Some(Value::String(said))) if kind == "say" => {
                (said.clone(), event.get("key").and_then(Value::as_str).unwrap_or("").to_string())
            }
            _ => {
                let why = "An event is {\"type\":\"say\",\"text\":\"...\",\"key\":\"...\"}.";
                return json!({ "type": "refused", "key": event.get("key"), "why": why }).to_string();
            }
        },
        _ => (text.to_string(), String::new()),
    };
    match room.say_once(&key, &said) {
        Ok(message) => json!({ "type": "said", "key": key, "id": message.id }),
        Err(refused) => json!({ "type": "refused", "key": key, "why": refused.to_string() }),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_under_a_key_is_said_once() {
        let room = Room::new(10);
        let say = r#"{"type":"say","text":"hello","key":"k1"}"#;
        assert_eq!(hear(say, &room), r#"{"id":1,"key":"k1","type":"said"}"#);
        assert_eq!(hear(say, &room), r#"{"id":1,"key":"k1","type":"said"}"#);
        assert_eq!(hear("by hand", &room), r#"{"id":2,"key":"","type":"said"}"#);
        assert_eq!(room.last(), 2);
    }

    #[test]
    fn what_the_room_does_not_take_is_refused_under_its_key() {
        let room = Room::new(10);
        assert!(hear(r#"{"type":"say","text":" ","key":"k1"}"#, &room).contains(r#""key":"k1","type":"refused""#));
        assert!(hear(r#"{"type":"dance","key":"k2"}"#, &room).contains(r#""key":"k2","type":"refused""#));
        assert!(hear("", &room).contains("refused"));
    }

    #[test]
    fn the_cursor_moves_behind_what_was_told() {
        let room = Room::new(2);
        (1..=5).for_each(|n| drop(room.say(&n.to_string())));
        let mut after = 1;
        let told = events(&room.since(after), &mut after);
        assert_eq!(after, 5);
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], r#"{"count":2,"type":"missed"}"#);
        let mut after = 77;
        assert_eq!(events(&room.since(after), &mut after)[0], r#"{"type":"restarted"}"#);
        assert_eq!(after, 5);
    }
}
