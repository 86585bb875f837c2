//! The room: the one small application that every demo carries over another wire.
//!
//! An append-only log of messages and one blocking call, [`Room::wait_since`]. A server with a thread
//! for each connection needs no more: whoever serves a reader keeps a cursor (the id of the last message
//! it passed on), never a queue. A slow reader therefore costs no memory, and what was said between two
//! long polls or during a reconnect is still there.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The longest message, in characters.
pub const MAX_CHARS: usize = 1_000;

/// How many messages a room keeps unless it is told otherwise.
pub const CAPACITY: usize = 1_000;

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts from 1 and never skips: the next message has the next number.
    pub id: u64,
    /// At least one character, at most [`MAX_CHARS`]; line ends are `\n`.
    pub text: Arc<str>,
    /// When the room heard it: milliseconds since 1970, by the server's clock.
    pub at: u64,
}

impl Message {
    /// `{"id":7,"text":"hello","at":1760000000000}`
    pub fn json(&self) -> Value {
        json!({ "id": self.id, "text": &*self.text, "at": self.at })
    }
}

/// Why the room did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There was nothing in it but white space.
    Empty,
    /// It has this many characters, more than [`MAX_CHARS`].
    TooLong(usize),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Refused::Empty => write!(f, "An empty message says nothing: write something first."),
            Refused::TooLong(chars) => {
                write!(f, "This message has {chars} characters and the room takes {MAX_CHARS}: shorten it.")
            }
        }
    }
}

/// Whether everything after a reader's cursor is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Nothing is missing.
    None,
    /// The cursor is older than the oldest message kept: this many are gone for good.
    Missed(u64),
    /// The cursor is newer than the newest message: it comes from another life of this server.
    /// The messages that follow are all that the room has, counted from 1 again.
    Restarted,
}

/// What a reader with a cursor is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether something is missing in front of `messages`.
    pub gap: Gap,
    /// What was said after the cursor, oldest first; empty when nothing was.
    pub messages: Vec<Message>,
}

impl News {
    /// Whether there is nothing to tell: no message and no gap.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.gap == Gap::None
    }

    /// `{"messages":[...]}`, with `"missed":3` or `"restarted":true` beside it when there is a [`Gap`].
    pub fn json(&self) -> Value {
        let messages: Vec<Value> = self.messages.iter().map(Message::json).collect();
        match self.gap {
            Gap::None => json!({ "messages": messages }),
            Gap::Missed(missed) => json!({ "missed": missed, "messages": messages }),
            Gap::Restarted => json!({ "restarted": true, "messages": messages }),
        }
    }
}

struct Log {
    /// The newest messages, oldest in front; each with the key it was said under.
    kept: VecDeque<(Message, Box<str>)>,
    /// The id of the newest message, 0 when nothing was said yet.
    last: u64,
}

/// A log of messages, with a blocking wait for the next one.
pub struct Room {
    log: Mutex<Log>,
    news: Condvar,
    capacity: usize,
}

impl Room {
    /// An empty room that keeps the newest `capacity` messages (at least one).
    pub fn new(capacity: usize) -> Self {
        let log = Log { kept: VecDeque::new(), last: 0 };
        Room { log: Mutex::new(log), news: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Adds a message and wakes everyone who waits for one.
    ///
    /// # Errors
    /// [`Refused`] when it is empty or too long; nothing is added then.
    pub fn say(&self, text: &str) -> Result<Message, Refused> {
        self.say_once("", text)
    }

    /// Adds a message unless one was said under the same key before: then it returns that one.
    ///
    /// A client that lost the answer to its message can't know whether the message arrived. With a key of its
    /// own making it may simply say it again. An empty key is no key. A key is remembered as long as its message.
    ///
    /// # Errors
    /// [`Refused`] when it is empty or too long; nothing is added then.
    pub fn say_once(&self, key: &str, text: &str) -> Result<Message, Refused> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let chars = text.chars().count();
        if text.trim().is_empty() {
            return Err(Refused::Empty);
        }
        if chars > MAX_CHARS {
            return Err(Refused::TooLong(chars));
        }
        let mut log = self.log();
        if !key.is_empty()
            && let Some((message, _)) = log.kept.iter().rev().find(|(_, said)| **said == *key)
        {
            return Ok(message.clone());
        }
        log.last += 1;
        let message = Message { id: log.last, text: text.into(), at: now() };
        log.kept.push_back((message.clone(), key.into()));
        if log.kept.len() > self.capacity {
            log.kept.pop_front();
        }
        drop(log); // whoever is woken finds the door open
        self.news.notify_all();
        Ok(message)
    }

    /// What was said after message `after`, without waiting. `after` 0 means: all that is kept.
    pub fn since(&self, after: u64) -> News {
        self.log().since(after)
    }

    /// What was said after message `after`; sleeps until there is something, at most for `timeout`.
    pub fn wait_since(&self, after: u64, timeout: Duration) -> News {
        let deadline = Instant::now() + timeout;
        let mut log = self.log();
        while log.last == after {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            log = self.news.wait_timeout(log, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        log.since(after)
    }

    /// The id of the newest message, 0 when nothing was said yet.
    pub fn last(&self) -> u64 {
        self.log().last
    }

    /// A lock is poisoned when a thread panicked with it in hand. Nothing here leaves the log half changed.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn since(&self, after: u64) -> News {
        if after > self.last {
            return News { gap: Gap::Restarted, messages: self.newest(self.kept.len()) };
        }
        let unseen = self.last - after;
        let missed = unseen.saturating_sub(self.kept.len() as u64);
        let gap = if missed == 0 { Gap::None } else { Gap::Missed(missed) };
        News { gap, messages: self.newest((unseen - missed) as usize) }
    }

    fn newest(&self, count: usize) -> Vec<Message> {
        self.kept.range(self.kept.len() - count..).map(|(message, _)| message.clone()).collect()
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn ids(news: &News) -> Vec<u64> {
        news.messages.iter().map(|message| message.id).collect()
    }

    #[test]
    fn ids_count_from_one() {
        let room = Room::new(10);
        assert_eq!(room.say("a").unwrap().id, 1);
        assert_eq!(room.say("b").unwrap().id, 2);
        assert_eq!(ids(&room.since(0)), [1, 2]);
        assert_eq!(ids(&room.since(1)), [2]);
        assert!(room.since(2).is_empty());
    }

    #[test]
    fn a_waiting_reader_is_woken_by_the_next_message() {
        let room = Arc::new(Room::new(10));
        let waiting = thread::spawn({
            let room = room.clone();
            move || room.wait_since(0, Duration::from_secs(60))
        });
        room.say("hello").unwrap();
        assert_eq!(ids(&waiting.join().unwrap()), [1]);
    }

    #[test]
    fn a_wait_without_news_ends_empty_handed() {
        let news = Room::new(10).wait_since(0, Duration::from_millis(1));
        assert_eq!(news, News { gap: Gap::None, messages: vec![] });
    }

    #[test]
    fn a_cursor_older_than_the_oldest_message_is_told_what_it_missed() {
        let room = Room::new(3);
        for n in 1..=10 {
            room.say(&n.to_string()).unwrap();
        }
        let news = room.since(4);
        assert_eq!(news.gap, Gap::Missed(3)); // 5, 6 and 7
        assert_eq!(ids(&news), [8, 9, 10]);
        assert_eq!(room.since(7).gap, Gap::None);
    }

    #[test]
    fn a_cursor_from_before_a_restart_is_told_so_at_once() {
        let room = Room::new(3);
        room.say("first words of a new life").unwrap();
        let news = room.wait_since(57, Duration::from_secs(60));
        assert_eq!(news.gap, Gap::Restarted);
        assert_eq!(ids(&news), [1]);
    }

    #[test]
    fn the_same_key_twice_is_one_message() {
        let room = Room::new(10);
        let first = room.say_once("k1", "hello").unwrap();
        assert_eq!(room.say_once("k1", "hello").unwrap(), first);
        assert_eq!(room.say_once("k2", "hello").unwrap().id, 2);
        assert_eq!(room.last(), 2);
    }

    #[test]
    fn empty_and_over_long_messages_are_refused() {
        let room = Room::new(10);
        assert_eq!(room.say(" \n"), Err(Refused::Empty));
        assert_eq!(room.say(&"é".repeat(1_001)), Err(Refused::TooLong(1_001)));
        assert_eq!(room.say(&"é".repeat(1_000)).unwrap().id, 1);
    }

    #[test]
    fn every_kind_of_line_end_becomes_a_newline() {
        assert_eq!(&*Room::new(1).say("a\r\nb\rc\nd").unwrap().text, "a\nb\nc\nd");
    }
}
