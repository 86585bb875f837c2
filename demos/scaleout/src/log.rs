//! The room's log in Redis: a stream that several servers write to and read from.
//!
//! ```text
//! say      EVAL say.lua ...  →  XADD room:{lobby} MAXLEN ~ 1000 2671509970-* text hello ...
//! wait     XREAD COUNT 1000 BLOCK 2000 STREAMS room:{lobby} 2671509970-7
//! cursor   9f3c01d2-8 in a page is 2671509970-8 in the stream: the life, then the number
//! ```
//!
//! The first entry of a life is `LIFE-0` and holds no message: it tells the life to all servers, and
//! Redis counts on from it. Sources: redis.io/commands, XADD, XREAD, EVAL.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use room::{Message, Refused, Room, SharedLog};

use crate::link::{Link, RedisAddress};
use crate::resp::RespValue;

/// The stream. What stands in braces decides, in a cluster of many Redis servers, which one keeps
/// it: the room's keys stay with the room.
const STREAM: &str = "room:{lobby}";

/// What a message's key is kept under.
const SAID: &str = "said:{lobby}:";

/// The script that adds a message once. Redis runs a script as one step: nothing comes between.
const SAY: &str = include_str!("say.lua");

/// The script that tells which life the log is in.
const LIFE: &str = include_str!("life.lua");

/// How long Redis lets a reader wait for news, in milliseconds. Then it answers with nothing, and
/// both know that the link works.
pub const BLOCK: &str = "2000";

/// The most messages that are read at once.
const COUNT: &str = "1000";

/// How many links wait for the next message to be said.
const IDLE_LINKS: usize = 16;

/// The shortest and the longest wait before the next try to reach Redis.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// A log that lives in Redis.
pub struct RedisLog {
    address: RedisAddress,
    capacity: usize,
    idle: Mutex<Vec<Link>>,
}

/// The room on the log at this address. Returns when the room is in a life of the log. Calls
/// `tell` when the log is reached, and when it is lost.
pub fn join(
    address: RedisAddress,
    capacity: usize,
    tell: impl Fn(Result<(), &io::Error>) + Send + 'static,
) -> Arc<Room> {
    let log = Arc::new(RedisLog { address, capacity, idle: Mutex::default() });
    let room = Arc::new(Room::copy_of(log.clone(), capacity));
    let (joined, is_joined) = std::sync::mpsc::channel();
    let copy = room.clone();
    thread::spawn(move || {
        let (mut wait, mut is_told) = (BACK_OFF[0], false);
        loop {
            let error = log.follow(&copy, &mut || {
                (wait, is_told) = (BACK_OFF[0], false);
                tell(Ok(()));
                let _others_know = joined.send(());
            });
            if !is_told {
                tell(Err(&error));
                is_told = true; // the next failures are the same one
            }
            thread::sleep(wait.mul_f64(0.5 + chance() / 2.0));
            wait = (wait * 2).min(BACK_OFF[1]);
        }
    });
    let _first = is_joined.recv(); // the thread never ends
    room
}

// ANCHOR: append
impl SharedLog for RedisLog {
    /// Runs the script `say.lua`. A link that breaks in the middle leaves open whether Redis has
    /// the message, so it is said again over a new link, under the same key. A message without a
    /// key gets one here, for this.
    fn append(&self, by: &str, key: &str, text: &str) -> Result<Message, Refused> {
        let said = match key {
            "" => format!("{SAID}{:016x}{:016x}", random(), random()),
            key => format!("{SAID}{key}"),
        };
        let (capacity, life) = (self.capacity.to_string(), room::new_life().to_string());
        let words = ["EVAL", SAY, "2", STREAM, &said, text, by, &capacity, &life];
        let answer = self.call(&words).or_else(|_| self.call(&words)).map_err(|_| Refused::Away)?;
        let (id, at) = answer.text().and_then(|text| text.split_once(' ')).ok_or(Refused::Away)?;
        let (_, id) = parse_id(id).ok_or(Refused::Away)?;
        let at = at.parse().map_err(|_| Refused::Away)?;
        Ok(Message { id, text: text.into(), by: by.into(), at })
    }
}
// ANCHOR_END: append

impl RedisLog {
    /// Sends a command over a link that is idle, or over a new one. After an error, all idle links
    /// are dropped: the next try opens a new one.
    fn call(&self, words: &[&str]) -> io::Result<RespValue> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let link = idle().pop();
        let mut link = link.map_or_else(|| Link::open(&self.address), Ok)?;
        let answer = link.call(words).inspect_err(|_| idle().clear())?;
        let mut idle = idle();
        if idle.len() < IDLE_LINKS {
            idle.push(link);
        }
        Ok(answer)
    }

    // ANCHOR: follow
    /// Copies the log into the room, until the link breaks. It goes on where the room ends: after a
    /// break nothing is missing and nothing comes twice.
    fn follow(&self, room: &Room, joined: &mut impl FnMut()) -> io::Error {
        let mut run = || -> io::Result<()> {
            let mut link = Link::open(&self.address)?;
            self.enter_life(&mut link, room)?;
            joined();
            loop {
                let behind = format!("{}-{}", room.life(), room.last());
                let news = link
                    .call(&["XREAD", "COUNT", COUNT, "BLOCK", BLOCK, "STREAMS", STREAM, &behind])?;
                let entries = entries(&news);
                if entries.is_empty() {
                    self.enter_life(&mut link, room)?; // after 2 s without news
                }
                for (life, messages) in entries {
                    if life != room.life() {
                        room.begin(life);
                    }
                    room.extend(messages);
                }
            }
        };
        run().expect_err("it ends by an error")
    }
    // ANCHOR_END: follow

    /// Asks for the log's life. It is another one when Redis has lost its data; the script begins a
    /// new one when Redis has lost the newest of what this room has.
    fn enter_life(&self, link: &mut Link, room: &Room) -> io::Result<()> {
        let new = room::new_life().to_string();
        let (life, last) = (room.life().to_string(), room.last().to_string());
        let answer = link.call(&["EVAL", LIFE, "1", STREAM, &new, &life, &last])?;
        let life = answer.text().and_then(|life| life.parse().ok());
        let life = life.ok_or_else(|| io::Error::other("the stream is not a room's"))?;
        if life != room.life() {
            room.begin(life);
        }
        Ok(())
    }
}

/// The messages in the answer to XREAD, those of one life together.
fn entries(news: &RespValue) -> Vec<(u32, Vec<Message>)> {
    // One stream was asked for: [[its name, [[id, [field, value, ...]], ...]]]
    let stream = news.list().first().map_or(&[][..], RespValue::list);
    let entries = stream.get(1).map_or(&[][..], RespValue::list);
    let mut lives: Vec<(u32, Vec<Message>)> = Vec::new();
    for entry in entries {
        let [id, fields] = entry.list() else { continue };
        let Some((life, id)) = id.text().and_then(parse_id) else { continue };
        if lives.last().is_none_or(|(other, _)| *other != life) {
            lives.push((life, Vec::new()));
        }
        let field = |name| field(fields.list(), name);
        if let (Some(text), Some(at), Some((_, messages))) =
            (field("text"), field("at"), lives.last_mut())
        {
            let (by, at) = (field("by").unwrap_or(""), at.parse().unwrap_or(0));
            messages.push(Message { id, text: text.into(), by: by.into(), at });
        }
    }
    lives
}

fn field<'a>(fields: &'a [RespValue], name: &str) -> Option<&'a str> {
    let mut pairs = fields.chunks_exact(2);
    pairs.find(|pair| pair[0].text() == Some(name)).and_then(|pair| pair[1].text())
}

/// `2671509970-8`: the life and the number.
fn parse_id(id: &str) -> Option<(u32, u64)> {
    let (life, number) = id.split_once('-')?;
    Some((life.parse().ok()?, number.parse().ok()?))
}

fn random() -> u64 {
    getrandom::u64().expect("the operating system gives random numbers")
}

/// From 0 to 1.
fn chance() -> f64 {
    random() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> RespValue {
        RespValue::Text(text.to_string())
    }

    fn entry(id: &str, fields: &[&str]) -> RespValue {
        RespValue::List(vec![
            text(id),
            RespValue::List(fields.iter().map(|one| text(one)).collect()),
        ])
    }

    #[test]
    fn entries_of_two_lives_are_told_apart_and_the_first_of_a_life_holds_no_message() {
        let list = RespValue::List(vec![
            entry("7-8", &["text", "old", "by", "", "at", "1"]),
            entry("9-0", &["born", ""]),
            entry("9-1", &["text", "new", "by", "ann", "at", "2"]),
        ]);
        let news = RespValue::List(vec![RespValue::List(vec![text(STREAM), list])]);
        let message =
            |id, text: &str, by: &str, at| Message { id, text: text.into(), by: by.into(), at };
        assert_eq!(
            entries(&news),
            [(7, vec![message(8, "old", "", 1)]), (9, vec![message(1, "new", "ann", 2)])]
        );
        assert_eq!(entries(&RespValue::Nothing), []);
    }
}
