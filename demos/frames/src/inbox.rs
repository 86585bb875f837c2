//! Second reading: the bytes that have arrived, and how to read them quickly.
//!
//! A system call costs more than a small message. So one read takes whatever has arrived, many frames perhaps, and they
//! are taken from memory then.

use std::io::{self, Read};
use std::net::TcpStream;
use std::ops::Range;

/// The inbox of a quiet connection, in bytes. One that a read has filled grows to [`BUSY`].
const QUIET: usize = 4 * 1024;
/// The largest inbox, in bytes.
pub(crate) const BUSY: usize = 64 * 1024;

/// The bytes that have arrived and were not taken yet, and space for more.
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    unread: Range<usize>,
}

impl Inbox {
    /// With what has arrived already.
    pub(crate) fn new(mut arrived: Vec<u8>) -> Self {
        let unread = 0..arrived.len();
        arrived.resize(arrived.len().max(QUIET), 0);
        Inbox { bytes: arrived, unread }
    }

    /// What has arrived and was not taken.
    pub(crate) fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[self.unread.clone()]
    }

    /// Takes bytes off the front.
    pub(crate) fn take(&mut self, count: usize) {
        self.unread.start += count;
    }

    /// Waits for bytes; returns how many arrived. What is unread is the beginning of a header at
    /// most, and moves to the front.
    pub(crate) fn fill(&mut self, mut stream: &TcpStream) -> io::Result<usize> {
        if self.unread.end == self.bytes.len() && self.bytes.len() < BUSY {
            self.bytes.resize(BUSY, 0); // the last read has filled it: more is waiting
        }
        self.bytes.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        loop {
            match stream.read(&mut self.bytes[self.unread.end..]) {
                Ok(arrived) => {
                    self.unread.end += arrived;
                    return Ok(arrived);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
