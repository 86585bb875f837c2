//! What the newest TLS connections have agreed on, and how they ended: for the page.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::{Connection, HandshakeKind};
use serde_json::{Value, json};

/// How many connections are remembered.
const KEPT: usize = 20;

/// The newest connections of one running demo, oldest first.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Newest>);

#[derive(Debug, Default)]
struct Newest {
    begun: u64,
    sessions: VecDeque<(u64, Value)>,
}

impl Sessions {
    /// A handshake is done. Returns its number.
    pub fn begin(&self, tls: &Connection) -> u64 {
        let name = |debug: Option<String>| debug.unwrap_or_else(|| "none".to_string());
        let session = json!({
            "version": name(tls.protocol_version().map(|version| format!("{version:?}").replace("TLSv1_", "TLS 1."))),
            "suite": name(tls.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()))),
            "group": name(tls.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()))),
            "protocol": name(tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned())),
            "asked": match tls {
                Connection::Server(server) => server.server_name().unwrap_or("no name: an address").to_string(),
                Connection::Client(_) => String::new(),
            },
            "resumed": tls.handshake_kind() == Some(HandshakeKind::Resumed),
        });
        let mut newest = self.newest();
        newest.begun += 1;
        let number = newest.begun;
        newest.sessions.push_back((number, session));
        if newest.sessions.len() > KEPT {
            newest.sessions.pop_front();
        }
        number
    }

    /// A connection has ended: in order, or as these words say.
    pub fn end(&self, number: u64, how: Option<&str>) {
        let mut newest = self.newest();
        if let Some((_, session)) = newest.sessions.iter_mut().find(|(other, _)| *other == number) {
            session["ended"] = json!(how.unwrap_or("close_notify"));
        }
    }

    /// All that are remembered.
    pub fn json(&self) -> Value {
        self.newest().sessions.iter().map(|(_, session)| session.clone()).collect()
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
