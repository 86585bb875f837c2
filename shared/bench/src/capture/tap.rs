//! The tap: a bounded memory of what connections carried, chunk by chunk as the sockets gave it.
//!
//! It lies outside the demo, on the browser's side of the cable, so it sees the real bytes whatever library the demo
//! uses. It understands nothing: decoding happens when somebody looks.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use demo::Speaks;
use dissect::Dir;

/// How many bytes the tap keeps unless it is told otherwise.
pub const LIMIT: usize = 4 * 1024 * 1024;

/// What an event costs beside its bytes, roughly: many tiny chunks must not fill memory either.
const OVERHEAD: usize = 96;

/// One thing that the tap saw.
#[derive(Clone, Debug)]
pub struct TapEvent {
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
    /// A connection was accepted, by the server of this name (the demo itself has none), which speaks this. A leg passes on
    /// what the connection of this number brings: see [`demo::Legs`].
    Open(&'static str, Speaks, Option<u64>),
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
    /// The cable flipped a bit of the newest bytes behind the tap.
    Garbled,
    /// This direction ended in order: a FIN.
    Fin,
    /// The connection was torn down: a RST.
    Reset,
    /// Nothing more will come of this connection.
    Gone,
}

struct Ring {
    events: VecDeque<TapEvent>,
    /// The number of the event in front; they count from 0.
    first: u64,
    bytes: usize,
    /// The connections that are open now.
    open: BTreeSet<u64>,
    /// The reader sleeps until there is more.
    asleep: bool,
}

/// What a reader gets of the tap.
pub struct Seen {
    /// The events since the last time, as far as they are kept.
    pub events: Vec<TapEvent>,
    /// The cursor for the next time.
    pub next: u64,
    /// When some events were forgotten: the connections that are open now. The end of another may have been among them.
    pub open: Option<BTreeSet<u64>>,
}

/// The memory of what went by.
pub struct Tap {
    start: Instant,
    life: u64,
    limit: usize,
    ring: Mutex<Ring>,
    news: Condvar,
    up: AtomicU64,
    down: AtomicU64,
    opened: AtomicU64,
    requests: AtomicU64,
}

impl Tap {
    /// A tap that keeps at most `limit` bytes, oldest out first. Its clock starts now.
    pub fn new(limit: usize) -> Self {
        let ring = Ring { events: VecDeque::new(), first: 0, bytes: 0, open: BTreeSet::new(), asleep: false };
        Tap {
            start: Instant::now(),
            life: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64,
            limit,
            ring: Mutex::new(ring),
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
        self.life
    }

    /// This many more requests came in whole.
    pub fn count_requests(&self, count: u64) {
        self.requests.fetch_add(count, Ordering::Relaxed);
    }

    /// Since the start: connections opened, requests, bytes from client to server, bytes from server to client.
    pub fn counters(&self) -> [u64; 4] {
        [&self.opened, &self.requests, &self.up, &self.down].map(|counter| counter.load(Ordering::Relaxed))
    }

    /// This many bytes went by.
    fn count_bytes(&self, dir: Dir, bytes: usize) {
        let counter = if dir == Dir::Up { &self.up } else { &self.down };
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Remembers one thing, and forgets the oldest when there is no room.
    pub fn record(&self, connection: u64, dir: Dir, what: What) {
        let mut ring = self.ring();
        match &what {
            What::Open(..) => {
                self.opened.fetch_add(1, Ordering::Relaxed);
                ring.open.insert(connection);
            }
            What::Gone => drop(ring.open.remove(&connection)),
            What::Bytes { .. } | What::Heard(_) | What::Garbled | What::Fin | What::Reset => {}
        }
        let event = TapEvent { at: self.now(), connection, dir, what };
        ring.bytes += event.cost();
        ring.events.push_back(event);
        while ring.bytes > self.limit
            && let Some(oldest) = ring.events.pop_front()
        {
            ring.bytes -= oldest.cost();
            ring.first += 1;
        }
        if std::mem::take(&mut ring.asleep) {
            drop(ring);
            self.news.notify_all(); // a system call, which the proxy is spared while no reader waits
        }
    }

    /// The events from number `cursor` on. What was forgotten before it could be read is left out: the offsets of the
    /// chunks tell how much that was.
    pub fn since(&self, cursor: u64) -> Seen {
        let ring = self.ring();
        let skip = cursor.saturating_sub(ring.first).min(ring.events.len() as u64);
        let events = ring.events.range(skip as usize..).cloned().collect();
        let open = (cursor < ring.first).then(|| ring.open.clone());
        Seen { events, next: ring.first + ring.events.len() as u64, open }
    }

    /// Sleeps until there is an event with number `cursor` or higher, at most for `timeout`.
    pub fn wait(&self, cursor: u64, timeout: Duration) {
        let mut ring = self.ring();
        if ring.first + ring.events.len() as u64 <= cursor {
            ring.asleep = true;
            drop(self.news.wait_timeout_while(ring, timeout, |ring| ring.asleep));
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TapEvent {
    fn cost(&self) -> usize {
        OVERHEAD
            + match &self.what {
                What::Bytes { bytes, .. } => bytes.len(),
                _ => 0,
            }
    }
}

/// A connection's entry in the tap: it says when the connection opens, and when it is dropped that it has gone.
pub struct Recorder {
    tap: Arc<Tap>,
    connection: u64,
    /// What a leg carries has been counted already, on the connection that it passes on.
    is_leg: bool,
}

impl Recorder {
    /// A connection was accepted. `first`: the connection that it passes on, when it is a leg.
    pub fn new(tap: Arc<Tap>, connection: u64, server: &'static str, speaks: Speaks, first: Option<u64>) -> Self {
        tap.record(connection, Dir::Up, What::Open(server, speaks, first));
        Recorder { tap, connection, is_leg: first.is_some() }
    }

    /// Remembers one thing.
    pub fn note(&self, dir: Dir, what: What) {
        self.tap.record(self.connection, dir, what);
    }

    /// Remembers bytes, after which the stream of this direction is so long.
    pub fn bytes(&self, dir: Dir, length: u64, bytes: &[u8], waiting: bool) {
        if !self.is_leg {
            self.tap.count_bytes(dir, bytes.len());
        }
        self.note(dir, What::Bytes { from: length - bytes.len() as u64, bytes: bytes.into(), waiting });
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.note(Dir::Up, What::Gone);
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
            tap.count_bytes(Dir::Up, 10);
            tap.record(1, Dir::Up, chunk(n * 10, &[b'x'; 10]));
        }
        let seen = tap.since(0);
        let offsets: Vec<u64> =
            seen.events.iter().map(|e| if let What::Bytes { from, .. } = e.what { from } else { 0 }).collect();
        assert_eq!(offsets, [20, 30, 40]);
        assert_eq!(seen.next, 5);
        assert_eq!(tap.counters(), [0, 0, 50, 0]);
    }

    #[test]
    fn a_million_tiny_events_take_no_more_than_the_limit() {
        let tap = Tap::new(100 * OVERHEAD);
        for _ in 0..1_000_000 {
            tap.record(1, Dir::Up, What::Fin);
        }
        assert_eq!(tap.since(0).events.len(), 100);
    }

    #[test]
    fn a_reader_that_comes_again_gets_only_what_is_new() {
        let tap = Tap::new(LIMIT);
        tap.record(1, Dir::Up, What::Open("", Speaks::Http, None));
        let seen = tap.since(0);
        assert_eq!(seen.events.len(), 1);
        tap.record(1, Dir::Up, What::Fin);
        assert_eq!(tap.since(seen.next).events.len(), 1);
    }

    #[test]
    fn a_reader_that_missed_events_is_told_which_connections_are_open() {
        let tap = Arc::new(Tap::new(3 * OVERHEAD));
        let kept = Recorder::new(tap.clone(), 1, "", Speaks::Http, None);
        let gone = Recorder::new(tap.clone(), 2, "", Speaks::Http, None);
        assert!(tap.since(0).open.is_none());
        drop(gone);
        kept.note(Dir::Up, What::Fin);
        assert_eq!(tap.since(0).open, Some(BTreeSet::from([1])));
    }
}
