//! Twenty clients that talk and listen at the same time, over a balancer that may be any: they know nothing but their cursor
//! and the keys of what they say.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;
use std::{fmt, thread};

use serde_json::{Value, json};
use tests::DEADLINE;
use tests::websocket::{TEXT, frame, handshake};

/// How many clients.
const CLIENTS: usize = 20;

/// How many messages each of them says.
const EACH: usize = 50;

/// All messages.
pub const ALL: usize = CLIENTS * EACH;

/// How long a client that was refused, or that lost its connection, waits before it comes back.
const BACK_OFF: Duration = Duration::from_millis(10);

/// A connection, whatever it is made of.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// Opens a connection to the balancer.
pub type Connect<'a> = &'a (dyn Fn() -> io::Result<Box<dyn Stream>> + Sync);

/// What one client has heard: the number and the text of each message, in the order in which they came.
type Heard = Vec<(u64, String)>;

/// The clients' common clock: who may speak, how much was heard, how often one was refused.
#[derive(Default)]
pub struct Pace {
    counts: Mutex<Counts>,
    changed: Condvar,
    /// The test has failed: the clients need not wait for what is never said.
    over: AtomicBool,
}

/// Ends the clients when it goes in a panic.
struct EndsInPanic<'a>(&'a Pace);

impl Drop for EndsInPanic<'_> {
    fn drop(&mut self) {
        self.0.over.store(thread::panicking(), Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Counts {
    allowed: usize,
    taken: usize,
    heard: usize,
    refused: usize,
}

impl Pace {
    /// Lets so many more messages be said.
    pub fn allow(&self, more: usize) {
        self.change(|counts| counts.allowed += more);
    }

    /// Waits until the first client has heard that many messages.
    pub fn until_heard(&self, count: usize) {
        self.until("messages are heard", |counts| counts.heard >= count);
    }

    /// Waits until a client that speaks is refused from now on.
    pub fn until_refused(&self) {
        let before = self.counts().refused;
        self.until("a message is refused", |counts| counts.refused > before);
    }

    /// Waits until one more message may be said.
    fn take(&self) {
        self.until("a message may be said", |counts| counts.taken < counts.allowed);
        self.change(|counts| counts.taken += 1);
    }

    fn until(&self, what: &str, holds: impl Fn(&Counts) -> bool) {
        let waited =
            self.changed.wait_timeout_while(self.counts(), DEADLINE, |counts| !holds(counts));
        let (counts, waited) = waited.expect("no thread panicked");
        assert!(!waited.timed_out(), "{what}: {} heard, {} refused", counts.heard, counts.refused);
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts());
        self.changed.notify_all();
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no thread panicked")
    }
}

/// Lets the crowd talk in one technique while `disturb` does what it likes with the servers. Fails unless each client hears
/// each message once, in one order for all.
pub fn hears_all_once(technique: &str, connect: Connect, disturb: impl FnOnce(&Pace)) {
    let pace = Pace::default();
    let heard: Vec<Heard> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = Client { number, technique, connect, pace: &pace };
                thread::Builder::new()
                    .name(format!("{technique} {number}"))
                    .spawn_scoped(scope, move || client.lives(scope))
                    .expect("a thread starts")
            })
            .collect();
        let end = EndsInPanic(&pace);
        disturb(&pace);
        drop(end);
        clients.into_iter().map(|client| client.join().expect("a client is content")).collect()
    });
    let said: BTreeSet<String> =
        (0..CLIENTS).flat_map(|number| (0..EACH).map(move |n| words(number, n))).collect();
    for (number, heard) in heard.iter().enumerate() {
        let ids: Vec<u64> = heard.iter().map(|(id, _)| *id).collect();
        assert_eq!(
            ids,
            (1..=ALL as u64).collect::<Vec<_>>(),
            "{technique} {number}: each once, in order"
        );
        assert_eq!(
            heard.iter().map(|(_, text)| text.clone()).collect::<BTreeSet<_>>(),
            said,
            "{technique} {number}"
        );
    }
    assert!(heard.iter().all(|other| *other == heard[0]), "{technique}: all have heard the same");
    for number in 0..CLIENTS {
        let own: Vec<&String> = heard[0]
            .iter()
            .map(|(_, text)| text)
            .filter(|text| text.starts_with(&format!("{number}:")))
            .collect();
        let order: Vec<String> = (0..EACH).map(|n| words(number, n)).collect();
        assert!(
            own.into_iter().eq(order.iter()),
            "{technique} {number}: what it said first is heard first"
        );
    }
}

/// The text and the key of a message.
fn words(number: usize, n: usize) -> String {
    format!("{number}:{n}")
}

#[derive(Clone, Copy)]
struct Client<'a> {
    number: usize,
    technique: &'a str,
    connect: Connect<'a>,
    pace: &'a Pace,
}

impl fmt::Display for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.technique, self.number)
    }
}

/// Where a client is, and what it has heard.
#[derive(Default)]
struct Ear {
    cursor: String,
    heard: Heard,
}

impl<'a> Client<'a> {
    fn lives<'scope>(self, scope: &'scope thread::Scope<'scope, '_>) -> Heard
    where
        'a: 'scope,
    {
        let speaks = scope.spawn(move || match self.technique {
            "frames" | "socketio" => self.talks(),
            _ => (0..EACH).for_each(|n| self.says(n)),
        });
        let mut ear = Ear { cursor: "0".to_string(), ..Ear::default() };
        while self.waits_for_more(&ear) {
            // An error is a server that was killed. The client comes back with its cursor.
            let listened = match self.technique {
                "sse" => self.streams(&mut ear),
                "longpoll" => self.asks(&mut ear),
                _ => self.listens(&mut ear),
            };
            if listened.is_err() {
                thread::sleep(BACK_OFF);
            }
        }
        speaks.join().expect("the client has said all");
        ear.heard
    }

    fn waits_for_more(&self, ear: &Ear) -> bool {
        ear.heard.len() < ALL && !self.pace.over.load(Ordering::Relaxed)
    }

    /// Says a message, again and again under the same key, until it is taken.
    fn says(&self, n: usize) {
        self.pace.take();
        let text = words(self.number, n);
        let path = format!("/{}/say", self.technique);
        let request = format!(
            "POST {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nIdempotency-Key: {text}\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        loop {
            match self.exchange(&request) {
                Ok((201, answer)) => {
                    let message: Value = serde_json::from_str(&answer).unwrap_or_default();
                    assert_eq!(message["text"], text.as_str(), "{self}: {answer}");
                    return;
                }
                // 502 and 503 are the balancer's or the server's; 0 is a connection that broke.
                Ok((0 | 502 | 503, _)) | Err(_) => self.pace.change(|counts| counts.refused += 1),
                Ok((status, answer)) => panic!("{self}: {status} {answer}"),
            }
            thread::sleep(BACK_OFF);
        }
    }

    /// Sends a request and reads the answer to the end of the connection. A connection that ends before the end of the
    /// head has the status 0.
    fn exchange(&self, request: &str) -> io::Result<(u16, String)> {
        let mut stream = (self.connect)()?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream).read_to_string(&mut answer)?;
        let status = answer.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok((if body.is_empty() { 0 } else { status }, body.to_string()))
    }

    /// Long polling: one question.
    fn asks(&self, ear: &mut Ear) -> io::Result<()> {
        let path = format!("/longpoll/wait?after={}&hold=30", ear.cursor);
        let (status, answer) =
            self.exchange(&format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"))?;
        if status != 200 {
            return Err(io::Error::other("refused"));
        }
        let news: Value = serde_json::from_str(&answer)?; // an answer that was cut off is no JSON
        self.checks_place(&news);
        for message in news["messages"].as_array().into_iter().flatten() {
            self.hears(ear, message["id"].as_u64(), message["text"].as_str());
        }
        ear.cursor = format!("{}-{}", news["life"].as_str().unwrap_or_default(), news["after"]);
        Ok(())
    }

    /// Server-sent events: one stream, until it ends.
    fn streams(&self, ear: &mut Ear) -> io::Result<()> {
        let mut stream = (self.connect)()?;
        let path = "GET /sse/events HTTP/1.0\r\nHost: 127.0.0.1\r\n";
        write!(stream, "{path}Last-Event-ID: {}\r\n\r\n", ear.cursor)?;
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().transpose()?.unwrap_or_default();
        if !status.contains(" 200 ") {
            return Err(io::Error::other("refused"));
        }
        let (mut id, mut data, mut name) = (None, None, String::new());
        while self.waits_for_more(ear) {
            let line = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
            match line.split_once(": ") {
                Some(("id", cursor)) => id = Some(cursor.to_string()),
                Some(("data", text)) => data = Some(text.to_string()),
                Some(("event", event)) => name = event.to_string(),
                None if line.is_empty() => {
                    assert_ne!(name, "gap", "{self}: {data:?}");
                    if let (Some(cursor), Some(text)) = (id.take(), data.take()) {
                        let number = cursor.split_once('-').and_then(|(_, id)| id.parse().ok());
                        self.hears(ear, number, Some(&text));
                        ear.cursor = cursor;
                    }
                    (data, name) = (None, String::new());
                }
                _ => {} // a field of the head, or a retry
            }
        }
        Ok(())
    }

    /// WebSocket and Socket.IO: one connection, until it ends.
    fn listens(&self, ear: &mut Ear) -> io::Result<()> {
        let mut socket = self.socket(&ear.cursor)?;
        while self.waits_for_more(ear) {
            let event = socket.event()?;
            match event["type"].as_str() {
                Some("here") => {
                    self.checks_place(&event);
                    ear.cursor = format!(
                        "{}-{}",
                        event["life"].as_str().unwrap_or_default(),
                        event["after"]
                    );
                }
                Some("message") => {
                    self.hears(ear, event["id"].as_u64(), event["text"].as_str());
                    let life = ear.cursor.split('-').next().unwrap_or_default();
                    ear.cursor = format!("{life}-{}", event["id"]);
                }
                _ => panic!("{self}: {event}"),
            }
        }
        Ok(())
    }

    /// Says all messages over one connection, and over the next one when that breaks.
    fn talks(&self) {
        let mut socket = None;
        for n in 0..EACH {
            self.pace.take();
            while self.talks_once(&mut socket, n).is_err() {
                self.pace.change(|counts| counts.refused += 1);
                thread::sleep(BACK_OFF);
            }
        }
    }

    /// Says one message and waits for its answer. What is heard meanwhile is for the other connection.
    fn talks_once(&self, socket: &mut Option<Socket>, n: usize) -> io::Result<()> {
        let mut open = match socket.take() {
            Some(open) => open,
            None => self.socket("0")?,
        };
        open.say(&words(self.number, n))?;
        let answer = loop {
            let event = open.event()?;
            if let Some("said" | "refused") = event["type"].as_str() {
                break event;
            }
        };
        *socket = Some(open); // it is good for the next message, also when this one was refused
        let taken = answer["type"] == "said";
        assert!(taken || answer["again"] != false, "{self}: {answer}");
        taken.then_some(()).ok_or_else(|| io::Error::other("refused"))
    }

    fn socket(&self, cursor: &str) -> io::Result<Socket> {
        let is_socketio = self.technique == "socketio";
        let path = match is_socketio {
            true => "/socketio/socket.io/?EIO=4&transport=websocket".to_string(),
            false => format!("/frames/?after={cursor}"),
        };
        let mut stream = (self.connect)()?;
        stream.write_all(handshake("127.0.0.1", &path).as_bytes())?;
        let mut socket = Socket { stream: BufReader::new(stream), is_socketio };
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if socket.stream.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(io::Error::other("refused"));
        }
        if is_socketio {
            socket.send(&format!("40/room,{}", json!({ "after": cursor })))?;
        }
        Ok(socket)
    }

    /// A client that comes back with its cursor has missed nothing.
    fn checks_place(&self, place: &Value) {
        assert!(place["missed"].is_null() && place["restarted"].is_null(), "{self}: {place}");
    }

    fn hears(&self, ear: &mut Ear, id: Option<u64>, text: Option<&str>) {
        let (Some(id), Some(text)) = (id, text) else { panic!("{self}: no message") };
        ear.heard.push((id, text.to_string()));
        assert_eq!(ear.heard.len() as u64, id, "{self}: each once, in order");
        if self.number == 0 {
            self.pace.change(|counts| counts.heard += 1);
        }
    }
}

/// A connection behind its handshake: events of the demo `frames`, or packets of Socket.IO.
struct Socket {
    stream: BufReader<Box<dyn Stream>>,
    is_socketio: bool,
}

impl Socket {
    fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(&frame(TEXT, text))
    }

    /// Says this under itself as the key.
    fn say(&mut self, text: &str) -> io::Result<()> {
        match self.is_socketio {
            true => self.send(&format!("42/room,7{}", json!(["say", text, text]))),
            false => self.send(&json!({ "type": "say", "text": text, "key": text }).to_string()),
        }
    }

    /// The next event; what Socket.IO calls otherwise has the names of `frames`.
    fn event(&mut self) -> io::Result<Value> {
        loop {
            let text = self.text()?;
            if !self.is_socketio {
                return serde_json::from_str(&text).map_err(io::Error::other);
            }
            if text == "2" {
                self.send("3")?; // ping, pong
            } else if let Some(answer) = text.strip_prefix("43/room,7") {
                let answer: Value = serde_json::from_str(answer)?;
                let kind = if answer[0]["error"].is_null() { "said" } else { "refused" };
                return Ok(json!({ "type": kind, "why": answer[0]["error"] }));
            } else if let Some(event) = text.strip_prefix("42/room,") {
                let mut event: Value = serde_json::from_str(event)?;
                let (kind, mut event) = (event[0].take(), event[1].take());
                event["type"] = kind;
                return Ok(event);
            } else if text.starts_with('1') || text.starts_with("41") {
                return Err(io::Error::other("the server closes"));
            }
        }
    }

    /// The text in the next frame; these servers send text of at most 65,535 bytes.
    fn text(&mut self) -> io::Result<String> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length)?;
                u16::from_be_bytes(length)
            }
            length => length.into(),
        };
        let mut payload = vec![0; length.into()];
        self.stream.read_exact(&mut payload)?;
        match head[0] {
            TEXT => String::from_utf8(payload).map_err(io::Error::other),
            _ => Err(io::Error::other("the server closes")),
        }
    }
}
