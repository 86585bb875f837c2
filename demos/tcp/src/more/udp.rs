//! An experiment: UDP. Datagrams have borders and nothing else: no connection, no order, no delivery.
//!
//! ```text
//!  sender A --\
//!              >-- relay on the room's port number, UDP --> one socket that receives them all
//!  sender B --/    (a cable of its own: whole, lose, reorder, delay, cut)
//! ```
//!
//! The bench's cable carries TCP connections, so the faults happen in this relay. On loopback nothing is ever lost by
//! itself. TCP loses packets on a real network, too; but the kernel sends them again and puts them in order, before any
//! program sees them. So the twin of the experiment, the same texts over one TCP connection, has no relay: a lost byte
//! is nothing that a program could be shown. Try it: `echo hello | nc -u -w1 127.0.0.1 8109`

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use serde_json::{Value, json};
use tiny_http::Request;

use crate::framing::Framing;
use crate::more::writes;

/// The newest 300 datagrams are remembered, and 60 characters of each.
const KEPT: usize = 300;
const SHOWN: usize = 60;

/// At most this many senders have a way through the relay at once.
const MAX_SENDERS: usize = 16;

/// At most this many datagrams wait in the relay.
const MAX_WAITING: usize = 500;

/// Between two datagrams, and between two writes of the TCP twin.
const PAUSE: Duration = Duration::from_millis(3);

/// The longest time that the relay holds a datagram back.
const DELAY: Duration = Duration::from_millis(300);

/// What the relay does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    Whole,
    /// Three of ten are lost.
    Lose,
    /// Each is held back for another time, up to 100 ms, so that they overtake one another.
    Reorder,
    /// Each is held back for the same time.
    Delay,
    /// All are lost. (A cut TCP connection waits and sends again; UDP does not.)
    Cut,
}

/// A datagram as the socket at the end received it.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// They count from 1.
    pub number: u64,
    port: u16,
    text: String,
}

impl Datagram {
    /// `{"number":1,"port":40001,"text":"A1"}`
    pub fn json(&self) -> Value {
        json!({ "number": self.number, "port": self.port, "text": self.text })
    }
}

/// What relay and receiver have done so far, and what the relay does to datagrams now.
#[derive(Default)]
struct UdpState {
    fault: Fault,
    received: VecDeque<Datagram>,
    count: u64,
    lost: u64,
}

/// The relay, and the socket behind it that receives every datagram.
#[derive(Default)]
pub struct Relay {
    state: Arc<Mutex<UdpState>>,
    /// Where the relay listens, or why there is none. Set when it is asked for first.
    address: OnceLock<Result<SocketAddr, String>>,
    /// One experiment at a time: all share one receiving socket, which is the point.
    alone: Mutex<()>,
}

impl Relay {
    /// Where the relay listens. Starts it first if need be.
    fn address(&self, site: &Site) -> Result<SocketAddr, String> {
        let opened = self
            .address
            .get_or_init(|| self.open(site).map_err(|why| format!("There is no UDP here: {why}")));
        opened.clone()
    }

    fn open(&self, site: &Site) -> io::Result<SocketAddr> {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        // The same number as the room's TCP port: the two have nothing to do with each other.
        let same = site.side_port("room");
        let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, same))
            .or_else(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let (address, to) = (relay.local_addr()?, receiver.local_addr()?);
        let (state, carried) = (self.state.clone(), self.state.clone());
        thread::Builder::new()
            .name("udp receiver".into())
            .spawn(move || receive(&receiver, &state))?;
        thread::Builder::new()
            .name("udp relay".into())
            .spawn(move || carry(&relay, to, &carried))?;
        Ok(address)
    }

    /// `POST /udp?fault=lose` sets what the relay does; `POST /udp?count=8` lets two senders send 8 each, and the same texts
    /// over TCP.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the order, or why the experiment failed.
    pub fn ordered(&self, request: &Request, site: &Site) -> Result<Value, String> {
        if let Some(fault) = http::query_text(request, "fault") {
            lock(&self.state).fault = match fault {
                "whole" => Fault::Whole,
                "lose" => Fault::Lose,
                "reorder" => Fault::Reorder,
                "delay" => Fault::Delay,
                "cut" => Fault::Cut,
                _ => return Err("fault is whole, lose, reorder, delay or cut.".to_string()),
            };
            return Ok(self.json(site));
        }
        let count =
            http::query(request, "count").filter(|count| (1..=50).contains(count)).unwrap_or(8);
        let Ok(_alone) = self.alone.try_lock() else {
            return Err("Another experiment runs just now: try again in a moment.".to_string());
        };
        self.experiment(count, site).map_err(|error| format!("The experiment failed: {error}"))
    }

    // ANCHOR: experiment
    /// Two senders, each with a socket of its own, take turns. Everything that arrives within half a second is told.
    fn experiment(&self, count: usize, site: &Site) -> io::Result<Value> {
        let relay = self.address(site).map_err(io::Error::other)?;
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        let senders = [("A", socket()?), ("B", socket()?)];
        let before = (self.received(), lock(&self.state).lost);
        let mut sent = Vec::new();
        for number in 1..=count {
            for (name, socket) in &senders {
                let text = format!("{name}{number}");
                socket.send_to(text.as_bytes(), relay)?;
                sent.push(text);
                thread::sleep(PAUSE);
            }
        }
        let tcp = writes::run(&sent, Framing::Lines, "4096 0", false, PAUSE, site)?;
        thread::sleep(DELAY + Duration::from_millis(200));
        let arrived: Vec<Value> = self.since(before.0).iter().map(Datagram::json).collect();
        let lost = lock(&self.state).lost - before.1;
        Ok(json!({ "sent": sent, "udp": arrived, "lost": lost, "tcp": tcp["messages"] }))
    }
    // ANCHOR_END: experiment

    /// The number of the newest datagram; 0 when there was none.
    pub fn received(&self) -> u64 {
        lock(&self.state).count
    }

    /// The datagrams after this one.
    pub fn since(&self, number: u64) -> Vec<Datagram> {
        lock(&self.state)
            .received
            .iter()
            .filter(|datagram| datagram.number > number)
            .cloned()
            .collect()
    }

    /// `{"fault":"whole","relay":"127.0.0.1:8109","why":null,"received":12,"lost":3}`
    pub fn json(&self, site: &Site) -> Value {
        let relay = self.address(site);
        let state = lock(&self.state);
        let fault = format!("{:?}", state.fault).to_lowercase();
        json!({ "fault": fault, "relay": relay.as_ref().ok().map(SocketAddr::to_string), "why": relay.err(),
            "received": state.count, "lost": state.lost })
    }
}

// ANCHOR: receive
/// One socket receives from every sender: there is nothing to accept, and each datagram says where it comes from.
fn receive(socket: &UdpSocket, state: &Mutex<UdpState>) {
    let mut bytes = [0; 2048];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut bytes) else { continue };
        let text: String =
            String::from_utf8_lossy(&bytes[..length]).trim_end().chars().take(SHOWN).collect();
        let mut state = lock(state);
        state.count += 1;
        let number = state.count;
        state.received.push_back(Datagram { number, port: from.port(), text });
        if state.received.len() > KEPT {
            state.received.pop_front();
        }
    }
}
// ANCHOR_END: receive

/// The relay. Like a router that hides a network, it has a port of its own for each sender; so the receiver sees two
/// senders as two ports, though neither is the sender's own.
fn carry(relay: &UdpSocket, to: SocketAddr, state: &Mutex<UdpState>) {
    let mut ways: BTreeMap<SocketAddr, UdpSocket> = BTreeMap::new();
    let mut waiting: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)> = BTreeMap::new();
    let mut dice = Dice(std::process::id().into());
    let mut bytes = [0; 2048];
    for count in 0.. {
        let now = Instant::now();
        while let Some(((due, _), _)) = waiting.first_key_value()
            && *due <= now
        {
            let Some((_, (from, bytes))) = waiting.pop_first() else { break };
            if !ways.contains_key(&from) {
                if ways.len() >= MAX_SENDERS {
                    ways.clear(); // the next ones come from new ports; UDP promises nothing else
                }
                let Ok(way) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) else { continue };
                ways.insert(from, way);
            }
            let _ = ways[&from].send_to(&bytes, to);
        }
        let pause = waiting
            .first_key_value()
            .map_or(DELAY, |((due, _), _)| due.saturating_duration_since(now));
        let _ = relay.set_read_timeout(Some(pause.max(Duration::from_millis(1))));
        let Ok((length, from)) = relay.recv_from(&mut bytes) else { continue };
        let fault = lock(state).fault;
        match fate(fault, &mut dice) {
            Some(held) if waiting.len() < MAX_WAITING => {
                drop(
                    waiting
                        .insert((Instant::now() + held, count), (from, bytes[..length].to_vec())),
                );
            }
            _ => lock(state).lost += 1,
        }
    }
}

// ANCHOR: fate
/// What becomes of a datagram: the time that it is held back, or `None` when it is lost. The sender is not told.
fn fate(fault: Fault, dice: &mut Dice) -> Option<Duration> {
    match fault {
        Fault::Whole => Some(Duration::ZERO),
        Fault::Lose => (dice.roll(10) >= 3).then_some(Duration::ZERO),
        Fault::Reorder => Some(Duration::from_millis(dice.roll(100))),
        Fault::Delay => Some(DELAY),
        Fault::Cut => None,
    }
}
// ANCHOR_END: fate

fn lock(state: &Mutex<UdpState>) -> MutexGuard<'_, UdpState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers that look random (splitmix64); nothing depends on their being so.
struct Dice(u64);

impl Dice {
    /// 0 to `below` - 1.
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}
