//! Rooms full of members: from said to heard in the demo `chat`, in the same rooms by hand, and in npm `ws`. What was measured
//! goes to `tests/bench/chat.json`.
//!
//! All members are in this process, on one thread; who speaks is one of them. Servers take turns, round by round.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::delay::{demo, percentiles};
use crate::median;
use crate::process::Server;

/// How many rooms, how many members in each, how often something is said in all of them at once, and how often before.
const SIZES: [(usize, usize, usize, usize); 2] = [(1, 500, 60, 10), (10, 50, 60, 10)];

const ROUNDS: usize = 5;

/// A message that is not heard by all for this long ends the benchmark.
const PATIENCE: Duration = Duration::from_secs(20);

/// The servers, by name.
const SERVERS: [(&str, fn(&Path) -> Command); 3] = [
    ("chat", |demos| demo(demos, "chat", false)),
    ("chat by hand", |demos| demo(demos, "examples/by_hand", false)),
    ("npm ws", |_| {
        let mut node = Command::new("node");
        node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("chat.mjs"));
        node
    }),
];

/// Measures all of them, and writes the figures into this folder.
pub async fn measure(demos: &Path, folder: &Path, about: Value) -> io::Result<String> {
    let mut text = "## Rooms full of members\n\nFrom said to heard, µs; all rooms hear something at once.\n\n".to_string();
    text += "| | rooms | members in each | p50 µs | p99 µs | p99, times npm ws |\n|---|--:|--:|--:|--:|--:|\n";
    let mut rows = Vec::new();
    for (rooms, members, messages, warm_up) in SIZES {
        let mut results: [Vec<(f64, f64)>; SERVERS.len()] = Default::default();
        for round in 1..=ROUNDS {
            eprintln!("chat, {rooms} room(s) of {members}, round {round} of {ROUNDS}");
            for ((_, start), results) in SERVERS.iter().zip(&mut results) {
                let server = Server::start(&mut start(demos))?;
                let mut crowd = Crowd::join(&server.address, rooms, members).await?;
                crowd.say(warm_up).await?;
                results.push(percentiles(crowd.say(messages).await?));
            }
        }
        for ((name, _), mine) in SERVERS.iter().zip(&results) {
            let middle = |of: fn(&(f64, f64)) -> f64| median(mine.iter().map(of).collect());
            let (p50, p99) = (middle(|both| both.0), middle(|both| both.1));
            let ratio = median(mine.iter().zip(&results[SERVERS.len() - 1]).map(|(mine, ws)| mine.1 / ws.1).collect());
            text += &format!("| {name} | {rooms} | {members} | {p50:.0} | {p99:.0} | {ratio:.2} |\n");
            rows.push(json!({ "server": name, "rooms": rooms, "members": members, "p50_us": p50.round(),
                              "p99_us": p99.round(), "p99_times_ws": (ratio * 1e3).round() / 1e3 }));
        }
    }
    std::fs::write(folder.join("chat.json"), format!("{:#}\n", json!({ "about": about, "rooms": rows })))?;
    Ok(text)
}

/// The members of all rooms.
struct Crowd {
    /// By room.
    speakers: Vec<Vec<OwnedWriteHalf>>,
    heard: Rc<Heard>,
    said: usize,
    _readers: JoinSet<()>,
}

/// What the members hear, all together.
#[derive(Default)]
struct Heard {
    delays: RefCell<Vec<Duration>>,
    /// When the message that is under way was said.
    said_at: RefCell<Option<Instant>>,
    all: Notify,
    wanted: RefCell<usize>,
}

impl Crowd {
    async fn join(address: &str, rooms: usize, members: usize) -> io::Result<Crowd> {
        let (heard, mut readers, mut speakers) = (Rc::new(Heard::default()), JoinSet::new(), Vec::new());
        for room in 0..rooms {
            let mut own = Vec::new();
            for member in 0..members {
                let (reader, writer) = join(address, room, member).await?;
                own.push(writer);
                readers.spawn_local(listen(reader, heard.clone()));
            }
            speakers.push(own);
        }
        tokio::time::sleep(Duration::from_millis(500)).await; // who has joined is still being told to all
        Ok(Crowd { speakers, heard, said: 0, _readers: readers })
    }

    /// Says something in all rooms at once, so many times, and waits each time until all have heard it.
    async fn say(&mut self, times: usize) -> io::Result<Vec<Duration>> {
        let members: usize = self.speakers.iter().map(Vec::len).sum();
        for _ in 0..times {
            self.said += 1;
            *self.heard.wanted.borrow_mut() = members;
            let event = json!({ "type": "say", "text": "hello, all of you", "key": format!("k{}", self.said) }).to_string();
            *self.heard.said_at.borrow_mut() = Some(Instant::now());
            for room in &mut self.speakers {
                let speaker = self.said % room.len(); // another one each time: a member may not say much at once
                room[speaker].write_all(&masked(&event)).await?;
            }
            let all = timeout(PATIENCE, self.heard.all.notified()).await;
            all.map_err(|_| io::Error::other("not all members heard a message"))?;
        }
        Ok(std::mem::take(&mut self.heard.delays.borrow_mut()))
    }
}

/// Opens a member's WebSocket.
async fn join(address: &str, room: usize, member: usize) -> io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let head = format!(
        "GET /?room=room{room}&name=m{member} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut end = Vec::new();
    while !end.ends_with(b"\r\n\r\n") {
        end.push(stream.read_u8().await?);
    }
    Ok(stream.into_split())
}

/// A client's text frame of less than 126 bytes. The masking key is zero: the payload stays as it is.
fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend(text.bytes());
    frame
}

/// Reads what a member hears, and notes when each message came.
async fn listen(mut stream: OwnedReadHalf, heard: Rc<Heard>) {
    let mut unread = Vec::with_capacity(8 * 1024);
    while stream.read_buf(&mut unread).await.is_ok_and(|count| count > 0) {
        let mut rest = &unread[..];
        while let Some((payload, behind)) = frame(rest) {
            if payload.windows(16).any(|part| part == b"\"type\":\"message\"") {
                heard.one();
            }
            rest = behind;
        }
        let taken = unread.len() - rest.len();
        unread.drain(..taken);
    }
}

impl Heard {
    fn one(&self) {
        let since = self.said_at.borrow().map(|at| at.elapsed()).unwrap_or_default();
        self.delays.borrow_mut().push(since);
        let mut wanted = self.wanted.borrow_mut();
        *wanted = wanted.saturating_sub(1);
        if *wanted == 0 {
            self.all.notify_one();
        }
    }
}

/// The payload of the first frame of a server, and the bytes behind it; `None` while it is not whole.
fn frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (start, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        short => (2, usize::from(short)),
    };
    Some((bytes.get(start..start + length)?, &bytes[start + length..]))
}
