//! One session: what waits for its client, over which transport, and whether the client is still there.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use frames::message::DataMessage;

use crate::engine::{EngineFault, Packet};
use crate::options::Timing;
use crate::queue::Queue;

/// What is carried: the layer above a session.
pub trait Upper: Send + Sync {
    /// A session has begun.
    fn opened(&self, _session: &Arc<Session>) {}
    /// A message has come. `false`: it breaks a rule of the layer above, so the session must end.
    fn message(&self, session: &Arc<Session>, message: DataMessage) -> bool;
    /// Its transport could take more: after [`Session::wake`].
    fn more(&self, _session: &Session) {}
    /// The session has ended. Called once for each.
    fn closed(&self, _session: &Session) {}
    /// Called once a second or more often.
    fn tick(&self) {}
}

/// What carries a session now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A GET waits for packets, a POST brings them.
    Polling,
    /// Both ways over one connection.
    WebSocket,
}

/// The reasons for an end, in the words of the official server.
pub mod reason {
    /// The client has left, with a Close packet or without.
    pub const TRANSPORT_CLOSE: &str = "transport close";
    /// It broke a rule of a transport: two polls at once, say.
    pub const TRANSPORT_ERROR: &str = "transport error";
    /// It sent what can't be read.
    pub const PARSE_ERROR: &str = "parse error";
    /// It did not answer a ping in time.
    pub const PING_TIMEOUT: &str = "ping timeout";
    /// The server wants it so.
    pub const FORCED_CLOSE: &str = "forced close";
}

/// How soon a waiting thread notices that its client has left, and how often the clock is looked at.
pub const LOOK: Duration = Duration::from_millis(500);

/// A poll that comes while a WebSocket is being tried waits so long for the end of the trial. The official server looks
/// every 100 ms, too.
const TRIAL: Duration = Duration::from_millis(100);

/// One conversation, over one transport or two.
pub struct Session {
    /// Known to its client only: who knows it may speak for it.
    pub id: String,
    timing: Timing,
    state: Mutex<State>,
    news: Condvar,
    ended: mpsc::Sender<String>,
}

struct State {
    transport: Transport,
    /// A WebSocket is being tried; and its probe was answered.
    trying: bool,
    probed: bool,
    /// Which transport waits for packets, and whether a POST is being read.
    waiting: Option<Transport>,
    posting: bool,
    /// The marks of the last GET and of the last POST.
    polled: Mark,
    posted: Mark,
    queue: Queue,
    /// The layer above has something to say.
    more: bool,
    ping_at: Instant,
    pong_by: Option<Instant>,
    closed: Option<&'static str>,
    /// When it ended; and whether one more poll may fetch the last packets.
    ended: Instant,
    last_poll: bool,
}

/// What a transport is to send. Nothing follows when `over`.
pub struct Taken {
    /// The packets.
    pub packets: Vec<Packet>,
    /// Whether the session has ended.
    pub over: bool,
}

impl Session {
    /// A session that has just begun. It tells `ended` of its end.
    pub fn new(
        transport: Transport,
        timing: Timing,
        queue: Queue,
        ended: mpsc::Sender<String>,
    ) -> Self {
        let state = State {
            transport,
            trying: false,
            probed: false,
            waiting: None,
            posting: false,
            polled: Mark::default(),
            posted: Mark::default(),
            queue,
            more: false,
            ping_at: Instant::now() + timing.ping_interval,
            pong_by: None,
            closed: None,
            ended: Instant::now(),
            last_poll: false,
        };
        Session { id: new_id(), timing, state: Mutex::new(state), news: Condvar::new(), ended }
    }

    /// Puts packets into the queue. A client that lets too many wait loses its session.
    pub fn send(&self, packets: impl IntoIterator<Item = Packet>) {
        let mut state = self.lock();
        if state.closed.is_none() && !packets.into_iter().all(|packet| state.queue.push(packet)) {
            self.end(&mut state, reason::FORCED_CLOSE);
        }
        self.news.notify_all();
    }

    /// Sends packets if the transport can take them at once, or drops them: a volatile event.
    pub fn send_or_drop(&self, packets: Vec<Packet>) {
        let state = self.lock();
        let ready = state.waiting.is_some() && state.queue.is_empty();
        drop(state);
        if ready {
            self.send(packets);
        }
    }

    /// The layer above has more to say, and is asked for it when the transport can take it.
    pub fn wake(&self) {
        self.lock().more = true;
        self.news.notify_all();
    }

    /// Ends the session. The reason that was first counts.
    pub fn close(&self, why: &'static str) {
        self.end(&mut self.lock(), why);
    }

    /// Whether it goes on: or has ended, and one more poll may fetch what was left to say.
    pub fn is_open(&self) -> bool {
        let mut state = self.lock();
        self.beat(&mut state, Instant::now());
        state.closed.is_none() || state.last_poll
    }

    /// The reason why it ended, if it has.
    pub fn ended(&self) -> Option<&'static str> {
        let mut state = self.lock();
        self.beat(&mut state, Instant::now());
        state.closed
    }

    /// The clock's turn: for a session that no thread waits for.
    pub fn look_at_the_clock(&self) {
        self.beat(&mut self.lock(), Instant::now());
    }

    /// Whether it may be forgotten.
    pub fn is_buried(&self) -> bool {
        let state = self.lock();
        state.closed.is_some() && state.ended.elapsed() >= LOOK
    }

    fn end(&self, state: &mut State, why: &'static str) {
        if state.closed.is_none() {
            state.closed = Some(why);
            state.ended = Instant::now();
            self.news.notify_all();
            let _nobody_listens = self.ended.send(self.id.clone());
        }
    }

    // ANCHOR: beat
    /// The heartbeat ("Heartbeat"): the server asks at a given interval, and an answer has a given
    /// time. A thread that waits for this session looks here; when none waits, the clock does.
    fn beat(&self, state: &mut State, now: Instant) {
        if state.pong_by.is_none() && now >= state.ping_at && state.closed.is_none() {
            state.queue.push(Packet::Ping(String::new()));
            state.pong_by = Some(state.ping_at + self.timing.ping_timeout);
            self.news.notify_all();
        }
        if state.pong_by.is_some_and(|by| now >= by) {
            self.end(state, reason::PING_TIMEOUT);
        }
    }
    // ANCHOR_END: beat

    // ANCHOR: take
    /// Waits until there is something to send over this transport. A GET that waits in vain is
    /// answered by the next ping.
    ///
    /// # Errors
    /// When the client has gone over to a WebSocket before it sent this poll.
    pub fn take(
        &self,
        on: Transport,
        upper: &dyn Upper,
        has_left: impl Fn() -> bool,
    ) -> Result<Taken, EngineFault> {
        let mut state = self.lock();
        state.waiting = Some(on);
        let noop_at = Instant::now() + if state.trying { TRIAL } else { Duration::ZERO };
        let in_trial = state.trying;
        let taken = loop {
            if state.queue.is_empty() && std::mem::take(&mut state.more) {
                drop(state); // the layer above fills the queue
                upper.more(self);
                state = self.lock();
            }
            let now = Instant::now();
            self.beat(&mut state, now);
            if let Some(why) = state.closed {
                let last =
                    if why == reason::TRANSPORT_CLOSE { Packet::Noop } else { Packet::Close };
                let mut packets = state.queue.take();
                packets.extend((on == Transport::Polling).then_some(last));
                state.last_poll = false;
                break Ok(Taken { packets, over: true });
            }
            if state.transport == on && !state.queue.is_empty() {
                break Ok(Taken { packets: state.queue.take(), over: false });
            }
            let gone_over = on == Transport::Polling && state.transport != on;
            if gone_over && in_trial {
                break Err(EngineFault::BadRequest);
            }
            if gone_over || (on == Transport::Polling && state.probed && now >= noop_at) {
                break Ok(Taken { packets: vec![Packet::Noop], over: false });
            }
            let mut until = state.pong_by.unwrap_or(state.ping_at).min(now + LOOK);
            if noop_at > now {
                until = until.min(noop_at);
            }
            let wait = self.news.wait_timeout(state, until.saturating_duration_since(now));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
            if has_left() {
                self.end(&mut state, reason::TRANSPORT_CLOSE);
            }
        };
        if state.waiting == Some(on) {
            state.waiting = None;
        }
        taken
    }
    // ANCHOR_END: take

    /// A POST comes.
    ///
    /// # Errors
    /// When there is one already: then the session ends, since the order of packets is not known.
    /// And when it comes for the second time: see [`Mark`].
    pub fn begin_post(&self, mark: Option<&str>) -> Result<(), EngineFault> {
        let mut state = self.lock();
        if state.transport != Transport::Polling {
            return Err(EngineFault::BadRequest);
        }
        if state.posting || state.posted.repeats(mark) {
            self.end(&mut state, reason::TRANSPORT_ERROR);
            return Err(EngineFault::BadRequest);
        }
        state.posting = true;
        Ok(())
    }

    /// It has been read.
    pub fn end_post(&self) {
        self.lock().posting = false;
    }

    /// A poll comes.
    ///
    /// # Errors
    /// As [`begin_post`](Self::begin_post).
    pub fn begin_poll(&self, mark: Option<&str>) -> Result<(), EngineFault> {
        let mut state = self.lock();
        if state.transport != Transport::Polling {
            return Err(EngineFault::BadRequest);
        }
        if state.waiting.is_some() || state.polled.repeats(mark) {
            self.end(&mut state, reason::TRANSPORT_ERROR);
            return Err(EngineFault::BadRequest);
        }
        state.waiting = Some(Transport::Polling);
        Ok(())
    }

    /// A WebSocket wants to take over ("Upgrade"). `false` when one has, or another one tries.
    pub fn begin_upgrade(&self) -> bool {
        let mut state = self.lock();
        let free = state.transport == Transport::Polling && !state.trying && state.closed.is_none();
        state.trying |= free;
        free
    }

    /// Its probe has arrived: the poll that waits is ended, so that the client can go over.
    pub fn probed(&self) {
        self.lock().probed = true;
        self.news.notify_all();
    }

    /// The client goes over, or has given the WebSocket up.
    pub fn end_upgrade(&self, upgraded: bool) {
        let mut state = self.lock();
        (state.trying, state.probed) = (false, false);
        if upgraded {
            state.transport = Transport::WebSocket;
        }
        self.news.notify_all();
    }

    /// A packet has come. Returns what it brings for the layer above.
    ///
    /// # Errors
    /// When no client sends such a packet.
    pub fn receive(&self, packet: Packet) -> Result<Option<DataMessage>, EngineFault> {
        let mut state = self.lock();
        match packet {
            Packet::Message(message) if state.closed.is_none() => return Ok(Some(message)),
            Packet::Pong(_) => {
                state.pong_by = None;
                state.ping_at = Instant::now() + self.timing.ping_interval;
            }
            Packet::Close => {
                // The poll that belongs to it may come a moment later, over another connection.
                state.last_poll = state.waiting.is_none() && state.transport == Transport::Polling;
                self.end(&mut state, reason::TRANSPORT_CLOSE);
            }
            Packet::Ping(_) | Packet::Open(_) => return Err(EngineFault::BadRequest), // version 3 had its pings this way
            Packet::Message(_) | Packet::Upgrade | Packet::Noop => {}
        }
        Ok(None)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// ANCHOR: mark
/// What tells a request from its repetition: the parameter `t`, another one in each request.
///
/// A browser sends a request again by itself when a connection that it has used before breaks
/// without an answer (RFC 9112, 9.3.1 allows it for a GET). The packets of the first answer are
/// lost then: a poll takes them out of the queue, so it must not be repeated. The session ends, and
/// the client, which comes back, is told what it has missed. An official server goes on, and the
/// packets are missing.
#[derive(Default)]
struct Mark(Option<String>);

impl Mark {
    /// Whether the last request had this mark, too. Longer marks than this are not kept in mind.
    fn repeats(&mut self, mark: Option<&str>) -> bool {
        let mark = mark.filter(|mark| mark.len() <= 64);
        let repeated = mark.is_some() && mark == self.0.as_deref();
        self.0 = mark.map(str::to_string);
        repeated
    }
}
// ANCHOR_END: mark

/// 128 random bits: an id that cannot be guessed.
pub fn new_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    format!("{:032x}", u128::from_ne_bytes(bytes))
}
