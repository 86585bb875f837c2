//! Machinery: the server around the heartbeat. The upgrade, two threads for each connection, and what the page asks for.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use demo::Site;
use frames::message::Role;
use frames::websocket::WebSocket;
use frames::{MAX_EVENT, events};
use handshake::page_server::{self, PageAnswer, method_not_allowed, not_found};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::Room;
use serde_json::{Value, json};

use crate::peers::{Peer, Peers};
use crate::{DEMO, Heartbeat, listen, tell};

/// Serves the room, with heartbeats.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let peers = Arc::new(Peers::default());
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return answer(&stream, &request, &site, &peers);
        }
        if request.path() != "/" {
            return page_server::refuse(&stream, Refusal::new(404, "The room is at /."));
        }
        if handshake::upgrade(&stream, &request, &site, &["room"])?.is_some() {
            converse(
                WebSocket::new(stream, rest, Role::Server, MAX_EVENT),
                &request,
                &room,
                &peers,
            );
        }
        Ok(())
    })
}

/// Serves one connection: this thread listens, a second one tells and asks.
fn converse(socket: WebSocket, request: &Request, room: &Arc<Room>, peers: &Arc<Peers>) {
    let seconds = |name| request.query(name).and_then(|value| value.parse().ok()).unwrap_or(0.0);
    let heartbeat = Heartbeat::new(seconds("every"), seconds("patience"));
    let peer = peers.join(request.query("tab").unwrap_or(""), heartbeat, socket.sender());

    let (sender, reader) = (socket.sender(), room.reader(events::cursor(request)));
    let (teller, all) = (peer.clone(), peers.clone());
    match net::spawn(move || tell(&sender, reader, &teller, &all)) {
        Ok(()) => listen(socket, &peer, room, peers),
        Err(error) => peers.left(&peer, &format!("no thread to serve it: {error}")),
    }
}

/// Answers an ordinary request.
pub fn answer(stream: &TcpStream, request: &Request, site: &Site, peers: &Peers) -> io::Result<()> {
    page_server::answer(stream, request, site, |method, path| match (method, path) {
        ("GET", "/") => Ok(PageAnswer::page(&DEMO, request, site)),
        ("GET", "/peers") => Ok(PageAnswer::json(&peers.table(None))),
        (_, "/" | "/peers") => Err(method_not_allowed("GET, HEAD")),
        _ => Err(not_found()),
    })
}

/// Does what an event asks for, and returns the event to answer with. A page can't send a ping, and
/// is not told of one: so it asks with a message of its own, and this is the pong to that.
pub fn handle(text: &str, peer: &Peer, room: &Room, peers: &Peers) -> String {
    let event: Value = serde_json::from_str(text).unwrap_or_default();
    match event["type"].as_str() {
        Some("beat") => json!({ "type": "beat", "sent": event["sent"] }).to_string(),
        Some("heartbeat") => {
            let seconds = |name: &str| event[name].as_f64().unwrap_or(0.0);
            let heartbeat = Heartbeat::new(seconds("every"), seconds("patience"));
            peers.set(peer, heartbeat);
            let Heartbeat { every, patience } = heartbeat;
            let (every, patience) = (every.as_secs_f64(), patience.as_secs_f64());
            json!({ "type": "heartbeat", "every": every, "patience": patience }).to_string()
        }
        _ => events::handle(text, room),
    }
}
