//! One connection: what it does when it need not wait.
//!
//! A thread would keep its place in its stack: in the middle of a read, or of a write. Here the place is written down in a
//! [`Stage`], and in the bytes that could not be used or sent yet. That is all that a silent connection takes: less than
//! 1 KiB, and no buffer.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::Shutdown;
use std::time::Instant;

use frames::close::{Close, TRY_AGAIN_LATER, UNSUPPORTED_DATA};
use frames::frame::{Opcode, write_frame};
use frames::message::{DataMessage, Incoming, Receiver, Role};
use frames::{MAX_EVENT, events};
use handshake::page_server::{PageAnswer, too_long, too_slow};
use handshake::refusal::Refusal;
use handshake::request::{MAX_HEAD, Request, end_of_head};
use mio::event::Event;
use mio::net::TcpStream;

use crate::common::{Common, Place, TURN};
use crate::crowd;

/// What a connection that has had its turn waits for.
pub(crate) enum Turn {
    /// An event.
    Wait,
    /// Its next turn, when the others have had theirs.
    Again,
}

// ANCHOR: connection
/// How far a connection has come.
enum Stage {
    /// The head of its request is arriving: this many bytes were searched for its end.
    Head(usize),
    /// It is a WebSocket: with a place in the room, or without one at the echo.
    Open(Receiver, Option<Place>),
    /// All was said, and the rest of it leaves.
    Leaving,
    /// It has left, and our end is shut: the other side ends the connection, too.
    Left,
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    stage: Stage,
    /// What has arrived and was not used yet: half of a head, the beginning of a frame's header.
    unused: Vec<u8>,
    /// Whether a full outbox stopped us, so that whole frames may be among the unused bytes.
    stopped: bool,
    /// What the kernel has not taken yet, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
    /// Whether there may be something to read, and whether that may be the end.
    readable: bool,
    ends: bool,
    /// When something was heard, and whether the client was asked since then.
    heard: Instant,
    asked: bool,
    /// When the kernel took something of what is unsent.
    taken: Instant,
}
// ANCHOR_END: connection

impl Connection {
    pub(crate) fn new(stream: TcpStream, now: Instant) -> Self {
        Connection {
            stream,
            stage: Stage::Head(0),
            unused: Vec::new(),
            stopped: false,
            unsent: Vec::new(),
            sent: 0,
            readable: true,
            ends: false,
            heard: now,
            asked: false,
            taken: now,
        }
    }

    pub(crate) fn is_in_the_room(&self) -> bool {
        matches!(self.stage, Stage::Open(_, Some(_)))
    }

    /// Remembers what an event says: the kernel says it once, when it changes.
    pub(crate) fn note(&mut self, event: &Event) {
        self.ends |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.ends;
    }

    // ANCHOR: turn
    /// Does what can be done without waiting: writes what is left from before, reads once, and
    /// writes the answers. While the client does not take what waits for it, nothing is read from
    /// it: TCP holds it up, and what it makes us keep is bounded. An error is the end.
    pub(crate) fn turn(&mut self, common: &mut Common) -> io::Result<Turn> {
        if !self.write(common)? {
            return Ok(Turn::Wait); // for the kernel to take more
        }
        self.unsent = mem::take(&mut common.outbox); // one for all, while nothing is left in it
        self.taken = common.now;
        let mut arrived = mem::take(&mut common.arrived);
        let result = self.read(&mut arrived, common.now).map(|count| {
            let used = self.answer(&mut arrived[..count], common);
            self.unused.extend_from_slice(&arrived[used..count]);
        });
        common.arrived = arrived;
        result?;
        let told = self.tell(common);
        let more = self.readable || self.stopped || told;
        Ok(if self.write(common)? && more { Turn::Again } else { Turn::Wait })
    }

    /// Writes as much as the kernel takes, and says whether that was all.
    fn write(&mut self, common: &mut Common) -> io::Result<bool> {
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => (self.sent, self.taken) = (self.sent + count, common.now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.unsent.capacity() > 0 {
            common.take_back(mem::take(&mut self.unsent));
            self.sent = 0;
        }
        if let Stage::Leaving = self.stage {
            (self.stage, self.heard) = (Stage::Left, common.now);
            let _gone = self.stream.shutdown(Shutdown::Write); // once: each time is an event
        }
        Ok(true)
    }
    // ANCHOR_END: turn

    // ANCHOR: read
    /// Reads once, behind what is unused; returns how many bytes there are in all.
    fn read(&mut self, arrived: &mut [u8], now: Instant) -> io::Result<usize> {
        let kept = self.unused.len();
        arrived[..kept].copy_from_slice(&mem::take(&mut self.unused));
        if mem::take(&mut self.stopped) {
            return Ok(kept); // enough for this turn
        }
        while self.readable {
            match self.stream.read(&mut arrived[kept..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    // On Linux a short read means that nothing is left: that spares one call in
                    // three. Other systems want to say WouldBlock before they tell of more.
                    let full = kept + count == arrived.len();
                    self.readable = full || self.ends || !cfg!(target_os = "linux");
                    if let Stage::Open(..) = self.stage {
                        (self.heard, self.asked) = (now, false);
                    }
                    return Ok(kept + count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }
    // ANCHOR_END: read

    /// Answers what has arrived, into the outbox; returns how many bytes of it were used.
    fn answer(&mut self, arrived: &mut [u8], common: &mut Common) -> usize {
        let head = match self.stage {
            Stage::Head(searched) => self.head(arrived, searched, common),
            _ => 0,
        };
        match self.stage {
            Stage::Head(_) => 0,
            Stage::Open(..) => head + self.frames(&mut arrived[head..], common),
            Stage::Leaving | Stage::Left => arrived.len(), // nothing that comes now counts
        }
    }

    /// Answers a head when it is whole: with 101, the page, or a refusal.
    fn head(&mut self, arrived: &[u8], searched: usize, common: &Common) -> usize {
        let end = end_of_head(arrived, searched.saturating_sub(3)); // of an end's four bytes
        if end.unwrap_or(arrived.len()) > MAX_HEAD {
            self.leave(&PageAnswer::from(too_long(arrived)).serialize(false), common.now);
            return 0;
        }
        let Some(end) = end else {
            self.stage = Stage::Head(arrived.len());
            return 0;
        };
        match self.upgrade(&arrived[..end], common) {
            Ok(stage) => self.stage = stage,
            Err(answer) => self.leave(&answer, common.now),
        }
        end
    }

    /// The handshake, with the functions of the demo `handshake`: they know no socket.
    fn upgrade(&mut self, head: &[u8], common: &Common) -> Result<Stage, Vec<u8>> {
        let refusal = |refusal: Refusal| PageAnswer::from(refusal).serialize(false);
        let request = Request::parse(head).map_err(refusal)?;
        if !request.asks_for_websocket() {
            return Err(common.answer(&request));
        }
        let (protocol, limits, place) = match request.path() {
            "/" => ("room", MAX_EVENT.into(), Some(Place::at(events::cursor(&request)))),
            "/echo" => ("echo", common.echo_limits.clone(), None),
            _ => return Err(refusal(Refusal::new(404, "No WebSocket is here."))),
        };
        let accepted = handshake::check(&request, &common.site, &[protocol]).map_err(refusal)?;
        self.unsent.extend_from_slice(handshake::switching_protocols(&accepted).as_bytes());
        Ok(Stage::Open(Receiver::new(Role::Server, limits), place))
    }

    // ANCHOR: frames
    /// Answers the frames that have arrived. The receiver is that of `frames`, unchanged: it never
    /// knew who waits for its bytes.
    fn frames(&mut self, arrived: &mut [u8], common: &Common) -> usize {
        let mut used = 0;
        while let Stage::Open(receiver, place) = &mut self.stage {
            self.stopped = self.unsent.len() >= TURN;
            if self.stopped {
                break; // what a client makes us keep for it has a limit
            }
            let in_the_room = place.is_some();
            let received = receiver.receive(&mut arrived[used..]);
            used += received.as_ref().map_or(0, |(count, _)| *count);
            match received {
                Ok((0, None)) => break, // the rest has not come yet
                Ok((_, None | Some(Incoming::Pong(_)))) => {}
                Ok((_, Some(Incoming::Ping(payload)))) => self.frame(Opcode::Pong, &payload),
                Ok((_, Some(Incoming::Message(message)))) if in_the_room => {
                    self.hear(&message, common);
                }
                Ok((_, Some(Incoming::Message(DataMessage::Text(text))))) => {
                    self.frame(Opcode::Text, text.as_bytes());
                }
                Ok((_, Some(Incoming::Message(DataMessage::Binary(bytes))))) => {
                    self.frame(Opcode::Binary, &bytes);
                }
                Ok((_, Some(Incoming::Close(Close { code, .. })))) => {
                    self.close(code, "", common.now); // its own code, back (5.5.1)
                }
                Err(failure) => self.close(Some(failure.code), failure.why, common.now),
            }
        }
        used
    }
    // ANCHOR_END: frames

    /// Does what a client of the room asks for.
    fn hear(&mut self, message: &DataMessage, common: &Common) {
        match message {
            DataMessage::Text(text) => {
                let answer = crowd::handle(text, common);
                self.frame(Opcode::Text, answer.as_bytes());
            }
            DataMessage::Binary(_) => {
                self.close(Some(UNSUPPORTED_DATA), "this room takes text", common.now);
            }
        }
    }

    /// Tells what is new in the room; says whether there was something.
    fn tell(&mut self, common: &mut Common) -> bool {
        let before = self.unsent.len();
        if let Stage::Open(_, Some(place)) = &mut self.stage {
            common.tell(place, &mut self.unsent);
        }
        self.unsent.len() > before
    }

    fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        write_frame(&mut self.unsent, true, opcode, None, payload);
    }

    /// Sends the Close frame, behind what is unsent; nothing follows it.
    fn close(&mut self, code: Option<u16>, reason: &str, now: Instant) {
        self.frame(Opcode::Close, &Close { code, reason: reason.to_string() }.serialize());
        self.leave(&[], now);
    }

    /// Says the last words.
    fn leave(&mut self, words: &[u8], now: Instant) {
        self.unsent.extend_from_slice(words);
        (self.stage, self.heard) = (Stage::Leaving, now);
    }

    /// Ends the connection without a word: the next turn finds it ended.
    fn hang_up(&mut self) {
        let _gone = self.stream.shutdown(Shutdown::Both);
        self.readable = true;
    }

    // ANCHOR: clock
    /// Compares this connection's times with the clock; says whether that gave it something to do.
    pub(crate) fn look_at_the_clock(&mut self, common: &Common) -> bool {
        let (now, patience) = (common.now, &common.patience);
        let (silent, stuck) = (now - self.heard, now - self.taken);
        match self.stage {
            Stage::Head(_) if silent < common.site.head_timeout => return false,
            Stage::Head(_) if self.unused.is_empty() => self.hang_up(),
            Stage::Head(_) => self.leave(&PageAnswer::from(too_slow()).serialize(false), now),
            Stage::Open(..) if !self.unsent.is_empty() && stuck >= patience.stall => {
                net::log("a client takes nothing of what waits for it: closed with 1013");
                self.close(Some(TRY_AGAIN_LATER), "you take nothing of what is sent to you", now);
            }
            Stage::Open(_, Some(_)) if self.asked && silent >= 2 * patience.silence => {
                self.hang_up();
            }
            Stage::Open(_, Some(_)) if silent >= patience.silence && !self.asked => {
                self.asked = true;
                self.frame(Opcode::Ping, b"");
            }
            Stage::Leaving if silent.min(stuck) >= patience.goodbye => self.hang_up(),
            Stage::Left if silent >= patience.goodbye => self.hang_up(),
            _ => return false,
        }
        true
    }
    // ANCHOR_END: clock
}
