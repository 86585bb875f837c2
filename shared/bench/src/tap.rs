//! The tap: a bounded memory of what went over the wire, chunk by chunk as the sockets gave it.
//!
//! It lies outside the demo, on the browser's side of the cable, so it sees the real bytes whatever library the demo
//! uses. It understands nothing: decoding happens when somebody looks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use demo::Speaks;
use dissect::Dir;

/// How many bytes the tap keeps unless it is told otherwise.
pub const LIMIT: usize = 4 * 1024 * 1024;

/// What an event costs beside its bytes, roughly: many tiny chunks must not fill memory either.
const OVERHEAD: usize = 96;

/// One thing that the tap saw.
#[derive(Clone, Debug)]
pub struct Event {
    /// Microseconds since the demo started.
    pub at: u64,
    /// The connection; they count from 1.
    pub connection: u64,
    /// Which way it went.
    pub dir: Dir,
    /// What it was.
    pub what: What,
}

/// What the tap saw.
#[derive(Clone, Debug)]
pub enum What {
    /// A connection was accepted, by the server of this name (the demo itself has none) with this kind of door.
    Open(&'static str, Speaks),
    /// A chunk of the stream.
    Bytes {
        /// Where the chunk stands in the stream of this connection and direction.
        from: u64,
        /// The bytes themselves.
        bytes: Arc<[u8]>,
        /// Whether they had to wait in the cable. Then a [`What::Heard`] follows once they are through.
        waiting: bool,
    },
    /// The stream has left the cable up to this byte.
    Heard(u64),
    /// This direction ended in order: a FIN.
    Fin,
    /// The connection was torn down: a RST.
    Reset,
    /// Nothing more will come of this connection.
    Gone,
}

struct Ring {
    events: VecDeque<Event>,
    /// The number of the event in front; they count from 0.
    first: u64,
    bytes: usize,
    /// How many readers sleep until there is more.
    asleep: usize,
}

/// The memory of the wire.
pub struct Tap {
    start: Instant,
    life: OnceLock<u64>,
    limit: usize,
    ring: Mutex<Ring>,
    news: Condvar,
    /// Bytes from browser to server, since the start.
    pub up: AtomicU64,
    /// Bytes from server to browser, since the start.
    pub down: AtomicU64,
    /// Connections accepted, since the start.
    pub opened: AtomicU64,
    /// Requests whose head came in whole, since the start.
    pub requests: AtomicU64,
}

impl Tap {
    /// A tap that keeps at most `limit` bytes, oldest out first. Its clock starts now.
    pub fn new(limit: usize) -> Self {
        Tap {
            start: Instant::now(),
            life: OnceLock::new(),
            limit,
            ring: Mutex::new(Ring { events: VecDeque::new(), first: 0, bytes: 0, asleep: 0 }),
            news: Condvar::new(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// Microseconds since the start.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// A number that another run of the same demo does not have: when this one started, in microseconds since 1970.
    pub fn life(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.life.get_or_init(|| now.saturating_sub(self.start.elapsed()).as_micros() as u64).to_owned()
    }

    /// Remembers one thing, and forgets the oldest when there is no room.
    pub fn record(&self, connection: u64, dir: Dir, what: What) {
        match &what {
            What::Open(..) => drop(self.opened.fetch_add(1, Ordering::Relaxed)),
            What::Bytes { bytes, .. } => {
                let counter = if dir == Dir::Up { &self.up } else { &self.down };
                counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            What::Heard(_) | What::Fin | What::Reset | What::Gone => {}
        }
        let mut ring = self.ring();
        let event = Event { at: self.now(), connection, dir, what };
        ring.bytes += event.cost();
        ring.events.push_back(event);
        while ring.bytes > self.limit
            && let Some(oldest) = ring.events.pop_front()
        {
            ring.bytes -= oldest.cost();
            ring.first += 1;
        }
        let somebody_sleeps = ring.asleep > 0;
        drop(ring);
        if somebody_sleeps {
            self.news.notify_all(); // a system call, which the pumps are spared while nobody looks
        }
    }

    /// The events from number `cursor` on, and the cursor for the next call. What was forgotten before it could be read
    /// is left out: the offsets of the chunks tell how much that was.
    pub fn since(&self, cursor: u64) -> (Vec<Event>, u64) {
        let ring = self.ring();
        let skip = cursor.saturating_sub(ring.first).min(ring.events.len() as u64);
        let events = ring.events.range(skip as usize..).cloned().collect();
        (events, ring.first + ring.events.len() as u64)
    }

    /// Sleeps until there is an event with number `cursor` or higher, at most for `timeout`.
    pub fn wait(&self, cursor: u64, timeout: Duration) {
        let mut ring = self.ring();
        ring.asleep += 1;
        let nothing = |ring: &mut Ring| ring.first + ring.events.len() as u64 <= cursor;
        let (mut ring, _) =
            self.news.wait_timeout_while(ring, timeout, nothing).unwrap_or_else(PoisonError::into_inner);
        ring.asleep -= 1;
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    fn cost(&self) -> usize {
        OVERHEAD
            + match &self.what {
                What::Bytes { bytes, .. } => bytes.len(),
                _ => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(from: u64, bytes: &[u8]) -> What {
        What::Bytes { from, bytes: bytes.into(), waiting: false }
    }

    #[test]
    fn the_oldest_bytes_leave_first_and_the_counters_still_count_them() {
        let tap = Tap::new(3 * (OVERHEAD + 10));
        for n in 0..5 {
            tap.record(1, Dir::Up, chunk(n * 10, &[b'x'; 10]));
        }
        let (events, next) = tap.since(0);
        let offsets: Vec<u64> =
            events.iter().map(|e| if let What::Bytes { from, .. } = e.what { from } else { 0 }).collect();
        assert_eq!(offsets, [20, 30, 40]);
        assert_eq!(next, 5);
        assert_eq!(tap.up.load(Ordering::Relaxed), 50);
    }

    #[test]
    fn a_million_tiny_events_take_no_more_than_the_limit() {
        let tap = Tap::new(100 * OVERHEAD);
        for _ in 0..1_000_000 {
            tap.record(1, Dir::Up, What::Fin);
        }
        assert_eq!(tap.since(0).0.len(), 100);
    }

    #[test]
    fn a_reader_that_comes_again_gets_only_what_is_new() {
        let tap = Tap::new(LIMIT);
        tap.record(1, Dir::Up, What::Open("", Speaks::Http));
        let (events, cursor) = tap.since(0);
        assert_eq!(events.len(), 1);
        tap.record(1, Dir::Up, What::Fin);
        assert_eq!(tap.since(cursor).0.len(), 1);
    }
}
