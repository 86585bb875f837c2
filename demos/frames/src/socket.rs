//! A WebSocket on a TCP connection: reads well, writes well, answers pings, and closes as it should.
//!
//! Two rules make it quick, and both are about system calls, of which each costs more than a small message:
//!
//! - One read takes whatever has arrived, many frames perhaps, and they are taken from memory then.
//! - Answers are gathered, and written **before the next read that may have to wait**. So all frames that one read brought
//!   are answered by one write, and nobody waits for an answer that lies here finished.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use handshake::answer;
use handshake::random::Random;
use handshake::request::is_timeout;

use crate::close::{Close, Failure};
use crate::frame::{Head, Opcode, write_frame};
use crate::message::{Event, Message, Receiver, Role};

/// The inbox of a quiet connection, in bytes. One that is filled by a read grows, up to [`BUSY`].
const QUIET: usize = 4 * 1024;
/// The largest inbox, and the most that is gathered before it is written, in bytes.
const BUSY: usize = 64 * 1024;
/// A payload of so many bytes is written from where it lies, and not copied to the outbox first.
const LARGE: usize = 8 * 1024;

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A message.
    Message(Message),
    /// A pong, with the payload of the ping it answers.
    Pong(Vec<u8>),
    /// Nothing, for as long as [`Socket::patience`] said. Not an error: what to make of it is the caller's affair.
    Silence,
    /// The end of the connection; nothing comes after it.
    Gone(End),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By the closing handshake: this is what the other side's Close frame said.
    Closed(Close),
    /// By us, since the other side broke a rule.
    Failed(Failure),
    /// Without a word.
    Lost,
}

/// The listening end: one thread owns it.
pub struct Socket {
    stream: Arc<TcpStream>,
    role: Role,
    receiver: Receiver,
    speaker: Speaker,
    inbox: Vec<u8>,
    /// The part of the inbox that has arrived and was not taken yet.
    unread: std::ops::Range<usize>,
    heard: Instant,
    over: bool,
}

impl Socket {
    /// Goes on where a handshake ended. `rest` is what has arrived behind its head; `limit` the longest message to take,
    /// in bytes.
    pub fn new(stream: TcpStream, rest: Vec<u8>, role: Role, limit: usize) -> Self {
        let stream = Arc::new(stream);
        let (outbox, random) = (Vec::new(), Random::default());
        let mouth = Mouth { stream: stream.clone(), role, outbox, random, closed: false, broken: false };
        let unread = 0..rest.len();
        let mut inbox = rest;
        inbox.resize(inbox.len().max(QUIET), 0);
        Socket {
            speaker: Speaker { stream: stream.clone(), mouth: Arc::new(Mutex::new(mouth)) },
            stream,
            role,
            receiver: Receiver::new(role, limit),
            inbox,
            unread,
            heard: Instant::now(),
            over: false,
        }
    }

    /// The speaking end, which may be cloned and used by any thread.
    pub fn speaker(&self) -> Speaker {
        self.speaker.clone()
    }

    /// When the last byte arrived.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// How long [`read`](Self::read) may wait before it says [`Next::Silence`]; `None` for ever.
    ///
    /// # Errors
    /// When the socket is no more.
    pub fn patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(patience)
    }

    // ANCHOR: read
    /// Waits for what comes next. Pings are answered and closing handshakes finished on the way.
    pub fn read(&mut self) -> Next {
        while !self.over {
            match self.receiver.receive(&mut self.inbox[self.unread.clone()]) {
                Ok((taken, event)) => {
                    self.unread.start += taken;
                    match event {
                        Some(Event::Message(message)) => return Next::Message(message),
                        Some(Event::Pong(payload)) => return Next::Pong(payload),
                        Some(Event::Ping(payload)) => self.speaker.mouth().frame(Opcode::Pong, &payload),
                        Some(Event::Close(close)) => return self.over(End::Closed(close)),
                        None if taken > 0 => {}
                        None => match self.wait() {
                            Ok(0) => return self.over(End::Lost),
                            Ok(_) => {}
                            Err(error) if is_timeout(&error) => return Next::Silence,
                            Err(_) => return self.over(End::Lost),
                        },
                    }
                }
                Err(failure) => return self.over(End::Failed(failure)),
            }
        }
        Next::Gone(End::Lost)
    }
    // ANCHOR_END: read

    // ANCHOR: wait
    /// Sends what there is to say, then waits for bytes. At most the beginning of a head is still unread here.
    ///
    /// Another thread may be sending right now, to somebody who takes nothing. It sends what lies in the outbox, too, so
    /// there is no need to wait for it; and who listens must not: silence could not be noticed then.
    fn wait(&mut self) -> io::Result<usize> {
        if let Ok(mut mouth) = self.speaker.mouth.try_lock() {
            mouth.flush()?;
        }
        if self.unread.end == self.inbox.len() && self.inbox.len() < BUSY {
            self.inbox.resize(BUSY, 0); // a read has filled it, so there is more where that came from
        }
        self.inbox.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let arrived = loop {
            match (&*self.stream).read(&mut self.inbox[self.unread.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        self.unread.end += arrived;
        self.heard = Instant::now();
        Ok(arrived)
    }
    // ANCHOR_END: wait

    // ANCHOR: over
    /// Ends the connection from our side: answers a Close frame with its own code (5.5.1), tells the other side what it
    /// did wrong (7.1.7), and lets it read that before the socket is closed (7.1.1).
    fn over(&mut self, end: End) -> Next {
        self.over = true;
        let last_word = match &end {
            End::Closed(close) => Some(Close { code: close.code, reason: String::new() }),
            End::Failed(failure) => Some(Close::from(*failure)),
            End::Lost => None,
        };
        if let Some(close) = last_word
            && self.speaker.close(&close).is_ok()
        {
            // The server ends the TCP connection; a client that was closed politely waits for that.
            let polite = self.role == Role::Client && matches!(end, End::Closed(_));
            let _gone = if polite { answer::drain(&self.stream) } else { answer::close(&self.stream) };
        }
        self.speaker.hang_up();
        Next::Gone(end)
    }
    // ANCHOR_END: over

    // ANCHOR: close
    /// Starts the closing handshake, and waits for the other side's half (7.1.2). Messages that still come are dropped.
    pub fn close(mut self, code: u16, reason: &str, patience: Duration) -> End {
        let deadline = Instant::now() + patience;
        let close = Close { code: Some(code), reason: reason.to_string() };
        let mut ready = self.speaker.close(&close);
        while ready.is_ok() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            ready = self.patience(Some(left));
            if let Next::Gone(end) = self.read() {
                return end;
            }
        }
        self.speaker.hang_up();
        End::Lost
    }
    // ANCHOR_END: close

    /// Puts a message with the answers that leave before the next wait.
    pub fn answer(&self, message: &Message) {
        self.speaker.mouth().message(message);
    }
}

/// The speaking end.
#[derive(Clone)]
pub struct Speaker {
    stream: Arc<TcpStream>,
    mouth: Arc<Mutex<Mouth>>,
}

impl Speaker {
    /// Sends a message now.
    ///
    /// # Errors
    /// When the connection is closed, or the other side takes nothing for too long.
    pub fn send(&self, message: &Message) -> io::Result<()> {
        self.say(|mouth| mouth.message(message))
    }

    /// Sends text now.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn text(&self, text: &str) -> io::Result<()> {
        self.say(|mouth| mouth.frame(Opcode::Text, text.as_bytes()))
    }

    /// Sends some texts now, a message each, in one write.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn texts(&self, texts: &[String]) -> io::Result<()> {
        self.say(|mouth| texts.iter().for_each(|text| mouth.frame(Opcode::Text, text.as_bytes())))
    }

    /// Sends a ping now, with up to 125 bytes that its pong will repeat.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn ping(&self, payload: &[u8]) -> io::Result<()> {
        self.say(|mouth| mouth.frame(Opcode::Ping, payload))
    }

    fn say(&self, what: impl FnOnce(&mut Mouth)) -> io::Result<()> {
        let mut mouth = self.mouth();
        if mouth.closed {
            return Err(io::ErrorKind::NotConnected.into());
        }
        what(&mut mouth);
        mouth.flush()
    }

    /// Whether anything may still be sent.
    pub fn is_open(&self) -> bool {
        let mouth = self.mouth();
        !mouth.closed && !mouth.broken
    }

    /// Sends the Close frame, once; nothing may follow it (5.5.1).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn close(&self, close: &Close) -> io::Result<()> {
        let mut mouth = self.mouth();
        mouth.frame(Opcode::Close, &close.write());
        mouth.closed = true;
        mouth.flush()
    }

    /// Ends the connection now and without a word, also when another thread waits in a read or a write on it.
    pub fn hang_up(&self) {
        let _gone = self.stream.shutdown(Shutdown::Both);
        self.mouth().closed = true; // the shutdown has woken whoever held this lock in a write
    }

    fn mouth(&self) -> MutexGuard<'_, Mouth> {
        self.mouth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What only one thread may use at a time, or frames would end up inside each other.
struct Mouth {
    stream: Arc<TcpStream>,
    role: Role,
    outbox: Vec<u8>,
    random: Random,
    closed: bool,
    /// Set by a write that failed: part of a frame may have left, so nothing else may.
    broken: bool,
}

impl Mouth {
    fn message(&mut self, message: &Message) {
        match message {
            Message::Text(text) => self.frame(Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => self.frame(Opcode::Binary, bytes),
        }
    }

    // ANCHOR: gather
    /// Puts a frame into the outbox. A large payload that needs no mask is not copied: it leaves at once from where it
    /// lies, with the outbox in front of it, in one write.
    fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.closed {
            return;
        }
        if self.role == Role::Server && payload.len() >= LARGE {
            Head { fin: true, opcode, key: None, length: payload.len() as u64 }.write(&mut self.outbox);
            self.write(payload);
        } else {
            let key = (self.role == Role::Client).then(|| self.random.four());
            write_frame(&mut self.outbox, true, opcode, key, payload);
            if self.outbox.len() >= BUSY {
                self.write(&[]);
            }
        }
    }
    // ANCHOR_END: gather

    /// Writes the outbox, and `payload` behind it.
    fn write(&mut self, payload: &[u8]) {
        let mut both = [IoSlice::new(&self.outbox), IoSlice::new(payload)];
        let mut left = &mut both[..];
        IoSlice::advance_slices(&mut left, 0); // passes over what is empty
        while !left.is_empty() && !self.broken {
            match (&*self.stream).write_vectored(left) {
                Ok(written @ 1..) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => self.broken = true, // gone, or took no byte for the whole write time-out
            }
        }
        self.outbox.clear();
        self.outbox.shrink_to(BUSY);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(&[]);
        if self.broken { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::{NORMAL, PROTOCOL_ERROR};
    use crate::message::MAX_MESSAGE;
    use std::net::TcpListener;
    use std::thread;

    /// Two ends of a TCP connection; the second is a server's socket.
    fn pair() -> (TcpStream, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (client, Socket::new(listener.accept().unwrap().0, Vec::new(), Role::Server, MAX_MESSAGE))
    }

    /// Bytes of a client's frame; the key of zeros changes nothing.
    fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        write_frame(&mut wire, true, opcode, Some([0; 4]), payload);
        wire
    }

    fn all(mut client: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn all_frames_of_one_read_are_answered_by_one_write() {
        let (mut client, mut socket) = pair();
        client
            .write_all(&[frame(Opcode::Text, b"one"), frame(Opcode::Ping, b"?"), frame(Opcode::Text, b"two")].concat())
            .unwrap();
        for text in ["one", "two"] {
            let message = Message::Text(text.to_string());
            assert_eq!(socket.read(), Next::Message(message.clone()));
            socket.answer(&message);
        }
        socket.patience(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(socket.read(), Next::Silence, "the answers left before this wait");
        let mut bytes = [0; 100];
        let length = client.read(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"\x81\x03one\x8a\x01?\x81\x03two");
    }

    /// Published mistake: close not echoed.
    #[test]
    fn a_close_frame_is_answered_with_its_own_code_and_then_the_connection_ends() {
        let (mut client, mut socket) = pair();
        client.write_all(&frame(Opcode::Close, b"\x0f\xa0bye")).unwrap();
        let server = thread::spawn(move || socket.read());
        assert_eq!(all(client), b"\x88\x02\x0f\xa0");
        let close = Close { code: Some(4000), reason: "bye".to_string() };
        assert_eq!(server.join().unwrap(), Next::Gone(End::Closed(close)));
    }

    #[test]
    fn a_close_frame_without_a_code_is_answered_by_one_without_a_code() {
        let (mut client, mut socket) = pair();
        client.write_all(&frame(Opcode::Close, b"")).unwrap();
        let server = thread::spawn(move || socket.read());
        assert_eq!(all(client), b"\x88\x00");
        assert_eq!(server.join().unwrap(), Next::Gone(End::Closed(Close::default())));
    }

    #[test]
    fn who_breaks_a_rule_is_told_which_and_nothing_behind_it_is_looked_at() {
        let (mut client, mut socket) = pair();
        client.write_all(&[frame(Opcode::Continuation, b"?"), frame(Opcode::Text, b"never seen")].concat()).unwrap();
        let server = thread::spawn(move || (socket.read(), socket.read()));
        let answer = all(client);
        let (first, second) = server.join().unwrap();
        assert!(matches!(first, Next::Gone(End::Failed(Failure { code: PROTOCOL_ERROR, .. }))), "{first:?}");
        assert_eq!(second, Next::Gone(End::Lost));
        assert_eq!((answer[0], &answer[2..4]), (0x88, &PROTOCOL_ERROR.to_be_bytes()[..]));
        assert_eq!(&answer[4..], b"there is no message to continue (5.4)");
    }

    #[test]
    fn the_closing_handshake_may_be_started_here() {
        let (mut client, socket) = pair();
        let server = thread::spawn(move || socket.close(NORMAL, "done", Duration::from_secs(10)));
        let mut bytes = [0; 8];
        client.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"\x88\x06\x03\xe8done");
        client.write_all(&[frame(Opcode::Text, b"too late"), frame(Opcode::Close, b"\x03\xe8")].concat()).unwrap();
        assert_eq!(all(client), b"", "one Close frame is enough");
        let close = Close { code: Some(NORMAL), reason: String::new() };
        assert_eq!(server.join().unwrap(), End::Closed(close));
    }

    #[test]
    fn a_peer_that_never_closes_is_not_waited_for_for_ever() {
        let (_client, socket) = pair();
        assert_eq!(socket.close(NORMAL, "", Duration::from_millis(20)), End::Lost);
    }

    #[test]
    fn an_end_without_a_word_is_a_loss() {
        let (client, mut socket) = pair();
        drop(client);
        assert_eq!(socket.read(), Next::Gone(End::Lost));
    }

    #[test]
    fn hanging_up_wakes_a_thread_that_waits_in_a_write() {
        let (_client, socket) = pair();
        let speaker = socket.speaker();
        let writer = thread::spawn(move || {
            loop {
                if let Err(error) = speaker.send(&Message::Binary(vec![0; 1 << 20])) {
                    return error.kind();
                }
            }
        });
        thread::sleep(Duration::from_millis(50)); // enough to fill the kernel's buffers; if not, the test still holds
        socket.speaker().hang_up();
        assert_eq!(writer.join().unwrap(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn large_messages_pass_whole_in_both_roles() {
        let (client, mut server) = pair();
        let mut client = Socket::new(client, Vec::new(), Role::Client, MAX_MESSAGE);
        for length in [LARGE - 1, LARGE, BUSY, BUSY + 1, 1 << 20] {
            let message = Message::Binary((0..length).map(|at| (at / 3) as u8).collect());
            thread::scope(|scope| {
                scope.spawn(|| {
                    assert_eq!(server.read(), Next::Message(message.clone()), "{length} bytes");
                    server.speaker().send(&message).unwrap();
                });
                client.speaker().send(&message).unwrap();
                assert_eq!(client.read(), Next::Message(message.clone()), "{length} bytes back");
            });
        }
    }
}
