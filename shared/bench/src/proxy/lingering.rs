//! Last words: a connection that is over, but for what its client has still to read.

use std::any::Any;
use std::time::{Duration, Instant};

use super::cable::Fault;
use super::direction::{Direction, StreamEnd};
use super::socket::{ReadySocket, Received};
use super::{Drive, Env};

/// A client may take this long to read the last words and to close its side.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the client still sends is thrown away, up to this many bytes.
const MOST: usize = 1024 * 1024;

/// A socket that is closed with unread bytes sends a RST, which may overtake the last words written to it (RFC 9112, 9.6).
/// So it is read on for a moment.
pub struct Lingering {
    client: ReadySocket,
    /// The last words and the FIN behind them.
    down: Direction,
    until: Instant,
    thrown_away: usize,
    _held: Box<dyn Any>,
}

impl Lingering {
    /// Says these words and closes. What the connection held is given back then.
    pub fn new(client: ReadySocket, words: Vec<u8>, held: Box<dyn Any>, now: Instant) -> Self {
        let until = now + PATIENCE;
        let mut down = Direction::default();
        down.enter(words, (0, true), now);
        down.end(StreamEnd::Fin, now);
        Lingering { client, down, until, thrown_away: 0, _held: held }
    }

    /// The client's socket.
    pub fn socket(&mut self) -> &mut ReadySocket {
        &mut self.client
    }

    /// Does what can be done now.
    pub fn drive(&mut self, env: &mut Env) -> Drive {
        if self.down.flush(Fault::Whole, true, &mut self.client, env.now).is_err() {
            return Drive::Done;
        }
        loop {
            match self.client.read(&mut env.buffer) {
                Received::Bytes(length) if self.thrown_away < MOST => self.thrown_away += length,
                Received::Nothing if env.now < self.until => return Drive::Wait(Some(self.until)),
                _ => return Drive::Done,
            }
        }
    }
}
