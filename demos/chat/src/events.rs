//! The events: JSON, each in a text message. The chapter has a table of them, and a test holds it against what is sent.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use room::{Message, News};
use serde_json::{Value, json};
use tungstenite::protocol::frame::coding::CloseCode;

use crate::flood::{AT_ONCE, PER_SECOND, WARNINGS};
use crate::mailbox::Outgoing;
use crate::rooms::Seat;

// ANCHOR: handle
/// Does what an event asks for, and puts the answer into the member's own mailbox. Text that is no
/// JSON object is said as it stands: it may be typed by hand.
pub fn handle(text: &str, seat: &mut Seat) {
    let asked = match serde_json::from_str(text) {
        Ok(event @ Value::Object(_)) => event,
        _ => json!({ "type": "say", "text": text }),
    };
    let field = |name| asked[name].as_str().unwrap_or_default();
    let (key, allowed) = (field("key"), seat.flood.take(Instant::now()));
    let said = |id| Some(event("said", &json!({ "key": key, "id": id })));
    let done = match (allowed, field("type")) {
        (Err(wait), _) => Err(too_much(wait)),
        (_, "say") => seat.say(key, field("text")).map(said),
        (_, "private") => seat.say_privately(field("to"), field("text")).map(|()| delivered(key)),
        (_, "rename") => seat.rename(field("name")).map(|()| None), // all are told: no answer
        (_, "typing") => seat.typing().map(|()| None),
        _ => Err("An event has a type: say, private, rename or typing.".to_string()),
    };
    let refused = |why| Some(event("refused", &json!({ "key": key, "why": why })));
    if let Some(answer) = done.unwrap_or_else(refused) {
        seat.mailbox.put(Outgoing::Text(answer.into()));
    }
    if seat.flood.warned >= WARNINGS {
        let why = "you went on although you were told to wait";
        seat.mailbox.put(Outgoing::Close(Some(CloseCode::Policy), why));
    }
}
// ANCHOR_END: handle

fn too_much(wait: Duration) -> String {
    let seconds = wait.as_secs_f64();
    format!(
        "That was too much at once: the room takes {AT_ONCE} events, and then {PER_SECOND} a second. Try again in \
         {seconds:.1} s."
    )
}

/// The answer to a private message. It has no id: it is kept nowhere.
fn delivered(key: &str) -> Option<String> {
    Some(event("said", &json!({ "key": key })))
}

/// An event as text. Its type stands in front, for people who read the wire.
fn event(kind: &str, fields: &Value) -> String {
    format!("{{\"type\":\"{kind}\",{}", &fields.to_string()[1..])
}

/// First of all: where the client is, in which room, under which name, and who else is there.
pub fn here(news: &News, room: &str, you: &str, names: Vec<&str>) -> String {
    let mut here = news.place();
    here["room"] = json!(room);
    here["you"] = json!(you);
    here["names"] = json!(names);
    event("here", &here)
}

/// What a member said.
pub fn message(message: &Message) -> String {
    event("message", &message.json())
}

/// What a member said to one other.
pub fn private(from: &str, to: &str, text: &str) -> String {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    event("private", &json!({ "from": from, "to": to, "text": text, "at": at }))
}

/// A member has come.
pub fn joined(name: &str) -> String {
    event("joined", &json!({ "name": name }))
}

/// A member has gone.
pub fn left(name: &str) -> String {
    event("left", &json!({ "name": name }))
}

/// A member has another name.
pub fn renamed(from: &str, to: &str) -> String {
    event("renamed", &json!({ "from": from, "to": to }))
}

/// A member is writing something.
pub fn typing(name: &str) -> String {
    event("typing", &json!({ "name": name }))
}
