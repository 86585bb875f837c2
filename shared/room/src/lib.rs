//! The room: the one small application that every demo carries over another wire.
//!
//! An append-only log of messages and one blocking call, [`Room::wait_since`]. A server with a thread for each connection
//! needs no more: for each reader it keeps a [`Cursor`] and no queue. A slow reader costs no memory, and what was said
//! between two long polls, or during a reconnect, is still there.
//!
//! The room does the arithmetic with cursors: [`News`] says what is new, whether something is missing, and where the
//! reader is now. A [`Reader`] keeps that place between two waits.
//!
//! The log may also live outside of this process, where several servers share it: then the room is a copy ([`SharedLog`]).

use std::collections::VecDeque;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The longest message, in characters.
pub const MAX_CHARS: usize = 1_000;

/// The longest key that a message is said under, in bytes.
pub const MAX_KEY: usize = 64;

/// How many messages a room keeps unless it is told otherwise.
pub const CAPACITY: usize = 1_000;

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts from 1 and never skips: the next message has the next number.
    pub id: u64,
    /// At least one character, at most [`MAX_CHARS`]; line ends are `\n`.
    pub text: Arc<str>,
    /// The name of who said it, where a technique knows names; empty otherwise.
    pub by: Arc<str>,
    /// When the room took it: milliseconds since 1970, by the server's clock.
    pub at: u64,
}

impl Message {
    /// `{"id":7,"text":"hello","at":1760000000000}`, and `"by":"ann"` when that is known.
    pub fn json(&self) -> Value {
        let mut json = json!({ "id": self.id, "text": &*self.text, "at": self.at });
        if !self.by.is_empty() {
            json["by"] = json!(&*self.by);
        }
        json
    }
}

/// Why the room did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There was nothing in it but white space.
    Empty,
    /// It has this many characters, more than [`MAX_CHARS`].
    TooLong(usize),
    /// Its key has this many bytes, more than [`MAX_KEY`].
    KeyTooLong(usize),
    /// The log is outside of this process, and it did not answer. It may have taken the message or not: say it again under
    /// the same key.
    Away,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Refused::Empty => write!(f, "An empty message says nothing: write something first."),
            Refused::TooLong(chars) => {
                write!(f, "This message has {chars} characters and the room takes {MAX_CHARS}: shorten it.")
            }
            Refused::KeyTooLong(bytes) => {
                write!(f, "This message's key has {bytes} bytes and the room takes {MAX_KEY}: shorten it.")
            }
            Refused::Away => write!(f, "The room's log does not answer now."),
        }
    }
}

/// Where a reader is: behind which message, and in which life of the room.
///
/// As text `9f3c01d2-7`: the life, a hyphen, the id of the last message that the reader has. A plain `7` names no life and
/// is believed; `0` is the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The room's number, as [`Room::life`] gives it; 0 when the reader does not know it.
    pub life: u32,
    /// The id of the last message that the reader has; 0 when it has none.
    pub after: u64,
}

impl Cursor {
    /// In front of all messages, in any life.
    pub const START: Cursor = Cursor { life: 0, after: 0 };
}

impl From<u64> for Cursor {
    fn from(after: u64) -> Self {
        Cursor { life: 0, after }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.life {
            0 => write!(f, "{}", self.after),
            life => write!(f, "{life:08x}-{}", self.after),
        }
    }
}

impl FromStr for Cursor {
    type Err = ParseIntError;

    /// `9f3c01d2-7`, `7`, or `-7`: a page that has not heard of a life yet leaves its place empty.
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (life, after) = text.split_once('-').unwrap_or(("", text));
        let life = if life.is_empty() { 0 } else { u32::from_str_radix(life, 16)? };
        Ok(Cursor { life, after: after.parse()? })
    }
}

/// Whether everything after a reader's cursor is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Nothing is missing.
    None,
    /// The cursor is older than the oldest message kept: this many are gone for good.
    Missed(u64),
    /// The cursor is from another life of this room: the server was started again. The messages that follow are all that
    /// the room has, counted from 1 again.
    Restarted,
}

/// What a reader with a cursor is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether something is missing in front of `messages`.
    pub gap: Gap,
    /// What was said after the cursor, oldest first; empty when nothing was.
    pub messages: Vec<Message>,
    /// Where the reader is once it has the messages: the cursor to come back with.
    pub next: Cursor,
}

impl News {
    /// Whether there is nothing to tell: no message and no gap.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.gap == Gap::None
    }

    /// `{"life":"9f3c01d2","after":8,"messages":[...]}`, with `"missed":3` or `"restarted":true` when there is a [`Gap`].
    pub fn json(&self) -> Value {
        let mut news = self.place();
        news["after"] = json!(self.next.after);
        news["messages"] = self.messages.iter().map(Message::json).collect();
        news
    }

    /// The same without the messages, for a stream that writes each message on its own: what is missing, and where the
    /// reader is before it has the messages ([`News::start`]).
    pub fn place(&self) -> Value {
        let start = self.start();
        let mut place = json!({ "life": format!("{:08x}", start.life), "after": start.after });
        match self.gap {
            Gap::None => {}
            Gap::Missed(missed) => place["missed"] = json!(missed),
            Gap::Restarted => place["restarted"] = json!(true),
        }
        place
    }

    /// Where the reader is before it has the messages: behind the gap, if there is one. A stream that writes each message
    /// on its own begins with this.
    pub fn start(&self) -> Cursor {
        Cursor { after: self.next.after - self.messages.len() as u64, ..self.next }
    }
}

// ANCHOR: shared-log
/// A log outside of this process, which several servers share.
///
/// Its room is a copy: [`Room::say`] asks the log, and readers wait on the copy. The log's own
/// thread fills the copy, with [`Room::begin`] and [`Room::extend`].
pub trait SharedLog: Send + Sync {
    /// Adds a message, unless one was said under this key: then it returns that one. Returns when
    /// the log has it for good.
    ///
    /// # Errors
    /// [`Refused::Away`] when the log does not answer.
    fn append(&self, by: &str, key: &str, text: &str) -> Result<Message, Refused>;
}
// ANCHOR_END: shared-log

struct Log {
    /// The newest messages, oldest in front; each with the key it was said under.
    kept: VecDeque<(Message, Box<str>)>,
    /// The id of the newest message, 0 when nothing was said yet.
    last: u64,
    /// The room's number: see [`Room::life`].
    life: u32,
    /// Another process has the log, and may have told a reader more than this copy has.
    is_copy: bool,
}

/// A log of messages, with a blocking wait for the next one.
pub struct Room {
    log: Mutex<Log>,
    news: Condvar,
    capacity: usize,
    shared: Option<Arc<dyn SharedLog>>,
}

impl Room {
    /// An empty room that keeps the newest `capacity` messages (at least one).
    pub fn new(capacity: usize) -> Self {
        let log = Log { kept: VecDeque::new(), last: 0, life: new_life(), is_copy: false };
        Room { log: Mutex::new(log), news: Condvar::new(), capacity: capacity.max(1), shared: None }
    }

    /// A copy of this log, which is empty and of no life until [`begin`](Self::begin).
    pub fn copy_of(shared: Arc<dyn SharedLog>, capacity: usize) -> Self {
        let log = Log { kept: VecDeque::new(), last: 0, life: 0, is_copy: true };
        Room { log: Mutex::new(log), shared: Some(shared), ..Room::new(capacity) }
    }

    /// How many messages it keeps.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The log is in this life: what the copy has of another one is forgotten.
    pub fn begin(&self, life: u32) {
        let mut log = self.log();
        (log.life, log.last) = (life, 0);
        log.kept.clear();
        drop(log);
        self.news.notify_all();
    }

    /// Adds what the log has, in its order. When there is a hole in front of a message, the log itself has forgotten what
    /// was there: then the copy forgets what is before the hole, so that a reader is told of all that is missing.
    pub fn extend(&self, messages: impl IntoIterator<Item = Message>) {
        let mut log = self.log();
        for message in messages {
            if message.id <= log.last {
                continue; // the copy has it
            }
            if message.id > log.last + 1 {
                log.kept.clear();
            }
            log.add(message, "", self.capacity);
        }
        drop(log);
        self.news.notify_all();
    }

    /// The room's number, never 0: the time when it was made, in milliseconds, the lowest 32 bits of it. A server that is
    /// started again has a new room with another number, so a cursor from the old one is always noticed.
    pub fn life(&self) -> u32 {
        self.log().life
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
    /// [`Refused`] when it is empty or too long, or its key is; nothing is added then.
    pub fn say_once(&self, key: &str, text: &str) -> Result<Message, Refused> {
        self.say_by("", key, text)
    }

    /// The same for a room whose members have names: `by` is who says it.
    ///
    /// # Errors
    /// As [`say_once`](Self::say_once).
    pub fn say_by(&self, by: &str, key: &str, text: &str) -> Result<Message, Refused> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let chars = text.chars().count();
        if text.trim().is_empty() {
            return Err(Refused::Empty);
        }
        if chars > MAX_CHARS {
            return Err(Refused::TooLong(chars));
        }
        if key.len() > MAX_KEY {
            return Err(Refused::KeyTooLong(key.len()));
        }
        if let Some(shared) = &self.shared {
            return shared.append(by, key, &text);
        }
        let mut log = self.log();
        if !key.is_empty()
            && let Some((message, _)) = log.kept.iter().rev().find(|(_, said)| **said == *key)
        {
            return Ok(message.clone());
        }
        let message = Message { id: log.last + 1, text: text.into(), by: by.into(), at: now() };
        log.add(message.clone(), key, self.capacity);
        drop(log); // unlock first, so that woken threads need not wait for the lock
        self.news.notify_all();
        Ok(message)
    }

    /// What was said after `cursor`, without waiting. [`Cursor::START`] means: all that is kept.
    pub fn since(&self, cursor: impl Into<Cursor>) -> News {
        self.log().since(cursor.into())
    }

    // ANCHOR: wait
    /// What was said after `cursor`; sleeps until there is something, at most for `timeout`.
    ///
    /// A condition variable ([`Condvar`]) is where threads sleep until another thread wakes them:
    /// here, [`Room::say`].
    pub fn wait_since(&self, cursor: impl Into<Cursor>, timeout: Duration) -> News {
        let (cursor, deadline) = (cursor.into(), Instant::now() + timeout);
        let mut log = self.log();
        loop {
            let news = log.since(cursor);
            let left = deadline.saturating_duration_since(Instant::now());
            if !news.is_empty() || left.is_zero() {
                return news;
            }
            log = self.news.wait_timeout(log, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    // ANCHOR_END: wait

    /// A reader that is at this place.
    pub fn reader(self: &Arc<Self>, cursor: impl Into<Cursor>) -> Reader {
        Reader { room: self.clone(), cursor: cursor.into() }
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

/// A reader's place in the room, for a connection that tells one piece of news after the other.
pub struct Reader {
    room: Arc<Room>,
    cursor: Cursor,
}

impl Reader {
    /// Sleeps until there is something to tell, at most for `timeout`, and moves behind it.
    pub fn wait(&mut self, timeout: Duration) -> News {
        let news = self.room.wait_since(self.cursor, timeout);
        self.cursor = news.next;
        news
    }

    /// Where the reader is.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }
}

impl Log {
    fn add(&mut self, message: Message, key: &str, capacity: usize) {
        self.last = message.id;
        self.kept.push_back((message, key.into()));
        if self.kept.len() > capacity {
            self.kept.pop_front();
        }
    }

    fn since(&self, cursor: Cursor) -> News {
        let Cursor { life, after } = cursor;
        let next = Cursor { life: self.life, after: self.last };
        if self.is_copy && life == self.life && after > self.last {
            // The reader comes from a server whose copy was ahead of this one: what follows will come.
            return News { gap: Gap::None, messages: Vec::new(), next: cursor };
        }
        if after > self.last || (life != self.life && life != 0) {
            return News { gap: Gap::Restarted, messages: self.newest(self.kept.len()), next };
        }
        let unseen = self.last - after;
        let missed = unseen.saturating_sub(self.kept.len() as u64);
        let gap = if missed == 0 { Gap::None } else { Gap::Missed(missed) };
        News { gap, messages: self.newest((unseen - missed) as usize), next }
    }

    fn newest(&self, count: usize) -> Vec<Message> {
        self.kept.range(self.kept.len() - count..).map(|(message, _)| message.clone()).collect()
    }
}

/// A number for a new life of a room: the time in milliseconds, the lowest 32 bits of it, and never 0.
pub fn new_life() -> u32 {
    (now() as u32).max(1)
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
        assert!(Room::new(10).wait_since(0, Duration::from_millis(1)).is_empty());
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
    fn a_restart_into_an_empty_room_is_told_once() {
        let room = Arc::new(Room::new(3));
        let mut reader = room.reader(57);
        assert_eq!(reader.wait(Duration::from_secs(60)).gap, Gap::Restarted);
        assert!(reader.wait(Duration::from_millis(1)).is_empty());
        room.say("first words of a new life").unwrap();
        assert_eq!(ids(&reader.wait(Duration::from_secs(60))), [1]);
    }

    #[test]
    fn a_cursor_of_another_life_is_noticed_whatever_its_number() {
        let room = Room::new(3);
        (1..=3).for_each(|n| drop(room.say(&n.to_string())));
        for after in 0..5 {
            let news = room.since(Cursor { life: room.life() ^ 1, after });
            assert_eq!((news.gap, ids(&news)), (Gap::Restarted, vec![1, 2, 3]), "after {after}");
            assert!(room.since(news.next).is_empty());
        }
    }

    #[test]
    fn every_cursor_that_the_room_gives_leads_to_what_comes_next() {
        let room = Room::new(3);
        for cursor in [Cursor::START, 57.into(), Cursor { life: 1, after: 2 }] {
            for _ in 0..5 {
                let news = room.since(cursor);
                assert!(room.since(news.next).is_empty());
                let id = room.say("next").unwrap().id;
                assert_eq!(ids(&room.since(news.next)), [id]);
            }
        }
    }

    #[test]
    fn a_stream_begins_behind_the_gap() {
        let room = Room::new(3);
        (1..=10).for_each(|n| drop(room.say(&n.to_string())));
        assert_eq!(room.since(4).start().after, 7);
        assert_eq!(room.since(9).start().after, 9);
        assert_eq!(room.since(57).start().after, 7);
        assert_eq!(room.since(4).place()["after"], 7);
        assert_eq!(room.since(4).json()["after"], 10);
    }

    /// A log elsewhere that is never there.
    struct Gone;

    impl SharedLog for Gone {
        fn append(&self, _by: &str, _key: &str, _text: &str) -> Result<Message, Refused> {
            Err(Refused::Away)
        }
    }

    fn message(id: u64) -> Message {
        Message { id, text: id.to_string().into(), by: "".into(), at: 0 }
    }

    #[test]
    fn a_copy_has_what_its_log_has_and_says_nothing_by_itself() {
        let room = Room::copy_of(Arc::new(Gone), 10);
        room.begin(7);
        room.extend([message(1), message(2)]);
        room.extend([message(2), message(3)]); // some of it again
        assert_eq!(ids(&room.since(0)), [1, 2, 3]);
        assert_eq!(room.say("hello"), Err(Refused::Away));
        assert_eq!(room.say(""), Err(Refused::Empty), "what the room would not take is not asked for");
        assert_eq!(room.last(), 3);
    }

    #[test]
    fn a_reader_that_is_ahead_of_a_copy_waits_for_it_and_hears_nothing_twice() {
        let room = Room::copy_of(Arc::new(Gone), 10);
        room.begin(7);
        room.extend([message(1)]);
        let ahead = Cursor { life: 7, after: 3 };
        assert_eq!(room.since(ahead), News { gap: Gap::None, messages: Vec::new(), next: ahead });
        room.extend([message(2), message(3), message(4)]);
        assert_eq!(ids(&room.since(ahead)), [4]);
        assert_eq!(room.since(Cursor { life: 6, after: 3 }).gap, Gap::Restarted);
    }

    #[test]
    fn a_hole_in_the_log_is_missed_by_the_readers_of_its_copy() {
        let room = Room::copy_of(Arc::new(Gone), 10);
        room.begin(7);
        room.extend([message(5), message(6)]); // the log begins with 5
        assert_eq!(room.since(2).gap, Gap::Missed(2));
        room.extend([message(10)]);
        let news = room.since(5);
        assert_eq!((news.gap, ids(&news)), (Gap::Missed(4), vec![10])); // 6 as well, which is not kept in front of a hole
    }

    #[test]
    fn a_new_life_of_the_log_is_told_to_the_readers_of_its_copy() {
        let room = Arc::new(Room::copy_of(Arc::new(Gone), 10));
        room.begin(7);
        room.extend([message(1), message(2)]);
        let mut reader = room.reader(Cursor { life: 7, after: 2 });
        room.begin(8);
        room.extend([message(1)]);
        let news = reader.wait(Duration::from_secs(60));
        assert_eq!((news.gap, ids(&news)), (Gap::Restarted, vec![1]));
    }

    #[test]
    fn a_cursor_reads_as_it_is_written() {
        for cursor in [Cursor::START, Cursor { life: 0x9f3c, after: 7 }, Cursor { life: u32::MAX, after: u64::MAX }] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        assert_eq!("-7".parse(), Ok(Cursor::from(7)));
        for bad in ["", "x", "7-", "7-x", "123456789-1", "1-2-3", "-1-2", "99999999999999999999"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_has_a_limit() {
        let room = Room::new(10);
        assert_eq!(room.say_once(&"k".repeat(65), "hello"), Err(Refused::KeyTooLong(65)));
        assert_eq!(room.say_once(&"k".repeat(64), "hello").unwrap().id, 1);
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
