//! Recordings of the wire for the book: a scripted exchange with a real demo, written down as its bench saw it.
//!
//! The scripts (`tests/recording.rs` of each demo) send the heads that a browser sends, byte for byte: they were taken off the
//! wire of Chromium and lie in `tests/heads`. Only the script's own socket stands in for the browser, so that the same
//! exchange can be had again and compared.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{Feed, Row, Server, Setup, Wire};

/// What a browser sends for an address typed, or a link followed.
pub const NAVIGATE: &str = include_str!("../heads/navigate.txt");
/// What a browser sends for a `fetch` of a page's own server.
pub const FETCH: &str = include_str!("../heads/fetch.txt");
/// What a browser sends for a `fetch` with a text to post and an `Idempotency-Key`.
pub const POST: &str = include_str!("../heads/post.txt");
/// What a browser sends for a `<script>` of another origin.
pub const SCRIPT: &str = include_str!("../heads/script.txt");
/// What a browser sends for an `<iframe>`.
pub const FRAME: &str = include_str!("../heads/frame.txt");
/// What a browser sends for an `<img>`.
pub const IMAGE: &str = include_str!("../heads/image.txt");
/// What a browser sends for a `WebSocket`.
pub const WEBSOCKET: &str = include_str!("../heads/websocket.txt");
/// What a browser sends for an `EventSource`.
pub const EVENT_SOURCE: &str = include_str!("../heads/event-source.txt");

/// A recording in the making.
pub struct Tape {
    name: String,
    /// The running demo.
    pub demo: Server,
    host: String,
    feed: Feed,
    named: Map<String, Value>,
    figures: Map<String, Value>,
    times: Map<String, Value>,
    passed: u64,
    said: u32,
    /// Connections up to this one are no part of the recording.
    before: u64,
    /// Rows behind this one are another number of beats at every run: only how the connection ends is compared.
    loose: Option<u64>,
}

/// The lines of a head as they go over the wire, with its places filled.
pub fn head(template: &str, places: &[(&str, &str)]) -> String {
    let mut head = template.trim_end().to_string();
    for (place, value) in places {
        head = head.replace(&format!("{{{place}}}"), value);
    }
    head.replace('\n', "\r\n") + "\r\n\r\n"
}

impl Tape {
    /// Starts a demo for the recording `name`. In the heads it goes by the port a learner's demo has.
    pub fn start(name: &str, demo: &str, port: u16, args: &[&str]) -> Tape {
        let demo = Setup::new(demo).args(args).start();
        let feed = demo.bench().feed();
        Tape {
            name: name.to_string(),
            demo,
            host: format!("127.0.0.1:{port}"),
            feed,
            named: Map::new(),
            figures: Map::new(),
            times: Map::new(),
            passed: 0,
            said: 0,
            before: 0,
            loose: None,
        }
    }

    /// The name that the demo goes by in the heads.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A connection to the demo, as a browser's would be.
    pub fn connect(&self) -> Wire {
        self.demo.connect()
    }

    /// The demo itself.
    pub fn demo(&self) -> &Server {
        &self.demo
    }

    /// A connection to another server of the demo, by the name that it has in its `beside`.
    pub fn connect_beside(&self, name: &str) -> Wire {
        let line = self.demo.prints(&format!("{name}: 127.0.0.1:"));
        Wire::connect(line.trim().rsplit(' ').next().expect("the line names host and port"))
    }

    /// Sends a head for this path.
    pub fn send(&self, wire: &mut Wire, template: &str, path: &str) {
        wire.send(self.head(template, path));
    }

    /// A head for this path, of a page of the demo's own.
    pub fn head(&self, template: &str, path: &str) -> String {
        // The key of the examples in RFC 6455.
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        head(template, &[("path", path), ("host", &self.host), ("origin", &self.host), ("key", key)])
    }

    /// Opens a WebSocket at this path, as a page that asks for this subprotocol does.
    pub fn websocket(&self, path: &str, protocol: &str) -> Wire {
        let mut wire = self.connect();
        let protocol =
            if protocol.is_empty() { String::new() } else { format!("\r\nSec-WebSocket-Protocol: {protocol}") };
        wire.send(self.head(WEBSOCKET, path).trim_end().to_string() + &protocol + "\r\n\r\n");
        let head = wire.any_head();
        assert_eq!(head.status, 101, "the handshake succeeds");
        wire
    }

    /// Says something on this connection, as the page's form does.
    pub fn say(&mut self, wire: &mut Wire, text: &str) {
        let length = text.len().to_string();
        self.said += 1;
        let key = format!("5d0c1f2e8a9b47c6d3e2{:04x}", self.said); // the page has it from the browser's random numbers
        let places = [("path", "/say"), ("host", self.host.as_str()), ("length", &length), ("key", &key)];
        wire.send(head(POST, &places) + text);
        let (head, answer) = wire.answer();
        assert_eq!(head.status, 201, "the room takes the message: {answer}");
    }

    /// Lets time pass, as it does between two polls. Nothing is waited for here: a recording is drawn along its time, and
    /// this is the pace of the one who plays in it.
    pub fn pause(&self, millis: u64) {
        thread::sleep(Duration::from_millis(millis));
    }

    /// Waits for the next row, behind all that were expected before, that is of this direction and kind and whose meaning
    /// has these words; gives it a name for the text.
    pub fn expect(&mut self, name: &str, dir: &str, kind: &str, words: &str) -> Row {
        let passed = self.passed;
        let row = self.feed.row(|row| {
            let kind_fits = kind.is_empty() || row.text("kind") == kind;
            let fits = row.text("dir") == dir && kind_fits && row.text("mean").contains(words);
            fits && row.number("n") > passed && row.whole() && !row.json["heard"].is_null()
        });
        self.passed = row.number("n");
        if !name.is_empty() && !name.starts_with('-') {
            self.named.insert(name.to_string(), json!(row.number("n")));
        }
        row
    }

    /// The same for a row that may come before or after others of its connection: two threads write there.
    pub fn find(&mut self, name: &str, dir: &str, kind: &str, words: &str) -> Row {
        let passed = self.passed;
        let row = self.expect(name, dir, kind, words);
        self.passed = passed;
        row
    }

    /// Waits until so many directions have ended, so that the recording has the last row of each connection.
    pub fn ends(&mut self, count: usize) {
        let before = self.before;
        let ended = |row: &&Row| ["fin", "reset"].contains(&row.text("kind")) && row.number("conn") > before;
        while self.feed.rows().iter().filter(ended).count() < count {
            self.feed.next_event();
        }
    }

    /// Leaves out all that went over the wire so far.
    pub fn begin_here(&mut self) {
        self.settle();
        self.before = self.feed.rows().iter().map(|row| row.number("conn")).max().unwrap_or(0);
        self.passed = self.feed.rows().iter().map(|row| row.number("n")).max().unwrap_or(0);
    }

    /// From here on only the ends of connections are compared: what goes on in between is a matter of time.
    pub fn loose(&mut self) {
        self.loose = Some(self.passed);
    }

    /// A number for the text.
    pub fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_string(), value.into());
    }

    /// A time for the text, in seconds from the start or in milliseconds between two rows: another at every run.
    pub fn time(&mut self, name: &str, value: impl Into<Value>) {
        self.times.insert(name.to_string(), value.into());
    }

    /// The milliseconds between the last byte of one row and the first byte of another.
    pub fn between(from: &Row, to: &Row) -> f64 {
        let micros = to.number("start").saturating_sub(from.number("sent"));
        (micros as f64 / 100.0).round() / 10.0
    }

    /// When a row was seen: seconds from the start.
    pub fn at(row: &Row) -> f64 {
        (row.number("start") as f64 / 1e5).round() / 10.0
    }

    /// The bytes of a whole message, in its direction on its connection: of this row and of those that follow it up to
    /// the next head.
    pub fn message_size(&self, head: &Row) -> u64 {
        let same = |row: &&Row| row.json["conn"] == head.json["conn"] && row.json["dir"] == head.json["dir"];
        let is_head = |row: &Row| ["request", "response", "interim"].contains(&row.text("kind"));
        let behind = self.feed.rows().iter().filter(same).filter(|row| row.number("n") > head.number("n"));
        head.number("size") + behind.take_while(|row| !is_head(row)).map(|row| row.number("size")).sum::<u64>()
    }

    /// Writes the recording when `RECORD` is set; compares it with the one in the book otherwise.
    ///
    /// # Panics
    /// When they differ in anything but times, dates and keys.
    pub fn finish(mut self) {
        self.settle();
        let mut rows: Vec<Value> = self.feed.rows().iter().map(|row| row.json.clone()).collect();
        rows.retain(|row| row["conn"].as_u64() > Some(self.before));
        rows.sort_by_key(|row| row["n"].as_u64());
        let recording = json!({ "rows": rows, "named": self.named, "figures": self.figures, "times": self.times, "loose": self.loose });
        let path = folder().join(format!("{}.json", self.name));
        let old = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let same = old.as_ref().is_some_and(|old| essence(old) == essence(&recording));
        if std::env::var_os("RECORD").is_some() {
            if !same {
                write(&path, &recording);
            }
            return;
        }
        let Some(old) = old else { panic!("there is no {}: make record writes it", path.display()) };
        let (was, is) = (essence(&old), essence(&recording));
        for (was, is) in was.iter().zip(&is) {
            assert_eq!(was, is, "book/src/wire/{}.json is stale: read the chapter, then make record", self.name);
        }
        let name = &self.name;
        assert_eq!(was.len(), is.len(), "book/src/wire/{name}.json has more or fewer rows: make record\n{is:#?}");
    }

    /// Waits until nothing is in the cable any more and nothing new comes.
    fn settle(&mut self) {
        self.pause(300);
        let counters = self.demo.bench().counters();
        let total = |feed: &Feed, dir: &str| -> u64 {
            feed.rows().iter().filter(|row| row.text("dir") == dir).map(|row| row.number("size")).sum()
        };
        while total(&self.feed, "up") < counters["up"].as_u64().unwrap_or(0)
            || total(&self.feed, "down") < counters["down"].as_u64().unwrap_or(0)
        {
            self.feed.next_event();
        }
    }
}

/// What a recording says, without what is another at every run. How often a beat comes depends on how fast the machine
/// is: equal rows in a row count as one.
fn essence(recording: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    // Which of two connections or streams is first is chance: what counts is the order on each.
    let mut rows: Vec<&Value> = recording["rows"].as_array().into_iter().flatten().collect();
    rows.sort_by_key(|row| (row["conn"].as_u64(), row["stream"].as_u64(), row["n"].as_u64()));
    let strict = recording["loose"].as_u64().unwrap_or(u64::MAX);
    let mark = |row: &Value| row["size"] == 0;
    rows.retain(|row| row["n"].as_u64() <= Some(strict) || mark(row));
    // What the server thinks of its connections changes with the clock.
    rows.retain(|row| !row["mean"].as_str().is_some_and(|mean| mean.contains("\"peers\":[")));
    for row in rows {
        // Header fields of HTTP/2 are packed, and the date of an answer with them: what they say is compared.
        let packed =
            row["stream"].is_u64() && ["request", "response"].contains(&row["kind"].as_str().unwrap_or_default());
        let mut bytes = if packed { unpacked(row) } else { bytes(row["hex"].as_str().unwrap_or_default()) };
        let mut fields: Vec<_> = row["fields"].as_array().into_iter().flatten().map(|f| f[2].to_string()).collect();
        if row["kind"] == "record" {
            bytes.clear(); // of TLS: keys and what they seal are drawn anew, and so is the order of the client's extensions
            fields.sort();
        }
        let meaning = row["mean"].as_str().unwrap_or_default();
        let meaning = if packed { meaning.split(';').next().unwrap_or_default() } else { meaning };
        // A signature, and a certificate with it, is now a byte longer and now a byte shorter.
        let meaning = if meaning.starts_with("sealed: ") { "sealed" } else { meaning };
        let line = format!(
            "#{} {} {} {} | {} | {}",
            row["conn"],
            row["dir"].as_str().unwrap_or_default(),
            row["kind"].as_str().unwrap_or_default(),
            mask(meaning),
            mask(&bytes),
            fields.join(" ")
        );
        if lines.last() != Some(&line) {
            lines.push(line);
        }
        // Two threads of a WebSocket server write: which of two frames is first is chance.
        if let [.., before, last] = &mut lines[..]
            && before.contains(" down frame ")
            && last.contains(" down frame ")
            && *last < *before
        {
            std::mem::swap(before, last);
        }
    }
    let figures = recording["figures"].as_object().into_iter().flatten();
    lines.extend(figures.map(|(name, value)| format!("figure {name} = {value}")));
    let names = recording["named"].as_object().into_iter().flatten();
    lines.extend(names.map(|(name, _)| format!("name {name}")));
    let times = recording["times"].as_object().into_iter().flatten();
    lines.extend(times.map(|(name, _)| format!("time {name}")));
    lines
}

/// What the header fields in a frame say, a line for each; without the frame's own fields, of which one is its length.
fn unpacked(row: &Value) -> String {
    let fields = row["fields"].as_array().into_iter().flatten().skip(4);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    fields.map(|field| format!("{}: {}\r\n", text(&field[2]), text(&field[3]))).collect()
}

/// Ids of sessions and sockets are drawn anew each time: 32 hexadecimal digits.
fn mask_ids(text: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() {
            digits.push(c);
            continue;
        }
        out += if digits.len() == 32 { "ID" } else { &digits };
        digits.clear();
        out.push(c);
    }
    out.pop();
    out
}

/// Dates, times, ports of the far end, random ids and boundaries stand as signs.
fn mask(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let end = if line.ends_with("\r\n") { "\r\n" } else { "" };
        match line.split_once(": ") {
            Some((name, _)) if name.eq_ignore_ascii_case("date") => out += &format!("{name}: DATE{end}"),
            _ => out += line,
        }
    }
    let mut pieces = out.split("to-ports=\"");
    let first = pieces.next().unwrap_or_default().to_string();
    let out = pieces.fold(first, |out, piece| {
        let (_, rest) = piece.split_once('"').unwrap_or_default();
        format!("{out}to-ports=\"PORT\"{rest}")
    });
    let out = mask_ids(&mask_lives(&out));
    // The boundary of a multipart answer is drawn anew each time: "part-" and 32 hexadecimal digits.
    let mut pieces = out.split("part-");
    let mut unbound = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_hexdigit).count();
        unbound += if digits == 32 { "part-RANDOM" } else { "part-" };
        unbound += if digits == 32 { &piece[32..] } else { piece };
    }
    let out = unbound;
    let out = mask_lives(&out);
    // Milliseconds since 1970 have thirteen digits.
    let mut masked = String::new();
    let mut digits = String::new();
    for c in out.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        masked += if digits.len() == 13 { "TIME" } else { &digits };
        digits.clear();
        masked.push(c);
    }
    masked.trim_end_matches('\0').to_string()
}

/// The life of the room is another at each start: eight hexadecimal digits that stand alone.
fn mask_lives(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let is_life = word.len() == 8 && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        out += if is_life { "LIFE" } else { &word };
        word.clear();
        out.push(c);
    }
    out.trim_end_matches('\0').to_string()
}

fn bytes(hex: &str) -> String {
    let digits = hex.as_bytes().chunks_exact(2);
    let bytes: Vec<u8> =
        digits.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes
        .iter()
        .map(|byte| if byte.is_ascii() { char::from(*byte).to_string() } else { format!("\\x{byte:02x}") })
        .collect()
}

/// Writes the recording for the element, and as text for everyone else.
fn write(path: &Path, recording: &Value) {
    let one_by_one = |key: &str| -> String {
        let rows = recording[key].as_array().into_iter().flatten();
        rows.map(ToString::to_string).collect::<Vec<_>>().join(",\n")
    };
    let json = format!(
        "{{\"named\":{},\n\"figures\":{},\n\"times\":{},\n\"loose\":{},\n\"rows\":[\n{}\n]}}\n",
        recording["named"],
        recording["figures"],
        recording["times"],
        recording["loose"],
        one_by_one("rows")
    );
    let mut text = String::new();
    for row in recording["rows"].as_array().into_iter().flatten() {
        let arrow = if row["dir"] == "up" { "-->" } else { "<--" };
        let at = row["start"].as_f64().unwrap_or_default() / 1e6;
        let (mean, size) = (row["mean"].as_str().unwrap_or_default(), row["size"].as_u64().unwrap_or_default());
        let size = if size == 0 { String::new() } else { format!("  ({size} B)") };
        let _ = writeln!(text, "{at:>8.3} s  #{} {arrow} {mean}{size}", row["conn"]);
    }
    fs::create_dir_all(folder()).expect("the folder of the recordings can be made");
    fs::write(path, json).expect("a recording can be written");
    fs::write(path.with_extension("txt"), text).expect("a recording can be written");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/wire")
}
