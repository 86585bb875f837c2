//! Second reading: the frames that leave, and how to send them quickly.
//!
//! A system call costs more than a small message. So answers are gathered, and written **before the next read that may
//! have to wait**: all frames that one read brought are answered by one write, and no finished answer lies here while its
//! client waits for it.
//!
//! A client that takes no byte for the socket's write time-out (10 s, see `handshake`) is given up, within twice that time:
//! a write that took some bytes before it got stuck is tried once more.

use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::close::Close;
use crate::frame::{FrameHeader, Opcode, RSV1, write_frame};
use crate::inbox::BUSY;
use crate::message::{DataMessage, Role};

/// A payload of so many bytes is written from where it lies, and not copied to the outbox first.
const LARGE: usize = 8 * 1024;

/// An extension that packs messages before they leave (RFC 6455, 9), as compression does.
pub trait Pack: Send {
    /// The payload to send instead of this one, with RSV1 set; `None` to send it as it is. Called in the order in which the
    /// messages leave.
    fn pack(&mut self, payload: &[u8]) -> Option<Vec<u8>>;
}

/// The sending end of a WebSocket. It may be cloned, and used by any thread.
#[derive(Clone)]
pub struct Sender {
    stream: Arc<TcpStream>,
    outbox: Arc<Mutex<Outbox>>,
}

impl Sender {
    pub(crate) fn new(stream: Arc<TcpStream>, role: Role, pack: Option<Box<dyn Pack>>) -> Self {
        let outbox = Outbox {
            stream: stream.clone(),
            role,
            pack,
            bytes: Vec::new(),
            closed: false,
            broken: false,
        };
        Sender { stream, outbox: Arc::new(Mutex::new(outbox)) }
    }

    /// Sends a message now.
    ///
    /// # Errors
    /// When the connection is closed, or the other side takes nothing for too long.
    pub fn send(&self, message: &DataMessage) -> io::Result<()> {
        self.now(|outbox| outbox.message(message))
    }

    /// Sends text now.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn text(&self, text: &str) -> io::Result<()> {
        self.now(|outbox| outbox.data(Opcode::Text, text.as_bytes()))
    }

    /// Sends some texts now, each as a message, in one write.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn texts(&self, texts: &[String]) -> io::Result<()> {
        self.now(|outbox| texts.iter().for_each(|text| outbox.data(Opcode::Text, text.as_bytes())))
    }

    /// Sends a ping now, with up to 125 bytes that its pong will repeat.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn ping(&self, payload: &[u8]) -> io::Result<()> {
        self.now(|outbox| outbox.frame(Opcode::Ping, payload))
    }

    /// Sends the Close frame, once; nothing may follow it (5.5.1).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn close(&self, close: &Close) -> io::Result<()> {
        let mut outbox = self.outbox();
        outbox.frame(Opcode::Close, &close.serialize());
        outbox.closed = true;
        outbox.flush()
    }

    /// Ends the connection now, without a Close frame, also when another thread waits in a read or a write on it.
    pub fn hang_up(&self) {
        let _gone = self.stream.shutdown(Shutdown::Both);
        self.outbox().closed = true; // the shutdown has woken the thread that held this lock in a write
    }

    /// Whether anything may still be sent.
    pub fn is_open(&self) -> bool {
        let outbox = self.outbox();
        !outbox.closed && !outbox.broken
    }

    /// Puts a message with the answers that leave before the next wait.
    pub(crate) fn answer(&self, message: &DataMessage) {
        self.outbox().message(message);
    }

    /// The same with the answer to a ping.
    pub(crate) fn pong(&self, payload: &[u8]) {
        self.outbox().frame(Opcode::Pong, payload);
    }

    /// Writes the answers, before a wait. When another thread is writing right now, it writes them
    /// too: a thread that reads must not wait for it, or it could not notice a time-out.
    pub(crate) fn flush_answers(&self) -> io::Result<()> {
        match self.outbox.try_lock() {
            Ok(mut outbox) => outbox.flush(),
            Err(_) => Ok(()),
        }
    }

    fn now(&self, put: impl FnOnce(&mut Outbox)) -> io::Result<()> {
        let mut outbox = self.outbox();
        if outbox.closed {
            return Err(io::ErrorKind::NotConnected.into());
        }
        put(&mut outbox);
        outbox.flush()
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one thread at a time may use, or the frames of two would be mixed.
struct Outbox {
    stream: Arc<TcpStream>,
    role: Role,
    pack: Option<Box<dyn Pack>>,
    bytes: Vec<u8>,
    closed: bool,
    /// Set by a write that failed: part of a frame may have left, so nothing may follow.
    broken: bool,
}

impl Outbox {
    fn message(&mut self, message: &DataMessage) {
        match message {
            DataMessage::Text(text) => self.data(Opcode::Text, text.as_bytes()),
            DataMessage::Binary(bytes) => self.data(Opcode::Binary, bytes),
        }
    }

    /// Puts a message into the outbox; one that an extension has packed has RSV1 set.
    fn data(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.closed {
            return; // what is packed must be sent: the other end's window is to be the same
        }
        let Some(packed) = self.pack.as_mut().and_then(|extension| extension.pack(payload)) else {
            return self.frame(opcode, payload);
        };
        let (start, key) = (self.bytes.len(), (self.role == Role::Client).then(masking_key));
        write_frame(&mut self.bytes, true, opcode, key, &packed);
        self.bytes[start] |= RSV1;
        if self.bytes.len() >= BUSY {
            self.write(&[]);
        }
    }

    /// Puts a frame into the outbox. A large payload that needs no mask is not copied: it leaves at
    /// once from where it lies, with the outbox in front of it, in one write.
    fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.closed {
            return;
        }
        if self.role == Role::Server && payload.len() >= LARGE {
            let length = payload.len() as u64;
            FrameHeader { fin: true, opcode, key: None, length }.serialize(&mut self.bytes);
            self.write(payload);
        } else {
            let key = (self.role == Role::Client).then(masking_key);
            write_frame(&mut self.bytes, true, opcode, key, payload);
            if self.bytes.len() >= BUSY {
                self.write(&[]);
            }
        }
    }

    /// Writes the outbox, and `payload` behind it.
    fn write(&mut self, payload: &[u8]) {
        let mut both = [IoSlice::new(&self.bytes), IoSlice::new(payload)];
        let mut left = &mut both[..];
        IoSlice::advance_slices(&mut left, 0); // passes over what is empty
        while !left.is_empty() && !self.broken {
            match (&*self.stream).write_vectored(left) {
                Ok(written @ 1..) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => self.broken = true, // gone, or took no byte for the whole write time-out
            }
        }
        self.bytes.clear();
        self.bytes.shrink_to(BUSY);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(&[]);
        if self.broken { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

/// Four random bytes. A key that a page could foresee would let it choose the bytes on the wire, and so speak to a proxy that
/// takes them for HTTP (10.3).
fn masking_key() -> [u8; 4] {
    let mut key = [0; 4];
    getrandom::fill(&mut key).expect("the operating system gives random numbers");
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;
    use std::time::{Duration, Instant};

    /// A client that reads nothing, and the server's sender to it.
    fn to_a_client_that_reads_nothing() -> (TcpStream, Sender) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, Sender::new(Arc::new(listener.accept().unwrap().0), Role::Server, None))
    }

    fn send_until_it_fails(sender: &Sender) -> io::ErrorKind {
        loop {
            if let Err(error) = sender.send(&DataMessage::Binary(vec![0; 1 << 20])) {
                return error.kind();
            }
        }
    }

    #[test]
    fn hanging_up_wakes_a_thread_that_waits_in_a_write() {
        let (_client, sender) = to_a_client_that_reads_nothing();
        let writer = thread::spawn({
            let sender = sender.clone();
            move || send_until_it_fails(&sender)
        });
        while sender.outbox.try_lock().is_ok() {
            thread::yield_now(); // until the writer is at work
        }
        sender.hang_up();
        assert!(
            [io::ErrorKind::BrokenPipe, io::ErrorKind::NotConnected]
                .contains(&writer.join().unwrap())
        );
    }

    #[test]
    fn a_client_that_takes_nothing_is_given_up_within_twice_the_write_timeout() {
        let (_client, sender) = to_a_client_that_reads_nothing();
        sender.stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let start = Instant::now();
        assert_eq!(send_until_it_fails(&sender), io::ErrorKind::BrokenPipe);
        assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
        assert!(!sender.is_open());
    }
}
