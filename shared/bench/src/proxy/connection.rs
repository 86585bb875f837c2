//! One connection: the client's socket, the demo's socket, and a direction between them each way.
//!
//! Everything that a connection holds is a field of it, and is given back when the connection is dropped: its place, its
//! entry in the tap, its expected arrival at the demo, its share of what unfinished requests may hold.

use std::any::Any;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use demo::Speaks;
use dissect::Dir;
use dissect::http::{MessageFramer, MessageKind, MessagePart};
use mio::Token;
use mio::net::TcpStream;
use serde_json::{Value, json};

use super::admission::Admitted;
use super::answers::ErrorAnswer;
use super::cable::{Cable, Fault, find, garble, without_upgrade};
use super::direction::{Direction, Due, StreamEnd};
use super::frontend::{Place, Route};
use super::requests::RequestReader;
use super::socket::{ReadySocket, Received};
use super::{Drive, Env};
use crate::capture::tap::{Recorder, What};

/// At most this many requests of one connection wait for their answers in the demo: tiny_http would hand all of them out at
/// once, and the memory for their answers would be the client's to choose. The others wait in the client's own socket.
const AHEAD: usize = 4;

/// How much of a client's requests is read at once, in bytes.
const REQUESTS: usize = 16 * 1024;

/// A connection that has been forgotten (see [`Fault::Forget`]) is given up after this time.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// A busy connection lets the others have their turn after this many rounds.
const ROUNDS: usize = 4;

/// A connection through the proxy.
pub struct Connection {
    /// They count from 1.
    pub id: u64,
    peer: SocketAddr,
    /// The connection that this one passes on, when it is a leg of the demo's own: see [`demo::Legs`].
    first: Option<u64>,
    /// This end's address, by which the demo knows the connection.
    near: Option<SocketAddr>,
    route: Rc<Route>,
    client: ReadySocket,
    server: Option<ReadySocket>,
    /// The direction from client to demo, and the other one.
    up: Direction,
    down: Direction,
    /// Of a server whose requests are looked at.
    requests: Option<RequestReader>,
    /// Read from the client, and not passed on yet.
    unread: Vec<u8>,
    /// Follows the answers; `None` when they are not looked at, or are not HTTP.
    answers: Option<MessageFramer>,
    /// The requests that wait for their answer, oldest first; `true` for a HEAD, whose answer has no body.
    asked: VecDeque<bool>,
    /// What the front door will answer when the answers before it are complete.
    refusal: Option<ErrorAnswer>,
    /// The connection's own cable, if it has one.
    cable: Option<Cable>,
    opened: Instant,
    /// When a byte came last, from either side.
    last_byte: Instant,
    forgotten: Option<Instant>,
    recorder: Option<Recorder>,
    admitted: Option<Admitted>,
    place: Place,
}

impl Connection {
    /// A connection that was just accepted. `first`: the one that it passes on, when it is a leg.
    pub fn new(place: Place, client: ReadySocket, peer: SocketAddr, first: Option<u64>, env: &mut Env) -> Self {
        let route = place.route().clone();
        env.newest += u64::from(route.tap.is_some());
        let id = if route.tap.is_some() { env.newest } else { 0 };
        let http = route.speaks == Speaks::Http;
        Connection {
            id,
            peer,
            first,
            near: None,
            client,
            server: None,
            up: Direction::default(),
            down: Direction::default(),
            requests: http.then(|| RequestReader::new(env.held.clone(), env.now)),
            unread: Vec::new(),
            answers: http.then(|| MessageFramer::new(MessageKind::Response)),
            asked: VecDeque::new(),
            refusal: None,
            cable: None,
            opened: env.now,
            last_byte: env.now,
            forgotten: None,
            recorder: route.tap.as_ref().map(|tap| Recorder::new(tap.clone(), id, route.name, route.speaks, first)),
            admitted: None,
            route,
            place,
        }
    }

    /// The socket with this side of the connection.
    pub fn socket(&mut self, of_server: bool) -> Option<&mut ReadySocket> {
        if of_server { self.server.as_mut() } else { Some(&mut self.client) }
    }

    /// What the front door in front of it knows.
    pub fn route(&self) -> &Rc<Route> {
        &self.route
    }

    /// Whether the cable acts on it. What a leg carries has come through the cable already.
    pub fn is_on_cable(&self) -> bool {
        self.recorder.is_some() && self.first.is_none()
    }

    /// Whether the demo knows it by this address.
    pub fn is_known_as(&self, near: SocketAddr) -> bool {
        self.near == Some(near)
    }

    /// Gives it a cable of its own, or the demo's again.
    pub fn set_cable(&mut self, cable: Option<Cable>) {
        self.cable = cable;
    }

    /// `{"id":3,"peer":"127.0.0.1:5000","cable":null,"up":412,"down":57}`
    pub fn json(&self) -> Value {
        let own = self.cable.map(|cable| cable.fault.to_string());
        json!({ "id": self.id, "peer": self.peer.to_string(), "cable": own, "up": self.up.seen, "down": self.down.seen })
    }

    /// Makes its end a RST each way, for when it is dropped.
    pub fn abort(&self) {
        self.client.abort_when_closed();
        self.server.iter().for_each(ReadySocket::abort_when_closed);
    }

    /// The cable's order: tears the connection down.
    pub fn reset(&mut self) {
        self.abort();
        self.note(Dir::Up, What::Reset);
    }

    /// Opens the way to the demo. Returns this end's address, by which the demo knows it.
    pub fn connect(&mut self, env: &Env, token: Token) -> Option<SocketAddr> {
        let connected = || {
            let to = self.route.to.ok_or(ErrorKind::NotFound)?;
            let server = ReadySocket::new(TcpStream::connect(to)?, &env.registry, token)?;
            Ok((server.local_addr()?, server))
        };
        match connected() {
            Ok((address, server)) => {
                self.server = Some(server);
                self.near = Some(address);
                Some(address)
            }
            Err(error) => {
                let error: std::io::Error = error;
                self.refuse(ErrorAnswer::new(502, format!("The demo does not answer ({error}).")));
                None
            }
        }
    }

    /// The demo has not seen the first request yet: it is expected to tell when it has.
    pub fn expect_arrival(&mut self, admitted: Admitted) {
        self.admitted = Some(admitted);
    }

    /// There is no way to the demo.
    fn refuse(&mut self, refusal: ErrorAnswer) {
        self.refusal = Some(refusal);
        self.asked.clear();
        self.up.stop_delivering();
    }

    /// Takes the client's socket, with the place, for last words.
    pub fn into_client(self) -> (ReadySocket, Box<dyn Any>) {
        (self.client, Box::new((self.place, self.recorder)))
    }

    /// Whether the whole of what came is with the demo.
    pub fn is_delivered(&self) -> bool {
        self.up.is_empty()
    }

    /// Does what can be done now.
    pub fn drive(&mut self, env: &mut Env) -> Drive {
        let cable = if self.is_on_cable() { self.cable.unwrap_or(env.cable) } else { Cable::new(Fault::Whole) };
        let silence_began = self.last_byte.max(cable.since);
        match cable.fault {
            Fault::Idle(limit) if env.now >= silence_began + limit => {
                self.reset();
                return Drive::Done;
            }
            Fault::Forget(limit) if env.now >= silence_began + limit => {
                self.forgotten.get_or_insert(env.now);
            }
            _ => {}
        }
        if self.forgotten.is_some() {
            return self.lose_everything(env);
        }
        let mut later = match cable.fault {
            Fault::Idle(limit) | Fault::Forget(limit) => Some(silence_began + limit),
            _ => None,
        };
        for _ in 0..ROUNDS {
            let before = self.progress();
            self.hear_client(env, cable.fault);
            if let Err(next) = self.hear_server(env, cable.fault) {
                return next;
            }
            match self.flush(env, cable.fault) {
                Ok(time) => later = earlier(later, time),
                Err(next) => return next,
            }
            if self.progress() == before {
                return self.rest(env, cable.fault, later);
            }
        }
        Drive::Wait(Some(env.now)) // there is more to do: after the others
    }

    /// What has come and what has left: it changes whenever something could be done.
    fn progress(&self) -> [u64; 5] {
        [self.up.seen, self.down.seen, self.up.passed(), self.down.passed(), self.unread.len() as u64]
    }

    /// Nothing more can be done now: says what to wait for.
    fn rest(&mut self, env: &mut Env, fault: Fault, mut later: Option<Instant>) -> Drive {
        if self.refusal.is_some() && self.asked.is_empty() && self.down.is_empty() {
            return self.last_words(env);
        }
        match (self.up.ended(), self.down.ended()) {
            (Some(StreamEnd::Reset), _) | (_, Some(StreamEnd::Reset)) => {
                self.abort();
                return Drive::Done;
            }
            (Some(StreamEnd::Fin), Some(StreamEnd::Fin)) => return Drive::Done,
            // The demo has closed its socket, and the client sends on: it gets a RST, as it would without the proxy.
            (None, Some(StreamEnd::Fin)) if self.requests.is_none() && self.up.is_deaf() => {
                self.abort();
                return Drive::Done;
            }
            // The demo has closed: no request can be answered any more.
            (None, Some(StreamEnd::Fin)) if self.requests.is_some() => return Drive::Linger(Vec::new()),
            _ => {}
        }
        if self.server.is_none() && self.up.over && self.up.is_empty() && self.refusal.is_none() {
            return Drive::Done;
        }
        if let Some(stalled) = self.down.stalled() {
            let limit = stalled + self.route.timeouts.stall;
            if env.now >= limit {
                self.log(env, "reset: the client takes nothing of its answer");
                self.reset();
                return Drive::Done;
            }
            later = earlier(later, Some(limit));
        }
        if let Some(limit) = self.turn_ends() {
            if env.now >= limit {
                return self.late(env);
            }
            later = earlier(later, Some(limit));
        }
        if self.server.is_none() && self.up.due(fault, false, env.now) == Due::Now {
            return Drive::Admit;
        }
        Drive::Wait(later)
    }

    /// Until when the client has time.
    fn turn_ends(&self) -> Option<Instant> {
        let timeouts = &self.route.timeouts;
        let half_closed = self.down.ended().map(|_| self.last_byte + timeouts.idle);
        if self.up.over || self.refusal.is_some() {
            return half_closed;
        }
        match (&self.requests, self.route.speaks) {
            (Some(requests), _) => {
                let waits = !self.asked.is_empty() || !self.up.is_empty() || !self.down.is_empty();
                requests.deadline(timeouts, waits)
            }
            (None, _) if self.up.seen > 0 => half_closed,
            // A person who types has more time for the first byte than a program.
            (None, Speaks::Delimited(_)) => Some(self.opened + timeouts.idle),
            (None, _) => Some(self.opened + timeouts.head),
        }
    }

    /// The client's time is over.
    fn late(&mut self, env: &mut Env) -> Drive {
        match &self.requests {
            Some(requests) if requests.is_begun() => {
                let why = "The request did not come in whole in time.";
                self.refusal = Some(ErrorAnswer::new(408, why));
                Drive::Wait(Some(env.now))
            }
            // That a kept connection is not used again is the ordinary end of it; that one never was, is not.
            Some(requests) if requests.had_one() => self.close(),
            _ => {
                self.log(env, "closed: nothing came for too long");
                self.close()
            }
        }
    }

    fn close(&mut self) -> Drive {
        self.note(Dir::Down, What::Fin);
        Drive::Linger(Vec::new())
    }

    /// The front door answers, and ends the connection.
    fn last_words(&mut self, env: &mut Env) -> Drive {
        let Some(refusal) = self.refusal.take() else { return Drive::Done };
        self.log(env, &format!("refused {refusal}"));
        let answer = refusal.answer();
        self.note_bytes(Dir::Down, &answer, Fault::Whole);
        self.note(Dir::Down, What::Fin);
        Drive::Linger(answer)
    }

    /// Reads what the client sends.
    fn hear_client(&mut self, env: &mut Env, fault: Fault) {
        if self.requests.is_some() {
            self.pass_requests(env, fault);
        }
        while !self.up.over && self.refusal.is_none() && self.unread_may_grow() {
            let most = if self.requests.is_some() { REQUESTS } else { self.up.room().min(env.buffer.len()) };
            match self.client.read(&mut env.buffer[..most]) {
                Received::Nothing => break,
                Received::Bytes(length) => {
                    let mut buffer = std::mem::take(&mut env.buffer);
                    self.note_bytes(Dir::Up, &buffer[..length], fault);
                    self.last_byte = env.now;
                    if self.begins_with_tls(&buffer[..length]) {
                        self.refuse(ErrorAnswer::to_tls());
                    } else if self.requests.is_some() {
                        self.unread.extend_from_slice(&buffer[..length]);
                        self.pass_requests(env, fault);
                    } else {
                        self.pass_bytes(&mut buffer[..length], env.now, fault);
                    }
                    env.buffer = buffer;
                }
                Received::Fin => self.client_ended(StreamEnd::Fin, env.now, fault),
                Received::Reset => self.client_ended(StreamEnd::Reset, env.now, fault),
            }
        }
        if self.client.was_reset() && !self.up.over {
            self.client_ended(StreamEnd::Reset, env.now, fault);
        }
    }

    /// Whether these are the first bytes, and TLS, where plain HTTP is spoken: a record of the type handshake, version 3.x.
    fn begins_with_tls(&self, bytes: &[u8]) -> bool {
        let is_plain = matches!(self.route.speaks, Speaks::Http | Speaks::Upgrades);
        is_plain && self.up.seen == bytes.len() as u64 && bytes.starts_with(&[22, 3])
    }

    fn unread_may_grow(&self) -> bool {
        match &self.requests {
            Some(_) => self.unread.is_empty() && self.asked.len() < AHEAD && self.up.room() > 0,
            None => self.up.room() > 0,
        }
    }

    fn client_ended(&mut self, end: StreamEnd, now: Instant, fault: Fault) {
        self.up.over = true;
        self.note(Dir::Up, if end == StreamEnd::Fin { What::Fin } else { What::Reset });
        if end == StreamEnd::Reset && (fault.lets_pass() || self.server.is_none()) {
            self.up.stop_delivering(); // a RST overtakes what waits
        }
        let begun = self.requests.as_ref().is_some_and(RequestReader::is_begun);
        if end == StreamEnd::Fin && begun {
            // RFC 9112, 8: what ended too early is not complete, and nothing of it reaches the demo.
            self.refusal = Some(ErrorAnswer::new(400, "The connection ended in the middle of a request."));
        } else if self.server.is_some() || !self.up.is_empty() {
            self.up.end(end, now);
        }
    }

    /// Passes the whole ones of the requests that came, a few ahead of their answers.
    fn pass_requests(&mut self, env: &Env, fault: Fault) {
        let Some(requests) = &mut self.requests else { return };
        let (mut read, mut garbled) = (0, false);
        while read < self.unread.len() && self.refusal.is_none() && self.asked.len() < AHEAD && self.up.room() > 0 {
            match requests.read(&self.unread[read..], &self.route.rules, env.now) {
                Err(refusal) => self.refusal = Some(refusal),
                Ok((length, None)) => read += length,
                Ok((length, Some(request))) => {
                    read += length;
                    let upto = self.up.seen - (self.unread.len() - read) as u64;
                    let mut bytes = request.bytes();
                    if fault == Fault::Garble && garble(&mut bytes).is_some() {
                        garbled = true;
                    }
                    self.asked.push_back(request.method() == "HEAD");
                    self.up.enter(bytes, (upto, false), env.now);
                    if let Some(tap) = &self.route.tap {
                        tap.count_requests(1);
                    }
                }
            }
        }
        self.unread.drain(..read);
        if self.unread.is_empty() {
            self.unread = Vec::new(); // an idle connection keeps no buffer
        }
        let expects = requests.take_expectation();
        if garbled {
            self.note(Dir::Up, What::Garbled);
        }
        if expects && self.asked.is_empty() && self.down.is_empty() {
            let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
            self.note_bytes(Dir::Down, go_on, fault);
            self.down.enter(go_on.to_vec(), (self.down.seen, true), env.now);
        }
    }

    /// Passes bytes that are not looked at.
    fn pass_bytes(&mut self, bytes: &mut [u8], now: Instant, fault: Fault) {
        let is_first = self.up.seen == bytes.len() as u64;
        let gathers = fault == Fault::NoUpgrade && self.route.speaks == Speaks::Upgrades;
        if (is_first && gathers) || !self.unread.is_empty() {
            self.unread.extend_from_slice(bytes);
            let head = find(&self.unread, b"\r\n\r\n");
            if head.is_some() || self.unread.len() > REQUESTS {
                let rest = self.unread.split_off(head.map_or(self.unread.len(), |end| end + 4));
                let mut bytes = without_upgrade(&std::mem::take(&mut self.unread));
                bytes.extend(rest);
                self.up.enter(bytes, (self.up.seen, false), now);
            }
            return;
        }
        if fault == Fault::Garble && garble(bytes).is_some() {
            self.note(Dir::Up, What::Garbled);
        }
        match &mut self.server {
            None => self.up.enter(bytes.to_vec(), (self.up.seen, false), now),
            Some(server) => {
                if self.up.send(bytes, false, fault, server, now).is_err() {
                    self.up.stop_delivering();
                }
            }
        }
    }

    /// Reads what the demo sends.
    fn hear_server(&mut self, env: &mut Env, fault: Fault) -> Result<(), Drive> {
        while let Some(server) = &mut self.server
            && !self.down.over
            && self.down.room() > 0
        {
            let most = self.down.room().min(env.buffer.len());
            match server.read(&mut env.buffer[..most]) {
                Received::Nothing => break,
                Received::Bytes(length) => {
                    let bytes = &mut env.buffer[..length];
                    self.last_byte = env.now;
                    self.note_bytes(Dir::Down, bytes, fault);
                    let complete = self.follow(bytes, env.now);
                    if fault == Fault::Garble && garble(bytes).is_some() {
                        self.note(Dir::Down, What::Garbled);
                    }
                    if self.down.send(bytes, complete, fault, &mut self.client, env.now).is_err() {
                        return Err(self.client_gone());
                    }
                }
                Received::Fin => {
                    self.down.over = true;
                    self.note(Dir::Down, What::Fin);
                    self.down.end(StreamEnd::Fin, env.now);
                }
                Received::Reset => {
                    self.down.over = true;
                    if self.down.seen == 0 && self.requests.is_some() && self.up.passed() == 0 {
                        self.refuse(ErrorAnswer::new(502, "The demo does not answer."));
                        return Ok(());
                    }
                    self.note(Dir::Down, What::Reset);
                    self.down.end(StreamEnd::Reset, env.now);
                }
            }
        }
        Ok(())
    }

    /// The client has gone without a word: the demo gets a RST, as it would without the proxy.
    fn client_gone(&mut self) -> Drive {
        self.abort();
        if !self.up.over {
            self.note(Dir::Up, What::Reset);
        }
        Drive::Done
    }

    /// Follows the answers, to know which requests are answered. Returns whether the stream stands at the end of an answer,
    /// or is nothing that a proxy would hold back.
    fn follow(&mut self, bytes: &[u8], now: Instant) -> bool {
        let Some(answers) = &mut self.answers else { return true };
        let mut rest = bytes;
        while !rest.is_empty() {
            if answers.between_messages() && self.asked.front() == Some(&true) {
                answers.answers_head_request();
            }
            let answered = answers.messages();
            match answers.step(rest) {
                Ok((taken, part)) if part != MessagePart::Tunnel => rest = &rest[taken..],
                _ => {
                    self.answers = None; // not HTTP: it is followed no further
                    return true;
                }
            }
            if answers.messages() > answered {
                self.asked.pop_front();
                if let Some(requests) = &mut self.requests {
                    requests.answered(now);
                }
            }
        }
        answers.between_messages()
    }

    /// Moves on what waits in the cable. Returns when to come again, if time alone will change something.
    fn flush(&mut self, env: &Env, fault: Fault) -> Result<Option<Instant>, Drive> {
        let (up, down) = (self.up.passed(), self.down.passed());
        let mut later = None;
        if let Some(server) = &mut self.server {
            match self.up.flush(fault, false, server, env.now) {
                Ok(time) => later = time,
                Err(_) => self.up.stop_delivering(), // it reads no more; what it still has to say comes
            }
        } else if let Due::At(time) = self.up.due(fault, false, env.now) {
            later = Some(time);
        }
        match self.down.flush(fault, true, &mut self.client, env.now) {
            Ok(time) => later = earlier(later, time),
            Err(_) => return Err(self.client_gone()),
        }
        for (dir, direction, before) in [(Dir::Up, &self.up, up), (Dir::Down, &self.down, down)] {
            if direction.waits && direction.passed() > before {
                self.note(dir, What::Heard(direction.passed()));
            }
        }
        Ok(later)
    }

    /// The connection was forgotten on its way: what comes from either side is read and thrown away.
    fn lose_everything(&mut self, env: &mut Env) -> Drive {
        for dir in [Dir::Up, Dir::Down] {
            loop {
                let socket = if dir == Dir::Up { Some(&mut self.client) } else { self.server.as_mut() };
                match socket.map_or(Received::Fin, |socket| socket.read(&mut env.buffer)) {
                    Received::Nothing => break,
                    Received::Bytes(length) => {
                        let buffer = std::mem::take(&mut env.buffer);
                        self.note_bytes(dir, &buffer[..length], Fault::Cut);
                        env.buffer = buffer;
                    }
                    end => {
                        if !std::mem::replace(&mut self.direction(dir).over, true) {
                            self.note(dir, if end == Received::Fin { What::Fin } else { What::Reset });
                        }
                        break;
                    }
                }
            }
        }
        let until = self.forgotten.unwrap_or(env.now) + FORGOTTEN;
        if (self.up.over && self.down.over) || env.now >= until {
            self.abort();
            return Drive::Done;
        }
        Drive::Wait(Some(until))
    }

    fn direction(&mut self, dir: Dir) -> &mut Direction {
        match dir {
            Dir::Up => &mut self.up,
            Dir::Down => &mut self.down,
        }
    }

    /// Counts bytes and shows them to the tap.
    fn note_bytes(&mut self, dir: Dir, bytes: &[u8], fault: Fault) {
        let direction = self.direction(dir);
        direction.waits = !direction.is_empty() || !fault.lets_pass();
        direction.seen += bytes.len() as u64;
        let (seen, waits) = (direction.seen, direction.waits);
        if let Some(recorder) = &self.recorder {
            recorder.bytes(dir, seen, bytes, waits);
        }
    }

    fn note(&self, dir: Dir, what: What) {
        if let Some(recorder) = &self.recorder {
            recorder.note(dir, what);
        }
    }

    fn log(&self, env: &mut Env, words: &str) {
        let space = if self.route.name.is_empty() { "" } else { " " };
        env.log.line(&format!("{}{space}#{} {words}", self.route.name, self.id));
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
