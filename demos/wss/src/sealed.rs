//! One end of an encrypted connection: a socket, and the state of TLS that opens and seals what goes through it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::Connection;
use socket2::SockRef;

/// How much is read at once, in bytes: as much as one record carries (RFC 8446, 5.1).
const READ: usize = 16 * 1024;

/// A socket whose bytes are TLS records.
pub struct Sealed {
    tls: Mutex<Connection>,
    outside: TcpStream,
    /// Held from sealing to writing: records carry a number that is not sent, so they arrive in order or not at all.
    turn: Mutex<()>,
    /// This end has sent close_notify: what the other one does now is no matter of loss.
    finished: AtomicBool,
}

impl Sealed {
    /// Nothing was sent yet. `tls` says whether this end is the client or the server.
    pub fn new(tls: Connection, outside: TcpStream) -> Self {
        Sealed {
            tls: Mutex::new(tls),
            outside,
            turn: Mutex::new(()),
            finished: AtomicBool::new(false),
        }
    }

    /// The address of the other end.
    pub fn peer(&self) -> SocketAddr {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        self.outside.peer_addr().unwrap_or(unknown)
    }

    /// The protocol that both ends have agreed on (ALPN, RFC 7301).
    pub fn protocol(&self) -> Option<Vec<u8>> {
        self.tls().alpn_protocol().map(<[u8]>::to_vec)
    }

    // ANCHOR: handshake
    /// Shakes hands. Returns the first plain bytes: the client may send them with its last record.
    ///
    /// # Errors
    /// A sentence that says why there is no connection.
    pub fn handshake(&self, deadline: Instant) -> Result<Vec<u8>, String> {
        let (mut plain, mut bytes) = (Vec::new(), [0; READ]);
        self.flush().map_err(|error| error.to_string())?;
        while self.tls().is_handshaking() {
            let length = match net::read_before(&self.outside, &mut bytes, deadline) {
                Ok(0) => return Err("the client ended in the middle of the handshake".to_string()),
                Err(error) if net::is_timeout(&error) => {
                    return Err("the handshake took too long".to_string());
                }
                read => read.map_err(|error| error.to_string())?,
            };
            let (more, _ended) = self.open_or_end(&bytes[..length])?;
            plain.extend(more);
        }
        self.outside.set_read_timeout(None).map_err(|error| error.to_string())?;
        Ok(plain)
    }
    // ANCHOR_END: handshake

    // ANCHOR: pass
    /// Passes bytes until both directions have ended: this thread opens what comes from outside, a
    /// second one seals what comes from inside. Neither holds the state of TLS while it waits.
    ///
    /// # Errors
    /// A sentence, when the outside did not end in order.
    pub fn pass(self: &Arc<Self>, inside: TcpStream, first: Vec<u8>) -> Result<(), String> {
        let _as_it_is = inside.set_nodelay(true);
        let (sealed, from) = (self.clone(), inside.try_clone().map_err(|error| error.to_string())?);
        net::spawn(move || sealed.seal_all(&from)).map_err(|error| error.to_string())?;
        let ended = self.open_all(&inside, first);
        match self.finished.load(Ordering::Relaxed) {
            true => Ok(()), // the server had ended it already
            false => ended.inspect_err(|_| abort(&inside)),
        }
    }

    fn open_all(&self, mut inside: &TcpStream, first: Vec<u8>) -> Result<(), String> {
        let mut bytes = vec![0; READ];
        let mut opened = (first, false);
        loop {
            let (plain, ended) = opened;
            inside.write_all(&plain).map_err(|_| "the server inside has gone".to_string())?;
            if ended {
                let _gone = inside.shutdown(Shutdown::Write); // its close_notify becomes our FIN
                return Ok(());
            }
            opened = match (&self.outside).read(&mut bytes) {
                Ok(0) => return Err("truncated: a FIN without close_notify".to_string()),
                Ok(length) => self.open_or_end(&bytes[..length])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (Vec::new(), false),
                Err(error) => return Err(format!("torn down: {error}")),
            };
        }
    }

    fn seal_all(&self, mut inside: &TcpStream) {
        let mut bytes = vec![0; READ];
        loop {
            let sent = match inside.read(&mut bytes) {
                Ok(0) => {
                    self.tls().send_close_notify(); // RFC 8446, 6.1
                    self.finished.store(true, Ordering::Relaxed);
                    let _gone = self.flush().and_then(|()| self.outside.shutdown(Shutdown::Write));
                    return;
                }
                Ok(length) => self.seal(&bytes[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => Err(error),
            };
            if sent.is_err() {
                abort(&self.outside); // no close_notify: this is no end in order
                let _gone = inside.shutdown(Shutdown::Both);
                return;
            }
        }
    }
    // ANCHOR_END: pass

    // ANCHOR: open
    /// Opens records: the plain bytes in them, and whether they end with close_notify. Half a
    /// record waits for its rest.
    fn open(&self, mut records: &[u8]) -> Result<(Vec<u8>, bool), rustls::Error> {
        let (mut tls, mut plain, mut ended) = (self.tls(), Vec::new(), false);
        while !records.is_empty() && !ended {
            let general = |error: io::Error| rustls::Error::General(error.to_string());
            tls.read_tls(&mut records).map_err(general)?;
            let state = tls.process_new_packets()?;
            ended = state.peer_has_closed();
            let read = plain.len();
            plain.resize(read + state.plaintext_bytes_to_read(), 0);
            tls.reader().read_exact(&mut plain[read..]).map_err(general)?;
        }
        Ok((plain, ended))
    }

    /// Seals plain bytes into records, and writes them.
    fn seal(&self, plain: &[u8]) -> io::Result<()> {
        let turn = self.turn();
        self.tls().writer().write_all(plain)?;
        self.write(&turn)
    }

    /// Writes what TLS itself has to say: the handshake, alerts, new keys.
    fn flush(&self) -> io::Result<()> {
        self.write(&self.turn())
    }

    fn write(&self, _turn: &MutexGuard<()>) -> io::Result<()> {
        let mut records = Vec::new();
        let mut tls = self.tls();
        while tls.wants_write() {
            tls.write_tls(&mut records)?;
        }
        drop(tls); // a client that takes nothing holds up this writer, and not the other thread
        (&self.outside).write_all(&records)
    }
    // ANCHOR_END: open

    /// Opens records, and says what TLS has to say to that. After a fault that is an alert, the last words.
    fn open_or_end(&self, records: &[u8]) -> Result<(Vec<u8>, bool), String> {
        let opened = self.open(records);
        if opened.is_err() || self.tls().wants_write() {
            let _gone = self.flush();
        }
        opened.map_err(|error| {
            let _gone = net::close(&self.outside);
            error.to_string()
        })
    }

    /// The state of TLS. To be held for a moment only.
    pub fn tls(&self) -> MutexGuard<'_, Connection> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the end of this connection a RST, and wakes the thread that reads it.
fn abort(stream: &TcpStream) {
    let _gone = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _gone = stream.shutdown(Shutdown::Read);
}
