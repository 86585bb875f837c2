//! What a reader is told when it comes back with an old cursor, whatever the technique: each demo's `tests/cursor.rs` reads its
//! wire into [`Told`], and one table of tests asks all of them.

use std::collections::VecDeque;

use serde_json::Value;

use crate::Server;

/// What a reader is told at one time: by an answer to a poll, or by a record of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// So many messages are gone.
    pub missed: u64,
    /// The cursor is of another life of the room.
    pub restarted: bool,
    /// The texts of the messages.
    pub messages: Vec<String>,
}

/// Reads with a demo's technique: each call waits for what is told next. Signs of life tell nothing and are passed over.
pub type Listener = Box<dyn FnMut() -> Told>;

/// Begins to read a demo behind this cursor: `9f3c01d2-7`, or a plain number.
pub type Listen = fn(demo: &Server, cursor: &str) -> Listener;

impl Told {
    /// Reads `{"missed":3,"messages":[{"text":"hello"}]}`, the place of a stream, or a single message with its `text`.
    pub fn json(json: &str) -> Told {
        let news: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json:?} is no JSON: {error}"));
        let list = news["messages"].as_array().into_iter().flatten().chain(news["text"].is_string().then_some(&news));
        Told {
            missed: news["missed"].as_u64().unwrap_or(0),
            restarted: news["restarted"] == true,
            messages: list.filter_map(|message| message["text"].as_str()).map(str::to_string).collect(),
        }
    }

    /// A message.
    pub fn message(text: &str) -> Told {
        Told { messages: vec![text.to_string()], ..Told::default() }
    }
}

/// A reader that asks again and again: `ask` gets the cursor and returns the JSON of the answer, which has the next one.
pub fn polls(cursor: &str, mut ask: impl FnMut(&str) -> String + 'static) -> Listener {
    let mut cursor = cursor.to_string();
    Box::new(move || {
        let answer = ask(&cursor);
        let news: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{answer:?}: {error}"));
        cursor = format!("{}-{}", news["life"].as_str().expect("an answer names the room's life"), news["after"]);
        Told::json(&answer)
    })
}

/// A reader of a stream: `read` waits for a piece of it, and returns what stands there: nothing in a sign of life.
pub fn records(mut read: impl FnMut() -> Vec<Told> + 'static) -> Listener {
    let mut waiting = VecDeque::new();
    Box::new(move || {
        loop {
            match waiting.pop_front() {
                Some(told) => return told,
                None => waiting.extend(read()),
            }
        }
    })
}
