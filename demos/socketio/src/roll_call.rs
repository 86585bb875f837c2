//! A roll call: the server asks every client with an event that wants an answer, and gives the answers to who asked.
//!
//! An answer may never come: its client has left, or says nothing. So a roll call has an end of its own.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sockets::{Event, Io};

/// How long all answers may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most roll calls at once, and the longest answer that is passed on, in bytes.
const MAX_CALLS: usize = 100;
/// See [`MAX_CALLS`].
const MAX_ANSWER: usize = 200;

/// The roll calls under way.
#[derive(Default)]
pub struct RollCalls(Vec<RollCall>);

struct RollCall {
    /// Who wants to know, and the event that asked.
    asker: String,
    event: Event,
    /// Whose answers are missing, with the number of each.
    missing: Vec<(String, u64)>,
    answers: Vec<Value>,
    until: Instant,
}

impl RollCalls {
    // ANCHOR: roll-call
    /// Asks all sockets of a namespace.
    pub fn begin(&mut self, io: &mut Io, namespace: &str, asker: &str, event: Event) {
        if self.0.len() >= MAX_CALLS {
            return io.answer(asker, &event, vec![json!({ "error": "Too many ask at once." })]);
        }
        let ids = io.ids(namespace);
        let ask = |id: String| {
            let number = io.ask(&id, Event::new("are you there", json!({ "asker": asker })));
            (id, number)
        };
        let missing = ids.into_iter().map(ask).collect();
        let until = Instant::now() + PATIENCE;
        self.0.push(RollCall {
            asker: asker.to_string(),
            event,
            missing,
            answers: Vec::new(),
            until,
        });
    }

    /// An answer has come.
    pub fn answered(&mut self, io: &Io, id: &str, number: u64, answer: Value) {
        for call in &mut self.0 {
            let Some(at) = call.missing.iter().position(|one| one.0 == id && one.1 == number)
            else {
                continue;
            };
            call.missing.swap_remove(at);
            call.answers
                .extend(answer.get(0).filter(|one| one.to_string().len() <= MAX_ANSWER).cloned());
        }
        self.end(io, Instant::now());
    }
    // ANCHOR_END: roll-call

    /// Ends those whose time is over.
    pub fn look_at_the_clock(&mut self, io: &Io) {
        self.end(io, Instant::now());
    }

    fn end(&mut self, io: &Io, now: Instant) {
        self.0.retain(|call| {
            let goes_on = !call.missing.is_empty() && now < call.until;
            if !goes_on {
                let silent = call.missing.len();
                io.answer(
                    &call.asker,
                    &call.event,
                    vec![json!({ "here": call.answers, "silent": silent })],
                );
            }
            goes_on
        });
    }
}
