//! The writing end of a connection. Two threads write to it: the one that answers and the one that tells the news.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use room::{Gap, News};

use crate::framing::escape;

/// Writes lines. Each goes out whole, since only one thread writes at a time.
pub struct Writer(Mutex<State>);

struct State {
    stream: TcpStream,
    /// The client has every message up to this one since it came.
    told: u64,
}

impl Writer {
    /// The writing end of this connection, whose client came after message `told`.
    pub fn new(stream: TcpStream, told: u64) -> Self {
        Writer(Mutex::new(State { stream, told }))
    }

    /// Writes a line.
    ///
    /// # Errors
    /// When the client has gone, or took no byte for the whole time-out.
    pub fn write(&self, line: &str) -> io::Result<()> {
        self.lock().write(line)
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn tell(&self, news: &News) -> io::Result<()> {
        let mut state = self.lock();
        state.told = news.next.after;
        state.tell(news, u64::MAX)
    }

    /// Writes again what the client asked for, up to the last message that it was told.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn repeat(&self, news: &News) -> io::Result<()> {
        let mut state = self.lock();
        let told = state.told;
        state.tell(news, told)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, line: &str) -> io::Result<()> {
        let written = self.stream.write_all(format!("{line}\n").as_bytes());
        if written.is_err() {
            let _ = self.stream.shutdown(Shutdown::Both); // half a line was sent: nothing may follow
        }
        written
    }

    fn tell(&mut self, news: &News, last: u64) -> io::Result<()> {
        match news.gap {
            Gap::None => {}
            Gap::Missed(missed) => {
                self.write(&format!(
                    "# {missed} messages are gone: the room keeps only the newest."
                ))?;
            }
            Gap::Restarted => {
                self.write("# The server was started again: its messages count from 1.")?;
            }
        }
        for message in news.messages.iter().filter(|message| message.id <= last) {
            self.write(&format!("{} {}", message.id, escape(&message.text)))?;
        }
        Ok(())
    }
}
