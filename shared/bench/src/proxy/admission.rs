//! Admission: new connections go to a tiny_http demo one at a time.
//!
//! tiny_http 0.12 has a thread for each connection and hands a new one to a thread that is idle. But it counts a thread as
//! idle until that thread has woken up: of connections that come in together, some are queued for threads that are taken,
//! and stay there until some connection ends, which with a held request may be never. So the next connection goes in when
//! the request of the last one has come out at the other side. Requests are whole by then, so no client can make the
//! others wait.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::Waker;

/// A request that has not come out after this time does not hold up the next connection.
const PATIENCE: Duration = Duration::from_millis(50);

/// While a request has not come out, the demo is made to look again this often.
const NUDGE: Duration = Duration::from_millis(500);

/// The connections to the demo whose first request has not come out of it yet, by this end's address.
pub struct Arrivals {
    expected: Mutex<BTreeSet<SocketAddr>>,
    waker: Arc<Waker>,
}

impl Arrivals {
    /// Nothing is expected yet. The waker wakes the event loop.
    pub fn new(waker: Arc<Waker>) -> Arc<Self> {
        Arc::new(Arrivals { expected: Mutex::default(), waker })
    }

    /// A request has come out of tiny_http, on the connection with this address.
    pub fn came(&self, connection: SocketAddr) {
        if self.expected().remove(&connection) {
            let _ = self.waker.wake(); // an error would mean that the event loop has ended
        }
    }

    fn expected(&self) -> MutexGuard<'_, BTreeSet<SocketAddr>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection whose first request is expected to come out; forgotten when it is dropped.
pub struct Admitted {
    connection: SocketAddr,
    arrivals: Arc<Arrivals>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.arrivals.expected().remove(&self.connection);
    }
}

/// Lets the connections of one public port in.
pub struct Admission {
    to: SocketAddr,
    arrivals: Arc<Arrivals>,
    /// The connections that want in, oldest first.
    waiting: BTreeSet<usize>,
    /// The last one that was let in, and until when the others wait for it.
    entering: Option<(SocketAddr, Instant)>,
    /// Those that took too long, and when the demo is nudged for them.
    late: BTreeMap<SocketAddr, Instant>,
}

impl Admission {
    /// Admission to the demo at this address.
    pub fn new(to: SocketAddr, arrivals: Arc<Arrivals>) -> Self {
        Admission { to, arrivals, waiting: BTreeSet::new(), entering: None, late: BTreeMap::new() }
    }

    /// This connection wants in.
    pub fn ask(&mut self, key: usize) {
        self.waiting.insert(key);
    }

    /// The connection that may go in now.
    pub fn next(&mut self, now: Instant) -> Option<usize> {
        let expected = self.arrivals.expected();
        if let Some((connection, until)) = self.entering {
            let has_come = !expected.contains(&connection);
            if !has_come && now < until {
                return None;
            }
            self.entering = None;
            if !has_come {
                self.late.insert(connection, now + NUDGE);
            }
        }
        self.late.retain(|connection, _| expected.contains(connection));
        drop(expected);
        if self.late.values().any(|&at| at <= now) {
            self.late.values_mut().for_each(|at| *at = now + NUDGE);
            nudge(self.to);
        }
        self.waiting.pop_first()
    }

    /// When to ask for the next one again, if nothing happens before.
    pub fn wake_at(&self) -> Option<Instant> {
        self.entering.map(|(_, until)| until).into_iter().chain(self.late.values().copied()).min()
    }

    /// A connection is let in; nothing was sent on it yet.
    pub fn admit(&mut self, connection: SocketAddr) -> Admitted {
        self.arrivals.expected().insert(connection);
        Admitted { connection, arrivals: self.arrivals.clone() }
    }

    /// Its first request was sent in full: the others wait for it to come out, for a moment.
    pub fn wait_for(&mut self, connection: SocketAddr, now: Instant) {
        self.entering = Some((connection, now + PATIENCE));
    }
}

/// Makes tiny_http look at its queue: a connection that ends at once, for which it has no idle thread, gets a thread of
/// its own, and that one looks at the queue when it is done.
pub fn nudge(server: SocketAddr) {
    drop(mio::net::TcpStream::connect(server));
}
