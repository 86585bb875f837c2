//! A socket that never blocks, and what is known of its readiness.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// This many bytes, at the front of the buffer.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The end of the stream: a FIN.
    Fin,
    /// The connection was torn down: a RST.
    Reset,
}

/// One end of a connection. Readiness is told once when it changes, so it is kept here until the kernel says that it is over.
pub struct ReadySocket {
    stream: TcpStream,
    readable: bool,
    writable: bool,
    /// The kernel told of a FIN or RST: a short read is then not the last one.
    closing: bool,
    failed: bool,
}

impl ReadySocket {
    /// Registers a stream, so that its events come under this token.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn new(mut stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        let _ = stream.set_nodelay(true); // what one side writes at once leaves at once, as it would without the proxy
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(ReadySocket { stream, readable: true, writable: true, closing: false, failed: false })
    }

    /// Remembers what an event says.
    pub fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable();
        self.closing |= event.is_read_closed() || event.is_error();
        // After a RST, and after a FIN each way, nothing can be written; only the former is an error.
        self.failed |= event.is_error();
    }

    /// Whether the other side tore the connection down: also known while nothing is read.
    pub fn was_reset(&self) -> bool {
        self.failed
    }

    /// The address of this end.
    ///
    /// # Errors
    /// When the socket has none any more.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.stream.local_addr()
    }

    /// Reads what is there.
    pub fn read(&mut self, buffer: &mut [u8]) -> Received {
        while self.readable {
            match self.stream.read(buffer) {
                Ok(0) => return Received::Fin,
                Ok(length) => {
                    // On Linux a short read means that nothing is left, and the next byte makes a new event. That spares
                    // a system call in four. Other systems want to hear WouldBlock before they tell of more.
                    self.readable = !cfg!(target_os = "linux") || length == buffer.len() || self.closing;
                    return Received::Bytes(length);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => self.readable = false,
                Err(_) => return Received::Reset,
            }
        }
        Received::Nothing
    }

    /// Writes as much as the kernel takes, and says how much that was.
    ///
    /// # Errors
    /// When the other side has gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while self.writable && written < bytes.len() {
            match self.stream.write(&bytes[written..]) {
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A connection to the demo that is still being opened.
                Err(error) if error.kind() == ErrorKind::NotConnected && !self.failed => self.writable = false,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Sends a FIN: nothing more will be written.
    pub fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Makes the close of this socket a RST: with a linger time of zero, closing aborts (RFC 9293, 3.10.5).
    pub fn abort_when_closed(&self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
