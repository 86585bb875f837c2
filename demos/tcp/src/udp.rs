//! The UDP corner: datagrams have borders and nothing else. No connection, no order, no delivery.
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
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use tiny_http::Request;

use crate::borders::{self, Framing};

/// So many datagrams are remembered, and so many characters of each.
const KEPT: usize = 300;
const SHOWN: usize = 60;

/// So many senders have a way through the relay at once.
const MAX_SENDERS: usize = 16;

/// So many datagrams may wait in the relay.
const MAX_WAITING: usize = 500;

/// The longest that the relay holds a datagram back.
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
    /// All are lost. (A cut TCP connection waits and sends again; nobody does that here.)
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

struct Corner {
    fault: Fault,
    heard: VecDeque<Datagram>,
    count: u64,
    lost: u64,
    /// Where the relay listens; `None` when there is none, and why.
    relay: Option<SocketAddr>,
    why: String,
}

static CORNER: Mutex<Corner> = Mutex::new(Corner {
    fault: Fault::Whole,
    heard: VecDeque::new(),
    count: 0,
    lost: 0,
    relay: None,
    why: String::new(),
});

/// One experiment at a time: all share one receiving socket, which is the point.
static ALONE: Mutex<()> = Mutex::new(());

/// Starts relay and receiver, once. Whoever needs them calls this: it returns when they are there.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        if let Err(error) = open() {
            corner().why = format!("There is no UDP here: {error}");
        }
    });
}

fn open() -> io::Result<()> {
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    // The same number as the room's TCP port: the two have nothing to do with each other.
    let same = crate::public("room").port();
    let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, same)).or_else(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let to = receiver.local_addr()?;
    corner().relay = Some(relay.local_addr()?);
    thread::Builder::new().name("udp receiver".into()).spawn(move || receive(&receiver))?;
    thread::Builder::new().name("udp relay".into()).spawn(move || carry(&relay, to))?;
    Ok(())
}

// ANCHOR: receive
/// One socket hears every sender: there is nothing to accept, and each datagram says where it comes from.
fn receive(socket: &UdpSocket) {
    let mut bytes = [0; 2048];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut bytes) else { continue };
        let text: String = String::from_utf8_lossy(&bytes[..length]).trim_end().chars().take(SHOWN).collect();
        let mut corner = corner();
        corner.count += 1;
        let number = corner.count;
        corner.heard.push_back(Datagram { number, port: from.port(), text });
        if corner.heard.len() > KEPT {
            corner.heard.pop_front();
        }
    }
}
// ANCHOR_END: receive

/// The relay. Like a router that hides a network, it has a port of its own for each sender; so the receiver sees two
/// senders as two ports, though neither is the sender's own.
fn carry(relay: &UdpSocket, to: SocketAddr) {
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
        let pause = waiting.first_key_value().map_or(DELAY, |((due, _), _)| due.saturating_duration_since(now));
        let _ = relay.set_read_timeout(Some(pause.max(Duration::from_millis(1))));
        let Ok((length, from)) = relay.recv_from(&mut bytes) else { continue };
        let fault = corner().fault;
        match fate(fault, &mut dice) {
            Some(held) if waiting.len() < MAX_WAITING => {
                drop(waiting.insert((Instant::now() + held, count), (from, bytes[..length].to_vec())));
            }
            _ => corner().lost += 1,
        }
    }
}

// ANCHOR: fate
/// What becomes of a datagram: so long it is held back, or `None`: it is lost, and nobody is told.
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

/// `POST /udp?fault=lose` sets what the relay does; `POST /udp?count=8` lets two senders send so many each, and the same
/// texts over TCP.
pub fn asked(request: &Request) -> Result<Value, String> {
    if let Some(fault) = http::query_text(request, "fault") {
        corner().fault = match fault {
            "whole" => Fault::Whole,
            "lose" => Fault::Lose,
            "reorder" => Fault::Reorder,
            "delay" => Fault::Delay,
            "cut" => Fault::Cut,
            _ => return Err("fault is whole, lose, reorder, delay or cut.".to_string()),
        };
        return Ok(state());
    }
    start();
    let count = http::query(request, "count").filter(|count| (1..=50).contains(count)).unwrap_or(8);
    let Ok(_alone) = ALONE.try_lock() else {
        return Err("Another experiment runs just now: try again in a moment.".to_string());
    };
    let (relay, why) = {
        let corner = corner();
        (corner.relay, corner.why.clone())
    };
    let relay = relay.ok_or(why)?;
    experiment(relay, count).map_err(|error| format!("The experiment failed: {error}"))
}

// ANCHOR: experiment
/// Two senders, each with a socket of its own, take turns; then everything that arrives within half a second is told.
fn experiment(relay: SocketAddr, count: usize) -> io::Result<Value> {
    let senders =
        [("A", UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?), ("B", UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?)];
    let before = counts();
    let mut sent = Vec::new();
    for number in 1..=count {
        for (name, socket) in &senders {
            let text = format!("{name}{number}");
            socket.send_to(text.as_bytes(), relay)?;
            sent.push(text);
            thread::sleep(Duration::from_millis(3));
        }
    }
    let tcp = borders::run(&sent, Framing::Lines, "4096 0", false, Duration::from_millis(3))?;
    thread::sleep(DELAY + Duration::from_millis(200));
    let arrived: Vec<Value> = since(before.heard).iter().map(Datagram::json).collect();
    let lost = counts().lost - before.lost;
    Ok(json!({ "sent": sent, "udp": arrived, "lost": lost, "tcp": tcp["messages"] }))
}
// ANCHOR_END: experiment

/// The datagrams after this one.
pub fn since(number: u64) -> Vec<Datagram> {
    corner().heard.iter().filter(|datagram| datagram.number > number).cloned().collect()
}

struct Counts {
    heard: u64,
    lost: u64,
}

fn counts() -> Counts {
    let corner = corner();
    Counts { heard: corner.count, lost: corner.lost }
}

/// `{"fault":"whole","relay":"127.0.0.1:8109","heard":12,"lost":3}`
pub fn state() -> Value {
    start();
    let corner = corner();
    let fault = format!("{:?}", corner.fault).to_lowercase();
    let relay = corner.relay.map(|relay| relay.to_string());
    json!({ "fault": fault, "relay": relay, "why": corner.why, "heard": corner.count, "lost": corner.lost })
}

fn corner() -> MutexGuard<'static, Corner> {
    CORNER.lock().unwrap_or_else(PoisonError::into_inner)
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
