//! One direction of a connection: bytes on their way through the cable.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use super::cable::Fault;
use super::socket::ReadySocket;

/// How many bytes may wait in a direction. When it is full, nothing is read any more, and the sender feels it as it would
/// with a real cable: its own buffers fill up.
pub const CAPACITY: usize = 128 * 1024;

/// How many pieces may wait, so that many small ones do not fill memory either.
const MAX_PIECES: usize = 1_024;

/// A buffering proxy passes an answer on when it has this many bytes of it, or all.
const HOLD_BYTES: usize = 16 * 1024;

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// In order.
    Fin,
    /// Torn down.
    Reset,
}

/// When bytes may leave the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Now.
    Now,
    /// At this time, if nothing changes before.
    At(Instant),
    /// Not before something changes: more comes, or the cable is repaired.
    WhenItChanges,
}

/// Something on its way.
struct Piece {
    entered: Instant,
    bytes: Vec<u8>,
    /// How many of the bytes have left already.
    gone: usize,
    /// Where the piece ends in the stream as its sender sent it.
    upto: u64,
    /// An answer ends with these bytes, so a buffering proxy would pass it on.
    ends_answer: bool,
    /// A buffering proxy has decided to pass it on.
    free: bool,
    /// A FIN follows the bytes, or a RST.
    end: Option<StreamEnd>,
}

/// One direction of a connection.
#[derive(Default)]
pub struct Direction {
    /// How many bytes have come from the sender.
    pub seen: u64,
    /// Whether the tap was told that the newest of them have to wait.
    pub waits: bool,
    /// The sender has ended its stream.
    pub over: bool,
    queue: VecDeque<Piece>,
    queued: usize,
    /// The stream has left up to here.
    passed: u64,
    /// The next byte may drip then.
    next_drip: Option<Instant>,
    /// Since when the receiver has taken nothing of what it could have.
    stalled: Option<Instant>,
    /// The end has left, too.
    ended: Option<StreamEnd>,
    /// The receiver does not listen any more: what comes is thrown away.
    deaf: bool,
}

impl Direction {
    /// How many more bytes may enter.
    pub fn room(&self) -> usize {
        if self.queue.len() >= MAX_PIECES { 0 } else { CAPACITY.saturating_sub(self.queued) }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Which end has left, if one has.
    pub fn ended(&self) -> Option<StreamEnd> {
        self.ended
    }

    /// Whether the receiver does not listen any more.
    pub fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// Since when the receiver has taken nothing of what it could have.
    pub fn stalled(&self) -> Option<Instant> {
        self.stalled
    }

    /// How far the stream has left, counted in bytes as the sender sent them.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// From now on, what enters is thrown away: the receiver does not listen any more.
    pub fn stop_delivering(&mut self) {
        self.deaf = true;
        self.queue.clear();
        self.queued = 0;
        self.stalled = None;
    }

    /// Sends the newest bytes straight on, when nothing is in their way; what the receiver does not take now has to wait.
    /// `ends_answer`: an answer is complete with them.
    ///
    /// # Errors
    /// When the receiver has gone.
    pub fn send(
        &mut self,
        bytes: &[u8],
        ends_answer: bool,
        fault: Fault,
        to: &mut ReadySocket,
        now: Instant,
    ) -> io::Result<()> {
        let mut written = 0;
        if self.queue.is_empty() && fault.lets_pass() && !self.deaf {
            written = to.write(bytes)?;
            self.passed = self.seen - (bytes.len() - written) as u64;
        }
        if written < bytes.len() {
            self.enter(bytes[written..].to_vec(), (self.seen, ends_answer), now);
        }
        Ok(())
    }

    /// Lets bytes enter: where they end in the stream as its sender sent it, and whether an answer is complete with them.
    pub fn enter(&mut self, bytes: Vec<u8>, (upto, ends_answer): (u64, bool), now: Instant) {
        if !self.deaf {
            self.push(bytes, (upto, ends_answer), None, now);
        }
    }

    /// Lets the end enter behind everything else.
    pub fn end(&mut self, end: StreamEnd, now: Instant) {
        let upto = self.queue.back().map_or(self.passed, |last| last.upto);
        self.push(Vec::new(), (upto, true), Some(end), now);
    }

    fn push(&mut self, bytes: Vec<u8>, (upto, ends_answer): (u64, bool), end: Option<StreamEnd>, now: Instant) {
        self.queued += bytes.len();
        self.queue.push_back(Piece { entered: now, bytes, gone: 0, upto, ends_answer, free: false, end });
    }

    /// When the bytes in front may leave.
    pub fn due(&mut self, fault: Fault, is_answer: bool, now: Instant) -> Due {
        let Some(front) = self.queue.front() else { return Due::WhenItChanges };
        let not_before = |at: Instant| if at > now { Due::At(at) } else { Due::Now };
        match fault {
            Fault::Cut => Due::WhenItChanges,
            Fault::Delay(delay) => not_before(front.entered + delay),
            Fault::Drip(_) => not_before(self.next_drip.unwrap_or(now)),
            Fault::Hold if is_answer => {
                let last = self.queue.iter().rposition(|piece| piece.ends_answer).map_or(0, |at| at + 1);
                let free = if self.queued >= HOLD_BYTES { self.queue.len() } else { last };
                self.queue.iter_mut().take(free).for_each(|piece| piece.free = true);
                if self.queue.front().is_some_and(|front| front.free) { Due::Now } else { Due::WhenItChanges }
            }
            _ => Due::Now,
        }
    }

    /// Lets through what may leave now. Returns when to come again, if time alone will change something.
    ///
    /// # Errors
    /// When the receiver has gone.
    pub fn flush(
        &mut self,
        fault: Fault,
        is_answer: bool,
        to: &mut ReadySocket,
        now: Instant,
    ) -> io::Result<Option<Instant>> {
        loop {
            let due = self.due(fault, is_answer, now);
            if due != Due::Now {
                self.stalled = None;
                return Ok(if let Due::At(later) = due { Some(later) } else { None });
            }
            let Some(front) = self.queue.front_mut() else { return Ok(None) };
            let drip = if let Fault::Drip(pause) = fault { Some(pause) } else { None };
            let rest = &front.bytes[front.gone..];
            let wanted = if drip.is_some() { rest.len().min(1) } else { rest.len() };
            let written = to.write(&rest[..wanted])?;
            front.gone += written;
            let left = (front.bytes.len() - front.gone) as u64;
            self.queued -= written;
            self.passed = self.passed.max(front.upto.saturating_sub(left));
            if let Some(pause) = drip.filter(|_| written > 0) {
                self.next_drip = Some(now + pause.max(Duration::from_micros(1)));
            }
            if written < wanted {
                self.stalled = if written > 0 { Some(now) } else { self.stalled.or(Some(now)) };
                return Ok(None);
            }
            self.stalled = None;
            if left == 0
                && let Some(done) = self.queue.pop_front()
                && let Some(end) = done.end
            {
                self.ended = Some(end);
                if end == StreamEnd::Fin {
                    to.finish();
                }
                self.queue.clear();
                return Ok(None);
            }
            if self.queue.is_empty() {
                self.queue = VecDeque::new(); // an idle connection keeps no buffer
                return Ok(None);
            }
        }
    }
}
