//! The room over a WebSocket: events in JSON, each in a text message.
//!
//! ```text
//! to the server     {"type":"say","text":"hello","key":"k1"}    or just: hello
//! to the browser    {"type":"here","life":"9f3c01d2","after":7} the client's place: first of all, and after a gap, which it
//!                                                               tells as well: "missed":3 or "restarted":true
//!                   {"type":"message","id":8,"text":"hello","at":1760000000000}
//!                   {"type":"said","key":"k1","id":8}           your own message, and the number it got
//!                   {"type":"refused","key":"k1","why":"..."}   and "again":true when it may be taken later
//! ```
//!
//! The address says what the client has already: `ws://127.0.0.1:8011/?after=9f3c01d2-7`. So nothing is lost between two
//! connections, and nothing comes twice. What was said and not answered with `said` is said again under the same key.

use handshake::request::Request;
use room::{Cursor, Gap, News, Refused, Room};
use serde_json::{Value, json};

/// Where a client is that opens a connection: `?after=9f3c01d2-7`; without it, in front of all messages.
pub fn cursor(request: &Request) -> Cursor {
    request.query("after").and_then(|after| after.parse().ok()).unwrap_or(Cursor::START)
}

/// The news as events, oldest first. The client's place stands in front, when it is `first` news or there is a gap.
pub fn encode(news: &News, first: bool) -> Vec<String> {
    let mut events = Vec::new();
    if first || news.gap != Gap::None {
        let mut here = news.place();
        here["type"] = json!("here");
        here["after"] = json!(news.start().after); // the messages are still to come
        events.push(here.to_string());
    }
    for message in &news.messages {
        let mut event = message.json();
        event["type"] = json!("message");
        events.push(event.to_string());
    }
    events
}

/// Does what a client asks for, and returns the event to answer with. Text that is no JSON object is said as it stands: it
/// may be typed by hand.
pub fn handle(text: &str, room: &Room) -> String {
    let (said, key) = match serde_json::from_str(text) {
        Ok(Value::Object(event)) => match (event.get("type"), event.get("text")) {
            (Some(Value::String(kind)), Some(Value::String(said))) if kind == "say" => {
                (said.clone(), event.get("key").and_then(Value::as_str).unwrap_or("").to_string())
            }
            _ => {
                let why = "An event is {\"type\":\"say\",\"text\":\"...\",\"key\":\"...\"}.";
                return json!({ "type": "refused", "key": event.get("key"), "why": why })
                    .to_string();
            }
        },
        _ => (text.to_string(), String::new()),
    };
    match room.say_once(&key, &said) {
        Ok(message) => json!({ "type": "said", "key": key, "id": message.id }),
        Err(refused) => {
            let mut event = json!({ "type": "refused", "key": key, "why": refused.to_string() });
            if refused == Refused::Away {
                event["again"] = json!(true);
            }
            event
        }
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
        assert_eq!(handle(say, &room), r#"{"id":1,"key":"k1","type":"said"}"#);
        assert_eq!(handle(say, &room), r#"{"id":1,"key":"k1","type":"said"}"#);
        assert_eq!(handle("by hand", &room), r#"{"id":2,"key":"","type":"said"}"#);
        assert_eq!(room.last(), 2);
    }

    #[test]
    fn what_the_room_does_not_take_is_refused_under_its_key() {
        let room = Room::new(10);
        assert!(
            handle(r#"{"type":"say","text":" ","key":"k1"}"#, &room)
                .contains(r#""key":"k1","type":"refused""#)
        );
        assert!(
            handle(r#"{"type":"dance","key":"k2"}"#, &room)
                .contains(r#""key":"k2","type":"refused""#)
        );
        assert!(handle("", &room).contains("refused"));
    }

    #[test]
    fn a_key_that_is_too_long_is_refused_and_not_kept() {
        let room = Room::new(10);
        let say = json!({ "type": "say", "text": "x", "key": "k".repeat(65) }).to_string();
        assert!(handle(&say, &room).contains("key has 65 bytes"), "{}", handle(&say, &room));
        assert_eq!(room.last(), 0);
    }

    #[test]
    fn the_first_event_tells_where_the_client_is_and_what_is_missing() {
        let room = Room::new(2);
        (1..=5).for_each(|n| drop(room.say(&n.to_string())));
        let here = |after: Cursor, first| {
            let events = encode(&room.since(after), first);
            serde_json::from_str::<Value>(events.first().map_or("null", String::as_str)).unwrap()
        };
        let life = format!("{:08x}", room.life());
        assert_eq!(
            here(1.into(), true),
            json!({ "type": "here", "life": life, "after": 3, "missed": 2 })
        );
        assert_eq!(
            here(77.into(), false),
            json!({ "type": "here", "life": life, "after": 3, "restarted": true })
        );
        assert_eq!(here(5.into(), true), json!({ "type": "here", "life": life, "after": 5 }));
        assert_eq!(here(5.into(), false), Value::Null);
        assert_eq!(encode(&room.since(4), false).len(), 1, "no place without a gap");
    }

    /// A thread of a connection has a stack of 256 KiB, and the JSON parser goes down one level for each bracket.
    #[test]
    fn nested_brackets_do_not_end_the_stack() {
        let deep = format!(r#"{{"type":"say","text":{}"#, "[".repeat(60_000));
        let thread = std::thread::Builder::new().stack_size(256 * 1024);
        let answer = thread.spawn(move || handle(&deep, &Room::new(1))).unwrap().join().unwrap();
        assert!(answer.contains("refused"), "{answer}");
    }
}
