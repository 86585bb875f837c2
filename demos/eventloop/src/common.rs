//! Machinery: what all connections of the loop use. They use it one after the other, on one thread, so there is no lock.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use demo::Site;
use frames::events;
use frames::frame::{Opcode, write_frame};
use frames::limits::{Budget, Limits};
use frames::message::MAX_MESSAGE;
use handshake::page_server::{self, PageAnswer, method_not_allowed, not_found, speaks_websocket};
use handshake::request::Request;
use mio::Waker;
use room::{Cursor, Room};

use crate::DEMO;
use crate::crowd::Crowd;

/// At most this many bytes are read from a connection in one turn. And a connection with this many bytes to send reads
/// nothing more.
pub(crate) const TURN: usize = 64 * 1024;

/// So large the outbox of all connections may stay, in bytes: a large answer need not ask the system for memory.
const OUTBOX: usize = 2 << 20;

/// At most this many messages of the room are told to a connection in one turn.
const TOLD_AT_ONCE: usize = 16;

/// What all long messages on their way to the echo and back may take together, in bytes.
const ECHO_BUDGET: usize = 64 << 20;

/// The time limits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The time from one look at the clock to the next.
    pub look: Duration,
    /// A connection that takes none of the bytes that wait for it is closed after this time.
    pub stall: Duration,
    /// A silent connection of the room is asked by a ping after this time, and given up after twice this time.
    pub silence: Duration,
    /// A client that was told the end must end the connection, too, within this time after it took the last byte.
    pub goodbye: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Patience { look: seconds(1), stall: seconds(5), silence: seconds(25), goodbye: seconds(5) }
    }
}

/// Where a connection is: in the room, and in the changes of the crowd.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    cursor: Cursor,
    /// Whether the client has been told where it is.
    was_told: bool,
    crowd: u64,
}

impl Place {
    /// In the room behind this cursor; the client was told nothing yet.
    pub(crate) fn at(cursor: Cursor) -> Self {
        Place { cursor, was_told: false, crowd: 0 }
    }
}

/// What was told at a place, and the place behind it.
struct Told {
    at: Place,
    frames: Vec<u8>,
    next: Place,
}

/// What all connections use.
pub(crate) struct Common {
    pub(crate) room: Arc<Room>,
    pub(crate) site: Arc<Site>,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) patience: Patience,
    pub(crate) echo_limits: Limits,
    /// The time at which this round of the loop began.
    pub(crate) now: Instant,
    /// What is read goes here first: a connection that is silent has no buffer.
    pub(crate) arrived: Vec<u8>,
    /// An outbox for the connection whose turn it is.
    pub(crate) outbox: Vec<u8>,
    told: Option<Told>,
}

impl Common {
    pub(crate) fn new(
        room: Arc<Room>,
        site: Arc<Site>,
        crowd: Arc<Crowd>,
        patience: Patience,
    ) -> Self {
        let echo_limits = Limits { longest: MAX_MESSAGE, budget: Some(Budget::new(ECHO_BUDGET)) };
        let (now, arrived, outbox) = (Instant::now(), vec![0; TURN], Vec::new());
        Common { room, site, crowd, patience, echo_limits, now, arrived, outbox, told: None }
    }

    // ANCHOR: tell
    /// Puts what is new behind a place into an outbox, and moves the place. Thousands of clients
    /// wait at the same place: for all of them, the news are put into frames once.
    pub(crate) fn tell(&mut self, place: &mut Place, unsent: &mut Vec<u8>) {
        let told = match self.told.take() {
            Some(told) if told.at == *place => told,
            _ => self.encode(*place),
        };
        unsent.extend_from_slice(&told.frames);
        *place = told.next;
        self.told = Some(told);
    }
    // ANCHOR_END: tell

    /// The outbox comes back, empty, from the connection that used it.
    pub(crate) fn take_back(&mut self, mut outbox: Vec<u8>) {
        outbox.clear();
        outbox.shrink_to(OUTBOX);
        self.outbox = outbox;
    }

    /// The bytes of the answer to an ordinary request. The page is read from the disk here, and all connections wait for
    /// the disk: a server for many would keep the page in memory.
    pub(crate) fn answer(&self, request: &Request) -> Vec<u8> {
        page_server::answer_bytes(request, &self.site, |method, path| match (method, path) {
            ("GET", "/") => Ok(PageAnswer::page(&DEMO, request, &self.site)),
            ("GET", "/echo") => Err(speaks_websocket()),
            (_, "/" | "/echo") => Err(method_not_allowed("GET, HEAD")),
            _ => Err(not_found()),
        })
    }

    /// There is something new to tell, so what was told before is not all any more.
    pub(crate) fn forget_what_was_told(&mut self) {
        self.told = None;
    }

    fn encode(&self, at: Place) -> Told {
        let mut news = self.room.since(at.cursor);
        let start = news.start().after;
        news.messages.truncate(TOLD_AT_ONCE); // the rest is told in the next turn
        news.next.after = start + news.messages.len() as u64;
        let mut texts = events::encode(&news, !at.was_told);
        let crowd = self.crowd.version();
        if crowd != at.crowd {
            texts.push(self.crowd.json().to_string());
        }
        let mut frames = Vec::new();
        for text in texts {
            write_frame(&mut frames, true, Opcode::Text, None, text.as_bytes());
        }
        Told { at, frames, next: Place { cursor: news.next, was_told: true, crowd } }
    }
}

// ANCHOR: wake
/// A thread for what comes from outside of the loop: the room can wake a thread that waits in it,
/// and this thread wakes the loop.
pub(crate) fn wake_at_news(room: &Arc<Room>, waker: Arc<Waker>) -> io::Result<()> {
    let mut reader = room.reader(room.since(Cursor::START).next);
    net::spawn(move || {
        while Arc::strong_count(&waker) > 1 {
            if !reader.wait(Duration::from_secs(60)).is_empty() {
                let _gone = waker.wake();
            }
        }
    })
}
// ANCHOR_END: wake
