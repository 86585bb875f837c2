//! The view: what the tap saw, decoded into rows for whoever looks, be it a page or the terminal.
//!
//! It does nothing by itself. A reader that asks for news brings it up to date; the next reader finds the work done.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::tap::{Event, Tap, What};
use demo::Speaks;
use dissect::{Dissector, Dir, Unit};

/// How many bytes of decoded rows are kept, oldest out first.
const LIMIT: usize = 8 * 1024 * 1024;

/// One entry of the feed.
#[derive(Clone)]
pub struct Entry {
    /// Counts up; a reader's cursor.
    pub id: u64,
    /// `row` or `heard`.
    pub kind: &'static str,
    /// The entry as the page reads it.
    pub json: Arc<str>,
    /// For the terminal: direction and line, when the entry is a row that is whole.
    pub line: Option<(Dir, Arc<str>)>,
}

/// One direction of a connection, as far as it is decoded.
#[derive(Default)]
struct Side {
    /// How far the stream is decoded.
    till: u64,
    /// The row that shows the unit in progress, if one was given out, and when its first byte came.
    row: Option<u64>,
    started: u64,
    /// When its newest byte came, and whether that has to wait in the cable.
    newest: u64,
    waiting: bool,
}

struct Talk {
    conversation: Dissector,
    up: Side,
    down: Side,
    /// The front door counts its requests, because it has read them.
    counted: bool,
}

struct State {
    /// The tap's events up to here are decoded.
    cursor: u64,
    talks: BTreeMap<u64, Talk>,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The id of the entry in front.
    first: u64,
    /// The number of the newest row.
    rows: u64,
    /// Requests that no front door has counted.
    requests: u64,
}

/// The decoded wire.
pub struct View {
    tap: Arc<Tap>,
    door: Speaks,
    state: Mutex<State>,
}

impl View {
    /// A view of what this tap sees.
    pub fn new(tap: Arc<Tap>, door: Speaks) -> Self {
        let state = State {
            cursor: 0,
            talks: BTreeMap::new(),
            entries: VecDeque::new(),
            bytes: 0,
            first: 1,
            rows: 0,
            requests: 0,
        };
        View { tap, door, state: Mutex::new(state) }
    }

    /// The entries after `cursor` (an entry's id; 0 for all that are kept), and how many were forgotten in between.
    /// Sleeps until there is something, at most for `timeout`.
    pub fn since(&self, cursor: u64, timeout: Duration) -> (Vec<Entry>, u64) {
        let at = {
            let mut state = self.state();
            self.catch_up(&mut state);
            if let Some(news) = state.since(cursor) {
                return news;
            }
            state.cursor
        };
        self.tap.wait(at, timeout);
        let mut state = self.state();
        self.catch_up(&mut state);
        state.since(cursor).unwrap_or_default()
    }

    /// Decodes what the tap has seen since the last time.
    fn catch_up(&self, state: &mut State) {
        let (events, cursor) = self.tap.since(state.cursor);
        state.cursor = cursor;
        let mut touched = Vec::new();
        for event in events {
            touched.push((event.connection, event.dir));
            state.take(event, self.door);
        }
        touched.sort_unstable();
        touched.dedup();
        for (connection, dir) in touched {
            state.show_unfinished(connection, dir);
        }
        self.tap.requests.fetch_add(std::mem::take(&mut state.requests), Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn since(&self, cursor: u64) -> Option<(Vec<Entry>, u64)> {
        let next = self.first + self.entries.len() as u64;
        // A cursor from another life of this server is ahead of everything: it gets all that there is.
        let cursor = if cursor >= next { 0 } else { cursor };
        let from = (cursor + 1).max(self.first);
        let lost = if cursor == 0 { 0 } else { from - (cursor + 1) };
        let entries: Vec<Entry> = self.entries.range((from - self.first) as usize..).cloned().collect();
        (!entries.is_empty()).then_some((entries, lost))
    }

    fn take(&mut self, event: Event, door: Speaks) {
        let (connection, dir) = (event.connection, event.dir);
        match event.what {
            What::Open(server, door) => {
                self.talks.insert(connection, Talk::new(door));
                let to = if server.is_empty() { String::new() } else { format!(" to {server}") };
                self.mark(&event, "open", &format!("a connection opens{to}"));
            }
            What::Bytes { from, ref bytes, waiting } => {
                let talk = self.talks.entry(connection).or_insert_with(|| Talk::new(door));
                let (conversation, side) = talk.side(dir);
                let unseen = from.saturating_sub(side.till);
                side.till = from + bytes.len() as u64;
                (side.newest, side.waiting) = (event.at, waiting);
                let cut_off = conversation.lost(dir, unseen);
                let units = conversation.feed(dir, bytes);
                if unseen > 0 {
                    for unit in cut_off {
                        self.show_done(connection, (dir, from, event.at), &unit, event.at, waiting);
                    }
                    self.mark(&event, "lost", &format!("{unseen} bytes went by before anybody looked"));
                }
                for unit in units {
                    self.show_done(connection, (dir, from, event.at), &unit, event.at, waiting);
                }
                if let Some(talk) = self.talks.get_mut(&connection) {
                    let (conversation, side) = talk.side(dir);
                    if conversation.pending_from(dir).is_some_and(|start| start >= from) {
                        side.started = event.at;
                    }
                }
            }
            What::Heard(to) => {
                let heard = json!({ "conn": connection, "dir": dir.as_str(), "to": to, "t": event.at });
                self.push("heard", heard.to_string(), None);
            }
            What::Fin | What::Reset => {
                let rest = self.talks.get_mut(&connection).map(|talk| talk.conversation.end(dir)).unwrap_or_default();
                for unit in rest {
                    self.show_done(connection, (dir, u64::MAX, event.at), &unit, event.at, false);
                }
                let reset = matches!(event.what, What::Reset);
                let (kind, words) =
                    if reset { ("reset", "RST: torn down") } else { ("fin", "FIN: nothing more from here") };
                self.mark(&event, kind, words);
            }
            What::Gone => drop(self.talks.remove(&connection)),
        }
    }

    /// Shows a unit that will not change any more, whole or cut off. It may be one of the direction opposite to the
    /// bytes that ended it: then its last byte came earlier. `chunk`: direction, offset and time of these bytes.
    fn show_done(&mut self, connection: u64, chunk: (Dir, u64, u64), unit: &Unit, sent: u64, waiting: bool) {
        let (dir, from, at) = chunk;
        if unit.dir == dir {
            self.show(connection, dir, unit, Some((from, at)), sent, waiting);
        } else {
            let newest = self.talks.get_mut(&connection).map(|talk| {
                let (_, side) = talk.side(unit.dir);
                (side.newest, side.waiting)
            });
            let (sent, waiting) = newest.unwrap_or((sent, waiting));
            self.show(connection, unit.dir, unit, None, sent, waiting);
        }
        if let Some(talk) = self.talks.get_mut(&connection) {
            talk.side(unit.dir).1.row = None;
        }
    }

    /// Adds the row of a unit; or its news, when the row was given out while it was unfinished.
    fn show(&mut self, connection: u64, dir: Dir, unit: &Unit, chunk: Option<(u64, u64)>, sent: u64, waiting: bool) {
        let fresh = self.rows + 1;
        let (number, start) = match self.talks.get_mut(&connection) {
            None => (fresh, sent),
            Some(talk) => {
                let (_, side) = talk.side(dir);
                let start = match chunk {
                    Some((from, at)) if unit.from >= from => at,
                    _ => side.started,
                };
                let number = side.row.unwrap_or(fresh);
                side.row = (!unit.whole).then_some(number);
                (number, start)
            }
        };
        self.rows = self.rows.max(number);
        if unit.whole && unit.kind == "request" && self.talks.get(&connection).is_some_and(|talk| !talk.counted) {
            self.requests += 1;
        }
        let row = json!({
            "n": number, "conn": connection, "dir": dir.as_str(), "kind": unit.kind, "mean": unit.meaning,
            "size": unit.to - unit.from, "from": unit.from, "to": unit.to, "start": start, "sent": sent,
            "heard": if waiting { None } else { Some(sent) }, "whole": unit.whole,
            "hex": hex(&unit.bytes), "fields": unit.json_fields(),
        });
        let line = unit.whole.then(|| (dir, line(sent, connection, dir, &unit.line())));
        self.push("row", row.to_string(), line);
    }

    /// Shows a unit that is not whole yet, so that a stalled one can be seen.
    fn show_unfinished(&mut self, connection: u64, dir: Dir) {
        let Some(talk) = self.talks.get_mut(&connection) else { return };
        let (conversation, side) = talk.side(dir);
        if let Some(unit) = conversation.pending(dir) {
            let (newest, waiting) = (side.newest, side.waiting);
            self.show(connection, dir, &unit, None, newest, waiting);
        }
    }

    /// Adds a row without bytes: something that happened to the connection.
    fn mark(&mut self, event: &Event, kind: &'static str, words: &str) {
        self.rows += 1;
        let row = json!({
            "n": self.rows, "conn": event.connection, "dir": event.dir.as_str(), "kind": kind, "mean": words,
            "size": 0, "from": 0, "to": 0, "start": event.at, "sent": event.at, "heard": event.at, "whole": true,
            "hex": "", "fields": [],
        });
        let line = line(event.at, event.connection, event.dir, words);
        self.push("row", row.to_string(), Some((event.dir, line)));
    }

    fn push(&mut self, kind: &'static str, json: String, line: Option<(Dir, Arc<str>)>) {
        let id = self.first + self.entries.len() as u64;
        self.bytes += json.len();
        self.entries.push_back(Entry { id, kind, json: json.into(), line });
        while self.bytes > LIMIT
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.json.len();
            self.first += 1;
        }
    }
}

impl Talk {
    fn new(door: Speaks) -> Self {
        let conversation = match door {
            Speaks::Http | Speaks::Upgrades => Dissector::new(),
            Speaks::Delimited(byte) => Dissector::delimited(byte),
        };
        Talk { conversation, up: Side::default(), down: Side::default(), counted: door == Speaks::Http }
    }

    fn side(&mut self, dir: Dir) -> (&mut Dissector, &mut Side) {
        let side = if dir == Dir::Up { &mut self.up } else { &mut self.down };
        (&mut self.conversation, side)
    }
}

fn line(at: u64, connection: u64, dir: Dir, words: &str) -> Arc<str> {
    let arrow = if dir == Dir::Up { "->" } else { "<-" };
    format!("{:>9.3} s  #{connection:<3} {arrow} {words}", at as f64 / 1e6).into()
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
