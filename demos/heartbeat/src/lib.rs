//! Heartbeats: how both sides of a pulled cable find out.
//!
//! A silent TCP connection looks the same whether the other side is there or not. So each side asks from time to time,
//! and gives the other one up after a silence that was long enough.
//!
//! Run    `cargo run -p heartbeat`, then open <http://127.0.0.1:8012> in two tabs
//! Read   this file top to bottom, then `../page.html`; `peers.rs` keeps the table that every tab shows
//! Wire   `89 08 ...` (ping) ... `8a 88 ...` (the browser's pong) ... `{"type":"beat","sent":...}` there and back
//! Book   `book/src/heartbeat.md`
//!
//! Left out: adapting to slow networks. A real server also chooses its interval by the proxies on the way: many cut a
//! connection that is silent for a minute. Source: RFC 6455, 5.5.2, 5.5.3 and 7.2.3.

mod peers;
mod server;

use std::time::{Duration, Instant};

use demo::{Demo, Speaks};
use frames::outbox::Sender;
use frames::websocket::{Next, WebSocket};
use frames::{close::UNSUPPORTED_DATA, events, message::DataMessage};
use room::{Reader, Room};

use crate::peers::{Peer, Peers};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "heartbeat",
    port: 8012,
    title: "Heartbeat",
    promise: "To know that the other side is still there, ask; and stop waiting for the answer at some point.",
    first: "open the page in two tabs, cut the cable of one connection, and wait: nothing happens until you turn the heartbeat on",
    page: demo::page!("heartbeat.css", "peers.js", "status.js"),
    speaks: Speaks::Upgrades,
    serve: server::serve,
    side_servers: &[],
};

/// The shortest interval, and how soon a thread notices a change: of the interval, the table, its connection.
const TICK: Duration = Duration::from_millis(200);

/// How long a client that is told to close may take.
const CLOSING: Duration = Duration::from_secs(5);

/// How one connection is watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heartbeat {
    /// How often the server asks; zero means never.
    pub every: Duration,
    /// After this long without a byte, the other side is given up.
    pub patience: Duration,
}

impl Heartbeat {
    /// Both in seconds. A patience below two intervals drops live peers: one late pong is normal.
    pub fn new(every: f64, patience: f64) -> Self {
        let every = if (TICK.as_secs_f64()..=3_600.0).contains(&every) { every } else { 0.0 };
        let patience = if (0.0..=86_400.0).contains(&patience) { patience } else { 0.0 };
        let patience = Duration::from_secs_f64(patience.max(2.0 * every));
        Heartbeat { every: Duration::from_secs_f64(every), patience }
    }

    /// Whether the server asks at all.
    pub fn is_on(&self) -> bool {
        !self.every.is_zero()
    }

    /// How long until the next ping: none is sent before `every` is over since the last one.
    pub fn until_ping(&self, last: Option<Instant>) -> Option<Duration> {
        let since = last.map_or(Duration::MAX, |last| last.elapsed());
        self.is_on().then(|| self.every.saturating_sub(since))
    }

    /// After this long a silence, an answer is late: one interval, and half of one for the way.
    pub fn late(&self) -> Duration {
        self.every * 3 / 2
    }

    /// After a silence of this length, how long until something is to be decided: `None` when
    /// nothing ever is. Never zero, which a socket would take for no limit.
    pub fn until_next_look(&self, silence: Duration) -> Option<Duration> {
        let next = if silence < self.late() { self.late() } else { self.patience };
        self.is_on().then(|| next.saturating_sub(silence).max(Duration::from_millis(1)))
    }
}

// ANCHOR: listen
/// Listens until the other side closes, is lost, or has been silent for longer than the patience.
/// A client that takes nothing may hold up the other thread in a write. This one meets that thread
/// only when it has an answer to send, and then for the write time-out of 10 s at most.
pub(crate) fn listen(mut socket: WebSocket, peer: &Peer, room: &Room, peers: &Peers) {
    loop {
        let heartbeat = peer.heartbeat();
        let silence = socket.last_heard().elapsed();
        if heartbeat.is_on() && silence >= heartbeat.patience {
            let seconds = silence.as_secs_f64();
            return peers.left(peer, &format!("given up after {seconds:.1} s of silence"));
        }
        if heartbeat.is_on() && silence >= heartbeat.late() {
            peers.late(peer);
        }
        // Without a heartbeat this may wait for ever, and on a pulled cable it does.
        let _gone = socket.set_read_timeout(heartbeat.until_next_look(silence));
        match socket.read() {
            Next::Message(DataMessage::Text(text)) => {
                let answer = server::handle(&text, peer, room, peers);
                let _gone = socket.sender().text(&answer); // the next read tells, too
            }
            Next::Message(DataMessage::Binary(_)) => {
                socket.close(UNSUPPORTED_DATA, "this room takes text", CLOSING);
                return peers.left(peer, "sent binary");
            }
            Next::Pong(payload) => peers.pong(peer, &payload),
            Next::Timeout => {} // no event, and no error: the checks above say what it means
            Next::Gone(end) => return peers.left(peer, &peers::words(&end)),
        }
        peers.heard(peer, socket.last_heard());
    }
}
// ANCHOR_END: listen

/// Tells the news, asks with a ping when it is time to, and sends the table when it has changed.
pub(crate) fn tell(sender: &Sender, mut reader: Reader, peer: &Peer, peers: &Peers) {
    let (mut first, mut last_ping, mut seen) = (true, None, 0); // seen: the table's version
    while sender.is_open() {
        let until_ping = peer.heartbeat().until_ping(last_ping).unwrap_or(TICK);
        let wait = if first { Duration::ZERO } else { until_ping.min(TICK) };
        let mut events = events::encode(&reader.wait(wait), first);
        first = false;
        if peers.version() != seen {
            seen = peers.version();
            events.push(peers.table(Some(peer)).to_string());
        }
        let mut told = sender.texts(&events);
        // ANCHOR: ping
        // A shorter interval counts from the last ping, too.
        if peer.heartbeat().until_ping(last_ping) == Some(Duration::ZERO) {
            last_ping = Some(Instant::now());
            told = told.and_then(|()| sender.ping(&peer.new_ping()));
        }
        // ANCHOR_END: ping
        if told.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_asked_every_second_is_late_after_one_and_a_half_and_given_up_after_the_patience() {
        let heartbeat = Heartbeat::new(1.0, 5.0);
        let wait = |silence| {
            heartbeat.until_next_look(Duration::from_millis(silence)).map(|wait| wait.as_millis())
        };
        assert_eq!(wait(0), Some(1_500));
        assert_eq!(wait(1_000), Some(500));
        assert_eq!(wait(1_500), Some(3_500));
        assert_eq!(wait(4_999), Some(1));
        assert_eq!(wait(9_000), Some(1), "never zero: a socket would take that for no limit");
    }

    #[test]
    fn without_a_heartbeat_nothing_is_to_be_decided() {
        assert_eq!(Heartbeat::new(0.0, 5.0).until_next_look(Duration::ZERO), None);
    }

    #[test]
    fn the_patience_is_two_intervals_at_least_and_nonsense_is_off() {
        assert_eq!(Heartbeat::new(2.0, 1.0).patience, Duration::from_secs(4));
        for nonsense in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(!Heartbeat::new(nonsense, 5.0).is_on());
            assert_eq!(Heartbeat::new(1.0, nonsense).patience, Duration::from_secs(2));
        }
    }

    #[test]
    fn a_shorter_interval_counts_from_the_last_ping() {
        let last = Instant::now().checked_sub(Duration::from_secs(5));
        assert!(last.is_some(), "this machine has run for more than 5 s");
        let left = |every| Heartbeat::new(every, 0.0).until_ping(last);
        assert!(left(60.0).unwrap() > Duration::from_secs(50));
        assert_eq!(left(1.0), Some(Duration::ZERO), "the ping of the new interval is due");
        assert_eq!(
            Heartbeat::new(60.0, 0.0).until_ping(None),
            Some(Duration::ZERO),
            "the first ping is sent at once"
        );
        assert_eq!(left(0.0), None);
    }
}
