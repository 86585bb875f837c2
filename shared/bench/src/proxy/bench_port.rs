//! A connection to the bench port: it is answered here, without a demo behind it.

use std::any::Any;
use std::time::Instant;

use super::answers::ErrorAnswer;
use super::cable::Fault;
use super::direction::Direction;
use super::frontend::Place;
use super::requests::{RequestReader, WholeRequest};
use super::socket::{ReadySocket, Received};
use super::{Drive, Env};
use crate::api::{Api, FeedReader, Reply, Steered};

/// How much is read at once, in bytes. The bench port takes short orders only.
const REQUESTS: usize = 4 * 1024;

/// A connection to the bench port.
pub struct BenchConnection {
    client: ReadySocket,
    requests: RequestReader,
    /// Read from the client, and not looked at yet.
    unread: Vec<u8>,
    /// Answers on their way to the client.
    down: Direction,
    feed: Option<Box<FeedReader>>,
    /// The client has ended its side, or the answer on its way is the last.
    ends: bool,
    place: Place,
}

impl BenchConnection {
    /// A connection that was just accepted.
    pub fn new(place: Place, client: ReadySocket, env: &Env) -> Self {
        let requests = RequestReader::new(env.held.clone(), env.now);
        BenchConnection {
            client,
            requests,
            unread: Vec::new(),
            down: Direction::default(),
            feed: None,
            ends: false,
            place,
        }
    }

    /// The client's socket.
    pub fn socket(&mut self) -> &mut ReadySocket {
        &mut self.client
    }

    /// Whether it is a feed.
    pub fn is_feed(&self) -> bool {
        self.feed.is_some()
    }

    /// Takes the socket, with the place, for last words.
    pub fn into_client(self) -> (ReadySocket, Box<dyn Any>) {
        (self.client, Box::new(self.place))
    }

    /// Does what can be done now.
    pub fn drive(&mut self, env: &mut Env, api: &Api, bench: &mut impl Steered) -> Drive {
        loop {
            if !self.down.is_empty() {
                if self.down.flush(Fault::Whole, true, &mut self.client, env.now).is_err() {
                    return Drive::Done;
                }
                if let Some(since) = self.down.stalled() {
                    return self.stall(since, env.now);
                }
                self.requests.answered(env.now);
            }
            if let Some(feed) = &mut self.feed {
                // A client that goes away resets or ends its side; nothing else is expected from it.
                match self.client.read(&mut env.buffer) {
                    Received::Fin | Received::Reset => return Drive::Done,
                    _ => {}
                }
                match feed.piece(api, bench, env.now) {
                    Err(too_early) => return Drive::Wait(Some(too_early)),
                    Ok(piece) if piece.is_empty() => return Drive::Wait(Some(feed.next_look(env.now))),
                    Ok(piece) => self.down.enter(piece, (0, true), env.now),
                }
                continue;
            }
            if self.ends {
                return Drive::Linger(Vec::new());
            }
            match self.request(env) {
                Ok(None) => return self.wait(env.now),
                Ok(Some(request)) => match api.answer(&request, bench) {
                    Reply::Whole(answer) => {
                        self.down.enter(answer, (0, true), env.now);
                        self.ends |= request.wants_close();
                    }
                    Reply::Feed(head, feed) => {
                        self.down.enter(head, (0, true), env.now);
                        self.feed = Some(feed);
                    }
                },
                Err(refusal) => return Drive::Linger(refusal.answer()),
            }
        }
    }

    /// The next request, if it has come in whole. A client that ended its side in order gets what it asked for before.
    fn request(&mut self, env: &mut Env) -> Result<Option<WholeRequest>, ErrorAnswer> {
        loop {
            let (length, request) = self.requests.read(&self.unread, &self.place.route().rules, env.now)?;
            self.unread.drain(..length);
            if request.is_some() || self.ends {
                return Ok(request);
            }
            if self.requests.take_expectation() {
                let _ = self.client.write(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            match self.client.read(&mut env.buffer[..REQUESTS]) {
                Received::Nothing => return Ok(None),
                Received::Bytes(length) => self.unread.extend_from_slice(&env.buffer[..length]),
                Received::Fin if self.requests.is_begun() => {
                    return Err(ErrorAnswer::new(400, "The connection ended in the middle of a request."));
                }
                Received::Fin | Received::Reset => {
                    self.ends = true;
                    return Ok(None);
                }
            }
        }
    }

    fn wait(&mut self, now: Instant) -> Drive {
        if self.ends {
            return Drive::Linger(Vec::new());
        }
        self.unread = Vec::new(); // an idle connection keeps no buffer
        match self.requests.deadline(&self.place.route().timeouts, false) {
            Some(limit) if now >= limit && self.requests.is_begun() => {
                Drive::Linger(ErrorAnswer::new(408, "The request did not come in whole in time.").answer())
            }
            Some(limit) if now >= limit => Drive::Linger(Vec::new()),
            limit => Drive::Wait(limit),
        }
    }

    /// The client has taken nothing of its answer since then.
    fn stall(&mut self, since: Instant, now: Instant) -> Drive {
        let limit = since + self.place.route().timeouts.stall;
        if now < limit {
            return Drive::Wait(Some(limit));
        }
        self.client.abort_when_closed();
        Drive::Done
    }
}
