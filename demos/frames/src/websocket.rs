//! A WebSocket on a TCP connection: tells what arrives, answers pings, and closes as it should.
//!
//! One thread owns the [`WebSocket`] and reads. Any thread may send, through a [`Sender`].

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::close::{Close, Failure, POLICY_VIOLATION};
use crate::inbox::Inbox;
use crate::limits::Limits;
use crate::message::{DataMessage, Incoming, Receive, Receiver, Role};
use crate::outbox::{Pack, Sender};

/// A message must be whole this long after its first byte, with all its fragments and their heads. Between two messages a
/// WebSocket may be silent without a limit, and it keeps its place: how a server finds out whether the other end is still
/// there is the lesson `heartbeat`.
const MESSAGE_TIME: Duration = Duration::from_secs(60);

const LATE: Failure =
    Failure { code: POLICY_VIOLATION, why: "the message did not come in whole in time" };

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
    /// When the message began that is not whole yet.
    began: Option<Instant>,
    message_time: Duration,
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
            began: None,
            message_time: MESSAGE_TIME,
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
            if taken > 0 && self.receiver.is_between_messages() {
                self.began = None;
            }
            match received {
                Some(Incoming::Message(message)) => return Next::Message(message),
                Some(Incoming::Pong(payload)) => return Next::Pong(payload),
                Some(Incoming::Ping(payload)) => self.sender.pong(&payload),
                Some(Incoming::Close(close)) => return self.finish(End::Closed(close)),
                None if taken > 0 => {}
                None if self.is_late() => {
                    net::log(&format!("closed: {LATE}"));
                    return self.finish(End::Failed(LATE));
                }
                None => match self.wait() {
                    Ok(1..) => {}
                    Err(error) if net::is_timeout(&error) && self.is_late() => {}
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
        let begun = !self.receiver.is_between_messages() || !self.inbox.unread().is_empty();
        let arrived =
            if begun { self.wait_for_the_rest()? } else { self.inbox.fill(&self.stream)? };
        self.last_heard = Instant::now();
        Ok(arrived)
    }

    /// Waits in the middle of a message: as long as the caller allows, and no longer than the
    /// message may take.
    fn wait_for_the_rest(&mut self) -> io::Result<usize> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let left = (began + self.message_time).saturating_duration_since(Instant::now());
        let own = self.stream.read_timeout()?;
        let wait = own.map_or(left, |own| own.min(left)).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(wait))?;
        let arrived = self.inbox.fill(&self.stream);
        self.stream.set_read_timeout(own)?;
        arrived
    }

    /// Whether a message that is not whole has taken too long.
    fn is_late(&self) -> bool {
        self.began.is_some_and(|began| began.elapsed() >= self.message_time)
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

    /// What comes is a fragment and a ping behind it, or a head and a part of its payload, or half a head.
    #[test]
    fn a_message_that_begins_and_does_not_end_is_closed_with_1008_and_a_silent_connection_is_not() {
        let mut fragment = Vec::new();
        write_frame(&mut fragment, false, Opcode::Text, Some([0; 4]), b"the rest never comes");
        fragment.extend(frame(Opcode::Ping, b"")); // is no part of the message
        let whole = frame(Opcode::Text, b"payload");
        for begun in [&fragment[..], &whole[..8], &whole[..1]] {
            let (mut client, mut socket) = pair();
            socket.message_time = Duration::from_millis(60);
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            assert_eq!(socket.read(), Next::Timeout, "silence before a message has no limit");
            socket.set_read_timeout(None).unwrap();
            let server = thread::spawn(move || socket.read());
            client.write_all(begun).unwrap();
            let answer = all(client);
            let close = &answer[answer.iter().position(|byte| *byte == 0x88).unwrap()..];
            assert_eq!(&close[2..4], POLICY_VIOLATION.to_be_bytes());
            assert_eq!(&close[4..], LATE.why.as_bytes());
            assert_eq!(server.join().unwrap(), Next::Gone(End::Failed(LATE)));
        }
    }

    #[test]
    fn a_message_in_time_and_the_next_one_have_their_own_time() {
        let (mut client, mut socket) = pair();
        socket.message_time = Duration::from_secs(10);
        let two = [frame(Opcode::Text, b"one"), frame(Opcode::Text, b"two")].concat();
        client.write_all(&two[..two.len() - 1]).unwrap();
        assert_eq!(socket.read(), Next::Message(DataMessage::Text("one".to_string())));
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(socket.read(), Next::Timeout, "the caller's own time-out is kept");
        assert!(socket.began.is_some());
        client.write_all(b"o").unwrap();
        socket.set_read_timeout(None).unwrap();
        assert_eq!(socket.read(), Next::Message(DataMessage::Text("two".to_string())));
        assert!(socket.began.is_none());
        assert_eq!(socket.stream.read_timeout().unwrap(), None);
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
