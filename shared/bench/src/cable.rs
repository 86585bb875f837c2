//! The cable: what a learner may do to the wire without being root.
//!
//! Between the two sockets of a connection run two [`crate::bench::pump`]s, one for each direction. A whole cable costs
//! them nothing. Any other [`Mode`] makes them keep the bytes for a while, at most [`CAPACITY`] of them; then they stop
//! reading, and the sender feels it as it would with a real cable: its buffers fill up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::line::Line;

/// How many bytes may wait in a cable, for each connection and direction.
pub const CAPACITY: usize = 64 * 1024;

/// A buffering proxy passes an answer on when it has this many bytes of it, or all.
pub const HOLD_BYTES: usize = 16 * 1024;

/// The longest delay, in milliseconds.
const MAX_DELAY: u64 = 60_000;

/// What a cable does to the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lets them through.
    #[default]
    Whole,
    /// Keeps them, and the ends of connections too, until it is repaired.
    Cut,
    /// Lets each through after this time: what goes there and back takes twice as long.
    Delay(Duration),
    /// Lets them through one by one, each in a write of its own, with this time between them.
    Drip(Duration),
    /// Keeps an answer until it is complete or [`HOLD_BYTES`] long, as a buffering proxy does. Requests pass.
    Hold,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Mode::Whole => write!(f, "whole"),
            Mode::Cut => write!(f, "cut"),
            Mode::Delay(time) => write!(f, "delay {}", time.as_millis()),
            Mode::Drip(time) => write!(f, "drip {}", time.as_millis()),
            Mode::Hold => write!(f, "hold"),
        }
    }
}

/// Something to do to the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Puts it into a mode and leaves it there.
    Set(Mode),
    /// Tears connections down with a RST each way, once.
    Reset,
    /// Makes it whole again.
    Repair,
}

impl Order {
    /// Reads an order as the page and `curl` send it: `cut`, `reset`, `delay 300`, `drip 20`, `hold`, `repair`.
    ///
    /// # Errors
    /// A sentence that says what an order looks like.
    pub fn parse(words: &str) -> Result<Order, String> {
        let mut words = words.split_whitespace();
        let (word, number) = (words.next().unwrap_or(""), words.next());
        let millis = |default: u64| match number.map_or(Ok(default), str::parse) {
            Ok(millis) if millis <= MAX_DELAY => Ok(Duration::from_millis(millis)),
            _ => Err(format!("{word} takes a number of milliseconds, {MAX_DELAY} at most.")),
        };
        match word {
            "cut" => Ok(Order::Set(Mode::Cut)),
            "reset" => Ok(Order::Reset),
            "delay" => Ok(Order::Set(Mode::Delay(millis(300)?))),
            "drip" => Ok(Order::Set(Mode::Drip(millis(20)?))),
            "hold" => Ok(Order::Set(Mode::Hold)),
            "repair" => Ok(Order::Repair),
            _ => Err("The cable knows: cut, reset, delay MS, drip MS, hold, repair.".to_string()),
        }
    }
}

#[derive(Default)]
struct State {
    all: Mode,
    lines: BTreeMap<u64, Arc<Line>>,
    /// The connections that have a cable of their own.
    own: BTreeMap<u64, Mode>,
    changes: u64,
}

/// The cable of a demo, with all the connections that go through it.
pub struct Cable {
    /// Nothing is wrong with any cable: the pumps need not look further.
    calm: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Default for Cable {
    fn default() -> Self {
        Cable { calm: AtomicBool::new(true), state: Mutex::default(), changed: Condvar::new() }
    }
}

impl Cable {
    /// What the cable of this connection does now.
    pub fn mode(&self, connection: u64) -> Mode {
        if self.calm.load(Ordering::Relaxed) {
            return Mode::Whole;
        }
        let state = self.state();
        state.own.get(&connection).copied().unwrap_or(state.all)
    }

    /// Carries an order out, on one connection or on all there are and will be. `false`: there is no such connection.
    pub fn order(&self, order: Order, connection: Option<u64>) -> bool {
        let mut state = self.state();
        if connection.is_some_and(|id| !state.lines.contains_key(&id)) {
            return false;
        }
        match (order, connection) {
            (Order::Set(mode), None) => {
                state.all = mode;
                state.own.clear();
            }
            (Order::Set(mode), Some(id)) => drop(state.own.insert(id, mode)),
            (Order::Repair, None) => {
                state.all = Mode::Whole;
                state.own.clear();
            }
            (Order::Repair, Some(id)) if state.all == Mode::Whole => drop(state.own.remove(&id)),
            (Order::Repair, Some(id)) => drop(state.own.insert(id, Mode::Whole)),
            (Order::Reset, _) => {
                let torn = |id: &u64| connection.is_none_or(|only| only == *id);
                state.lines.iter().filter(|(id, _)| torn(id)).for_each(|(_, line)| line.reset());
            }
        }
        self.note_change(state);
        true
    }

    /// Sleeps until somebody changes something, at most for `timeout`.
    pub fn wait(&self, timeout: Duration) {
        let state = self.state();
        let before = state.changes;
        drop(self.changed.wait_timeout_while(state, timeout, |state| state.changes == before));
    }

    /// How often something was changed so far, connections that came and went included.
    pub fn changes(&self) -> u64 {
        self.state().changes
    }

    /// A connection has come.
    pub fn add(&self, line: Arc<Line>) {
        let mut state = self.state();
        state.lines.insert(line.id, line);
        self.note_change(state);
    }

    /// A connection has gone.
    pub fn remove(&self, connection: u64) {
        let mut state = self.state();
        state.lines.remove(&connection);
        state.own.remove(&connection);
        self.note_change(state);
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.state().lines.len()
    }

    /// `{"cable":"cut","connections":[{"id":3,"peer":"127.0.0.1:5000","cable":null,"up":412,"down":57}]}`; a
    /// connection's own cable is `null` while it has none. At most the 100 newest are listed.
    pub fn json(&self) -> Value {
        let state = self.state();
        let connections: Vec<Value> = state
            .lines
            .values()
            .rev()
            .take(100)
            .map(|line| {
                let own = state.own.get(&line.id).map(Mode::to_string);
                json!({ "id": line.id, "peer": line.peer.to_string(), "cable": own,
                        "up": line.up.load(Ordering::Relaxed), "down": line.down.load(Ordering::Relaxed) })
            })
            .collect();
        json!({ "cable": state.all.to_string(), "connections": connections })
    }

    fn note_change(&self, mut state: MutexGuard<'_, State>) {
        state.changes += 1;
        let calm = state.all == Mode::Whole && state.own.is_empty();
        self.calm.store(calm, Ordering::Relaxed);
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_as_they_are_written() {
        assert_eq!(Order::parse("cut"), Ok(Order::Set(Mode::Cut)));
        assert_eq!(Order::parse("delay 300\n"), Ok(Order::Set(Mode::Delay(Duration::from_millis(300)))));
        assert_eq!(Order::parse("drip"), Ok(Order::Set(Mode::Drip(Duration::from_millis(20)))));
        assert!(Order::parse("delay soon").is_err());
        assert!(Order::parse("delay 999999").is_err());
        assert!(Order::parse("explode").unwrap_err().contains("repair"));
    }

    #[test]
    fn a_repair_undoes_everything() {
        let cable = Cable::default();
        cable.order(Order::Set(Mode::Cut), None);
        assert_eq!(cable.mode(1), Mode::Cut);
        cable.order(Order::Repair, None);
        assert_eq!(cable.mode(1), Mode::Whole);
    }

    #[test]
    fn an_order_to_a_connection_that_is_not_there_is_refused() {
        assert!(!Cable::default().order(Order::Reset, Some(7)));
    }
}
