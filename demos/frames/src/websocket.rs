//! A WebSocket on a TCP connection: tells what arrives, answers pings, and closes as it should.
//!
//! One thread owns the [`WebSocket`] and reads. Any thread may send, through a [`Sender`].

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::close::{Close, Failure};
use crate::inbox::Inbox;
use crate::limits::Limits;
use crate::message::{DataMessage, Incoming, Receive, Receiver, Role};
use crate::outbox::{Pack, Sender};

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A message.
    Message(DataMessage),
    /// A pong, with the payload of the ping that it answers.
    Pong(Vec<u8>),
    /// Nothing within the read time-out. Not an error: what it means, the caller decides.
    Timeout,
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
    /// Without a Close frame: what an API calls 1006, abnormal closure.
    Abnormal,
}

impl End {
    /// The Close frame that we send last: the other side's own code (5.5.1), or what it did wrong (7.1.7).
    fn last_frame(&self) -> Option<Close> {
        match self {
            End::Closed(close) => Some(Close { code: close.code, reason: String::new() }),
            End::Failed(failure) => Some(Close::from(*failure)),
            End::Abnormal => None,
        }
    }
}

/// A WebSocket, after its opening handshake.
pub struct WebSocket<R = Receiver> {
    stream: Arc<TcpStream>,
    role: Role,
    receiver: R,
    sender: Sender,
    inbox: Inbox,
    last_heard: Instant,
    over: bool,
}

impl WebSocket {
    /// Goes on where a handshake ended. `rest` is what has arrived behind its head; `limits` says how long a message may
    /// be.
    pub fn new(stream: TcpStream, rest: Vec<u8>, role: Role, limits: impl Into<Limits>) -> Self {
        WebSocket::with_extension(stream, rest, role, Receiver::new(role, limits), None)
    }
}

impl<R: Receive> WebSocket<R> {
    /// The same with an extension: it reads the frames that arrive, and may pack the messages that leave.
    pub fn with_extension(
        stream: TcpStream,
        rest: Vec<u8>,
        role: Role,
        receiver: R,
        pack: Option<Box<dyn Pack>>,
    ) -> Self {
        let stream = Arc::new(stream);
        WebSocket {
            role,
            receiver,
            sender: Sender::new(stream.clone(), role, pack),
            inbox: Inbox::new(rest),
            stream,
            last_heard: Instant::now(),
            over: false,
        }
    }

    /// The sending end, which may be cloned and used by any thread.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// When the last byte arrived.
    pub fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// How long [`read`](Self::read) may wait before it returns [`Next::Timeout`]; `None` for no limit.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    /// Waits for what comes next. Pings are answered and closing handshakes finished on the way.
    pub fn read(&mut self) -> Next {
        while !self.over {
            let (taken, received) = match self.receiver.receive(self.inbox.unread()) {
                Ok(received) => received,
                Err(failure) => return self.finish(End::Failed(failure)),
            };
            self.inbox.take(taken);
            match received {
                Some(Incoming::Message(message)) => return Next::Message(message),
                Some(Incoming::Pong(payload)) => return Next::Pong(payload),
                Some(Incoming::Ping(payload)) => self.sender.pong(&payload),
                Some(Incoming::Close(close)) => return self.finish(End::Closed(close)),
                None if taken > 0 => {}
                None => match self.wait() {
                    Ok(1..) => {}
                    Err(error) if net::is_timeout(&error) => return Next::Timeout,
                    Ok(0) | Err(_) => return self.finish(End::Abnormal),
                },
            }
        }
        Next::Gone(End::Abnormal)
    }

    /// Sends the answers that are ready, then waits for bytes.
    fn wait(&mut self) -> io::Result<usize> {
        self.sender.flush_answers()?;
        let arrived = self.inbox.fill(&self.stream)?;
        self.last_heard = Instant::now();
        Ok(arrived)
    }

    /// Puts a message with the answers that leave before the next wait.
    pub fn answer(&self, message: &DataMessage) {
        self.sender.answer(message);
    }

    // ANCHOR: finish
    /// Ends the connection: sends our Close frame, and lets the other side read it before the
    /// socket is closed (7.1.1).
    fn finish(&mut self, end: End) -> Next {
        self.over = true;
        if let Some(close) = end.last_frame()
            && self.sender.close(&close).is_ok()
        {
            // The server ends the TCP connection. A client waits for that, unless the server broke
            // a rule.
            let wait = self.role == Role::Client && matches!(end, End::Closed(_));
            let _gone = if wait { net::drain(&self.stream) } else { net::close(&self.stream) };
        }
        self.sender.hang_up();
        Next::Gone(end)
    }
    // ANCHOR_END: finish

    /// Starts the closing handshake, and waits for the other side's half (7.1.2). Messages that
    /// still come are dropped.
    pub fn close(mut self, code: u16, reason: &str, timeout: Duration) -> End {
        let deadline = Instant::now() + timeout;
        let close = Close { code: Some(code), reason: reason.to_string() };
        let mut ready = self.sender.close(&close);
        while ready.is_ok() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            ready = self.set_read_timeout(Some(left));
            if let Next::Gone(end) = self.read() {
                return end;
            }
        }
        self.sender.hang_up();
        End::Abnormal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::{NORMAL_CLOSURE, PROTOCOL_ERROR};
    use crate::frame::{Opcode, write_frame};
    use crate::message::MAX_MESSAGE;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    /// Two ends of a TCP connection; the second is a server's socket.
    fn pair() -> (TcpStream, WebSocket) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (
            client,
            WebSocket::new(listener.accept().unwrap().0, Vec::new(), Role::Server, MAX_MESSAGE),
        )
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
            .write_all(
                &[
                    frame(Opcode::Text, b"one"),
                    frame(Opcode::Ping, b"?"),
                    frame(Opcode::Text, b"two"),
                ]
                .concat(),
            )
            .unwrap();
        for text in ["one", "two"] {
            let message = DataMessage::Text(text.to_string());
            assert_eq!(socket.read(), Next::Message(message.clone()));
            socket.answer(&message);
        }
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(socket.read(), Next::Timeout, "the answers left before this wait");
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
    fn a_peer_that_breaks_a_rule_is_told_which_and_nothing_behind_it_is_read() {
        let (mut client, mut socket) = pair();
        client
            .write_all(
                &[frame(Opcode::Continuation, b"?"), frame(Opcode::Text, b"never seen")].concat(),
            )
            .unwrap();
        let server = thread::spawn(move || (socket.read(), socket.read()));
        let answer = all(client);
        let (first, second) = server.join().unwrap();
        assert!(
            matches!(first, Next::Gone(End::Failed(Failure { code: PROTOCOL_ERROR, .. }))),
            "{first:?}"
        );
        assert_eq!(second, Next::Gone(End::Abnormal));
        assert_eq!((answer[0], &answer[2..4]), (0x88, &PROTOCOL_ERROR.to_be_bytes()[..]));
        assert_eq!(&answer[4..], b"there is no message to continue (5.4)");
    }

    #[test]
    fn the_closing_handshake_may_be_started_here() {
        let (mut client, socket) = pair();
        let server =
            thread::spawn(move || socket.close(NORMAL_CLOSURE, "done", Duration::from_secs(10)));
        let mut bytes = [0; 8];
        client.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"\x88\x06\x03\xe8done");
        client
            .write_all(
                &[frame(Opcode::Text, b"too late"), frame(Opcode::Close, b"\x03\xe8")].concat(),
            )
            .unwrap();
        assert_eq!(all(client), b"", "one Close frame is enough");
        let close = Close { code: Some(NORMAL_CLOSURE), reason: String::new() };
        assert_eq!(server.join().unwrap(), End::Closed(close));
    }

    #[test]
    fn a_peer_that_never_closes_is_waited_for_no_longer_than_the_timeout() {
        let (_client, socket) = pair();
        assert_eq!(socket.close(NORMAL_CLOSURE, "", Duration::from_millis(20)), End::Abnormal);
    }

    #[test]
    fn an_end_without_a_close_frame_is_abnormal() {
        let (client, mut socket) = pair();
        drop(client);
        assert_eq!(socket.read(), Next::Gone(End::Abnormal));
    }

    #[test]
    fn large_messages_pass_whole_in_both_roles() {
        let (client, mut server) = pair();
        let mut client = WebSocket::new(client, Vec::new(), Role::Client, MAX_MESSAGE);
        for length in [8_191, 8_192, 65_536, 65_537, 1 << 20] {
            let message = DataMessage::Binary((0..length).map(|at| (at / 3) as u8).collect());
            thread::scope(|scope| {
                scope.spawn(|| {
                    assert_eq!(server.read(), Next::Message(message.clone()), "{length} bytes");
                    server.sender().send(&message).unwrap();
                });
                client.sender().send(&message).unwrap();
                assert_eq!(client.read(), Next::Message(message.clone()), "{length} bytes back");
            });
        }
    }
}
