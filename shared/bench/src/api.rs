//! What the bench port answers: style and modules of the pages, the feed of the wire view, the controls of the cable.
//!
//! It has a port of its own so that the wire view shows the demo's traffic and nothing of its own. The front door lets in
//! requests to this machine's own names, and from the demo's own pages, only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use demo::Demo;
use room::Room;
use serde_json::{Value, json};

use crate::capture::tap::Tap;
use crate::capture::trace::{Trace, Watcher};
use crate::proxy::answers::{head, response};
use crate::proxy::cable::Order;
use crate::proxy::requests::WholeRequest;

/// A feed is written in pieces of about this many bytes, each when the one before has left.
const PIECE: usize = 64 * 1024;

/// A feed gathers what happens for this long before it writes: sixteen pictures a second are plenty.
const GATHER: Duration = Duration::from_millis(60);

/// A feed looks this often whether the counters have changed.
const LOOK: Duration = Duration::from_millis(250);

/// On a silent feed a comment goes out this often, so that a page that has gone is noticed.
const BEAT: Duration = Duration::from_secs(5);

const TEXT: &str = "text/plain; charset=utf-8";

/// What the bench port shows.
pub struct Api {
    /// The demo.
    pub demo: &'static Demo,
    /// Its room, to count what was said.
    pub room: Arc<Room>,
    /// Its tap.
    pub tap: Arc<Tap>,
    /// Its tap, decoded.
    pub trace: Arc<Trace>,
}

/// What the bench port steers.
pub trait Steered {
    /// The cable as the page reads it.
    fn cable(&self) -> Value;
    /// How often something of that has changed.
    fn changes(&self) -> u64;
    /// How many connections go through the cable.
    fn open(&self) -> usize;
    /// Carries an order out, on one connection or on all. `false`: there is no such connection.
    fn order(&mut self, order: Order, connection: Option<u64>) -> bool;
}

/// An answer.
pub enum Reply {
    /// All of it.
    Whole(Vec<u8>),
    /// Its head; the feed is what follows.
    Feed(Vec<u8>, Box<FeedReader>),
}

impl Api {
    /// Answers a request.
    pub fn answer(&self, request: &WholeRequest, bench: &mut impl Steered) -> Reply {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let method = if request.method() == "HEAD" { "GET" } else { request.method() };
        let answer = match (method, path) {
            ("GET", "/feed") => return self.feed(request, value("after")),
            ("GET", "/counters") => (200, "application/json", format!("{}\n", self.counters(bench))),
            ("GET", "/cable") => (200, "application/json", format!("{}\n", bench.cable())),
            ("POST", "/cable") => order(request, value("connection"), bench),
            (_, "/cable") => (405, TEXT, "This path takes GET, HEAD, POST only.\n".to_string()),
            ("GET", file) => self.file(file.trim_start_matches('/')),
            _ => (405, TEXT, "This path takes GET, HEAD only.\n".to_string()),
        };
        let (status, kind, body) = answer;
        let mut fields = format!("Content-Type: {kind}\r\nCache-Control: no-store\r\n{}", cors(request));
        if status == 405 {
            fields += if path == "/cable" { "Allow: GET, HEAD, POST\r\n" } else { "Allow: GET, HEAD\r\n" };
        }
        if request.wants_close() {
            fields += "Connection: close\r\n";
        } else if request.is_1_0() {
            fields += "Connection: keep-alive\r\n";
        }
        let mut bytes = response(status, &fields, body.as_bytes());
        if request.method() == "HEAD" {
            bytes.truncate(bytes.len() - body.len());
        }
        Reply::Whole(bytes)
    }

    fn counters(&self, bench: &impl Steered) -> Value {
        let [opened, requests, up, down] = self.tap.counters();
        json!({
            "open": bench.open(), "opened": opened, "requests": requests, "up": up, "down": down,
            "messages": self.room.last(),
        })
    }

    /// A file of all pages, or of this demo's page alone.
    fn file(&self, name: &str) -> (u16, &'static str, String) {
        let own = || self.demo.page.assets.iter().find(|(other, _)| *other == name).map(|(_, file)| file.text());
        let kind = match name.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => TEXT,
        };
        match elements::file(name).or_else(own) {
            Some(text) => (200, kind, text),
            None => (404, TEXT, "The bench has no such file.\n".to_string()),
        }
    }

    /// `GET /feed`: Server-Sent Events, from the entry after `Last-Event-ID` on, or, for a page that closed its stream for
    /// a while and can't set that header itself, after `?after=`.
    fn feed(&self, request: &WholeRequest, after: Option<&str>) -> Reply {
        let cursor = [request.field("Last-Event-ID"), after].into_iter().flatten().find_map(|id| id.parse().ok());
        let chunked = !request.is_1_0();
        let how = if chunked { "Transfer-Encoding: chunked" } else { "Connection: close" };
        let kind = "Content-Type: text/event-stream\r\nCache-Control: no-store, no-transform";
        let head = format!("{}{kind}\r\nX-Accel-Buffering: no\r\n{}{how}\r\n\r\n", head(200), cors(request));
        if request.method() == "HEAD" {
            return Reply::Whole(head.into_bytes());
        }
        let feed = FeedReader {
            cursor: cursor.unwrap_or(0),
            chunked,
            greeted: false,
            counters: Value::Null,
            cable: Value::Null,
            changes: None,
            written: None,
            _watcher: self.trace.watch(),
        };
        Reply::Feed(head.into_bytes(), Box::new(feed))
    }
}

fn order(request: &WholeRequest, connection: Option<&str>, bench: &mut impl Steered) -> (u16, &'static str, String) {
    let refused = |status, why: &str| (status, TEXT, format!("{why}\n"));
    let Ok(words) = std::str::from_utf8(&request.body) else { return refused(400, "An order is plain text.") };
    let connection = match connection.map(str::parse::<u64>).transpose() {
        Ok(connection) => connection,
        Err(_) => return refused(400, "A connection is a number."),
    };
    match Order::parse(words) {
        Err(why) => refused(400, &why),
        Ok(order) if bench.order(order, connection) => (200, "application/json", format!("{}\n", bench.cable())),
        Ok(_) => refused(404, "There is no such connection (any more)."),
    }
}

/// The demo's page lives on another port, which is another origin: the browser wants to read that it may look. Foreign
/// origins were refused by the front door.
fn cors(request: &WholeRequest) -> String {
    let origin = request.field("Origin");
    origin.map_or(String::new(), |origin| format!("Access-Control-Allow-Origin: {origin}\r\nVary: Origin\r\n"))
}

/// A reader of the feed: where it is, and what it was told last.
pub struct FeedReader {
    cursor: u64,
    chunked: bool,
    greeted: bool,
    counters: Value,
    cable: Value,
    changes: Option<u64>,
    /// When something was written last.
    written: Option<Instant>,
    _watcher: Watcher,
}

impl FeedReader {
    /// When to come for the next piece, if nothing happens before.
    pub fn next_look(&self, now: Instant) -> Instant {
        now + LOOK
    }

    /// The next piece, as it goes over the wire: empty when there is none. Not before the time that is returned for it.
    ///
    /// # Errors
    /// When it is too early, with the time to come again.
    pub fn piece(&mut self, api: &Api, bench: &impl Steered, now: Instant) -> Result<Vec<u8>, Instant> {
        let gathered = self.written.map_or(now, |written| written + GATHER);
        if gathered > now {
            return Err(gathered);
        }
        let events = self.events(api, bench, now);
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.written = Some(now);
        if !self.chunked {
            return Ok(events.into_bytes());
        }
        Ok(format!("{:x}\r\n{events}\r\n", events.len()).into_bytes())
    }

    fn events(&mut self, api: &Api, bench: &impl Steered, now: Instant) -> String {
        let mut events = String::new();
        if !std::mem::replace(&mut self.greeted, true) {
            let hello = json!({
                "demo": api.demo.name, "title": api.demo.title, "now": api.tap.now(), "life": api.tap.life(),
            });
            events += &format!("retry: 500\nevent: hello\ndata: {hello}\n\n");
        }
        if self.changes.replace(bench.changes()) != Some(bench.changes()) {
            let cable = bench.cable();
            if cable != self.cable {
                events += &format!("event: cable\ndata: {cable}\n\n");
                self.cable = cable;
            }
        }
        let counters = api.counters(bench);
        if counters != self.counters {
            events += &format!("event: counters\ndata: {counters}\n\n");
            self.counters = counters;
        }
        let (entries, lost) = api.trace.since(self.cursor, PIECE);
        if lost > 0 {
            events += &format!("event: lost\ndata: {{\"rows\":{lost}}}\n\n");
        }
        for entry in entries {
            events += &format!("event: {}\nid: {}\ndata: {}\n\n", entry.kind, entry.id, entry.json);
            self.cursor = entry.id;
        }
        if events.is_empty() && self.written.is_none_or(|written| now >= written + BEAT) {
            events += ": beat\n\n";
        }
        events
    }
}
