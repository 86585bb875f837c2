//! Machinery: the way to one client. Two threads write to it, and each line goes out whole.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use room::{Gap, News};

use crate::framing::escape;

/// The way to one client.
pub struct ClientWriter {
    stream: TcpStream,
    /// The id of the newest message that the client has been told as news.
    pub told: u64,
}

impl ClientWriter {
    /// The way to the client of this stream, who needs nothing up to the message `told`.
    pub fn new(stream: TcpStream, told: u64) -> Self {
        ClientWriter { stream, told }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the connection is lost. It is closed then: nothing may follow half a line.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        let written = self.stream.write_all(format!("{line}\n").as_bytes());
        if written.is_err() {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        written
    }

    /// Writes what is missing, and the messages up to this id.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn news(&mut self, news: &News, last: u64) -> io::Result<()> {
        match news.gap {
            Gap::None => {}
            Gap::Missed(missed) => self
                .line(&format!("# {missed} messages are gone: the room keeps only the newest."))?,
            Gap::Restarted => {
                self.line("# The server was started again: its messages count from 1.")?
            }
        }
        let mut messages = news.messages.iter().filter(|message| message.id <= last);
        messages
            .try_for_each(|message| self.line(&format!("{} {}", message.id, escape(&message.text))))
    }
}

/// Locks it. A thread that panicked with the lock has left nothing half changed but perhaps a line.
pub fn lock(writer: &Mutex<ClientWriter>) -> MutexGuard<'_, ClientWriter> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}
