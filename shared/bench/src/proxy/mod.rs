//! The proxy: one thread for all connections of a demo.
//!
//! The thread waits until some socket is ready, and lets each connection do what it can without waiting. So a connection
//! costs no stack, a repaired cable has its effect at once, and all time limits are in one place.

mod admission;
pub mod answers;
mod bench_port;
pub mod cable;
mod connection;
mod direction;
mod frontend;
mod lingering;

pub mod requests;
mod socket;
#[cfg(test)]
mod tests;
mod timers;

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use mio::event::Event;
use mio::{Events, Poll, Registry, Token, Waker};
use serde_json::{Value, json};

pub use admission::nudge;
pub use frontend::{Files, Route};

use crate::api::{Api, Steered};
use crate::log::Log;
use admission::Arrivals;
use answers::ErrorAnswer;
use bench_port::BenchConnection;
use cable::{Cable, Fault, Order};
use connection::Connection;
use frontend::Frontend;
use lingering::Lingering;

use socket::ReadySocket;
use timers::Timers;

/// How much is read from a socket at once, in bytes.
const BUFFER: usize = 128 * 1024;

/// At most this many connections are accepted in a row; then those that are served have their turn.
const ACCEPTS: usize = 64;

/// At most this many connections over the limit are told so at the same time; the others are closed.
const REFUSED: usize = 16;

const WAKER: Token = Token(usize::MAX);

/// The tokens of listeners: this one and the next ones. Those of sockets are twice the connection's key, and one more for
/// the demo's side.
const LISTENERS: usize = usize::MAX / 2;

/// What a connection needs of the thread that it runs on.
pub struct Env {
    /// Where sockets are registered.
    pub registry: Registry,
    /// The time at which this round began.
    pub now: Instant,
    /// The cable of all connections that have none of their own.
    pub cable: Cable,
    /// What is read goes through here.
    pub buffer: Vec<u8>,
    /// What unfinished requests hold, over all connections.
    pub held: Rc<Cell<usize>>,
    /// For the person at the terminal.
    pub log: Log,
    /// The number of the newest connection that is shown.
    pub newest: u64,
}

/// What a connection that can do no more now waits for.
pub enum Drive {
    /// An event, or this time.
    Wait(Option<Instant>),
    /// The way to the demo.
    Admit,
    /// Nothing: it says these words and ends.
    Linger(Vec<u8>),
    /// Nothing: it has ended.
    Done,
}

/// A connection of any kind.
enum Slot {
    Through(Box<Connection>),
    Bench(Box<BenchConnection>),
    Lingering(Lingering),
}

impl Slot {
    fn socket(&mut self, of_server: bool) -> Option<&mut ReadySocket> {
        match self {
            Slot::Through(connection) => connection.socket(of_server),
            Slot::Bench(connection) => Some(connection.socket()),
            Slot::Lingering(lingering) => Some(lingering.socket()),
        }
    }
}

/// All connections, and the cable that those through the proxy go through.
struct Connections {
    slots: HashMap<usize, Slot>,
    cable: Cable,
    changes: u64,
    /// Connections that an order concerns: they are to be driven.
    touched: Vec<usize>,
}

impl Connections {
    /// The connections that the cable acts on, with their keys.
    fn shown(&self) -> impl Iterator<Item = (usize, &Connection)> {
        self.slots.iter().filter_map(|(key, slot)| match slot {
            Slot::Through(connection) if connection.is_shown() => Some((*key, &**connection)),
            _ => None,
        })
    }
}

impl Steered for Connections {
    /// `{"cable":"cut","connections":[{"id":3,"peer":"127.0.0.1:5000","cable":null,"up":412,"down":57}]}`; a connection's
    /// own cable is `null` while it has none. At most the 100 newest are listed.
    fn cable(&self) -> Value {
        let mut all: Vec<&Connection> = self.shown().map(|(_, connection)| connection).collect();
        all.sort_unstable_by_key(|connection| std::cmp::Reverse(connection.id));
        let newest: Vec<Value> = all.iter().take(100).map(|connection| connection.json()).collect();
        json!({ "cable": self.cable.fault.to_string(), "connections": newest })
    }

    fn changes(&self) -> u64 {
        self.changes
    }

    fn open(&self) -> usize {
        self.shown().count()
    }

    fn order(&mut self, order: Order, connection: Option<u64>) -> bool {
        let meant = |other: &Connection| connection.is_none_or(|id| id == other.id);
        let keys: Vec<usize> = self.shown().filter(|(_, other)| meant(other)).map(|(key, _)| key).collect();
        if connection.is_some() && keys.is_empty() {
            return false;
        }
        let all_are_whole = self.cable.fault == Fault::Whole;
        for key in &keys {
            let Some(Slot::Through(one)) = self.slots.get_mut(key) else { continue };
            match (order, connection) {
                (Order::Reset, _) => one.reset(),
                (Order::Set(fault), Some(_)) => one.set_cable(Some(Cable::new(fault))),
                (Order::Repair, Some(_)) => one.set_cable((!all_are_whole).then(|| Cable::new(Fault::Whole))),
                (Order::Set(_) | Order::Repair, None) => one.set_cable(None),
            }
        }
        match (order, connection) {
            (Order::Set(fault), None) => self.cable = Cable::new(fault),
            (Order::Repair, None) => self.cable = Cable::new(Fault::Whole),
            _ => {}
        }
        if order == Order::Reset {
            keys.iter().for_each(|key| drop(self.slots.remove(key)));
        }
        self.touched.extend(keys);
        self.changes += 1;
        true
    }
}

/// A running proxy: it ends when this is dropped.
pub struct Proxy {
    waker: Arc<Waker>,
    ends: Arc<AtomicBool>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = self.waker.wake();
    }
}

/// A proxy that is being set up.
pub struct ProxySetup {
    poll: Poll,
    waker: Arc<Waker>,
    arrivals: Arc<Arrivals>,
}

impl ProxySetup {
    /// A proxy without a port.
    ///
    /// # Errors
    /// When the kernel has no selector left.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(ProxySetup { poll, arrivals: Arrivals::new(waker.clone()), waker })
    }

    /// Wakes the proxy's thread.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// What to call when a request has come out of tiny_http: see `Site::request_came`.
    pub fn request_came(&self) -> Arc<dyn Fn(SocketAddr) + Send + Sync> {
        let arrivals = self.arrivals.clone();
        Arc::new(move |connection| arrivals.came(connection))
    }

    /// Starts the thread. `api`: what the bench port answers.
    pub fn start(self, frontends: Vec<(TcpListener, Route)>, api: Option<Api>) -> Proxy {
        let ends = Arc::new(AtomicBool::new(false));
        let proxy = Proxy { waker: self.waker, ends: ends.clone() };
        thread::spawn(move || {
            let run = || -> io::Result<()> { EventLoop::new(self.poll, &self.arrivals, frontends, api)?.run(&ends) };
            if let Err(error) = run() {
                crate::log::print(&format!("the proxy has ended: {error}"));
                std::process::exit(1);
            }
        });
        proxy
    }
}

/// The thread's own state.
struct EventLoop {
    poll: Poll,
    env: Env,
    frontends: Vec<Frontend>,
    api: Option<Api>,
    connections: Connections,
    feeds: Vec<usize>,
    /// Connections that have more to do, when the others have had their turn.
    busy: Vec<usize>,
    timers: Timers,
    newest_key: usize,
    /// Held by each connection over the limit that is being told so.
    refused: Rc<()>,
    accept_fails: bool,
}

impl EventLoop {
    fn new(
        poll: Poll,
        arrivals: &Arc<Arrivals>,
        setups: Vec<(TcpListener, Route)>,
        api: Option<Api>,
    ) -> io::Result<Self> {
        let registry = poll.registry().try_clone()?;
        let open =
            |(number, (public, route))| Frontend::new(public, route, arrivals, &registry, Token(LISTENERS + number));
        let frontends = setups.into_iter().enumerate().map(open).collect::<io::Result<Vec<Frontend>>>()?;
        let (now, cable) = (Instant::now(), Cable::new(Fault::Whole));
        let (buffer, held, log) = (vec![0; BUFFER], Rc::default(), Log::start());
        Ok(EventLoop {
            poll,
            env: Env { registry, now, cable, buffer, held, log, newest: 0 },
            frontends,
            api,
            connections: Connections { slots: HashMap::new(), cable, changes: 0, touched: Vec::new() },
            feeds: Vec::new(),
            busy: Vec::new(),
            timers: Timers::default(),
            newest_key: 0,
            refused: Rc::default(),
            accept_fails: false,
        })
    }

    fn run(mut self, ends: &AtomicBool) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        while !ends.load(Ordering::Relaxed) {
            let timeout = self.wake_at().map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            self.env.now = Instant::now();
            for event in &events {
                self.take(event);
            }
            for number in 0..self.frontends.len() {
                self.accept(number);
                self.admit(number);
            }
            while let Some(key) = self.connections.touched.pop() {
                self.drive(key);
            }
            while let Some(key) = self.timers.due(self.env.now) {
                self.drive(key);
            }
            self.drive_busy();
        }
        Ok(())
    }

    /// The earliest time at which something is to be done.
    fn wake_at(&self) -> Option<Instant> {
        let soon = self.frontends.iter().any(|frontend| frontend.ready && frontend.paused.is_none());
        let now = (soon || !self.busy.is_empty()).then_some(self.env.now);
        let paused = self.frontends.iter().filter_map(|frontend| frontend.paused);
        let admissions = self.frontends.iter().filter_map(|frontend| frontend.admission.as_ref()?.wake_at());
        self.timers.next().into_iter().chain(paused).chain(admissions).chain(now).min()
    }

    fn take(&mut self, event: &Event) {
        match event.token() {
            WAKER => self.connections.touched.extend(&self.feeds), // there may be news for them
            Token(token) if token >= LISTENERS => {
                if let Some(frontend) = self.frontends.get_mut(token - LISTENERS) {
                    frontend.ready = true;
                }
            }
            Token(token) => {
                let (key, of_server) = (token / 2, token % 2 == 1);
                if let Some(socket) = self.connections.slots.get_mut(&key).and_then(|slot| slot.socket(of_server)) {
                    socket.note(event);
                    self.drive(key);
                }
            }
        }
    }

    /// Accepts the connections that wait at this frontend.
    fn accept(&mut self, number: usize) {
        for _ in 0..ACCEPTS {
            let frontend = &mut self.frontends[number];
            if frontend.paused.is_some_and(|until| until <= self.env.now) {
                frontend.paused = None;
            }
            if !frontend.ready || frontend.paused.is_some() {
                return;
            }
            match frontend.accept(self.env.now) {
                Ok(None) => {}
                Ok(Some((stream, peer))) => {
                    self.accept_fails = false;
                    self.open(number, stream, peer);
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.accept_fails, true) {
                        self.env.log.line(&format!("accept failed ({error}): waiting until it works again"));
                    }
                }
            }
        }
    }

    fn open(&mut self, number: usize, stream: mio::net::TcpStream, peer: SocketAddr) {
        self.newest_key += 1;
        let key = self.newest_key;
        let Ok(client) = ReadySocket::new(stream, &self.env.registry, Token(key * 2)) else { return };
        let frontend = &self.frontends[number];
        let slot = match frontend.place() {
            Err(why) => return self.turn_away(key, client, &why),
            Ok(place) if frontend.is_bench() => Slot::Bench(Box::new(BenchConnection::new(place, client, &self.env))),
            Ok(place) => {
                let mut connection = Connection::new(place, client, peer, &mut self.env);
                if frontend.admission.is_none() {
                    connection.connect(&self.env, Token(key * 2 + 1));
                }
                Slot::Through(Box::new(connection))
            }
        };
        self.connections.changes += 1;
        self.connections.slots.insert(key, slot);
        self.drive(key);
    }

    /// Says 503 to a connection over the limit.
    fn turn_away(&mut self, key: usize, client: ReadySocket, why: &str) {
        let refusal = ErrorAnswer::new(503, format!("{why} Try again in a moment."));
        self.env.log.line(&format!("a connection was refused {refusal}"));
        let mut lingering = Lingering::new(client, refusal.answer(), Box::new(self.refused.clone()), self.env.now);
        if let Drive::Wait(Some(until)) = lingering.drive(&mut self.env)
            && Rc::strong_count(&self.refused) <= REFUSED
        {
            self.connections.slots.insert(key, Slot::Lingering(lingering));
            self.timers.set(until, key);
        }
    }

    /// Lets the connections in that wait for it, as far as they may.
    fn admit(&mut self, number: usize) {
        loop {
            let Some(admission) = &mut self.frontends[number].admission else { return };
            let Some(key) = admission.next(self.env.now) else { return };
            let Some(Slot::Through(connection)) = self.connections.slots.get_mut(&key) else {
                continue; // it has gone
            };
            let entering = connection.connect(&self.env, Token(key * 2 + 1));
            if let Some(address) = entering {
                connection.expect_arrival(admission.admit(address));
            }
            self.drive(key);
            let delivered = matches!(self.connections.slots.get(&key),
                Some(Slot::Through(connection)) if connection.is_delivered());
            if let (Some(admission), Some(address), true) = (&mut self.frontends[number].admission, entering, delivered)
            {
                admission.wait_for(address, self.env.now);
            }
        }
    }

    /// Lets a connection do what it can now.
    fn drive(&mut self, key: usize) {
        let Some(mut slot) = self.connections.slots.remove(&key) else { return };
        self.env.cable = self.connections.cable;
        // A fault in the treatment of one connection must not end the others; what it held is given back.
        let driven = catch_unwind(AssertUnwindSafe(|| match (&mut slot, &self.api) {
            (Slot::Through(connection), _) => connection.drive(&mut self.env),
            (Slot::Bench(connection), Some(api)) => connection.drive(&mut self.env, api, &mut self.connections),
            (Slot::Bench(_), None) => Drive::Done,
            (Slot::Lingering(lingering), _) => lingering.drive(&mut self.env),
        }));
        match driven {
            Err(_) | Ok(Drive::Done) => self.connections.changes += 1,
            Ok(Drive::Linger(words)) => {
                self.connections.changes += 1;
                self.linger(key, slot, words);
            }
            Ok(next) => self.keep(key, slot, &next),
        }
    }

    fn keep(&mut self, key: usize, slot: Slot, next: &Drive) {
        match (next, &slot) {
            (Drive::Wait(Some(at)), _) if *at <= self.env.now => self.busy.push(key),
            (Drive::Wait(Some(at)), _) => self.timers.set(*at, key),
            (Drive::Admit, Slot::Through(connection)) => {
                let frontend = self.frontends.iter_mut().find(|frontend| frontend.is_at(connection.route()));
                frontend.and_then(|frontend| frontend.admission.as_mut()).into_iter().for_each(|all| all.ask(key));
            }
            _ => {}
        }
        if matches!(&slot, Slot::Bench(connection) if connection.is_feed()) && !self.feeds.contains(&key) {
            self.feeds.retain(|feed| self.connections.slots.contains_key(feed));
            self.feeds.push(key);
        }
        self.connections.slots.insert(key, slot);
    }

    fn linger(&mut self, key: usize, slot: Slot, words: Vec<u8>) {
        let (client, held): (ReadySocket, Box<dyn Any>) = match slot {
            Slot::Through(connection) => connection.into_client(),
            Slot::Bench(connection) => connection.into_client(),
            Slot::Lingering(_) => return,
        };
        let lingering = Lingering::new(client, words, held, self.env.now);
        self.connections.slots.insert(key, Slot::Lingering(lingering));
        self.busy.push(key);
    }

    /// The connections that have more to do have their next turn when the others have had theirs.
    fn drive_busy(&mut self) {
        for key in std::mem::take(&mut self.busy) {
            self.drive(key);
        }
    }
}
