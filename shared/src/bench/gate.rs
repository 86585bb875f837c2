//! The gate: new connections go to a tiny_http demo one at a time.
//!
//! tiny_http 0.12 has a thread for each connection and hands a new one to a thread that is idle. But it counts a thread as
//! idle until that thread has woken up: of connections that come in together, some are queued for threads that are taken,
//! and nobody looks at the queue until some connection ends, which with a held request may be never. So the front door
//! lets the next connection in when the request of the last one has come out at the other side.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request that is held up (in a cut cable, say) does not keep the gate longer than this.
const PATIENCE: Duration = Duration::from_millis(50);

static GATE: Mutex<()> = Mutex::new(());

/// The connection that is on its way in, until its request has come.
static EXPECTED: Mutex<Option<SocketAddr>> = Mutex::new(None);

static COME: Condvar = Condvar::new();

/// The right to let a connection in.
pub struct Gate(MutexGuard<'static, ()>);

/// Waits for the right to let a connection in.
pub fn enter() -> Gate {
    Gate(GATE.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Gate {
    /// Says which connection was opened; nothing was sent on it yet.
    pub fn expect(&self, connection: Option<SocketAddr>) {
        *EXPECTED.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    /// Waits until its first request has come out of tiny_http.
    pub fn wait(self) {
        let expected = EXPECTED.lock().unwrap_or_else(PoisonError::into_inner);
        drop(COME.wait_timeout_while(expected, PATIENCE, |expected| expected.is_some()));
        drop(self.0);
    }
}

/// A request has come out of tiny_http, on the connection with this address.
pub fn has_come(connection: Option<&SocketAddr>) {
    let mut expected = EXPECTED.lock().unwrap_or_else(PoisonError::into_inner);
    if expected.is_some() && *expected == connection.copied() {
        *expected = None;
        COME.notify_one();
    }
}
