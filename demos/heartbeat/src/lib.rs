//! Heartbeats: how both sides of a pulled cable find out.
//!
//! A TCP connection on which nobody speaks looks the same whether the other side is there or not. So each side asks from
//! time to time, and gives the other one up after a silence that was long enough.
//!
//! Run    `cargo run -p heartbeat`, then open <http://127.0.0.1:8012> in two tabs
//! Read   this file top to bottom, then `../page.html`; `peers.rs` keeps the table that every tab shows
//! Wire   `89 08 ...` (ping) ... `8a 88 ...` (the browser's pong) ... `{"type":"beat","sent":...}` there and back
//! Book   `book/src/heartbeat.md`
//!
//! Left out: adapting to slow networks. A real server also chooses its interval by the proxies on the way: many cut a
//! connection that is silent for a minute. Source: RFC 6455, 5.5.2, 5.5.3 and 7.2.3.

mod peers;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use frames::close::UNSUPPORTED;
use frames::message::{MAX_MESSAGE, Message, Role};
use frames::room;
use frames::socket::{Next, Socket, Speaker};
use handshake::request::{Refusal, Request};
use handshake::{accept, answer};
use serde_json::{Value, json};
use demo::{Demo, Site, Speaks};
use room::Room;

use crate::peers::{Heartbeat, Peer, Peers};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "heartbeat",
    port: 8012,
    title: "Heartbeat",
    promise: "Whoever wants to know that the other side is still there has to ask, and to stop waiting at some point.",
    first: "open the page in two tabs, cut the cable of one connection, and wait: nothing happens until you turn the heartbeat on",
    page: demo::page!("peers.js"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[],
};

/// How soon a change in the table reaches the tabs, and a thread notices that its connection has ended.
const TICK: Duration = Duration::from_millis(500);

/// How long a client that is told to close may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves the room, with heartbeats.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let peers = Arc::new(Peers::default());
    answer::each_connection(listener, move |stream| serve_one(stream, &room, &peers))
}

fn serve_one(stream: TcpStream, room: &Arc<Room>, peers: &Arc<Peers>) -> io::Result<()> {
    let Some((request, rest)) = handshake::read_request(&stream)? else { return Ok(()) };
    if accept::is_meant(&request) {
        if request.path() != "/" {
            return answer::refuse(&stream, &Refusal::new(404, "The room is at /."));
        }
        if handshake::upgrade(&stream, &request, &["room"])?.is_some() {
            converse(Socket::new(stream, rest, Role::Server, MAX_MESSAGE), &request, room, peers);
        }
        return Ok(());
    }
    if let Err(refusal) = accept::check_host_and_origin(&request) {
        return answer::refuse(&stream, &refusal);
    }
    match (request.method.as_str(), request.path()) {
        ("GET", "/") => handshake::page(&stream, &request, &DEMO),
        ("GET", "/peers") => answer::json(&stream, &peers.table(None)),
        (_, "/" | "/peers") => answer::refuse(&stream, &handshake::method_not_allowed("GET")),
        _ => answer::refuse(&stream, &Refusal::new(404, "There is nothing under this path.")),
    }
}

// ANCHOR: converse
/// Serves one connection: this thread listens, a second one speaks. The one that listens never
/// waits for the other, or a client that takes nothing would keep it from noticing the silence.
fn converse(socket: Socket, request: &Request, room: &Arc<Room>, peers: &Arc<Peers>) {
    let number = |name| request.query(name).and_then(|value| value.parse().ok());
    let heartbeat = Heartbeat::new(number("every").unwrap_or(0.0), number("patience").unwrap_or(0.0));
    let after = number("after").unwrap_or(0.0) as u64;
    let peer = peers.join(request.query("tab").unwrap_or(""), heartbeat, socket.speaker());

    let teller = {
        let (peer, speaker, room, peers) = (peer.clone(), socket.speaker(), room.clone(), peers.clone());
        move || tell(&peer, &speaker, &room, &peers, after)
    };
    match thread::Builder::new().stack_size(128 * 1024).spawn(teller) {
        Ok(_) => listen(socket, &peer, room, peers),
        Err(error) => peers.left(&peer, &format!("no thread to serve it: {error}")),
    }
}
// ANCHOR_END: converse

// ANCHOR: listen
/// Listens until the other side closes, is lost, or has been silent for longer than we are willing
/// to wait.
fn listen(mut socket: Socket, peer: &Peer, room: &Room, peers: &Peers) {
    loop {
        let heartbeat = peer.heartbeat();
        let silence = socket.heard().elapsed();
        if heartbeat.is_on() && silence >= heartbeat.patience {
            return peers.left(peer, &format!("given up after {:.1} s of silence", silence.as_secs_f64()));
        }
        if heartbeat.is_on() && silence >= heartbeat.late() {
            peers.late(peer);
        }
        // Without a heartbeat this may wait for ever, and on a pulled cable it does.
        let _gone = socket.patience(heartbeat.until_next_look(silence));
        match socket.read() {
            Next::Message(Message::Text(text)) => {
                let _gone = socket.speaker().text(&hear(&text, peer, room, peers)); // the next read tells, too
            }
            Next::Message(Message::Binary(_)) => {
                socket.close(UNSUPPORTED, "this room speaks text", CLOSING);
                return peers.left(peer, "spoke binary");
            }
            Next::Pong(payload) => peers.pong(peer, &payload),
            Next::Silence => {} // no event, and no error: the checks above say what it means
            Next::Gone(end) => return peers.left(peer, &peers::words(&end)),
        }
        peers.heard(peer, socket.heard());
    }
}
// ANCHOR_END: listen

// ANCHOR: tell
/// Tells the news, asks "are you there?" when it is time to, and passes the table on when it has
/// changed.
fn tell(peer: &Peer, speaker: &Speaker, room: &Room, peers: &Peers, mut after: u64) {
    let mut next_ping = Instant::now();
    let mut seen = 0; // the version of the table that this tab has
    while speaker.is_open() {
        let heartbeat = peer.heartbeat();
        let until_ping = next_ping.saturating_duration_since(Instant::now());
        let news = room.wait_since(after, if heartbeat.is_on() { until_ping.min(TICK) } else { TICK });
        let mut events = room::events(&news, &mut after);
        if peers.version() != seen {
            seen = peers.version();
            events.push(peers.table(Some(peer)).to_string());
        }
        let mut told = speaker.texts(&events);
        if heartbeat.is_on() && next_ping <= Instant::now() {
            next_ping = Instant::now() + heartbeat.every;
            told = told.and_then(|()| speaker.ping(&peer.new_ping()));
        }
        if told.is_err() {
            return;
        }
    }
}
// ANCHOR_END: tell

// ANCHOR: beat
/// Hears an event, and returns the event to answer with. A page can't send a ping, and is not told
/// of one: so it asks with a message of its own, and this is the pong to that.
fn hear(text: &str, peer: &Peer, room: &Room, peers: &Peers) -> String {
    let event: Value = serde_json::from_str(text).unwrap_or_default();
    match event["type"].as_str() {
        Some("beat") => json!({ "type": "beat", "sent": event["sent"] }).to_string(),
        Some("heartbeat") => {
            let seconds = |name: &str| event[name].as_f64().unwrap_or(0.0);
            let heartbeat = peers.set(peer, Heartbeat::new(seconds("every"), seconds("patience")));
            let (every, patience) = (heartbeat.every.as_secs_f64(), heartbeat.patience.as_secs_f64());
            json!({ "type": "heartbeat", "every": every, "patience": patience }).to_string()
        }
        _ => room::hear(text, room),
    }
}
// ANCHOR_END: beat
