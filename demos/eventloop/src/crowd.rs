//! Machinery: a crowd of idle connections, to see what each of them costs on two servers.
//!
//! A page can't open thousands of connections: browsers allow a few hundred. So it orders them, and a thread of the demo
//! opens them: to the loop, or to the server of `frames` that runs beside it, straight to their ports and past the bench.
//! Both ends of each connection lie in this process, and the other end is a number that names a file: what the process
//! grows by is the server's.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use demo::{SideServer, Site, Speaks};
use frames::events;
use handshake::client;
use mio::Waker;
use room::Room;
use serde_json::{Value, json};

use crate::common::Common;

/// The server of `frames`: a thread for each connection.
pub(crate) const THREADS: SideServer = SideServer {
    name: "threads",
    port: 8116,
    speaks: Speaks::Upgrades,
    shown: false,
    serve: serve_with_threads,
};

/// The most connections of a crowd.
const MOST: usize = 10_000;

/// The pages are told of a crowd that grows, each time by this many.
const STEP: usize = 1_000;

/// How long one connection may take to be opened.
const PATIENCE: Duration = Duration::from_secs(5);

fn serve_with_threads(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    site.shared.get::<Crowd>().lock().sides[1].address = Some(listener.local_addr()?);
    frames::serve(listener, room, site)
}

/// The crowds on both servers.
#[derive(Default)]
pub(crate) struct Crowd {
    state: Mutex<State>,
    version: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The loop, and the threads.
    sides: [Side; 2],
    /// Tells the loop that something has changed.
    waker: Option<Arc<Waker>>,
    working: bool,
}

#[derive(Default)]
struct Side {
    address: Option<SocketAddr>,
    crowd: Vec<TcpStream>,
    /// What the process has grown by.
    grown: Option<Size>,
    /// Why there are fewer than were ordered.
    why: Option<String>,
}

/// The size of this process.
#[derive(Clone, Copy)]
struct Size {
    threads: i64,
    /// Resident memory in KiB.
    kib: i64,
}

impl Size {
    /// Where the system tells: on Linux.
    fn now() -> Option<Size> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_ascii_whitespace().next()?.parse().ok()
        };
        Some(Size { threads: number("Threads:")?, kib: number("VmRSS:")? })
    }

    fn since(self, before: Size) -> Size {
        Size { threads: self.threads - before.threads, kib: self.kib - before.kib }
    }
}

impl Crowd {
    /// Where the loop is, and how to wake it.
    pub(crate) fn loop_is_at(&self, address: SocketAddr, waker: Arc<Waker>) {
        let mut state = self.lock();
        state.sides[0].address = Some(address);
        state.waker = Some(waker);
    }

    /// Counts the changes, from 1: a client that was told nothing is told.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed) + 1
    }

    /// The event that tells of both crowds. What is not known is `null`.
    pub(crate) fn json(&self) -> Value {
        let state = self.lock();
        let side = |side: &Side| {
            let (threads, kib) = side.grown.map(|grown| (grown.threads, grown.kib)).unzip();
            json!({ "open": side.crowd.len(), "threads": threads, "kib": kib, "why": side.why })
        };
        let [one, many] = &state.sides;
        json!({
            "type": "crowd", "working": state.working, "most": most(),
            "known": Size::now().is_some(), "loop": side(one), "threads": side(many),
        })
    }

    /// Starts to open a crowd of this size, in place of the one that there is; none when the size is 0.
    fn order(self: &Arc<Self>, side: usize, count: usize) -> Result<(), String> {
        let mut state = self.lock();
        if state.working {
            return Err("The last order is still being carried out.".to_string());
        }
        let others = state.sides[1 - side].crowd.len();
        if count + others > most() {
            let most = most();
            return Err(format!(
                "There may be {most} in both crowds: each has both its ends here, and open files are limited."
            ));
        }
        state.working = true;
        drop(state);
        let crowd = self.clone();
        net::spawn(move || crowd.open(side, count)).map_err(|error| {
            self.lock().working = false;
            format!("There is no thread to open them: {error}.")
        })
    }

    fn open(&self, side: usize, count: usize) {
        let mut state = self.lock();
        let address = state.sides[side].address;
        state.sides[side].crowd.clear();
        (state.sides[side].grown, state.sides[side].why) = (None, None);
        drop(state);
        self.changed();
        let before = Size::now();
        for number in 1..=count {
            match address.ok_or_else(|| io::Error::other("it does not run")).and_then(open_one) {
                Ok(stream) => self.lock().sides[side].crowd.push(stream),
                Err(error) => {
                    self.lock().sides[side].why = Some(format!("number {number} failed: {error}"));
                    break;
                }
            }
            if number % STEP == 0 {
                self.changed();
            }
        }
        let after = Size::now();
        let mut state = self.lock();
        if count > 0 {
            state.sides[side].grown = before.zip(after).map(|(before, after)| after.since(before));
        }
        state.working = false;
        drop(state);
        self.changed();
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
        if let Some(waker) = &self.lock().waker {
            let _gone = waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most connections that both crowds may have together. Each takes two files of the process, and a quarter of the files
/// stays for others.
fn most() -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(256);
    usize::try_from(files / 8 * 3).map_or(2 * MOST, |most| most.min(2 * MOST))
}

/// A WebSocket that says nothing.
fn open_one(address: SocketAddr) -> io::Result<TcpStream> {
    let address = Site::new(address).public_address(); // of all addresses, this machine's own
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    client::upgrade(stream, &address.to_string(), "/echo", &[]).map(|(stream, ..)| stream)
}

/// Does what a client of the room asks for, and returns the event to answer with: `{"type":"crowd","on":"loop","count":1000}`
/// orders a crowd, and all else is for the room.
pub(crate) fn handle(text: &str, common: &Common) -> String {
    let order: Value = serde_json::from_str(text).unwrap_or_default();
    if order["type"] != "crowd" {
        return events::handle(text, &common.room);
    }
    let side = ["loop", "threads"].iter().position(|name| order["on"] == *name);
    let count = order["count"].as_u64().and_then(|count| usize::try_from(count).ok());
    let taken = match (side, count.filter(|count| *count <= MOST)) {
        (Some(side), Some(count)) => common.crowd.order(side, count),
        _ => Err(format!("An order is on loop or threads, for 0 to {MOST} connections.")),
    };
    match taken {
        Ok(()) => json!({ "type": "ordered" }),
        Err(why) => json!({ "type": "ordered", "why": why }),
    }
    .to_string()
}
