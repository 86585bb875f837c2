//! Machinery: HTTP for the two transports. A polling client reuses its connections: request after request is read.

use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use demo::Site;
use frames::close::Close;
use frames::limits::{Budget, Limits};
use frames::message::{DataMessage, Role};
use frames::outbox::Sender;
use frames::websocket::{Next, WebSocket};
use handshake::fields::check_host_and_origin;
use handshake::page_server::{self, PageAnswer, WRITE_TIMEOUT, method_not_allowed};
use handshake::refusal::Refusal;
use handshake::request::{Request, read_head};
use room::{Refused, Room};

use crate::DEMO;
use crate::engine::{Engine, EngineFault, Packet, packets, payload};
use crate::session::{Session, Transport, Upper, reason};

/// The longest body of `POST /say`, in bytes.
const MAX_SAID: usize = 64 * 1024;

/// How long a connection may be silent between two requests.
const IDLE: Duration = Duration::from_secs(120);

/// How long the body of a POST may take.
const BODY: Duration = Duration::from_secs(30);

/// How soon a reading thread notices that its session has ended, and how long the client may then take to close.
const CLOSING: Duration = Duration::from_secs(5);

/// What long messages on their way in may take together, in bytes.
const INCOMING: usize = 64 << 20;

/// The two engines, by their paths.
pub struct Engines {
    /// `/socket.io/`
    pub sockets: Arc<Engine>,
    /// `/engine.io/`
    pub echo: Arc<Engine>,
    /// `/say`
    pub room: Arc<Room>,
}

/// What the protocol's test suite wants above Engine.IO: what comes goes back.
pub struct Echo;

impl Upper for Echo {
    fn message(&self, session: &Arc<Session>, message: DataMessage) -> bool {
        session.send([Packet::Message(message)]);
        true
    }
}

/// Serves connections for ever, each on a thread of its own.
pub fn serve(listener: &TcpListener, site: Arc<Site>, engines: Engines) -> io::Result<()> {
    let budget = Budget::new(INCOMING);
    net::each_connection(listener, move |stream| {
        let _gone = converse(stream, &site, &engines, &budget); // an error: this client has left
    })
}

/// Serves one connection: request after request, until one is a WebSocket or the last.
fn converse(
    stream: TcpStream,
    site: &Site,
    engines: &Engines,
    budget: &Arc<Budget>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let (mut behind, mut patience) = (Vec::new(), site.head_timeout);
    loop {
        let mut head = std::mem::take(&mut behind);
        behind = match read_head(&stream, &mut head, Instant::now() + patience) {
            Ok(behind) => behind,
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                return page_server::refuse(&stream, page_server::too_long(&head));
            }
            Err(error) if net::is_timeout(&error) && !head.is_empty() => {
                return page_server::refuse(&stream, page_server::too_slow());
            }
            Err(_) => return Ok(()),
        };
        let request = match Request::parse(&head) {
            Ok(request) => request,
            Err(refusal) => return page_server::refuse(&stream, refusal),
        };
        let engine = match request.path() {
            "/socket.io/" => &engines.sockets,
            "/engine.io/" => &engines.echo,
            "/" => return page(&stream, &request, site),
            _ => {
                let body = (request.method == "POST")
                    .then(|| body(&stream, &request, &mut behind, MAX_SAID));
                let body = body.transpose().map(Option::flatten);
                let answer = check_host_and_origin(&request, site)
                    .and(body)
                    .map(|body| say(&request, body, &engines.room));
                match answer {
                    Ok(answer) => respond(&stream, &request, &answer)?,
                    Err(refusal) => return page_server::refuse(&stream, refusal),
                }
                patience = IDLE;
                continue;
            }
        };
        match check_host_and_origin(&request, site) {
            Err(refusal) if refusal.status == 403 => {
                respond(&stream, &request, &Answer::from(Err(EngineFault::Forbidden)))?;
                return net::close(&stream);
            }
            Err(refusal) => return page_server::refuse(&stream, refusal),
            Ok(()) => {}
        }
        if request.lists("Upgrade", "websocket") {
            return websocket(stream, behind, &request, site, engine, budget);
        }
        let answer = match polling(&stream, &request, &mut behind, engine) {
            Ok(answer) => Answer::from(answer),
            Err(refusal) => return page_server::refuse(&stream, refusal),
        };
        respond(&stream, &request, &answer)?;
        if answer.status != 200 || is_last(&request) {
            return net::close(&stream);
        }
        patience = IDLE;
    }
}

/// Whether the client wants its connection to end with the answer.
fn is_last(request: &Request) -> bool {
    request.version != "HTTP/1.1" || request.lists("Connection", "close")
}

/// The page. Its connection ends with the answer.
fn page(stream: &TcpStream, request: &Request, site: &Site) -> io::Result<()> {
    page_server::answer(stream, request, site, |method, _| match method {
        "GET" => Ok(PageAnswer::page(&DEMO, request, site)),
        _ => Err(method_not_allowed("GET, HEAD")),
    })
}

/// `POST /say`: the body is a message, for who has no client.
fn say(request: &Request, body: Option<Vec<u8>>, room: &Room) -> Answer {
    let text = |status, text: String| Answer {
        status,
        kind: "text/plain; charset=utf-8",
        body: text + "\n",
    };
    let key = request.only("Idempotency-Key").unwrap_or("");
    match (request.path(), body.map(String::from_utf8)) {
        ("/say", Some(Ok(words))) => match room.say_once(key, &words) {
            Ok(message) => {
                Answer { status: 201, kind: "application/json", body: message.json().to_string() }
            }
            Err(refused @ Refused::TooLong(_)) => text(413, refused.to_string()),
            Err(refused) => text(400, refused.to_string()),
        },
        ("/say", Some(Err(_))) => text(400, "A message is UTF-8 text; this is not.".to_string()),
        ("/say", None) => text(405, "This path takes POST only.".to_string()),
        _ => text(404, "There is nothing under this path.".to_string()),
    }
}

/// The session of a request, or none for the first request of one.
fn verify(
    engine: &Engine,
    request: &Request,
    on: Transport,
) -> Result<Option<Arc<Session>>, EngineFault> {
    match (request.query("transport"), on) {
        (Some("polling"), Transport::Polling) | (Some("websocket"), Transport::WebSocket) => {}
        (Some("polling" | "websocket"), _) => return Err(EngineFault::BadRequest), // the field Upgrade is gone
        _ => return Err(EngineFault::TransportUnknown),
    }
    match request.query("sid") {
        Some(id) => engine.find(id).map(Some).ok_or(EngineFault::SessionUnknown),
        None if request.method != "GET" => Err(EngineFault::BadHandshakeMethod),
        None if request.query("EIO") != Some("4") => Err(EngineFault::UnsupportedVersion),
        None => Ok(None),
    }
}

/// Serves a request of the polling transport. `Ok` is what the protocol answers, a `Refusal` what HTTP does.
fn polling(
    stream: &TcpStream,
    request: &Request,
    behind: &mut Vec<u8>,
    engine: &Arc<Engine>,
) -> Result<Result<String, EngineFault>, Refusal> {
    let session = match verify(engine, request, Transport::Polling) {
        Ok(Some(session)) => session,
        Ok(None) => engine.open(Transport::Polling).ok_or_else(too_many)?,
        Err(fault) => return Ok(Err(fault)),
    };
    match request.method.as_str() {
        "GET" => Ok(poll(stream, request, engine, &session)),
        "POST" => post(stream, request, behind, engine, &session),
        _ => Ok(Err(EngineFault::BadRequest)),
    }
}

fn too_many() -> Refusal {
    Refusal::new(503, "There are too many sessions.").with("Retry-After", "5")
}

// ANCHOR: poll
/// Holds a GET until there are packets for it ("Receiving data").
fn poll(
    stream: &TcpStream,
    request: &Request,
    engine: &Engine,
    session: &Session,
) -> Result<String, EngineFault> {
    session.begin_poll(request.query("t"))?;
    let taken = session.take(Transport::Polling, &*engine.upper, || has_left(stream))?;
    Ok(payload(taken.packets))
}

/// Takes the packets of a POST ("Sending data"). A second one at the same time ends the session.
fn post(
    stream: &TcpStream,
    request: &Request,
    behind: &mut Vec<u8>,
    engine: &Arc<Engine>,
    session: &Arc<Session>,
) -> Result<Result<String, EngineFault>, Refusal> {
    if let Err(fault) = session.begin_post(request.query("t")) {
        return Ok(Err(fault));
    }
    let body = body(stream, request, behind, engine.timing.max_payload);
    session.end_post();
    let Some(body) = body? else {
        session.close(reason::TRANSPORT_ERROR); // it broke off: which packets came is not known
        return Ok(Err(EngineFault::BadRequest));
    };
    if session.ended().is_some() {
        return Ok(Err(EngineFault::BadRequest)); // while the body was read
    }
    let body = String::from_utf8(body);
    let mut all = packets(body.as_deref().unwrap_or(""));
    let taken = all.try_for_each(|packet| engine.receive(session, packet));
    Ok(taken.map(|()| "ok".to_string()))
}
// ANCHOR_END: poll

/// A body of a known length; `None` when it broke off. What has arrived behind it stays in `behind`.
fn body(
    stream: &TcpStream,
    request: &Request,
    behind: &mut Vec<u8>,
    limit: usize,
) -> Result<Option<Vec<u8>>, Refusal> {
    if request.all("Transfer-Encoding").next().is_some() {
        return Err(Refusal::new(411, "Send the body with a Content-Length."));
    }
    let length = request.only("Content-Length").unwrap_or("");
    let digits = length.bytes().all(|byte| byte.is_ascii_digit()) && !length.is_empty();
    let length: usize = match length.parse() {
        Ok(length) if digits => length,
        _ => return Err(Refusal::new(411, "How long is the body? Say it with Content-Length.")),
    };
    if length > limit {
        return Err(Refusal::new(413, format!("A payload has {limit} bytes at most.")));
    }
    let mut body = std::mem::take(behind);
    *behind = body.split_off(length.min(body.len()));
    let (deadline, mut chunk) = (Instant::now() + BODY, [0; 4096]);
    while body.len() < length {
        let room = chunk.len().min(length - body.len());
        match net::read_before(stream, &mut chunk[..room], deadline) {
            Ok(0) | Err(_) => return Ok(None),
            Ok(read) => body.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(Some(body))
}

/// Whether the client of a waiting GET has ended its connection: then no one would read the answer.
fn has_left(stream: &TcpStream) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let has_ended = match stream.peek(&mut [0]) {
        Ok(arrived) => arrived == 0,
        Err(error) => !net::is_timeout(&error),
    };
    has_ended || stream.set_nonblocking(false).is_err()
}

/// What is answered.
struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl From<Result<String, EngineFault>> for Answer {
    fn from(answer: Result<String, EngineFault>) -> Self {
        match answer {
            Ok(body) => Answer { status: 200, kind: "text/plain; charset=UTF-8", body },
            Err(fault) => {
                let (status, body) = fault.answer();
                Answer { status, kind: "application/json", body }
            }
        }
    }
}

/// Answers a request. There is no field of CORS: the page of another origin can't read this.
fn respond(mut stream: &TcpStream, request: &Request, answer: &Answer) -> io::Result<()> {
    let Answer { status, kind, body } = answer;
    let phrase = match status {
        200 => "OK",
        201 => "Created",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        _ => "Bad Request",
    };
    let last = is_last(request) || (*kind == "application/json" && *status >= 400);
    let head = format!(
        "HTTP/1.1 {status} {phrase}\r\nDate: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{}\r\n",
        httpdate::fmt_http_date(SystemTime::now()),
        body.len(),
        if last { "Connection: close\r\n" } else { "" },
    );
    stream.write_all((head + body).as_bytes())
}

/// Serves a WebSocket: a session of its own, or the upgrade of one.
fn websocket(
    stream: TcpStream,
    behind: Vec<u8>,
    request: &Request,
    site: &Site,
    engine: &Arc<Engine>,
    budget: &Arc<Budget>,
) -> io::Result<()> {
    let known = match verify(engine, request, Transport::WebSocket) {
        Ok(known) => known,
        Err(fault) => {
            respond(&stream, request, &Answer::from(Err(fault)))?;
            return net::close(&stream);
        }
    };
    let tries = known.as_ref().is_none_or(|session| session.begin_upgrade());
    if handshake::upgrade(&stream, request, site, &[])?.is_none() {
        if let (Some(session), true) = (known, tries) {
            session.end_upgrade(false);
        }
        return Ok(());
    }
    let limits = Limits { longest: engine.timing.max_payload, budget: Some(budget.clone()) };
    let mut socket = WebSocket::new(stream, behind, Role::Server, limits);
    let session = match known {
        None => engine.open(Transport::WebSocket),
        Some(_) if !tries => None, // another WebSocket has the session, or tries to get it
        Some(session) => {
            upgrade(&mut socket, &session, engine.timing.upgrade_timeout).then_some(session)
        }
    };
    match session {
        Some(session) => carry(socket, &session, engine),
        None => {
            let _gone = socket.sender().close(&Close::default());
            until_closed(&mut socket)
        }
    }
}

// ANCHOR: try-upgrade
/// The three steps of an upgrade: `2probe`, `3probe`, `5`. Anything else, and the session stays on
/// long polling.
fn upgrade(socket: &mut WebSocket, session: &Session, patience: Duration) -> bool {
    let _reads_find_out = socket.set_read_timeout(Some(patience));
    let mut upgraded = reads(socket, &Packet::Ping("probe".to_string()));
    if upgraded {
        session.probed();
        upgraded = socket.sender().text("3probe").is_ok() && reads(socket, &Packet::Upgrade);
    }
    session.end_upgrade(upgraded);
    upgraded
}

fn reads(socket: &mut WebSocket, expected: &Packet) -> bool {
    match socket.read() {
        Next::Message(message) => Packet::parse(message).as_ref() == Some(expected),
        _ => false,
    }
}
// ANCHOR_END: try-upgrade

/// Carries a session over its WebSocket: this thread reads, a second one writes.
fn carry(mut socket: WebSocket, session: &Arc<Session>, engine: &Arc<Engine>) -> io::Result<()> {
    let (sender, writes, upper) = (socket.sender(), session.clone(), engine.upper.clone());
    if net::spawn(move || write(&sender, &writes, &*upper)).is_err() {
        session.close(reason::TRANSPORT_ERROR);
    }
    socket.set_read_timeout(Some(CLOSING))?;
    while session.ended().is_none() {
        match socket.read() {
            Next::Message(message) => {
                let _ended = engine.receive(session, Packet::parse(message));
            }
            Next::Pong(_) | Next::Timeout => {}
            Next::Gone(_) => session.close(reason::TRANSPORT_CLOSE),
        }
    }
    until_closed(&mut socket)
}

/// Writes each packet as a message of its own, until the session has ended.
fn write(sender: &Sender, session: &Session, upper: &dyn Upper) {
    loop {
        let Ok(taken) = session.take(Transport::WebSocket, upper, || !sender.is_open()) else {
            return;
        };
        for packet in taken.packets {
            if sender.send(&packet.encode()).is_err() {
                session.close(reason::TRANSPORT_CLOSE);
                return sender.hang_up();
            }
        }
        if taken.over {
            let _gone = sender.close(&Close::default());
            return;
        }
    }
}

/// Lets the client finish the closing handshake.
fn until_closed(socket: &mut WebSocket) -> io::Result<()> {
    socket.set_read_timeout(Some(CLOSING))?;
    let deadline = Instant::now() + CLOSING;
    while Instant::now() < deadline && !matches!(socket.read(), Next::Gone(_) | Next::Timeout) {}
    socket.sender().hang_up();
    Ok(())
}
