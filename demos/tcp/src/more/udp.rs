//! A second reading: UDP. Datagrams have boundaries and nothing else: no connection, no order, no
//! delivery.
//!
//! ```text
//!  sender A --\
//!              >-- relay on the room's port number, UDP --> one socket that receives them all
//!  sender B --/    (a cable of its own: whole, lose, reorder, delay, cut)
//! ```
//!
//! The bench's cable carries TCP connections, so the faults happen in this relay. On loopback,
//! nothing is ever lost by itself. TCP loses packets on a real network, too, but the kernel sends
//! them again and puts them in order before any program sees them. So the same experiment over one
//! TCP connection has no relay: a program can't be shown a lost packet. Try it: `echo hello | nc -u
//! -w1 127.0.0.1 8109`

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use serde_json::{Value, json};

use crate::framing::Framing;
use crate::writes::{self, ProbeSetup};

/// How many datagrams are remembered, and how many characters of each.
const KEPT: usize = 300;
const SHOWN: usize = 60;

/// How many senders have a way through the relay at once.
const MAX_SENDERS: usize = 16;

/// How many datagrams wait in each half of the relay at most.
const MAX_WAITING: usize = 500;

/// The longest time that the relay holds a datagram back.
const DELAY: Duration = Duration::from_millis(300);

/// The pause between two datagrams of the experiment.
const PAUSE: Duration = Duration::from_millis(3);

/// What the relay does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    Whole,
    /// Three of ten are lost.
    Lose,
    /// Each is held back for a time of its own, up to 100 ms, so that they overtake one another.
    Reorder,
    /// Each is held back for the same time.
    Delay,
    /// All are lost. (Over a cut TCP connection the kernel waits and sends again. UDP does not.)
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

/// The relay and the receiver, and what they have seen. All servers of the demo share it.
#[derive(Default)]
pub struct Datagrams {
    seen: Mutex<Seen>,
    /// Where the relay listens, or why there is none.
    relay: OnceLock<Result<SocketAddr, String>>,
    /// One experiment at a time: all share one receiving socket, which is the point.
    alone: Mutex<()>,
}

#[derive(Default)]
struct Seen {
    fault: Fault,
    received: VecDeque<Datagram>,
    count: u64,
    lost: u64,
}

/// A datagram in the relay: where it comes from, its bytes, and when it goes on.
type Waiting = (SocketAddr, Vec<u8>, Instant);

/// Starts relay and receiver. They run as long as the process.
fn start(datagrams: &Arc<Datagrams>, port: u16) -> io::Result<SocketAddr> {
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    // The same number as the room's TCP port: the two have nothing to do with each other.
    let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))
        .or_else(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let (to, address) = (receiver.local_addr()?, relay.local_addr()?);
    let (sender, waiting) = sync_channel(MAX_WAITING);
    let (at_end, at_relay) = (datagrams.clone(), datagrams.clone());
    net::on_a_thread(move || receive(&receiver, &at_end));
    net::on_a_thread(move || take(&relay, &at_relay, &sender));
    net::on_a_thread(move || pass_on(&waiting, to));
    Ok(address)
}

/// One socket receives from every sender: there is nothing to accept, and each datagram says where
/// it comes from.
fn receive(socket: &UdpSocket, datagrams: &Datagrams) {
    let mut bytes = [0; 2048];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut bytes) else { continue };
        let text: String =
            String::from_utf8_lossy(&bytes[..length]).trim_end().chars().take(SHOWN).collect();
        let mut seen = datagrams.seen();
        seen.count += 1;
        let number = seen.count;
        seen.received.push_back(Datagram { number, port: from.port(), text });
        if seen.received.len() > KEPT {
            seen.received.pop_front();
        }
    }
}

/// The relay's first half: decides what becomes of each datagram. When too many wait, the next one
/// is lost, as in a router.
fn take(relay: &UdpSocket, datagrams: &Datagrams, waiting: &SyncSender<Waiting>) {
    let mut dice = Dice(std::process::id().into());
    let mut bytes = [0; 2048];
    loop {
        let Ok((length, from)) = relay.recv_from(&mut bytes) else { continue };
        let fault = datagrams.seen().fault;
        let kept = fate(fault, &mut dice).is_some_and(|held| {
            waiting.try_send((from, bytes[..length].to_vec(), Instant::now() + held)).is_ok()
        });
        if !kept {
            datagrams.seen().lost += 1;
        }
    }
}

/// The relay's second half: holds each datagram back until its time, and sends it on. Like a router
/// that hides a network it has a port of its own for each sender. So the receiver sees two senders
/// as two ports.
fn pass_on(waiting: &Receiver<Waiting>, to: SocketAddr) {
    let mut ways: BTreeMap<SocketAddr, UdpSocket> = BTreeMap::new();
    let mut held: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)> = BTreeMap::new();
    for count in 0.. {
        let pause = held
            .first_key_value()
            .map_or(DELAY, |((due, _), _)| due.saturating_duration_since(Instant::now()));
        if held.len() >= MAX_WAITING {
            thread::sleep(pause);
        } else if let Ok((from, bytes, due)) = waiting.recv_timeout(pause) {
            held.insert((due, count), (from, bytes));
        }
        while let Some(first) = held.first_entry()
            && first.key().0 <= Instant::now()
        {
            let (from, bytes) = first.remove();
            if ways.len() >= MAX_SENDERS && !ways.contains_key(&from) {
                ways.clear(); // the next ones come from new ports; UDP promises nothing else
            }
            let way = match ways.entry(from) {
                Entry::Occupied(way) => way.into_mut(),
                Entry::Vacant(place) => match UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
                    Ok(way) => place.insert(way),
                    Err(_) => continue, // no more open files: the datagram is lost
                },
            };
            let _ = way.send_to(&bytes, to);
        }
    }
}

/// What becomes of a datagram: how long it is held back, or `None` when it is lost. Its sender is
/// not told.
fn fate(fault: Fault, dice: &mut Dice) -> Option<Duration> {
    match fault {
        Fault::Whole => Some(Duration::ZERO),
        Fault::Lose => (dice.roll(10) >= 3).then_some(Duration::ZERO),
        Fault::Reorder => Some(Duration::from_millis(dice.roll(100))),
        Fault::Delay => Some(DELAY),
        Fault::Cut => None,
    }
}

impl Datagrams {
    /// Those of this running demo. The first who asks starts the relay.
    pub fn of(site: &Site) -> Arc<Datagrams> {
        let datagrams = site.shared.get::<Datagrams>();
        datagrams.relay.get_or_init(|| {
            start(&datagrams, site.side_port("room"))
                .map_err(|error| format!("There is no UDP here: {error}"))
        });
        datagrams
    }

    /// Sets what the relay does: `whole`, `lose`, `reorder`, `delay` or `cut`.
    ///
    /// # Errors
    /// When the word is none of these.
    pub fn set_fault(&self, word: &str) -> Result<Value, String> {
        self.seen().fault = match word {
            "whole" => Fault::Whole,
            "lose" => Fault::Lose,
            "reorder" => Fault::Reorder,
            "delay" => Fault::Delay,
            "cut" => Fault::Cut,
            _ => return Err("fault is whole, lose, reorder, delay or cut.".to_string()),
        };
        Ok(self.state())
    }

    /// Two senders, each with a socket of its own, send `count` datagrams each; then the same texts
    /// go over TCP.
    ///
    /// # Errors
    /// A sentence that says why there is no result.
    pub fn experiment(&self, site: &Site, count: usize) -> Result<Value, String> {
        let Ok(_alone) = self.alone.try_lock() else {
            return Err("Another experiment runs just now: try again in a moment.".to_string());
        };
        let relay = self
            .relay
            .get()
            .cloned()
            .unwrap_or_else(|| Err("The relay is not started.".to_string()))?;
        run(self, site, relay, count).map_err(|error| format!("The experiment failed: {error}"))
    }

    /// The datagrams after this one.
    pub fn since(&self, number: u64) -> Vec<Datagram> {
        self.seen().received.iter().filter(|datagram| datagram.number > number).cloned().collect()
    }

    /// How many datagrams were received.
    pub fn count(&self) -> u64 {
        self.seen().count
    }

    /// `{"fault":"whole","relay":"127.0.0.1:8109","why":null,"received":12,"lost":3}`
    pub fn state(&self) -> Value {
        let relay = self.relay.get().cloned().transpose();
        let (relay, why) =
            (relay.clone().ok().flatten().map(|address| address.to_string()), relay.err());
        let seen = self.seen();
        let fault = format!("{:?}", seen.fault).to_lowercase();
        json!({ "fault": fault, "relay": relay, "why": why, "received": seen.count, "lost": seen.lost })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two senders take turns, each with a socket of its own. What arrives within half a second is
/// told.
fn run(datagrams: &Datagrams, site: &Site, relay: SocketAddr, count: usize) -> io::Result<Value> {
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let senders = [("A", socket()?), ("B", socket()?)];
    let (received, lost) = (datagrams.count(), datagrams.seen().lost);
    let mut sent = Vec::new();
    for number in 1..=count {
        for (name, socket) in &senders {
            let text = format!("{name}{number}");
            socket.send_to(text.as_bytes(), relay)?;
            sent.push(text);
            thread::sleep(PAUSE);
        }
    }
    let setup = ProbeSetup { framing: Framing::Lines, buffer: 4096, busy: Duration::ZERO };
    let tcp = writes::run(site, &sent, &setup, false, PAUSE)?;
    thread::sleep(DELAY + Duration::from_millis(200));
    let arrived: Vec<Value> = datagrams.since(received).iter().map(Datagram::json).collect();
    let lost = datagrams.seen().lost - lost;
    Ok(json!({ "sent": sent, "udp": arrived, "lost": lost, "tcp": tcp["messages"] }))
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
