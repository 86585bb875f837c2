//! One connection of HTTP/2, as a server: which frame may come when, what it does, and what is sent in which order.
//!
//! It knows no socket and no thread. Bytes go in by [`receive`](Http2Connection::receive), requests come out; answers go in by
//! [`respond`](Http2Connection::respond) and [`outbox`](Http2Connection::outbox), and [`output`](Http2Connection::output) says what to write next.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

use crate::calm::Calm;
use crate::frame::{self, ErrorCode, Head, PREFACE, Violation};
use crate::hpack::{FieldLine, MAX_FIELDS, Packer, Unpacker};
use crate::message::{self, Asked};
use crate::settings::{self, FIRST_WINDOW};
use crate::stream::{Stream, widen};

/// The usual limit on open streams, and on requests that are worked on.
pub const MAX_STREAMS: usize = 100;

/// The number of streams whose end is remembered.
const REMEMBERED: usize = 100;

/// The longest block of packed header fields, in bytes, however many frames it is in.
const MAX_BLOCK: usize = 16 * 1024;

/// The most CONTINUATION frames behind a HEADERS frame.
const MAX_CONTINUATIONS: u32 = 8;

/// The preface, a frame, a block of header fields: what has begun must be whole by then.
const WHOLE: Duration = Duration::from_secs(30);

/// A client that takes nothing of an answer for this long has its stream reset.
const STUCK: Duration = Duration::from_secs(30);

/// A connection without a stream is ended after this silence.
const IDLE: Duration = Duration::from_secs(60);

/// With streams, a silent client is asked after this time, and given up after twice of it.
const SILENCE: Duration = Duration::from_secs(30);

/// The bytes that are given out for one write, about.
const WRITE: usize = 64 * 1024;

/// How a stream ended, as far as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// By END_STREAM of both sides, or by the client's RST_STREAM: the client may not use it again.
    ByClient,
    /// By our RST_STREAM: the client's frames for it may be on their way (5.1).
    ByUs,
}

/// Header fields that are not whole yet.
struct Block {
    stream: u32,
    ends_stream: bool,
    /// What is wrong with its HEADERS frame, apart from the fields: those must be unpacked nevertheless.
    fault: Option<Violation>,
    packed: Vec<u8>,
    continuations: u32,
}

/// A connection.
pub struct Http2Connection {
    max_streams: usize,
    arrived: Vec<u8>,
    preface: bool,
    /// The client's SETTINGS, as it sent them: for the page to show.
    pub client_settings: Option<Vec<(u16, u32)>>,
    block: Option<Block>,
    unpacker: Unpacker,
    packer: Packer,
    streams: BTreeMap<u32, Stream>,
    /// The number of the client's newest stream.
    newest: u32,
    endings: VecDeque<(u32, Ending)>,
    /// Requests that were given out and are not done.
    working: usize,
    window_up: i64,
    window_down: i64,
    /// The window that each new stream begins with.
    first_window_down: i64,
    max_frame: usize,
    control: Vec<u8>,
    /// The stream that was served last.
    served: u32,
    calm: Calm,
    now: Instant,
    last_heard: Instant,
    begun: Option<Instant>,
    asked_at: Option<Instant>,
    over: bool,
}

impl Http2Connection {
    /// At its start, with a limit on the client's open streams. The server's preface is a SETTINGS frame (3.4), and waits to be sent.
    pub fn new(max_streams: usize, now: Instant) -> Self {
        let mut control = Vec::new();
        let ours = settings::serialize(&[
            (settings::MAX_CONCURRENT_STREAMS, max_streams as u32),
            (settings::MAX_HEADER_LIST_SIZE, MAX_FIELDS as u32),
            (settings::ENABLE_CONNECT_PROTOCOL, 1),
        ]);
        frame::write(&mut control, frame::SETTINGS, 0, 0, &ours);
        Http2Connection {
            max_streams,
            arrived: Vec::new(),
            preface: false,
            client_settings: None,
            block: None,
            unpacker: Unpacker::default(),
            packer: Packer::default(),
            streams: BTreeMap::new(),
            newest: 0,
            endings: VecDeque::new(),
            working: 0,
            window_up: FIRST_WINDOW,
            window_down: FIRST_WINDOW,
            first_window_down: FIRST_WINDOW,
            max_frame: frame::MAX_FRAME,
            control,
            served: 0,
            calm: Calm::new(now),
            now,
            last_heard: now,
            begun: None,
            asked_at: None,
            over: false,
        }
    }

    // ---- What arrives ------------------------------------------------------------------------------------------------

    // ANCHOR: receive
    /// Takes bytes as they arrived, and returns the requests that they completed. A fault ends one
    /// stream or all of them; what is to be said about it waits to be sent.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) -> Vec<(u32, Asked)> {
        (self.now, self.last_heard, self.asked_at) = (now, now, None);
        self.arrived.extend_from_slice(bytes);
        let (arrived, mut requests) = (mem::take(&mut self.arrived), Vec::new());
        let mut rest = &arrived[..];
        while !self.over {
            match self.step(&mut rest, &mut requests) {
                Ok(true) => {}
                Ok(false) => break,
                Err(violation) => self.answer_fault(violation),
            }
        }
        self.arrived = rest.to_vec();
        let unfinished = !self.arrived.is_empty() || self.block.is_some() || !self.preface;
        self.begun = if unfinished { self.begun.or(Some(now)) } else { None };
        requests
    }
    // ANCHOR_END: receive

    /// Takes the preface or one frame. `false`: more must arrive.
    fn step(
        &mut self,
        rest: &mut &[u8],
        requests: &mut Vec<(u32, Asked)>,
    ) -> Result<bool, Violation> {
        if !self.preface {
            let here = rest.len().min(PREFACE.len());
            if rest[..here] != PREFACE[..here] {
                return protocol("a connection begins with PRI * HTTP/2.0 (3.4)");
            }
            self.preface = here == PREFACE.len();
            *rest = &rest[if self.preface { here } else { 0 }..];
            return Ok(self.preface);
        }
        let Some((head, payload)) = frame::take(rest)? else { return Ok(false) };
        if self.client_settings.is_none() && (head.kind != frame::SETTINGS || head.has(frame::ACK))
        {
            return protocol("the first frame is a SETTINGS frame (3.4)");
        }
        let continues = self.block.as_ref().is_some_and(|block| block.stream == head.stream);
        if self.block.is_some() && !(head.kind == frame::CONTINUATION && continues) {
            return protocol("nothing may stand between HEADERS and its CONTINUATION (6.10)");
        }
        self.take(head, payload, requests)?;
        Ok(true)
    }

    // ANCHOR: take
    /// Does what one frame says.
    fn take(
        &mut self,
        head: Head,
        payload: &[u8],
        requests: &mut Vec<(u32, Asked)>,
    ) -> Result<(), Violation> {
        match (head.kind, head.stream) {
            (frame::DATA, 1..) => self.data(head, payload),
            (frame::HEADERS, 1..) => self.headers(head, payload, requests),
            (frame::CONTINUATION, 1..) => self.continuation(head, payload, requests),
            (frame::PRIORITY, id @ 1..) => check_priority(id, payload),
            (frame::RST_STREAM, id @ 1..) => self.reset_by_client(id, payload),
            (frame::WINDOW_UPDATE, id) => self.window_update(id, payload),
            (frame::SETTINGS, 0) => self.settings(head, payload),
            (frame::PING, 0) => self.ping(head, payload),
            (frame::GOAWAY, 0) if payload.len() >= 8 => Ok(()), // no stream of ours is concerned
            (frame::GOAWAY, 0) => size("GOAWAY has eight bytes or more (6.8)"),
            (frame::PUSH_PROMISE, _) => protocol("a client can't push (8.4)"),
            (0xa.., _) => Ok(()), // a type of which this end does not know is ignored (5.5)
            (_, 0) => protocol("this frame belongs to a stream (6)"),
            (_, _) => protocol("this frame belongs to the connection (6)"),
        }
    }
    // ANCHOR_END: take

    fn data(&mut self, head: Head, payload: &[u8]) -> Result<(), Violation> {
        let body = frame::unpad(head, payload)?;
        if payload.is_empty() && !head.has(frame::END_STREAM) {
            self.calm.spend(self.now)?;
        }
        // Padding counts, too, and so does what no thread reads: both ends must count the same (6.9.1).
        self.window_up -= payload.len() as i64;
        if self.window_up < 0 {
            return flow("DATA is longer than the connection's window (6.9.1)");
        }
        if let Err(violation) = self.check_open(head.stream) {
            self.give_window(0, payload.len());
            return violation.map_or(Ok(()), Err);
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else { return Ok(()) };
        stream.window_up -= payload.len() as i64;
        if stream.window_up < 0 {
            self.give_window(0, payload.len());
            let why = "DATA is longer than the stream's window (6.9.1)";
            return Err(Violation::stream(head.stream, ErrorCode::FlowControlError, why));
        }
        let ended = head.has(frame::END_STREAM);
        if let Err(violation) = stream.count(head.stream, body.len(), ended) {
            self.give_window(0, payload.len());
            return Err(violation);
        }
        stream.inbox.extend_from_slice(body);
        self.give_window(head.stream, payload.len() - body.len());
        Ok(())
    }

    /// Whether the client may send DATA or more HEADERS on this stream. `Err(None)`: it may not, and could not know it yet.
    fn check_open(&self, id: u32) -> Result<(), Option<Violation>> {
        if let Some(stream) = self.streams.get(&id) {
            let why = "the client has ended this stream (5.1)";
            let closed = Violation::stream(id, ErrorCode::StreamClosed, why);
            return if stream.client_ended { Err(Some(closed)) } else { Ok(()) };
        }
        Err(match self.ending(id) {
            _ if id > self.newest => Some(Violation::connection(
                ErrorCode::ProtocolError,
                "no HEADERS have opened this stream (5.1)",
            )),
            Some(Ending::ByUs) => None,
            _ => {
                Some(Violation::connection(ErrorCode::StreamClosed, "this stream is closed (5.1)"))
            }
        })
    }

    fn headers(
        &mut self,
        head: Head,
        payload: &[u8],
        requests: &mut Vec<(u32, Asked)>,
    ) -> Result<(), Violation> {
        let mut packed = frame::unpad(head, payload)?;
        let mut fault = None;
        if head.has(frame::PRIORITIZED) {
            let Some((priority, rest)) = packed.split_at_checked(5) else {
                return size("a priority has five bytes (6.2)");
            };
            fault = check_priority(head.stream, priority).err();
            packed = rest;
        }
        let known = self.streams.contains_key(&head.stream) || self.ending(head.stream).is_some();
        if head.stream.is_multiple_of(2) || (head.stream <= self.newest && !known) {
            return protocol("a client opens streams of odd and growing numbers (5.1.1)");
        }
        if known && let Err(violation) = self.check_open(head.stream) {
            fault = violation.or(fault);
        } else if known && !head.has(frame::END_STREAM) {
            let why = "header fields behind a body end the stream (8.1)";
            fault = Some(Violation::stream(head.stream, ErrorCode::ProtocolError, why));
        }
        if packed.is_empty() && !head.has(frame::END_HEADERS) {
            self.calm.spend(self.now)?;
        }
        let block = Block {
            stream: head.stream,
            ends_stream: head.has(frame::END_STREAM),
            fault,
            packed: packed.to_vec(),
            continuations: 0,
        };
        self.continue_block(block, head.has(frame::END_HEADERS), requests)
    }

    fn continuation(
        &mut self,
        head: Head,
        payload: &[u8],
        requests: &mut Vec<(u32, Asked)>,
    ) -> Result<(), Violation> {
        let Some(mut block) = self.block.take() else {
            return protocol("CONTINUATION continues nothing (6.10)");
        };
        block.packed.extend_from_slice(payload);
        block.continuations += 1;
        self.continue_block(block, head.has(frame::END_HEADERS), requests)
    }

    /// Keeps a block until it is whole, and it must not be long: until then nothing says what it is for.
    fn continue_block(
        &mut self,
        block: Block,
        whole: bool,
        requests: &mut Vec<(u32, Asked)>,
    ) -> Result<(), Violation> {
        if block.packed.len() > MAX_BLOCK || block.continuations > MAX_CONTINUATIONS {
            let why = "a header block is too long, or in too many frames (10.5.1)";
            return Err(Violation::connection(ErrorCode::EnhanceYourCalm, why));
        }
        if !whole {
            self.block = Some(block);
            return Ok(());
        }
        // Unpacked in any case: both ends must have the same table.
        let fields = self.unpacker.unpack(&block.packed)?;
        if let Some(fault) = block.fault {
            self.newest = self.newest.max(block.stream);
            return Err(fault);
        }
        if block.stream > self.newest {
            self.newest = block.stream;
            return self.open(block.stream, block.ends_stream, fields, requests);
        }
        let Some(stream) = self.streams.get_mut(&block.stream) else { return Ok(()) }; // reset by us
        message::check_trailers(block.stream, fields)?;
        stream.count(block.stream, 0, true)
    }

    /// Opens a stream for a request. What limits the work of a client is not how many streams are
    /// open, but how many requests are worked on: it can reset a stream as soon as it has opened it.
    fn open(
        &mut self,
        id: u32,
        ended: bool,
        fields: Vec<FieldLine>,
        requests: &mut Vec<(u32, Asked)>,
    ) -> Result<(), Violation> {
        let asked = Asked::parse(id, fields)?;
        if self.streams.len().max(self.working) >= self.max_streams {
            let why = "too many streams are open, or requests being worked on (5.1.2)";
            return Err(Violation::stream(id, ErrorCode::RefusedStream, why));
        }
        let window = self.first_window_down;
        let mut stream = Stream::new(FIRST_WINDOW, window, asked.content_length, self.now);
        if ended {
            stream.count(id, 0, true)?;
        }
        self.streams.insert(id, stream);
        self.working += 1;
        requests.push((id, asked));
        Ok(())
    }

    fn reset_by_client(&mut self, id: u32, payload: &[u8]) -> Result<(), Violation> {
        frame::number(payload)?;
        self.check_not_idle(id)?;
        if self.streams.contains_key(&id) {
            self.close(id, Ending::ByClient);
        }
        self.calm.spend(self.now) // opened and reset: rapid reset is that, again and again
    }

    fn window_update(&mut self, id: u32, payload: &[u8]) -> Result<(), Violation> {
        let by = frame::number(payload)? & 0x7fff_ffff;
        self.check_not_idle(id)?;
        if by == 0 {
            let stream = (id > 0).then_some(id);
            return Err(Violation {
                stream,
                code: ErrorCode::ProtocolError,
                why: "a window grows by 1 at least (6.9)",
            });
        }
        match self.streams.get_mut(&id) {
            Some(stream) => widen(&mut stream.window_down, by.into(), Some(id)),
            None if id == 0 => widen(&mut self.window_down, by.into(), None),
            None => Ok(()), // it has ended, and the client did not know yet
        }
    }

    fn settings(&mut self, head: Head, payload: &[u8]) -> Result<(), Violation> {
        if head.has(frame::ACK) {
            return if payload.is_empty() {
                Ok(())
            } else {
                size("an acknowledgement is empty (6.5)")
            };
        }
        self.calm.spend(self.now)?;
        let said = settings::parse(payload)?;
        for &(number, value) in &said {
            match number {
                settings::HEADER_TABLE_SIZE => self.packer.limit(value),
                settings::MAX_FRAME_SIZE => self.max_frame = value as usize,
                settings::INITIAL_WINDOW_SIZE => {
                    let more = i64::from(value) - self.first_window_down;
                    self.first_window_down = value.into();
                    for stream in self.streams.values_mut() {
                        widen(&mut stream.window_down, more, None)?; // 6.9.2
                    }
                }
                _ => {}
            }
        }
        self.client_settings.get_or_insert(said);
        frame::write(&mut self.control, frame::SETTINGS, frame::ACK, 0, &[]);
        Ok(())
    }

    fn ping(&mut self, head: Head, payload: &[u8]) -> Result<(), Violation> {
        if payload.len() != 8 {
            return size("PING has eight bytes (6.7)");
        }
        if !head.has(frame::ACK) {
            self.calm.spend(self.now)?;
            frame::write(&mut self.control, frame::PING, frame::ACK, 0, payload);
        }
        Ok(())
    }

    fn check_not_idle(&self, id: u32) -> Result<(), Violation> {
        let idle = id > self.newest || (id != 0 && id.is_multiple_of(2));
        if idle { protocol("this stream was never opened (5.1)") } else { Ok(()) }
    }

    // ---- How streams and connections end -----------------------------------------------------------------------------

    fn answer_fault(&mut self, violation: Violation) {
        let Some(id) = violation.stream else { return self.fail(violation) };
        self.reset(id, violation.code);
        // A client can make this end reset streams, too, and a refused one has cost something.
        if let Err(flood) = self.calm.spend(self.now) {
            self.fail(flood);
        }
    }

    /// Ends the connection: says why, and which stream was the last that was looked at (6.8).
    fn fail(&mut self, violation: Violation) {
        let mut goodbye =
            [self.newest.to_be_bytes(), (violation.code as u32).to_be_bytes()].concat();
        goodbye.extend_from_slice(violation.why.as_bytes());
        frame::write(&mut self.control, frame::GOAWAY, 0, 0, &goodbye);
        self.over = true;
        self.streams.clear();
    }

    /// Ends a stream at once.
    pub fn reset(&mut self, id: u32, code: ErrorCode) {
        self.close(id, Ending::ByUs);
        frame::write(&mut self.control, frame::RST_STREAM, 0, id, &(code as u32).to_be_bytes());
    }

    /// Forgets a stream, but not at once how it ended. What arrived and was not read does not hold up the others.
    fn close(&mut self, id: u32, ending: Ending) {
        if let Some(stream) = self.streams.remove(&id) {
            self.give_window(0, stream.inbox.len());
        }
        self.endings.retain(|(other, _)| *other != id);
        self.endings.push_back((id, ending));
        if self.endings.len() > REMEMBERED {
            self.endings.pop_front();
        }
    }

    fn ending(&self, id: u32) -> Option<Ending> {
        self.endings.iter().find(|(other, _)| *other == id).map(|(_, ending)| *ending)
    }

    /// The clock has moved. To be called each second or so.
    pub fn tick(&mut self, now: Instant) {
        self.now = now;
        let silent = now.saturating_duration_since(self.last_heard);
        let late = |since: Option<Instant>, limit| {
            since.is_some_and(|at| now.saturating_duration_since(at) > limit)
        };
        let calm = |why| Violation::connection(ErrorCode::EnhanceYourCalm, why);
        if self.over {
        } else if late(self.begun, WHOLE) {
            self.fail(calm("what was begun did not come whole in time (10.5)"));
        } else if self.streams.is_empty() && silent > IDLE {
            self.fail(Violation::connection(
                ErrorCode::NoError,
                "this connection was silent for a minute",
            ));
        } else if late(self.asked_at, SILENCE) {
            self.fail(Violation::connection(ErrorCode::NoError, "there is no answer to a ping"));
        } else if !self.streams.is_empty() && silent > SILENCE && self.asked_at.is_none() {
            self.asked_at = Some(now);
            frame::write(&mut self.control, frame::PING, 0, 0, b"there ? ");
        }
        let stuck = |stream: &Stream| !stream.outbox.is_empty() && late(Some(stream.moved), STUCK);
        let stuck: Vec<u32> =
            self.streams.iter().filter(|(_, stream)| stuck(stream)).map(|(id, _)| *id).collect();
        stuck.into_iter().for_each(|id| self.reset(id, ErrorCode::Cancel));
    }

    // ---- What is sent ------------------------------------------------------------------------------------------------

    /// Whether the connection has ended; what is left to send says why.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The socket is broken, or the client has gone: there is nothing more to say.
    pub fn hang_up(&mut self) {
        self.over = true;
        self.streams.clear();
        self.control.clear();
    }

    /// Whether a stream may still be written to.
    pub fn is_open(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|stream| !stream.server_ended)
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Begins an answer; `ended` when it has no body.
    pub fn respond(&mut self, id: u32, fields: &[FieldLine], ended: bool) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.server_ended) else {
            return;
        };
        let block = self.packer.pack(fields.iter().map(|(name, value)| (&**name, &**value)));
        let (mut kind, mut flags) = (frame::HEADERS, if ended { frame::END_STREAM } else { 0 });
        let mut pieces = block.chunks(frame::MAX_FRAME).peekable();
        while let Some(piece) = pieces.next() {
            flags |= if pieces.peek().is_none() { frame::END_HEADERS } else { 0 };
            frame::write(&mut self.control, kind, flags, id, piece);
            (kind, flags) = (frame::CONTINUATION, 0);
        }
        if ended {
            stream.server_ended = true;
            self.close_down(id);
        }
    }

    /// The part of a stream that an answer is put into; `None` when it has ended.
    pub fn outbox(&mut self, id: u32) -> Option<&mut Vec<u8>> {
        let now = self.now;
        let stream = self.streams.get_mut(&id).filter(|stream| !stream.server_ended)?;
        if stream.outbox.is_empty() {
            stream.moved = now;
        }
        Some(&mut stream.outbox)
    }

    /// The answer ends behind what is in the outbox.
    pub fn end(&mut self, id: u32) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.server_ended = true;
        }
    }

    /// What has arrived on a stream, and whether that is all. `None` when the stream has ended in another way.
    pub fn read(&mut self, id: u32) -> Option<(Vec<u8>, bool)> {
        let stream = self.streams.get_mut(&id)?;
        let (bytes, ended) = (mem::take(&mut stream.inbox), stream.client_ended);
        self.give_window(id, bytes.len());
        Some((bytes, ended))
    }

    /// The work on a request is done. What it left open is closed.
    pub fn done(&mut self, id: u32) {
        self.working -= 1;
        if self.is_open(id) {
            self.reset(id, ErrorCode::InternalError);
        }
    }

    // ANCHOR: window
    /// Gives the client leave to send as many bytes again as were read: one window is the stream's,
    /// one is the connection's (6.9).
    fn give_window(&mut self, id: u32, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let more = (bytes as u32).to_be_bytes();
        self.window_up += bytes as i64;
        frame::write(&mut self.control, frame::WINDOW_UPDATE, 0, 0, &more);
        if let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.client_ended) {
            stream.window_up += bytes as i64;
            frame::write(&mut self.control, frame::WINDOW_UPDATE, 0, id, &more);
        }
    }
    // ANCHOR_END: window

    /// The bytes that wait and are no part of an answer's body.
    pub fn waiting(&self) -> usize {
        self.control.len()
    }

    // ANCHOR: output
    /// What to write next: first what is about the connection, then one DATA frame of each stream
    /// in turn, as far as its window and the connection's allow.
    pub fn output(&mut self) -> Vec<u8> {
        let mut wire = mem::take(&mut self.control);
        while wire.len() < WRITE {
            let may_send = |(_, stream): &(&u32, &Stream)| stream.may_send(self.window_down);
            let behind = self.streams.range(self.served + 1..).find(may_send);
            let Some((&id, _)) = behind.or_else(|| self.streams.iter().find(may_send)) else {
                break;
            };
            self.served = id;
            self.send_one(id, &mut wire);
        }
        wire.append(&mut self.control); // a stream that has ended may leave a word
        wire
    }
    // ANCHOR_END: output

    fn send_one(&mut self, id: u32, wire: &mut Vec<u8>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let window = stream.window_down.min(self.window_down).max(0) as usize;
        let length = stream.outbox.len().min(window).min(self.max_frame).min(frame::MAX_FRAME);
        let piece: Vec<u8> = stream.outbox.drain(..length).collect();
        stream.window_down -= length as i64;
        self.window_down -= length as i64;
        stream.moved = self.now;
        let last = stream.server_ended && stream.outbox.is_empty();
        frame::write(wire, frame::DATA, if last { frame::END_STREAM } else { 0 }, id, &piece);
        if last {
            self.close_down(id);
        }
    }

    /// The answer has ended. A client that still sends is asked to stop, since it is not read (8.1).
    fn close_down(&mut self, id: u32) {
        match self.streams.get(&id) {
            Some(stream) if stream.client_ended => self.close(id, Ending::ByClient),
            Some(_) => self.reset(id, ErrorCode::NoError),
            None => {}
        }
    }
}

fn protocol<T>(why: &'static str) -> Result<T, Violation> {
    Err(Violation::connection(ErrorCode::ProtocolError, why))
}

fn size<T>(why: &'static str) -> Result<T, Violation> {
    Err(Violation::connection(ErrorCode::FrameSizeError, why))
}

fn flow<T>(why: &'static str) -> Result<T, Violation> {
    Err(Violation::connection(ErrorCode::FlowControlError, why))
}

fn check_priority(id: u32, payload: &[u8]) -> Result<(), Violation> {
    let Some(depends_on) = payload.first_chunk().filter(|_| payload.len() == 5) else {
        let why = "PRIORITY has five bytes (6.3)";
        return Err(Violation::stream(id, ErrorCode::FrameSizeError, why));
    };
    if u32::from_be_bytes(*depends_on) & 0x7fff_ffff == id {
        let why = "a stream can't depend on itself (RFC 7540, 5.3.1)";
        return Err(Violation::stream(id, ErrorCode::ProtocolError, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const GET: [u8; 12] = [0, 0, 3, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84];

    fn open(now: Instant) -> Http2Connection {
        let mut connection = Http2Connection::new(MAX_STREAMS, now);
        connection.receive(&[&PREFACE[..], &SETTINGS].concat(), now);
        connection.output();
        connection
    }

    #[test]
    fn however_the_bytes_arrive_the_requests_are_the_same() {
        let (now, bytes) = (Instant::now(), [&PREFACE[..], &SETTINGS, &GET].concat());
        let whole = Http2Connection::new(MAX_STREAMS, now).receive(&bytes, now);
        let mut connection = Http2Connection::new(MAX_STREAMS, now);
        let split: Vec<_> =
            bytes.iter().flat_map(|byte| connection.receive(&[*byte], now)).collect();
        assert_eq!(split, whole);
        assert_eq!((whole.len(), whole[0].0, &*whole[0].1.request.target), (1, 1, "/"));
    }

    #[test]
    fn what_has_begun_must_be_whole_in_time() {
        let now = Instant::now();
        for begun in [&[][..], &GET[..5], &[&GET[..4], &[1, 0, 0, 0, 1, 0x82, 0x86, 0x84]].concat()]
        {
            let mut connection =
                if begun.is_empty() { Http2Connection::new(MAX_STREAMS, now) } else { open(now) };
            connection.receive(if begun.is_empty() { b"P" } else { begun }, now);
            connection.tick(now + WHOLE);
            assert!(!connection.is_over());
            connection.tick(now + WHOLE + Duration::from_secs(1));
            assert!(connection.is_over(), "{begun:?}");
        }
    }

    #[test]
    fn a_silent_client_with_streams_is_asked_and_then_given_up_and_one_without_is_let_go() {
        let now = Instant::now();
        let mut connection = open(now);
        connection.tick(now + IDLE + Duration::from_secs(1));
        assert!(connection.is_over());
        let mut connection = open(now);
        connection.receive(&GET, now);
        connection.tick(now + SILENCE + Duration::from_secs(1));
        assert_eq!(connection.output()[3], frame::PING);
        connection.tick(now + 2 * SILENCE);
        assert!(!connection.is_over());
        connection.tick(now + 2 * SILENCE + Duration::from_secs(2));
        assert!(connection.is_over());
    }

    #[test]
    fn a_stream_whose_client_takes_nothing_is_reset() {
        let now = Instant::now();
        let mut connection = open(now);
        connection.receive(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0], now); // windows of 0 bytes
        connection.receive(&GET, now);
        connection.outbox(1).unwrap().extend(b"hello");
        connection.output();
        connection.tick(now + STUCK + Duration::from_secs(1));
        assert!(!connection.is_open(1));
        let said = connection.output();
        assert!(
            said.windows(4).any(|four| four == (ErrorCode::Cancel as u32).to_be_bytes()),
            "{said:?}"
        );
    }

    #[test]
    fn streams_are_served_in_turn() {
        let now = Instant::now();
        let mut connection = open(now);
        for id in [1, 3] {
            connection.receive(&[&GET[..8], &[id], &GET[9..]].concat(), now);
            connection.outbox(id.into()).unwrap().extend([id; 20_000]);
        }
        let (wire, mut order) = (connection.output(), Vec::new());
        let mut rest = &wire[..];
        while let Some((head, payload)) = frame::take(&mut rest).unwrap() {
            order.push((head.stream, payload.len()));
        }
        assert_eq!(order, [(1, 16_384), (3, 16_384), (1, 3_616), (3, 3_616)]);
    }

    #[test]
    fn no_bytes_make_it_panic_and_its_windows_are_never_over_the_limit() {
        let (now, mut seed) = (Instant::now(), 3_u64);
        let mut next = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        for _ in 0..5_000 {
            let mut connection = open(now);
            for _ in 0..8 {
                let payload: Vec<u8> = (0..next() % 16).map(|_| next()).collect();
                let mut wire = Vec::new();
                frame::write(&mut wire, next() % 11, next(), (next() % 4).into(), &payload);
                for (id, _) in connection.receive(&wire, now) {
                    connection.respond(id, &[(":status".into(), "200".into())], next() % 2 == 0);
                    connection.outbox(id).into_iter().for_each(|outbox| outbox.extend(b"hello"));
                    if next() % 2 == 0 {
                        connection.end(id);
                    }
                }
                connection.read((next() % 4).into());
                connection.output();
                assert!(
                    connection.window_up <= settings::MAX_WINDOW
                        && connection.window_down <= settings::MAX_WINDOW
                );
            }
        }
    }
}
