//! The table: what the server thinks of each connection. Every tab shows it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use frames::close::ABNORMAL_CLOSURE;
use frames::outbox::Sender;
use frames::websocket::End;
use serde_json::{Value, json};

use crate::Heartbeat;

/// How long a connection that has ended stays in the table.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The longest table, in rows; the newest connections are in it.
const ROWS: usize = 30;

/// One connection, as the server sees it.
pub struct Peer {
    id: u64,
    tab: String,
    state: Mutex<State>,
}

struct State {
    heartbeat: Heartbeat,
    heard: Instant,
    /// The number of the last ping, and when it left.
    ping: (u64, Instant),
    round_trip: Option<Duration>,
    late: bool,
    /// Closes it. `None` when it has ended: a row of the table must not keep a socket open.
    sender: Option<Sender>,
    /// How and when it ended.
    over: Option<(String, Instant)>,
}

impl Peer {
    /// How this connection is watched now.
    pub fn heartbeat(&self) -> Heartbeat {
        self.state().heartbeat
    }

    /// The payload of the next ping: a number, so that a pong tells which ping it answers (RFC 6455, 5.5.3).
    pub fn new_ping(&self) -> [u8; 8] {
        let mut state = self.state();
        state.ping = (state.ping.0 + 1, Instant::now());
        state.ping.0.to_be_bytes()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All connections, the newest at the end, and those that ended a short while ago.
#[derive(Default)]
pub struct Peers {
    all: Mutex<VecDeque<Arc<Peer>>>,
    joined: AtomicU64,
    version: AtomicU64,
}

impl Peers {
    /// A new connection. If its tab has an older one, that one is dead, as the tab must know: it is closed.
    pub fn join(&self, tab: &str, heartbeat: Heartbeat, sender: Sender) -> Arc<Peer> {
        let now = Instant::now();
        let (ping, sender) = ((0, now), Some(sender));
        let state = State {
            heartbeat,
            heard: now,
            ping,
            round_trip: None,
            late: false,
            sender,
            over: None,
        };
        let id = self.joined.fetch_add(1, Ordering::Relaxed) + 1;
        let peer = Arc::new(Peer { id, tab: tab.to_string(), state: Mutex::new(state) });
        let older: Vec<Arc<Peer>> = {
            let mut all = self.all();
            forget(&mut all);
            let older =
                all.iter().filter(|other| !tab.is_empty() && other.tab == tab).cloned().collect();
            all.push_back(peer.clone());
            older
        };
        for old in older {
            self.left(&old, "its tab came back on another connection");
        }
        self.changed();
        peer
    }

    /// Counts the changes of the table.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// A byte of this connection arrived.
    pub fn heard(&self, peer: &Peer, at: Instant) {
        let mut state = peer.state();
        if at > state.heard {
            state.heard = at;
            let was_late = std::mem::take(&mut state.late);
            drop(state);
            if was_late {
                self.changed();
            }
        }
    }

    /// A pong arrived. One that answers no ping of ours, or an older one, is a sign of life and nothing else.
    pub fn pong(&self, peer: &Peer, payload: &[u8]) {
        let mut state = peer.state();
        if payload == state.ping.0.to_be_bytes() {
            state.round_trip = Some(state.ping.1.elapsed());
            drop(state);
            self.changed();
        }
    }

    /// An answer is late.
    pub fn late(&self, peer: &Peer) {
        if !std::mem::replace(&mut peer.state().late, true) {
            self.changed();
        }
    }

    /// Watches a connection in another way from now on.
    pub fn set(&self, peer: &Peer, heartbeat: Heartbeat) {
        peer.state().heartbeat = heartbeat;
        self.changed();
    }

    /// Ends a connection, if it has not ended yet: the first reason given is kept.
    pub fn left(&self, peer: &Peer, how: &str) {
        let sender = {
            let mut state = peer.state();
            if state.over.is_none() {
                state.over = Some((how.to_string(), Instant::now()));
            }
            state.sender.take()
        };
        if let Some(sender) = sender {
            sender.hang_up();
            net::log(&format!("connection {} is over: {how}", peer.id));
            self.changed();
        }
    }

    /// The table as an event, for one tab: `"yours"` marks its own row.
    pub fn table(&self, own: Option<&Peer>) -> Value {
        let mut all = self.all();
        forget(&mut all);
        let rows: Vec<Value> = all.iter().rev().take(ROWS).map(|peer| row(peer, own)).collect();
        json!({ "type": "peers", "peers": rows, "more": all.len() - rows.len() })
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Arc<Peer>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets connections that ended long ago, or that many others have followed.
fn forget(all: &mut VecDeque<Arc<Peer>>) {
    let newest = all.len();
    let mut at = 0;
    all.retain(|peer| {
        at += 1;
        let ended = peer.state().over.as_ref().map(|(_, ended)| ended.elapsed());
        ended.is_none_or(|ago| ago <= REMEMBERED && at + ROWS > newest)
    });
}

/// Times in milliseconds; `heard` is how long ago.
fn row(peer: &Peer, own: Option<&Peer>) -> Value {
    let state = peer.state();
    let verdict = match &state.over {
        Some((how, _)) => how.clone(),
        None if !state.heartbeat.is_on() => "not asked".to_string(),
        None if state.late => "late".to_string(),
        None => "there".to_string(),
    };
    json!({
        "id": peer.id,
        "yours": own.is_some_and(|own| own.id == peer.id),
        "heard": state.heard.elapsed().as_millis() as u64,
        "roundTrip": state.round_trip.map(|time| (time.as_secs_f64() * 100_000.0).round() / 100.0),
        "every": state.heartbeat.every.as_secs_f64(),
        "patience": state.heartbeat.patience.as_secs_f64(),
        "open": state.over.is_none(),
        "verdict": verdict,
    })
}

/// How a connection ended, in words.
pub fn words(end: &End) -> String {
    match end {
        End::Closed(close) => match close.code {
            Some(code) => format!("closed with {code}"),
            None => "closed without a code".to_string(),
        },
        End::Failed(failure) => format!("broke a rule: {failure}"),
        End::Abnormal => format!("lost without a Close frame ({ABNORMAL_CLOSURE})"),
    }
}
