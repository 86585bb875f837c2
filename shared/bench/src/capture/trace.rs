//! The trace: what the tap saw, decoded into the rows that pages and the terminal show.
//!
//! Decoding has a thread of its own, and happens only while somebody looks.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use demo::{Speaks, Unpackers};
use dissect::{Dir, Dissector, Field, Unit};
use mio::Waker;
use serde_json::{Value, json};

use super::tap::{Tap, TapEvent, What};

/// How many bytes of decoded rows are kept, oldest out first.
const LIMIT: usize = 8 * 1024 * 1024;

/// What happens is gathered for this long before it is decoded: a flood costs fewer wake-ups.
const GATHER: Duration = Duration::from_millis(20);

/// One entry of the feed.
#[derive(Clone)]
pub struct Entry {
    /// Counts up; a reader's cursor.
    pub id: u64,
    /// `row` or `heard`.
    pub kind: &'static str,
    /// The entry as the page reads it.
    pub json: Arc<str>,
    /// For the terminal: direction and line, when the entry is a row that is complete.
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
    /// Where the newest chunk begins, and when it came.
    chunk: (u64, u64),
    /// When the newest byte or the end came, and whether that has to wait in the cable.
    newest: u64,
    waiting: bool,
}

/// A connection, as far as it is decoded.
struct Decoded {
    id: u64,
    dissector: Dissector,
    up: Side,
    down: Side,
    /// The connection that this one passes on, when it is a leg.
    first: Option<u64>,
    /// The front door counts its requests, because it has read them.
    counted: bool,
}

#[derive(Default)]
struct State {
    connections: BTreeMap<u64, Decoded>,
    feed: Feed,
    /// How many feeds and terminals look.
    watchers: usize,
}

/// What readers hear of.
#[derive(Default)]
struct Feed {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The id of the newest entry, and the number of the newest row.
    newest: u64,
    rows: u64,
    /// Requests that no front door has counted.
    requests: u64,
}

/// The decoded tap.
pub struct Trace {
    tap: Arc<Tap>,
    speaks: Speaks,
    unpackers: Arc<Unpackers>,
    state: Mutex<State>,
    /// There are new entries, or a first watcher.
    news: Condvar,
    waker: Arc<Waker>,
}

/// Somebody who looks; not any more when this is dropped.
pub struct Watcher(Arc<Trace>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.state().watchers -= 1;
    }
}

impl Trace {
    /// Starts the thread that decodes what this tap sees. The waker wakes the event loop when there are new entries.
    pub fn start(tap: Arc<Tap>, speaks: Speaks, unpackers: Arc<Unpackers>, waker: Arc<Waker>) -> Arc<Self> {
        let trace = Arc::new(Trace { tap, speaks, unpackers, state: Mutex::default(), news: Condvar::new(), waker });
        let decoding = Arc::downgrade(&trace);
        thread::spawn(move || {
            let mut cursor = 0;
            while let Some(trace) = decoding.upgrade() {
                cursor = trace.decode(cursor);
            }
        });
        trace
    }

    /// Somebody looks from now on.
    pub fn watch(self: &Arc<Self>) -> Watcher {
        self.state().watchers += 1;
        self.news.notify_all();
        Watcher(self.clone())
    }

    /// Decodes what the tap sees from number `cursor` on, when there is something and somebody looks. Returns the next
    /// cursor.
    fn decode(&self, cursor: u64) -> u64 {
        let timeout = Duration::from_secs(1); // then the thread looks whether the demo is still there
        let waited = self.news.wait_timeout_while(self.state(), timeout, |state| state.watchers == 0);
        if waited.unwrap_or_else(PoisonError::into_inner).0.watchers == 0 {
            return cursor;
        }
        self.tap.wait(cursor, timeout);
        thread::sleep(GATHER);
        let seen = self.tap.since(cursor);
        if seen.events.is_empty() {
            return seen.next;
        }
        let mut state = self.state();
        let mut touched = Vec::new();
        for event in seen.events {
            touched.push((event.connection, event.dir));
            state.take(&event, self.speaks, &self.unpackers);
        }
        touched.sort_unstable();
        touched.dedup();
        for (connection, dir) in touched {
            state.show_unfinished(connection, dir);
        }
        if let Some(open) = seen.open {
            state.connections.retain(|connection, _| open.contains(connection));
        }
        self.tap.count_requests(std::mem::take(&mut state.feed.requests));
        drop(state);
        self.news.notify_all();
        let _ = self.waker.wake(); // an error would mean that the event loop has ended
        seen.next
    }

    /// The entries after `cursor` (an entry's id; 0 for all that are kept) of about this many bytes, and how many were
    /// forgotten in between.
    pub fn since(&self, cursor: u64, most: usize) -> (Vec<Entry>, u64) {
        self.state().feed.since(cursor, most)
    }

    /// The same for the terminal: sleeps until there is something.
    pub fn wait_since(&self, cursor: u64, most: usize) -> (Vec<Entry>, u64) {
        let state = self.news.wait_while(self.state(), |state| state.feed.newest <= cursor);
        state.unwrap_or_else(PoisonError::into_inner).feed.since(cursor, most)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, event: &TapEvent, speaks: Speaks, unpackers: &Arc<Unpackers>) {
        let (feed, dir) = (&mut self.feed, event.dir);
        let speaks = if let What::Open(_, own, _) = event.what { own } else { speaks };
        let decoded = self
            .connections
            .entry(event.connection)
            .or_insert_with(|| Decoded::new(event.connection, speaks, unpackers));
        match event.what {
            What::Open(server, _, first) => {
                let to = if server.is_empty() { String::new() } else { format!(" to {server}") };
                let inside = first.map_or(String::new(), |first| format!(", inside #{first}"));
                decoded.first = first;
                feed.mark(decoded, event, "open", &format!("a connection opens{to}{inside}"));
            }
            What::Bytes { from, ref bytes, waiting } => {
                let side = decoded.side(dir);
                let unseen = from.saturating_sub(side.till);
                side.till = from + bytes.len() as u64;
                (side.chunk, side.newest, side.waiting) = ((from, event.at), event.at, waiting);
                if unseen > 0 {
                    let cut_off = decoded.dissector.lost(dir, unseen);
                    feed.show_done(decoded, &cut_off);
                    feed.mark(decoded, event, "lost", &format!("{unseen} bytes went by before anybody looked"));
                }
                let units = decoded.dissector.feed(dir, bytes);
                feed.show_done(decoded, &units);
                if decoded.dissector.pending_from(dir).is_some_and(|start| start >= from) {
                    decoded.side(dir).started = event.at;
                }
            }
            What::Heard(to) => {
                let heard = json!({ "conn": event.connection, "dir": dir.as_str(), "to": to, "t": event.at });
                feed.push("heard", heard.to_string(), None);
            }
            What::Garbled => {
                let then = match decoded.dissector.is_sealed() {
                    true => "the receiver notices",
                    false => "the receiver gets another letter",
                };
                feed.mark(decoded, event, "garbled", &format!("the cable flips one bit of these bytes: {then}"));
            }
            What::Fin | What::Reset => {
                let side = decoded.side(dir);
                (side.newest, side.waiting) = (event.at, false);
                let rest = decoded.dissector.end(dir);
                feed.show_done(decoded, &rest);
                let reset = matches!(event.what, What::Reset);
                let (kind, words) =
                    if reset { ("reset", "RST: torn down") } else { ("fin", "FIN: nothing more from here") };
                feed.mark(decoded, event, kind, words);
            }
            What::Gone => drop(self.connections.remove(&event.connection)),
        }
    }

    /// Shows a unit that is not whole yet, so that a stalled one can be seen.
    fn show_unfinished(&mut self, connection: u64, dir: Dir) {
        if let Some(decoded) = self.connections.get_mut(&connection)
            && let Some(unit) = decoded.dissector.pending(dir)
        {
            self.feed.show(decoded, &unit);
        }
    }
}

impl Feed {
    fn since(&self, cursor: u64, most: usize) -> (Vec<Entry>, u64) {
        // A cursor from another life of this server is ahead of everything: it gets all that there is.
        let cursor = if cursor > self.newest { 0 } else { cursor };
        let first = self.newest + 1 - self.entries.len() as u64;
        let from = (cursor + 1).max(first);
        let lost = if cursor == 0 { 0 } else { from - (cursor + 1) };
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let before = bytes;
            bytes += entry.json.len();
            before < most
        };
        (self.entries.range((from - first) as usize..).take_while(fits).cloned().collect(), lost)
    }

    /// Shows units that will not change any more, whole or cut off. They may be of the direction opposite to the bytes
    /// that ended them.
    fn show_done(&mut self, decoded: &mut Decoded, units: &[Unit]) {
        for unit in units {
            self.show(decoded, unit);
            decoded.side(unit.dir).row = None;
        }
    }

    /// Adds the row of a unit; or its news, when the row was given out while it was unfinished.
    fn show(&mut self, decoded: &mut Decoded, unit: &Unit) {
        let (connection, dir, counted) = (decoded.id, unit.dir, decoded.counted);
        let side = decoded.side(dir);
        let start = if unit.from >= side.chunk.0 { side.chunk.1 } else { side.started };
        let number = side.row.unwrap_or(self.rows + 1);
        side.row = Some(number);
        self.rows = self.rows.max(number);
        if unit.whole && unit.kind == "request" && !counted {
            self.requests += 1;
        }
        let sent = side.newest;
        let field = |field: &Field| json!([field.from, field.to, field.name, field.value, field.note]);
        let fields: Vec<Value> = unit.fields.iter().map(field).collect();
        let mut row = json!({
            "n": number, "conn": connection, "dir": dir.as_str(), "kind": unit.kind, "mean": unit.meaning,
            "size": unit.to - unit.from, "from": unit.from, "to": unit.to, "start": start, "sent": sent,
            "heard": if side.waiting { None } else { Some(sent) }, "whole": unit.whole,
            "hex": hex(&unit.bytes), "fields": fields,
        });
        if unit.stream > 0 {
            row["stream"] = json!(unit.stream);
        }
        decoded.lies_in(&mut row);
        let line = unit.whole.then(|| (dir, line(sent, connection, dir, &unit.line())));
        self.push("row", row.to_string(), line);
    }

    /// Adds a row without bytes: something that happened to the connection.
    fn mark(&mut self, decoded: &Decoded, event: &TapEvent, kind: &'static str, words: &str) {
        self.rows += 1;
        let mut row = json!({
            "n": self.rows, "conn": event.connection, "dir": event.dir.as_str(), "kind": kind, "mean": words,
            "size": 0, "from": 0, "to": 0, "start": event.at, "sent": event.at, "heard": event.at, "whole": true,
            "hex": "", "fields": [],
        });
        decoded.lies_in(&mut row);
        let line = line(event.at, event.connection, event.dir, words);
        self.push("row", row.to_string(), Some((event.dir, line)));
    }

    fn push(&mut self, kind: &'static str, json: String, line: Option<(Dir, Arc<str>)>) {
        self.newest += 1;
        self.bytes += json.len();
        self.entries.push_back(Entry { id: self.newest, kind, json: json.into(), line });
        while self.bytes > LIMIT
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.json.len();
        }
    }
}

impl Decoded {
    fn new(id: u64, speaks: Speaks, unpackers: &Arc<Unpackers>) -> Self {
        let unpackers = unpackers.clone();
        let fields = unpackers.clone();
        let unpack = move |extensions: &str, dir| unpackers.make(extensions, dir == Dir::Up);
        let dissector = match speaks {
            Speaks::Http | Speaks::Upgrades => Dissector::new().unpacking(Box::new(unpack)),
            Speaks::Http2 => Dissector::http2(|| fields.make_fields()),
            Speaks::Tls => Dissector::tls(),
            Speaks::Delimited(byte) => Dissector::delimited(byte),
        };
        let (up, down) = (Side::default(), Side::default());
        Decoded { id, dissector, up, down, first: None, counted: speaks == Speaks::Http }
    }

    /// A row of a leg tells in which connection it lies: `"in": 1`.
    fn lies_in(&self, row: &mut Value) {
        if let Some(first) = self.first {
            row["in"] = json!(first);
        }
    }

    fn side(&mut self, dir: Dir) -> &mut Side {
        match dir {
            Dir::Up => &mut self.up,
            Dir::Down => &mut self.down,
        }
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
