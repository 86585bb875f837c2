//! The table: what the server thinks of each connection. Every tab shows it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use frames::close::ABNORMAL;
use frames::socket::{End, Speaker};
use serde_json::{Value, json};

/// How long a connection that has ended stays in the table.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The longest table, in rows; the newest connections are in it.
const ROWS: usize = 30;

// ANCHOR: heartbeat
/// How one connection is watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heartbeat {
    /// How often the server asks; zero is never.
    pub every: Duration,
    /// After so long without a byte the other side is given up.
    pub patience: Duration,
}

impl Heartbeat {
    /// Both in seconds. One who is patient for less than two beats gives up people who are there:
    /// one late pong is nothing unusual.
    pub fn new(every: f64, patience: f64) -> Self {
        let every = if (0.05..=3_600.0).contains(&every) { every } else { 0.0 };
        let patience = if (0.0..=86_400.0).contains(&patience) { patience } else { 0.0 };
        Heartbeat {
            every: Duration::from_secs_f64(every),
            patience: Duration::from_secs_f64(patience.max(2.0 * every)),
        }
    }

    /// Whether the server asks at all.
    pub fn is_on(&self) -> bool {
        !self.every.is_zero()
    }

    /// After so long a silence an answer is late: a beat and a half, the half for the way there and
    /// back.
    pub fn late(&self) -> Duration {
        self.every * 3 / 2
    }

    /// After a silence of this length, how long the one who listens may wait until something is to
    /// be decided.
    pub fn until_next_look(&self, silence: Duration) -> Option<Duration> {
        let next = if silence < self.late() { self.late() } else { self.patience };
        self.is_on().then(|| next.saturating_sub(silence).max(Duration::from_millis(1)))
    }
}
// ANCHOR_END: heartbeat

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
    /// The way to it; none when it has ended, or a row of the table would keep a socket open.
    speaker: Option<Speaker>,
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
    /// A new connection. If its tab had another one, that is a ghost: the tab knows best, and the ghost's threads go.
    pub fn join(&self, tab: &str, heartbeat: Heartbeat, speaker: Speaker) -> Arc<Peer> {
        let now = Instant::now();
        let (ping, speaker) = ((0, now), Some(speaker));
        let state = State { heartbeat, heard: now, ping, round_trip: None, late: false, speaker, over: None };
        let id = self.joined.fetch_add(1, Ordering::Relaxed) + 1;
        let peer = Arc::new(Peer { id, tab: tab.to_string(), state: Mutex::new(state) });
        let ghosts: Vec<Arc<Peer>> = {
            let mut all = self.all();
            forget(&mut all);
            let ghosts = all.iter().filter(|other| !tab.is_empty() && other.tab == tab).cloned().collect();
            all.push_back(peer.clone());
            ghosts
        };
        for ghost in ghosts {
            self.left(&ghost, "its tab came back on another connection");
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
    pub fn set(&self, peer: &Peer, heartbeat: Heartbeat) -> Heartbeat {
        peer.state().heartbeat = heartbeat;
        self.changed();
        heartbeat
    }

    /// Ends a connection, if it has not ended yet: the first to say how is believed.
    pub fn left(&self, peer: &Peer, how: &str) {
        let speaker = {
            let mut state = peer.state();
            if state.over.is_none() {
                state.over = Some((how.to_string(), Instant::now()));
            }
            state.speaker.take()
        };
        if let Some(speaker) = speaker {
            speaker.hang_up();
            shared::bench::log(&format!("connection {} is over: {how}", peer.id));
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
        End::Lost => format!("lost without a word ({ABNORMAL})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_every_second_is_late_after_one_and_a_half_and_given_up_after_the_patience() {
        let heartbeat = Heartbeat::new(1.0, 5.0);
        let wait = |silence| heartbeat.until_next_look(Duration::from_millis(silence)).map(|wait| wait.as_millis());
        assert_eq!(wait(0), Some(1_500));
        assert_eq!(wait(1_000), Some(500));
        assert_eq!(wait(1_500), Some(3_500));
        assert_eq!(wait(4_999), Some(1));
        assert_eq!(wait(9_000), Some(1), "never zero: a socket would take that for no limit");
    }

    #[test]
    fn without_a_heartbeat_nobody_looks() {
        assert_eq!(Heartbeat::new(0.0, 5.0).until_next_look(Duration::ZERO), None);
    }

    #[test]
    fn patience_is_two_beats_at_least_and_nonsense_is_off() {
        assert_eq!(Heartbeat::new(2.0, 1.0).patience, Duration::from_secs(4));
        for nonsense in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(!Heartbeat::new(nonsense, 5.0).is_on());
            assert_eq!(Heartbeat::new(1.0, nonsense).patience, Duration::from_secs(2));
        }
    }
}
