//! Machinery: new connections.

use std::io::ErrorKind;

use mio::{Interest, Token};

use crate::EventLoop;
use crate::connection::Connection;

/// At most this many connections are accepted in a row; then those that are served have their turn.
const ACCEPTS: usize = 64;

impl EventLoop {
    /// Accepts the connections that wait for it.
    pub(crate) fn accept(&mut self) {
        for _ in 0..ACCEPTS {
            if !self.accepts {
                return;
            }
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    self.newest += 1;
                    let _ = stream.set_nodelay(true);
                    let (token, both) =
                        (Token(self.newest), Interest::READABLE | Interest::WRITABLE);
                    if self.poll.registry().register(&mut stream, token, both).is_ok() {
                        let connection = Connection::new(stream, self.common.now);
                        self.connections.insert(self.newest, connection);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.accepts = false; // none waits; or the limit of open files is reached
                    if error.kind() != ErrorKind::WouldBlock {
                        net::log(&format!("no connection is accepted for a while: {error}"));
                    }
                }
            }
        }
    }
}
