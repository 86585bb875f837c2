//! Engine.IO 4: one conversation over what the network lets through: long polling first, then a WebSocket if it works.
//!
//! ```text
//! packet     4hello                    a digit says what it is for, the rest is its data
//! payload    4hello RS 2 RS bAQIDBA==  packets of one polling request; RS is the byte 1e, b stands for binary in base64
//! WebSocket  a packet is a message: text, or binary as it is
//! ```
//!
//! Source: the Engine.IO protocol, 4th version; the texts of faults are those of its authors' own server.
//! A session lives in one process. Behind a balancer, all its requests must come to the same one: sticky sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frames::message::DataMessage::{self, Binary, Text};
use serde_json::json;

use crate::options::Timing;
use crate::queue::{Allowance, Queue};
use crate::session::{LOOK, Session, Transport, Upper, reason};

/// What the two ends of a session send each other ("Protocol").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// 0: the server's first packet, with the session's id and its numbers.
    Open(String),
    /// 1: the end of the session.
    Close,
    /// 2: the server asks whether the client is there. With `probe`, the client tries a WebSocket.
    Ping(String),
    /// 3: the answer.
    Pong(String),
    /// 4: what the layer above sends: text, or bytes.
    Message(DataMessage),
    /// 5: from here on, this WebSocket is the transport.
    Upgrade,
    /// 6: nothing; it ends a poll.
    Noop,
}

impl Packet {
    /// As a message of a WebSocket ("Packet encoding").
    pub fn encode(self) -> DataMessage {
        Text(match self {
            Packet::Message(Binary(bytes)) => return Binary(bytes),
            Packet::Message(Text(text)) => format!("4{text}"),
            Packet::Open(json) => format!("0{json}"),
            Packet::Close => "1".to_string(),
            Packet::Ping(data) => format!("2{data}"),
            Packet::Pong(data) => format!("3{data}"),
            Packet::Upgrade => "5".to_string(),
            Packet::Noop => "6".to_string(),
        })
    }

    /// Reads a message of a WebSocket. `None`: there is no such packet.
    pub fn parse(message: DataMessage) -> Option<Packet> {
        let Text(text) = message else { return Some(Packet::Message(message)) };
        let data = text.get(1..)?.to_string();
        match text.as_bytes()[0] {
            b'0' => Some(Packet::Open(data)),
            b'1' => Some(Packet::Close),
            b'2' => Some(Packet::Ping(data)),
            b'3' => Some(Packet::Pong(data)),
            b'4' => Some(Packet::Message(Text(data))),
            b'5' => Some(Packet::Upgrade),
            b'6' => Some(Packet::Noop),
            _ => None,
        }
    }
}

/// Stands between the packets of a payload: the record separator of ASCII. JSON has no bare one.
pub const SEPARATOR: char = '\u{1e}';

/// Packets as the body of a polling request or answer. HTTP has one border for all of them, and the
/// body is text: hence the separator, and base64 for bytes.
pub fn payload(packets: Vec<Packet>) -> String {
    let texts = packets.into_iter().map(|packet| match packet.encode() {
        Text(text) => text,
        Binary(bytes) => format!("b{}", STANDARD.encode(bytes)),
    });
    texts.collect::<Vec<_>>().join("\u{1e}")
}

/// The packets of a body, one after the other; `None` in place of what is no packet.
pub fn packets(body: &str) -> impl Iterator<Item = Option<Packet>> {
    body.split(SEPARATOR).map(|packet| match packet.strip_prefix('b') {
        Some(base64) => STANDARD.decode(base64).ok().map(|bytes| Packet::Message(Binary(bytes))),
        None => Packet::parse(Text(packet.to_string())),
    })
}

/// Why a request is refused. The protocol names the status only; codes and words are the official server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineFault {
    /// `transport` is neither `polling` nor `websocket`.
    TransportUnknown,
    /// There is no session of this id: it has ended, or another process has it.
    SessionUnknown,
    /// A session begins with a GET.
    BadHandshakeMethod,
    /// The session is not at a point where this may come.
    BadRequest,
    /// A page from elsewhere.
    Forbidden,
    /// `EIO` is not 4.
    UnsupportedVersion,
}

impl EngineFault {
    /// The status, and the body in JSON.
    pub fn answer(self) -> (u16, String) {
        let (status, message) = match self {
            EngineFault::TransportUnknown => (400, "Transport unknown"),
            EngineFault::SessionUnknown => (400, "Session ID unknown"),
            EngineFault::BadHandshakeMethod => (400, "Bad handshake method"),
            EngineFault::BadRequest => (400, "Bad request"),
            EngineFault::Forbidden => (403, "Forbidden"),
            EngineFault::UnsupportedVersion => (400, "Unsupported protocol version"),
        };
        (status, json!({ "code": self as u8, "message": message }).to_string())
    }
}

/// How many sessions there may be.
const MAX_SESSIONS: usize = 10_000;

/// All sessions, and the layer above them.
pub struct Engine {
    /// The numbers of the heartbeat, and the limit of a payload.
    pub timing: Timing,
    /// What is carried.
    pub upper: Arc<dyn Upper>,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    budget: Arc<Allowance>,
    ended: mpsc::Sender<String>,
}

impl Engine {
    /// An engine, and the thread that buries its sessions.
    pub fn start(timing: Timing, budget: Arc<Allowance>, upper: Arc<dyn Upper>) -> Arc<Self> {
        let (ended, endings) = mpsc::channel();
        let sessions = Mutex::default();
        let engine = Arc::new(Engine { timing, upper, sessions, budget, ended });
        net::on_a_thread({
            let engine = engine.clone();
            move || engine.bury(&endings)
        });
        engine
    }

    /// Ends what has lasted too long, and tells the layer above of every end.
    fn bury(&self, endings: &mpsc::Receiver<String>) {
        let mut looked = Instant::now();
        loop {
            if let Ok(ended) = endings.recv_timeout(LOOK) {
                let session = self.lock().get(&ended).cloned();
                session.iter().for_each(|session| self.upper.closed(session));
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                let all: Vec<_> = self.lock().values().cloned().collect();
                all.iter().for_each(|session| session.look_at_the_clock());
                self.lock().retain(|_, session| !session.is_buried());
                self.upper.tick();
            }
        }
    }

    /// Begins a session ("Handshake"). `None` when there are too many.
    pub fn open(&self, transport: Transport) -> Option<Arc<Session>> {
        let queue = Queue::new(self.budget.clone(), 2 * self.timing.max_payload);
        let session = Arc::new(Session::new(transport, self.timing, queue, self.ended.clone()));
        let upgrades = if transport == Transport::Polling { r#"["websocket"]"# } else { "[]" };
        let Timing { ping_interval, ping_timeout, max_payload, .. } = self.timing;
        session.send([Packet::Open(format!(
            r#"{{"sid":"{}","upgrades":{upgrades},"pingInterval":{},"pingTimeout":{},"maxPayload":{max_payload}}}"#,
            session.id,
            ping_interval.as_millis(),
            ping_timeout.as_millis(),
        ))]);
        let mut sessions = self.lock();
        if sessions.len() >= MAX_SESSIONS {
            return None;
        }
        sessions.insert(session.id.clone(), session.clone());
        drop(sessions);
        self.upper.opened(&session);
        Some(session)
    }

    /// The session of this id, if it has not ended.
    pub fn find(&self, id: &str) -> Option<Arc<Session>> {
        let session = self.lock().get(id).cloned();
        session.filter(|session| session.is_open())
    }

    /// Takes a packet of a client; `None` stands for one that can't be read. A fault ends the session.
    ///
    /// # Errors
    /// When it has.
    pub fn receive(
        &self,
        session: &Arc<Session>,
        packet: Option<Packet>,
    ) -> Result<(), EngineFault> {
        let why = match packet.map(|packet| session.receive(packet)) {
            Some(Ok(message)) => {
                if message.is_none_or(|message| self.upper.message(session, message)) {
                    return Ok(());
                }
                reason::PARSE_ERROR
            }
            None => reason::PARSE_ERROR,
            Some(Err(_)) => reason::TRANSPORT_ERROR,
        };
        session.close(why);
        Err(EngineFault::BadRequest)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Counts(Mutex<Vec<&'static str>>);

    impl Upper for Counts {
        fn message(&self, session: &Arc<Session>, message: DataMessage) -> bool {
            session.send([Packet::Message(message)]);
            true
        }

        fn closed(&self, session: &Session) {
            self.0.lock().unwrap().extend(session.ended());
        }
    }

    fn engine(timing: Timing) -> (Arc<Engine>, Arc<Counts>, Arc<Allowance>) {
        let (counts, budget) = (Arc::new(Counts(Mutex::default())), Allowance::new(1 << 20));
        (Engine::start(timing, budget.clone(), counts.clone()), counts, budget)
    }

    fn until(is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_payload_is_what_the_protocol_shows() {
        let all = [
            "4hello\u{1e}2\u{1e}4world",
            "4hello\u{1e}bAQIDBA==",
            "0{}\u{1e}1\u{1e}3probe\u{1e}5\u{1e}6",
        ];
        for body in all {
            let read: Vec<Packet> = packets(body).map(|packet| packet.expect("a packet")).collect();
            assert_eq!(payload(read), body);
        }
        let bytes = packets("bAQIDBA==").next();
        assert_eq!(bytes, Some(Some(Packet::Message(Binary(vec![1, 2, 3, 4])))));
        for body in ["", "7", "abc", "b%", "bAQ", "4a\u{1e}", "\u{e9}"] {
            assert!(packets(body).any(|packet| packet.is_none()), "{body:?}");
        }
    }

    #[test]
    fn of_sessions_that_have_ended_nothing_is_left() {
        let short = Duration::from_millis(20);
        let timing = Timing { ping_interval: short, ping_timeout: short, ..Timing::default() };
        let (engine, counts, budget) = engine(timing);
        for transport in [Transport::Polling, Transport::WebSocket] {
            for _ in 0..50 {
                let session = engine.open(transport).expect("a session");
                let hello = Packet::Message(Text("hello".to_string()));
                engine.receive(&session, Some(hello)).expect("open");
            }
        }
        until(|| counts.0.lock().unwrap().len() == 100 && engine.lock().is_empty());
        assert!(counts.0.lock().unwrap().iter().all(|why| *why == reason::PING_TIMEOUT));
        until(|| budget.left() == 1 << 20);
    }

    #[test]
    fn a_client_that_lets_too_much_wait_loses_its_session() {
        let (engine, counts, budget) = engine(Timing { max_payload: 10_000, ..Timing::default() });
        let session = engine.open(Transport::Polling).expect("a session");
        let long = || Some(Packet::Message(Text("x".repeat(1_000))));
        while session.ended().is_none() {
            let _gone = engine.receive(&session, long());
            assert!(budget.left() >= (1 << 20) - 20_000);
        }
        until(|| counts.0.lock().unwrap()[..] == [reason::FORCED_CLOSE]);
    }
}
