//! The bench under a demo: its cable, its counters, its feed of rows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use crate::{DEADLINE, Event, Head, Wire};

/// A demo's bench.
pub struct Bench {
    host: String,
}

impl Bench {
    /// The bench at this address.
    pub fn at(url: &str) -> Bench {
        Bench { host: url.trim_start_matches("http://").trim_end_matches('/').to_string() }
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A new connection to the bench.
    pub fn connect(&self) -> Wire {
        Wire::connect(&self.host)
    }

    /// The answer to a `GET`.
    pub fn get(&self, path: &str) -> (Head, String) {
        let mut wire = self.connect();
        wire.get(path);
        wire.answer()
    }

    /// The answer to a `POST`.
    pub fn post(&self, path: &str, body: &str) -> (Head, String) {
        let mut wire = self.connect();
        wire.post(path, &[], body);
        wire.answer()
    }

    /// Does something to the cable: `cut`, `reset`, `delay 300`, `drip 20`, `hold`, `repair`.
    pub fn cable(&self, order: &str) {
        let (head, text) = self.post("/cable", order);
        assert_eq!(head.status, 200, "the cable did not take the order {order:?}: {text}");
    }

    /// Does something to the cable of one connection.
    pub fn cable_of(&self, connection: u64, order: &str) {
        let (head, text) = self.post(&format!("/cable?connection={connection}"), order);
        assert_eq!(head.status, 200, "the cable of connection {connection} did not take the order {order:?}: {text}");
    }

    /// The state of the cable: `{"cable":"whole","connections":[...]}`.
    pub fn state(&self) -> Value {
        json(&self.get("/cable").1)
    }

    /// The counters: `{"open":2,"opened":5,...}`.
    pub fn counters(&self) -> Value {
        json(&self.get("/counters").1)
    }

    /// What the bench knows of the connection whose client has this address.
    pub fn connection(&self, client: SocketAddr) -> Option<Value> {
        let state = self.state();
        let all = state["connections"].as_array().expect("GET /cable lists the connections");
        all.iter().find(|one| one["peer"] == client.to_string()).cloned()
    }

    /// The number of the connection that this is the client's end of. Something must have been said on it already.
    pub fn number_of(&self, wire: &Wire) -> u64 {
        let found = self.connection(wire.name());
        let id = found.as_ref().and_then(|connection| connection["id"].as_u64());
        id.unwrap_or_else(|| panic!("the bench does not list {}: {}", wire.name(), self.state()))
    }

    /// Everything on the wire, from the oldest row kept.
    pub fn feed(&self) -> Feed {
        self.feed_after(None)
    }

    /// Everything on the wire after the row with this id.
    pub fn feed_after(&self, last_event_id: Option<&str>) -> Feed {
        let mut wire = self.connect();
        let resume: Vec<_> = last_event_id.iter().map(|id| ("Last-Event-ID", *id)).collect();
        wire.get_with("/feed", &resume);
        let head = wire.head();
        assert_eq!(head.status, 200, "GET /feed answers with an event stream");
        Feed { wire, rows: Vec::new(), places: HashMap::new(), fresh: Vec::new() }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("the bench answers in JSON ({e}): {text:?}"))
}

/// The feed of rows, as the wire view reads it.
pub struct Feed {
    wire: Wire,
    /// The rows seen so far, in the order of their first appearance.
    rows: Vec<Row>,
    /// Where in `rows` the row of a number is.
    places: HashMap<u64, usize>,
    /// The rows that came or changed with the last event.
    fresh: Vec<usize>,
}

/// A row of the wire view: one unit on the wire.
#[derive(Clone, Debug)]
pub struct Row {
    /// The event's id.
    pub id: String,
    /// All of it, as it came.
    pub json: Value,
}

impl Row {
    /// A text in it: `kind`, `mean`, `dir`.
    pub fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("a row has a text {name:?}: {}", self.json))
    }

    /// A number in it: `n`, `conn`, `from`, `to`, `size`, `start`, `sent`.
    pub fn number(&self, name: &str) -> u64 {
        self.json[name].as_u64().unwrap_or_else(|| panic!("a row has a number {name:?}: {}", self.json))
    }

    /// Whether the unit is complete.
    pub fn whole(&self) -> bool {
        self.json["whole"] == true
    }

    /// Its bytes, at most the first 4,096.
    pub fn bytes(&self) -> Vec<u8> {
        let hex = self.text("hex");
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_else(|_| panic!("this is no hex: {hex:?}"));
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    /// Fails unless its named fields cover every byte, in order and once.
    pub fn check_fields(&self) {
        let mut at = 0;
        for field in self.json["fields"].as_array().unwrap_or_else(|| panic!("a row has fields: {}", self.json)) {
            let (from, to) = (field[0].as_u64().unwrap_or(u64::MAX), field[1].as_u64().unwrap_or(0));
            assert!(from == at && to > from, "field {field} should start at byte {at} of the row: {}", self.json);
            assert!(field[2].as_str().is_some_and(|name| !name.is_empty()), "a field has a name: {field}");
            at = to;
        }
        assert_eq!(at, self.number("size"), "the fields should cover every byte of the row: {}", self.json);
    }
}

impl Feed {
    /// The next event of any name.
    pub fn next_event(&mut self) -> Event {
        let event = self.wire.block().expect("the feed never ends");
        if event.name == "row" {
            let data = json(event.data.as_deref().unwrap_or_default());
            let row = Row { id: event.id.clone().unwrap_or_default(), json: data };
            let next = self.rows.len();
            let at = *self.places.entry(row.number("n")).or_insert(next);
            match self.rows.get_mut(at) {
                Some(old) => *old = row,
                None => self.rows.push(row),
            }
            self.fresh.push(at);
        }
        if event.name == "heard" {
            let data = json(event.data.as_deref().unwrap_or_default());
            for (at, row) in self.rows.iter_mut().enumerate() {
                let same = row.json["conn"] == data["conn"] && row.json["dir"] == data["dir"];
                if same && row.json["heard"].is_null() && row.json["to"].as_u64() <= data["to"].as_u64() {
                    row.json["heard"] = data["t"].clone();
                    self.fresh.push(at);
                }
            }
        }
        event
    }

    /// The next event of that name, as JSON.
    pub fn event(&mut self, name: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let event = self.next_event();
            assert!(Instant::now() < deadline, "the feed should have had an event named {name:?} by now");
            if event.name == name {
                return json(event.data.as_deref().unwrap_or_default());
            }
        }
    }

    /// Waits until some row fits, and returns it as it is by then.
    pub fn row(&mut self, fits: impl Fn(&Row) -> bool) -> Row {
        let deadline = Instant::now() + DEADLINE;
        // First all that there is, then only what is new: there may be thousands.
        let mut look_at: Vec<usize> = (0..self.rows.len()).collect();
        loop {
            if Instant::now() > deadline {
                let seen: Vec<_> = self.rows.iter().map(|row| row.json.to_string()).collect();
                panic!("a row should have appeared that did not; these did:\n{}", seen.join("\n"));
            }
            if let Some(row) = look_at.drain(..).map(|at| &self.rows[at]).find(|row| fits(row)) {
                return row.clone();
            }
            self.fresh.clear();
            self.next_event();
            look_at.append(&mut self.fresh);
        }
    }

    /// All rows seen so far.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}
