//! A read that ends in time.
//!
//! A time limit for each `read` alone is not enough: a peer that sends one byte now and then would hold its thread for
//! ever. So the caller gives a point in time, for as many reads as it takes.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Instant;

/// One `read` that ends at the deadline at the latest.
///
/// # Errors
/// What the socket says; [`is_timeout`](crate::is_timeout) tells when it was the deadline.
pub fn read_before(mut stream: &TcpStream, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
