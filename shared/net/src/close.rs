//! Closing a connection so that the last bytes arrive.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::read_before;

/// How long the other side may take to end the connection, too.
const LINGER: Duration = Duration::from_secs(2);

// ANCHOR: close
/// Ends a connection so that the other side still reads our last bytes: says that nothing more
/// comes, then listens until the other side ends it too, for two seconds at most.
///
/// A socket that is closed with unread bytes in it sends a reset instead of an end, and a reset
/// makes the other side forget what it has not read yet (RFC 9112, 9.6; RFC 6455, 7.1.1).
///
/// # Errors
/// When the connection is broken, or the other side has not ended it by then.
pub fn close(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    drain(stream)
}
// ANCHOR_END: close

/// Reads and forgets until the other side ends the connection, for two seconds at most.
///
/// # Errors
/// As [`close`].
pub fn drain(stream: &TcpStream) -> io::Result<()> {
    let deadline = Instant::now() + LINGER;
    let mut unread = [0; 4096];
    while read_before(stream, &mut unread, deadline)? > 0 {}
    Ok(())
}
