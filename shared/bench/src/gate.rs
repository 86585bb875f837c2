//! The gate: new connections go to a tiny_http demo one at a time.
//!
//! tiny_http 0.12 has a thread for each connection and hands a new one to a thread that is idle. But it counts a thread as
//! idle until that thread has woken up: of connections that come in together, some are queued for threads that are taken,
//! and nobody looks at the queue until some connection ends, which with a held request may be never. So the front door
//! lets the next connection in when the request of the last one has come out at the other side.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request that is held up (in a cut cable, say, or because the rest of it does not come) does not keep the gate longer.
pub const PATIENCE: Duration = Duration::from_millis(50);

static GATE: Mutex<()> = Mutex::new(());

/// The connections whose first request has not come out yet.
static COMING: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());

static COME: Condvar = Condvar::new();

/// The right to let a connection in.
pub struct Gate(MutexGuard<'static, ()>);

/// Waits for the right to let a connection in.
pub fn enter() -> Gate {
    Gate(GATE.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Gate {
    /// Waits until the first request on this connection has come out.
    pub fn wait(self, connection: SocketAddr) {
        let coming = COME.wait_timeout_while(coming(), PATIENCE, |coming| coming.contains(&connection));
        drop(coming);
        drop(self.0);
    }
}

/// Says which connection was opened; nothing was sent on it yet.
pub fn expect(connection: SocketAddr) {
    coming().insert(connection);
}

/// Forgets a connection that has ended.
pub fn forget(connection: SocketAddr) {
    coming().remove(&connection);
}

/// Whether the first request on this connection has not come out yet.
pub fn is_coming(connection: SocketAddr) -> bool {
    coming().contains(&connection)
}

/// A request has come out of tiny_http, on the connection with this address.
pub fn has_come(connection: Option<&SocketAddr>) {
    if connection.is_some_and(|connection| coming().remove(connection)) {
        COME.notify_all();
    }
}

/// Makes tiny_http look at its queue: a connection that ends at once, for which it has no idle thread, gets a thread of
/// its own, and that one looks at the queue when it is done. For when the machine was so slow that the gate's patience
/// ended before a thread had woken up.
pub fn nudge(server: SocketAddr) {
    drop(TcpStream::connect(server));
}

fn coming() -> MutexGuard<'static, BTreeSet<SocketAddr>> {
    COMING.lock().unwrap_or_else(PoisonError::into_inner)
}
