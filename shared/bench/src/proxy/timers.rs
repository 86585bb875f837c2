//! When to look at which connection again, all in one place.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// The times at which connections asked to be looked at, the earliest first. A connection has one entry here, or a few
/// that are out of date: to look too early costs little, so none is ever searched for and moved.
#[derive(Default)]
pub struct Timers(BinaryHeap<Reverse<(Instant, usize)>>);

impl Timers {
    /// Asks for a look at this connection at this time.
    pub fn set(&mut self, at: Instant, key: usize) {
        self.0.push(Reverse((at, key)));
    }

    /// The earliest time that was asked for.
    pub fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// A connection whose time has come.
    pub fn due(&mut self, now: Instant) -> Option<usize> {
        let due = self.next().is_some_and(|at| at <= now);
        due.then(|| self.0.pop().map(|Reverse((_, key))| key)).flatten()
    }
}
