//! One connection, seen from the bench: the browser's socket, the demo's socket, and what both pumps must know.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::door::Refusal;

/// A writer that is stuck looks this often whether the connection still lives.
pub const LOOK_UP: Duration = Duration::from_millis(250);

/// One connection.
pub struct Line {
    /// They count from 1.
    pub id: u64,
    /// The browser's address.
    pub peer: SocketAddr,
    /// The browser's socket.
    pub client: TcpStream,
    /// The demo's socket, once the front door has let something in.
    pub server: OnceLock<TcpStream>,
    /// Bytes from browser to server, so far.
    pub up: AtomicU64,
    /// Bytes from server to browser, so far.
    pub down: AtomicU64,
    /// The requests that wait for their answer, oldest first; `true` for a HEAD, whose answer has no body.
    asked: Mutex<VecDeque<bool>>,
    answered: Condvar,
    mouth: Mutex<Mouth>,
    dead: AtomicBool,
}

/// Who may write to the browser: the demo, or the front door with its last word.
#[derive(Default)]
pub struct Mouth {
    /// The demo has begun an answer and not ended it.
    pub mid_answer: bool,
    /// The front door has spoken: nobody writes any more.
    pub shut: bool,
}

impl Line {
    /// A connection that was just accepted.
    ///
    /// # Errors
    /// When the socket is gone already.
    pub fn new(id: u64, peer: SocketAddr, client: TcpStream) -> io::Result<Self> {
        prepare(&client)?;
        Ok(Line {
            id,
            peer,
            client,
            server: OnceLock::new(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            asked: Mutex::default(),
            answered: Condvar::new(),
            mouth: Mutex::default(),
            dead: AtomicBool::new(false),
        })
    }

    /// Opens the way to the demo, which is done when the first bytes have passed the front door.
    ///
    /// # Errors
    /// When the demo does not accept connections.
    pub fn connect(&self, to: SocketAddr) -> io::Result<()> {
        let server = TcpStream::connect(to)?;
        prepare(&server)?;
        let _ = self.server.set(server);
        Ok(())
    }

    /// Whether the connection was torn down.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Tears the connection down: both ends get a RST once both pumps have let go of it.
    pub fn reset(&self) {
        for socket in [Some(&self.client), self.server.get()].into_iter().flatten() {
            // With a linger time of zero, closing sends RST instead of FIN (RFC 9293, 3.10.4: ABORT).
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
        self.abandon();
    }

    /// Ends the connection in order, whatever the pumps are doing.
    pub fn abandon(&self) {
        self.dead.store(true, Ordering::Relaxed);
        for socket in [Some(&self.client), self.server.get()].into_iter().flatten() {
            // Wakes the pump that sleeps in a read. Windows wakes it only when both directions are shut.
            let _ = socket.shutdown(if cfg!(windows) { Shutdown::Both } else { Shutdown::Read });
        }
    }

    /// Writes all of it, unless the connection dies meanwhile.
    ///
    /// # Errors
    /// When the other end is gone, or the connection was torn down.
    pub fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.is_dead() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            match to.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_pause(&error) => {} // a slow reader: look up, then wait on
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The right to write to the browser.
    pub fn mouth(&self) -> MutexGuard<'_, Mouth> {
        self.mouth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests that wait for their answer.
    pub fn asked(&self) -> MutexGuard<'_, VecDeque<bool>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest request that waited has its answer.
    pub fn answer_ended(&self) {
        self.asked().pop_front();
        self.answered.notify_all();
    }

    /// Whether fewer than `most` requests wait for their answer; waits for that, at most for `timeout`.
    pub fn fewer_wait_than(&self, most: usize, timeout: Duration) -> bool {
        let waiting = self.answered.wait_timeout_while(self.asked(), timeout, |asked| asked.len() >= most);
        waiting.unwrap_or_else(PoisonError::into_inner).0.len() < most
    }

    /// Takes the right to write to the browser away from the demo, if the demo owes no answer (but to the request that is
    /// refused) and is not in the middle of one.
    fn silence(&self, in_body: bool) -> bool {
        let owed = self.asked().len();
        match self.mouth.try_lock() {
            Ok(mut mouth) if !mouth.mid_answer && owed <= usize::from(in_body) => {
                mouth.shut = true;
                true
            }
            _ => false,
        }
    }

    /// The front door's last word: answers with an error and ends the connection. `in_body`: the head of the request it
    /// is about has gone to the demo already. Returns the answer if it could be given; when the demo is in the middle of
    /// another answer there is no place for one, and the connection is torn down.
    pub fn refuse(&self, refusal: &Refusal, in_body: bool) -> Option<Vec<u8>> {
        let answer = refusal.answer();
        let patience = Instant::now() + LOOK_UP;
        let mut free = self.silence(in_body);
        while !free && Instant::now() < patience && !self.is_dead() {
            thread::sleep(Duration::from_millis(1)); // the last answer may be on its way out
            free = self.silence(in_body);
        }
        if !free || self.write(&self.client, &answer).is_err() {
            self.reset();
            return None;
        }
        if let Some(server) = self.server.get() {
            let _ = server.shutdown(Shutdown::Both);
        }
        hang_up(&self.client);
        self.abandon();
        Some(answer)
    }
}

/// Closes a socket so that the last words written to it arrive: a socket that is closed with unread bytes sends a RST,
/// which may overtake them (RFC 9112, 9.6). So it reads on for a second, at most.
pub fn hang_up(mut socket: &TcpStream) {
    let _ = socket.shutdown(Shutdown::Write);
    let enough = Instant::now() + Duration::from_secs(1);
    let mut rest = [0; 4096];
    let mut total = 0;
    while total < 1024 * 1024 {
        let left = enough.saturating_duration_since(Instant::now());
        if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match socket.read(&mut rest) {
            Ok(0) | Err(_) => return,
            Ok(length) => total += length,
        }
    }
}

/// A read or write that came to its time limit, or was interrupted, and may be tried again.
pub fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?; // what one side writes at once leaves at once, as it would without the bench
    socket.set_write_timeout(Some(LOOK_UP))
}
