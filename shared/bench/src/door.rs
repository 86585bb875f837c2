//! The front door: accepts connections and holds the limits, so that a demo stays short and still can't be hung or
//! filled.
//!
//! Every connection has a thread for each direction. The one that reads from the browser is the door proper: it lets a
//! request through when its head is whole, within the limits, and says a `Host` and an `Origin` that are ours.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::cable::{Cable, Mode};
use super::gate::Gate;
use super::line::{LOOK_UP, Line, hang_up};
use super::pump::{End, Got, Pump};
use super::tap::{Tap, What};
use super::{gate, log};
use demo::{Site, Speaks as Kind};
use dissect::Dir;
use dissect::http::{MessageFramer, MessageHead, MessageKind, MessagePart};
use http::MAX_BODY;

/// The stack of a pump's thread, in bytes.
const STACK: usize = 64 * 1024;

/// How much is read at once, in bytes.
const BUFFER: usize = 16 * 1024;

/// A connection without a request and without an answer in progress may stay for so long.
const IDLE: Duration = Duration::from_secs(120);

/// After a failed accept (no more open files, say) the door waits for so long and goes on.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection takes so many open files: one for the browser, one for the demo, and two in the demo (tiny_http dups the
/// socket that it accepts, and does not survive it when there is no file left). The limit is the system's and may change
/// while the demo runs, so it is asked for every time.
const FILES_PER_CONNECTION: u64 = 4;

/// Open files that are left for everything else: listeners, pages that are read, the terminal, last words.
const FILES_ASIDE: u64 = 32;

/// A connection whose first request has not come out at the other side for so long makes the demo look again.
const NUDGE: Duration = Duration::from_millis(500);

/// At most so many requests of one connection may wait for their answers inside.
const AHEAD: usize = 4;

/// At most so many connections over the limit are told so at the same time; the others are just closed.
const REFUSERS: usize = 4;

/// Connections that are served now, over all doors of this process.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// How many connections the open files of this process allow, over all doors.
pub fn affordable() -> usize {
    (open_files().saturating_sub(FILES_ASIDE) / FILES_PER_CONNECTION).try_into().unwrap_or(usize::MAX)
}

#[cfg(unix)]
fn open_files() -> u64 {
    rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(u64::MAX, |(soft, _hard)| soft)
}

/// Windows has no such limit on sockets.
#[cfg(not(unix))]
fn open_files() -> u64 {
    u64::MAX
}

/// A front door: where it leads and what it asks.
pub struct Door {
    /// The name of a server beside the demo; empty for the demo itself.
    pub name: &'static str,
    /// The demo's private address.
    pub to: SocketAddr,
    /// What is looked at.
    pub kind: Kind,
    /// Whether an `Origin` is ours, given the `Host`.
    pub for_bench: bool,
    /// Who we are.
    pub site: Arc<Site>,
    /// More connections than that at once are refused with 503.
    pub max_connections: usize,
    /// So many connections are left for the other doors when open files run short.
    pub leaves: usize,
    /// How long a request's head, or silence inside its body, may take.
    pub head_timeout: Duration,
    /// Where the bytes are shown; the bench's own port shows none.
    pub tap: Option<Arc<Tap>>,
    /// The cable behind the door.
    pub cable: Arc<Cable>,
    /// Connections that are served now.
    pub open: AtomicUsize,
    /// Connections that are being told that there are too many.
    pub refusers: AtomicUsize,
    /// The number of the newest connection, over all doors of this process.
    pub newest: Arc<AtomicU64>,
}

/// Why the door does not let something in: the status code to answer with and a sentence for a person.
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// What is wrong and, where it helps, what to do.
    pub why: String,
}

impl Refusal {
    fn new(status: u16, why: impl Into<String>) -> Self {
        Refusal { status, why: why.into() }
    }

    /// The answer as it goes over the wire.
    pub fn answer(&self) -> Vec<u8> {
        let reason = match self.status {
            400 => "Bad Request",
            403 => "Forbidden",
            408 => "Request Timeout",
            413 => "Content Too Large",
            414 => "URI Too Long",
            421 => "Misdirected Request",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            505 => "HTTP Version Not Supported",
            _ => "Refused",
        };
        let retry = if self.status == 503 { "Retry-After: 5\r\n" } else { "" };
        let body = format!("{}\n", self.why);
        format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{retry}Connection: close\r\n\r\n{body}",
            self.status,
            body.len()
        )
        .into_bytes()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.why)
    }
}

/// Gives a place among the open connections back, however its thread ends.
struct Place(Arc<Door>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts connections for ever.
pub fn keep(door: Arc<Door>, listener: &TcpListener) {
    let mut failing = false;
    loop {
        match listener.accept() {
            Ok((client, peer)) => {
                failing = false;
                admit(&door, client, peer);
            }
            Err(error) => {
                if !failing {
                    log(&format!("accept failed ({error}): waiting until it works again"));
                }
                failing = true;
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

fn admit(door: &Arc<Door>, client: TcpStream, peer: SocketAddr) {
    let open = door.open.fetch_add(1, Ordering::Relaxed);
    let all_open = OPEN.fetch_add(1, Ordering::Relaxed);
    let place = Place(door.clone());
    if open >= door.max_connections {
        return too_many(door, client, &format!("All {} places are taken.", door.max_connections));
    }
    if all_open + door.leaves >= affordable() {
        return too_many(door, client, "There are no open files left for one more connection.");
    }
    let served = thread::Builder::new().stack_size(STACK).spawn(move || {
        let door = &place.0;
        let id = door.newest.fetch_add(1, Ordering::Relaxed) + 1;
        let Ok(line) = Line::new(id, peer, client) else { return };
        let line = Arc::new(line);
        if let Some(tap) = &door.tap {
            tap.record(id, Dir::Up, What::Open(door.name, door.kind));
        }
        door.cable.add(line.clone());
        Up::new(door, &line).run();
        door.cable.remove(id);
        if let Some(tap) = &door.tap {
            tap.record(id, Dir::Up, What::Gone);
        }
    });
    if let Err(error) = served {
        log(&format!("a connection was dropped: no thread for it ({error})"));
    }
}

/// Says 503 to a connection over the limit, on a thread of its own that lives a second at most.
fn too_many(door: &Arc<Door>, client: TcpStream, why: &str) {
    let refusal = Refusal::new(503, format!("{why} Try again in a moment."));
    log(&format!("a connection was refused {refusal}"));
    if door.refusers.fetch_add(1, Ordering::Relaxed) < REFUSERS {
        let counted = door.clone();
        let said = thread::Builder::new().stack_size(STACK).spawn(move || {
            let _ = client.set_write_timeout(Some(Duration::from_millis(250)));
            let _ = io::Write::write_all(&mut &client, &refusal.answer());
            hang_up(&client);
            counted.refusers.fetch_sub(1, Ordering::Relaxed);
        });
        if said.is_ok() {
            return;
        }
    }
    door.refusers.fetch_sub(1, Ordering::Relaxed);
}

/// The direction from the browser to the demo.
struct Up<'a> {
    door: &'a Arc<Door>,
    line: &'a Arc<Line>,
    pump: Pump<'a>,
    framing: MessageFramer,
    /// The bytes of a head that is not whole yet: they wait at the door.
    head: Vec<u8>,
    /// The head of the request in progress has been let through.
    let_in: bool,
    /// The bytes of its body that came so far.
    body: u64,
    /// Our address towards the demo, as long as the demo may not have seen the first request.
    coming: Option<SocketAddr>,
    down: Option<thread::JoinHandle<()>>,
}

/// Why the direction from the browser ends.
enum Stop {
    End(End),
    Refused(Refusal),
    /// Nothing came, for too long.
    Silent,
}

impl<'a> Up<'a> {
    fn new(door: &'a Arc<Door>, line: &'a Arc<Line>) -> Self {
        let pump = Pump::new(line, door.tap.as_deref(), &door.cable, Dir::Up);
        Up {
            door,
            line,
            pump,
            framing: MessageFramer::new(MessageKind::Request),
            head: Vec::new(),
            let_in: false,
            body: 0,
            coming: None,
            down: None,
        }
    }

    fn run(&mut self) {
        let stop = match self.door.kind {
            Kind::Http => self.requests(),
            Kind::Upgrades | Kind::Delimited(_) => self.bytes(),
        };
        match stop {
            Stop::End(End::Fin) if self.line.server.get().is_some() => self.pump.finish(End::Fin),
            Stop::End(End::Reset) if !self.line.is_dead() => self.pump.finish(End::Reset),
            Stop::End(End::Reset) => self.note(What::Reset),
            Stop::End(End::Fin) => self.note(What::Fin),
            Stop::Silent => {
                // That a kept connection is not used again is the ordinary end of it; that one never was, is not.
                if self.line.server.get().is_none() {
                    self.log("closed: nothing came for too long");
                }
                let _ = self.line.client.shutdown(Shutdown::Write);
                self.line.abandon();
            }
            Stop::Refused(refusal) => self.refuse(&refusal),
        }
        if let Some(down) = self.down.take() {
            let _ = down.join();
        }
        self.coming.into_iter().for_each(gate::forget);
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.log(&format!("refused {refusal}"));
        let in_body = self.let_in && !self.framing.between_messages() && !self.framing.in_head();
        match self.line.refuse(refusal, in_body) {
            Some(answer) => {
                let from = self.line.down.fetch_add(answer.len() as u64, Ordering::Relaxed);
                self.note_down(What::Bytes { from, bytes: answer.into(), waiting: false });
                self.note_down(What::Fin);
            }
            None => self.note_down(What::Reset),
        }
    }

    fn log(&self, words: &str) {
        let server = self.door.name;
        let space = if server.is_empty() { "" } else { " " };
        log(&format!("{server}{space}#{} {words}", self.line.id));
    }

    fn note(&self, what: What) {
        if let Some(tap) = &self.door.tap {
            tap.record(self.line.id, Dir::Up, what);
        }
    }

    fn note_down(&self, what: What) {
        if let Some(tap) = &self.door.tap {
            tap.record(self.line.id, Dir::Down, what);
        }
    }

    /// Passes bytes on without looking at them.
    fn bytes(&mut self) -> Stop {
        if let Err(refusal) = self.connect() {
            return Stop::Refused(refusal);
        }
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.pump.read(&mut buffer, None) {
                Got::Bytes(length) if self.pump.send(&buffer[..length], false).is_ok() => {}
                Got::End => return Stop::End(End::Fin),
                _ => return Stop::End(End::Reset),
            }
        }
    }

    /// Passes requests on, each when its head was looked at.
    fn requests(&mut self) -> Stop {
        let mut buffer = vec![0; BUFFER];
        let mut quiet_since = Instant::now();
        let mut head_since = Instant::now();
        loop {
            let idle = self.framing.between_messages() && self.line.server.get().is_some();
            let deadline = match idle {
                true => quiet_since + IDLE,
                false if self.framing.in_head() => head_since + self.door.head_timeout,
                false => quiet_since + self.door.head_timeout,
            };
            let nudge = self.coming.filter(|&connection| gate::is_coming(connection)).map(|_| Instant::now() + NUDGE);
            if nudge.is_none() {
                self.coming = None;
            }
            match self.pump.read(&mut buffer, Some(nudge.map_or(deadline, |nudge| nudge.min(deadline)))) {
                Got::Late if Instant::now() < deadline => gate::nudge(self.door.to),
                Got::Bytes(length) => {
                    quiet_since = Instant::now();
                    if !self.framing.in_head() {
                        head_since = quiet_since;
                    }
                    if let Err(stop) = self.look_at(&buffer[..length]) {
                        return stop;
                    }
                }
                Got::End if self.framing.between_messages() => return Stop::End(End::Fin),
                Got::End if self.framing.in_head() => {
                    return Stop::Refused(Refusal::new(400, "The connection ended in the middle of a request's head."));
                }
                Got::End => return Stop::End(End::Fin), // the demo finds out that the body is too short
                Got::Reset => return Stop::End(End::Reset),
                Got::Late if idle && self.waits_for_an_answer() => quiet_since = Instant::now(),
                Got::Late if idle => return Stop::Silent,
                Got::Late if self.framing.between_messages() => return Stop::Silent,
                Got::Late => {
                    let seconds = self.door.head_timeout.as_secs_f32();
                    let why = format!("The request did not come in whole: the rest was missing for {seconds} s.");
                    return Stop::Refused(Refusal::new(408, why));
                }
            }
        }
    }

    /// Sends what has passed, and waits at the gate if it is the first of its connection. A request is whole by then as far
    /// as it came: tiny_http hands one out when it has its short body, too.
    fn let_go(&mut self, passed: &mut Vec<u8>, gate: Option<Gate>) -> Result<(), Stop> {
        if !passed.is_empty() {
            self.pump.send(passed, false).map_err(|_| Stop::End(End::Reset))?;
            passed.clear();
        }
        // Through a cut or slow cable it does not come out soon, and the others need not wait for that.
        let soon = self.door.cable.mode(self.line.id) == Mode::Whole;
        if let (Some(gate), Some(connection), true) = (gate, self.coming, soon) {
            gate.wait(connection);
        }
        Ok(())
    }

    /// Of the requests that a client sends ahead, a few go in: tiny_http would hand all of them out at once, and the memory
    /// for their answers would be the client's to choose. The others wait in the client's own socket.
    fn wait_for_answers(&mut self) -> Result<(), Stop> {
        loop {
            let Ok(pause) = self.pump.drain() else { return Err(Stop::End(End::Reset)) };
            if self.line.fewer_wait_than(AHEAD, pause.unwrap_or(LOOK_UP)) {
                return Ok(());
            }
            if self.line.is_dead() || !self.waits_for_an_answer() {
                return Err(Stop::End(End::Reset));
            }
        }
    }

    fn waits_for_an_answer(&self) -> bool {
        let demo_is_there = self.down.as_ref().is_some_and(|down| !down.is_finished());
        demo_is_there && !self.line.asked().is_empty()
    }

    /// Passes on what may pass of these bytes: a head and its body in one write, which is one wake-up of the demo.
    fn look_at(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let refused = |status, why: String| Err(Stop::Refused(Refusal { status, why }));
        let mut rest = bytes;
        let mut gate = None;
        let mut passed = Vec::new();
        while !rest.is_empty() {
            if self.framing.between_messages() {
                self.let_go(&mut passed, gate.take())?;
            }
            let (taken, part) = match self.framing.step(rest) {
                Ok(step) => step,
                Err(malformed) => return refused(malformed.status, malformed.why),
            };
            let (now, later) = rest.split_at(taken);
            rest = later;
            match part {
                MessagePart::HeadPart => {
                    self.head.extend_from_slice(now);
                    continue;
                }
                MessagePart::Head(head) => {
                    self.head.extend_from_slice(now);
                    (self.let_in, self.body) = (false, 0);
                    if let Some(tap) = &self.door.tap {
                        tap.requests.fetch_add(1, Ordering::Relaxed);
                    }
                    check(&head, self.door).map_err(Stop::Refused)?;
                    let length = head.field("Content-Length").and_then(|length| length.parse().ok());
                    if length.is_some_and(|length: u64| length > MAX_BODY as u64) {
                        return refused(413, format!("A request may have a body of {MAX_BODY} bytes at most."));
                    }
                    if self.down.is_none() {
                        gate = Some(gate::enter());
                        self.connect().map_err(Stop::Refused)?;
                        self.coming = self.line.server.get().and_then(|server| server.local_addr().ok());
                        self.coming.into_iter().for_each(gate::expect);
                    }
                    self.wait_for_answers()?; // not at the gate: the first request has passed it long before
                    self.let_in = true;
                    self.line.asked().push_back(head.method() == "HEAD");
                    passed.append(&mut self.head);
                    continue;
                }
                MessagePart::Body | MessagePart::ChunkData => {
                    self.body += taken as u64;
                    if self.body > MAX_BODY as u64 {
                        return refused(413, format!("A request may have a body of {MAX_BODY} bytes at most."));
                    }
                }
                _ => {}
            }
            passed.extend_from_slice(now);
        }
        self.let_go(&mut passed, gate)
    }

    /// Opens the way to the demo, and starts the pump of the other direction.
    fn connect(&mut self) -> Result<(), Refusal> {
        if self.down.is_some() {
            return Ok(());
        }
        let failed = |error: io::Error| Refusal::new(502, format!("The demo does not answer ({error})."));
        self.line.connect(self.door.to).map_err(failed)?;
        let (door, line) = (self.door.clone(), self.line.clone());
        let down = thread::Builder::new().stack_size(STACK).spawn(move || answers(&door, &line));
        self.down = Some(down.map_err(failed)?);
        Ok(())
    }
}

/// What every request must say: exactly one `Host`, and it is ours; no `Origin`, or ours (RFC 9112, 3.2; RFC 6454).
fn check(head: &MessageHead, door: &Door) -> Result<(), Refusal> {
    let hosts = head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Host")).count();
    let host = head.field("Host").unwrap_or("");
    if hosts != 1 && (hosts > 1 || head.start.ends_with("HTTP/1.1")) {
        return Err(Refusal::new(400, "A request has one Host header, no more and no less."));
    }
    if hosts == 1 && !door.site.is_own_host(host) {
        let why = format!("This server does not go by the name {:?}: ask for 127.0.0.1 or localhost.", clip(host));
        return Err(Refusal::new(421, why));
    }
    match head.field("Origin") {
        Some(origin)
            if !(if door.for_bench {
                door.site.is_bench_origin(origin)
            } else {
                door.site.is_allowed_origin(origin, host)
            }) =>
        {
            let why = format!("A page from {:?} may not use this server.", clip(origin));
            Err(Refusal::new(403, why))
        }
        _ => Ok(()),
    }
}

/// The beginning of what somebody else wrote, for a line that shall stay short.
fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The direction from the demo to the browser, on a thread of its own.
fn answers(door: &Door, line: &Line) {
    let mut pump = Pump::new(line, door.tap.as_deref(), &door.cable, Dir::Down);
    let mut framing = matches!(door.kind, Kind::Http).then(|| MessageFramer::new(MessageKind::Response));
    let mut buffer = vec![0; BUFFER];
    loop {
        match pump.read(&mut buffer, None) {
            Got::Bytes(length) => {
                line.mouth().mid_answer = true;
                let complete = follow(&mut framing, line, &buffer[..length]);
                if pump.send(&buffer[..length], complete).is_err() {
                    // The browser has gone; the demo will notice at its next write.
                    if !line.is_dead() {
                        line.reset();
                    }
                    return;
                }
                line.mouth().mid_answer = !complete || pump.is_waiting();
            }
            Got::End => return pump.finish(End::Fin),
            Got::Reset | Got::Late if line.is_dead() => return,
            Got::Reset | Got::Late => return pump.finish(End::Reset),
        }
    }
}

/// Follows the answers, so that the door knows which requests are answered. Returns whether the stream stands at the end
/// of an answer, or is nothing that a proxy would hold back.
fn follow(framing: &mut Option<MessageFramer>, line: &Line, bytes: &[u8]) -> bool {
    let Some(follower) = framing else { return true };
    let mut rest = bytes;
    while !rest.is_empty() {
        if follower.between_messages() && line.asked().front() == Some(&true) {
            follower.answers_head_request();
        }
        let answered = follower.messages();
        match follower.step(rest) {
            Ok((_, MessagePart::Tunnel)) => return true,
            Ok((taken, _)) => rest = &rest[taken..],
            Err(_) => {
                *framing = None; // not HTTP: follow it no further
                return true;
            }
        }
        if follower.messages() > answered {
            line.answer_ended();
        }
    }
    follower.between_messages()
}
