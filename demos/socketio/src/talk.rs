//! The application: what people do with the sockets. They talk in the room, which is the log that all demos have.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use room::{Cursor, Gap, MAX_CHARS, News, Room};
use serde_json::{Value, json};

use crate::roll_call::RollCalls;
use crate::sockets::{Application, Event, Io};

/// The namespace of the room; `/` and `/custom` are an echo, as the protocol's test suites expect it.
pub const ROOM: &str = "/room";

/// How many messages of the log are sent at once.
const BATCH: usize = 64;

/// The room, and the roll calls in it.
pub struct Talk {
    room: Arc<Room>,
    roll_calls: Mutex<RollCalls>,
}

impl Application for Talk {
    fn admits(&self, namespace: &str, _auth: &Value) -> Result<(), &'static str> {
        let known = ["/", "/custom", ROOM].contains(&namespace);
        if known { Ok(()) } else { Err("Invalid namespace") }
    }

    /// The offset is a cursor of the log: what came after it can be told again while it is there.
    fn recovers(&self, namespace: &str, offset: Option<&str>) -> Option<Cursor> {
        let offset = offset.map(|offset| offset.parse::<Cursor>().ok());
        let cursor = offset.unwrap_or(Some(Cursor::START)).filter(|_| namespace == ROOM)?;
        let complete = offset.is_none() || self.room.since(cursor).gap == Gap::None;
        complete.then_some(cursor)
    }

    fn connected(&self, io: &mut Io, id: &str, auth: &Value, recovered: bool) {
        let Some(socket) = io.socket(id) else { return };
        if socket.namespace != ROOM {
            return io.send(id, Event::new("auth", auth.clone()));
        }
        if !recovered {
            // The page keeps a cursor of its own: it counts when the socket can't come back.
            let asked = auth["after"].as_str().and_then(|after| after.parse().ok());
            let news = self.room.since(asked.unwrap_or(Cursor::START));
            socket.cursor = news.start();
            io.send(id, here(&news));
        }
        if let Some(socket) = io.socket(id) {
            socket.wake();
        }
    }

    fn event(&self, io: &mut Io, id: &str, mut event: Event) {
        let Some(socket) = io.socket(id) else { return };
        let namespace = socket.namespace.clone();
        let text = |at: usize| event.args.get(at).and_then(Value::as_str).unwrap_or_default();
        match (namespace.as_str(), event.name.as_str()) {
            ("/" | "/custom", "message") => {
                event.name = "message-back".to_string();
                (event.number, event.volatile) = (None, false);
                io.send(id, event);
            }
            ("/" | "/custom", "message-with-ack") => io.answer(id, &event, event.args.clone()),
            (ROOM, "say") => {
                let said = match self.room.say_once(text(1), text(0)) {
                    Ok(message) => json!({ "id": message.id }),
                    Err(refused) => json!({ "error": refused.to_string() }),
                };
                io.answer(id, &event, vec![said]); // all hear it by way of the log, this one too
            }
            (ROOM, "typing") => {
                let typing = Event { volatile: true, ..Event::new("typing", json!({ "by": id })) };
                io.emit(ROOM, "", id, typing);
            }
            (ROOM, "join" | "leave") if (1..=20).contains(&text(0).len()) => {
                let rooms = io.enter(id, text(0), event.name == "join");
                io.answer(id, &event, vec![json!(rooms)]);
            }
            (ROOM, "shout") if io.is_in(id, text(0)) && text(1).chars().count() <= MAX_CHARS => {
                let heard = json!({ "room": text(0), "by": id, "text": text(1) });
                let heard = io.emit(ROOM, text(0), id, Event::new("shouted", heard));
                io.answer(id, &event, vec![json!(heard)]);
            }
            (ROOM, "roll-call") => self.roll_calls().begin(io, ROOM, id, event),
            (ROOM, "send me away") => io.disconnect(id),
            _ => {} // an event that has no listener
        }
    }

    fn acknowledged(&self, io: &mut Io, id: &str, number: u64, answer: Value) {
        self.roll_calls().answered(io, id, number, answer);
    }

    /// Sends what the log has behind a socket's place. A slow reader costs its place, no queue.
    fn more(&self, io: &mut Io, id: &str) {
        let Some(socket) = io.socket(id).filter(|socket| socket.namespace == ROOM) else { return };
        let news = self.room.since(socket.cursor);
        if news.gap != Gap::None {
            io.send(id, here(&news));
        }
        let mut place = news.start();
        for message in news.messages.iter().take(BATCH) {
            place.after = message.id;
            let offset = Value::String(place.to_string());
            let args = vec![message.json(), offset];
            io.send(id, Event { name: "message".to_string(), args, ..Event::default() });
        }
        if let Some(socket) = io.socket(id) {
            socket.cursor = place;
            if place.after < news.next.after {
                socket.wake();
            }
        }
    }

    fn tick(&self, io: &mut Io) {
        self.roll_calls().look_at_the_clock(io);
    }
}

/// Where a client is in the log, and what is missing. The last argument is its offset.
fn here(news: &News) -> Event {
    let args = vec![news.place(), Value::String(news.start().to_string())];
    Event { name: "here".to_string(), args, ..Event::default() }
}

impl Talk {
    /// On this log.
    pub fn new(room: Arc<Room>) -> Self {
        Talk { room, roll_calls: Mutex::default() }
    }

    fn roll_calls(&self) -> MutexGuard<'_, RollCalls> {
        self.roll_calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
