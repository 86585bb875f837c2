//! What a server says, taken apart: heads, messages, events.
//!
//! The tests do not use the project's own parsers: a mistake in one would hide behind the same mistake in the other.

use serde_json::Value;

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The first line, `HTTP/1.1 200 OK`.
    pub line: String,
    /// Its status code.
    pub status: u16,
    /// The header fields: name in lower case, value trimmed.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a head, up to its empty line.
    pub(crate) fn read(bytes: &[u8]) -> Head {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default().to_string();
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        let status =
            status.unwrap_or_else(|| panic!("an answer starts with \"HTTP/1.1 \" and a status code: {line:?}"));
        let fields = lines.take_while(|line| !line.is_empty()).map(|line| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("a header field has a colon: {line:?}"));
            (name.to_ascii_lowercase(), value.trim().to_string())
        });
        Head { status, fields: fields.collect(), line }
    }

    /// The value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The life of the room, as an answer tells it: `"life":"9f3c01d2"`.
pub fn life(answer: &str) -> String {
    let life = answer.split("\"life\":\"").nth(1).and_then(|rest| rest.split('"').next());
    life.unwrap_or_else(|| panic!("an answer tells the room's life: {answer:?}")).to_string()
}

/// A message of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number; the first is 1.
    pub id: u64,
    /// Its words.
    pub text: String,
    /// When the room heard it, in milliseconds since 1970.
    pub at: u64,
}

impl Message {
    /// Reads `{"id":7,"text":"hello","at":1760000000000}`.
    pub fn read(json: &str) -> Message {
        let value = serde_json::from_str(json).unwrap_or_else(|e| panic!("a message is JSON ({e}): {json:?}"));
        Message::from(&value)
    }

    /// Reads the list in `{"messages":[...]}`.
    pub fn list(json: &str) -> Vec<Message> {
        let value: Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("news are JSON ({e}): {json:?}"));
        let list = value["messages"].as_array().unwrap_or_else(|| panic!("news have a list of messages: {json:?}"));
        list.iter().map(Message::from).collect()
    }
}

impl From<&Value> for Message {
    fn from(value: &Value) -> Message {
        let (id, text, at) = (value["id"].as_u64(), value["text"].as_str(), value["at"].as_u64());
        match (id, text, at) {
            (Some(id), Some(text), Some(at)) => Message { id, text: text.to_string(), at },
            _ => panic!("a message has a number \"id\", a string \"text\" and a number \"at\": {value}"),
        }
    }
}

/// A block of an event stream: what stands before an empty line (WHATWG HTML, 9.2.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `event:`, empty for a message.
    pub name: String,
    /// `id:`
    pub id: Option<String>,
    /// The `data:` lines, joined by newlines; `None` when there was none.
    pub data: Option<String>,
    /// `retry:`, in milliseconds.
    pub retry: Option<u64>,
    /// Lines that start with a colon.
    pub comment: Option<String>,
}

impl Event {
    pub(crate) fn read(block: &str) -> Event {
        let mut event = Event::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => event.comment = Some(value.to_string()),
                "event" => event.name = value.to_string(),
                "id" => event.id = Some(value.to_string()),
                "retry" => event.retry = value.parse().ok(),
                "data" => match &mut event.data {
                    Some(data) => *data = format!("{data}\n{value}"),
                    None => event.data = Some(value.to_string()),
                },
                other => panic!("a browser would pass over the unknown field {other:?} in silence"),
            }
        }
        event
    }
}
