//! Machinery: the server around the extension. The upgrade with its answer, the room, the echo, and what the page asks for.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use demo::{Site, Unpack, Unpackers};
use frames::limits::{Budget, Limits};
use frames::message::{MAX_MESSAGE, Role};
use frames::{MAX_EVENT, converse, echo, events};
use handshake::page_server::{self, PageAnswer, method_not_allowed, not_found, speaks_websocket};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::Room;

use crate::extension;
use crate::guess::{self, Victim};
use crate::negotiation::{self, Agreed, Window};
use crate::{DEMO, Inflater};

/// The longest message that the echo takes after inflating, in bytes: 1 MiB.
const MAX_INFLATED: usize = 1 << 20;

/// What all long messages on their way to the echo may take together, in bytes.
const ECHO_BUDGET: usize = 64 << 20;

/// Serves the room, an echo, a victim and the page.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    site.shared.get::<Unpackers>().set(unpacker);
    let echo_limits = Limits { longest: MAX_MESSAGE, budget: Some(Budget::new(ECHO_BUDGET)) };
    let victim = Arc::new(Victim::new());
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return answer(&stream, &request, &site, &victim);
        }
        let (limits, protocol, wish) = match request.path() {
            "/" => ((MAX_EVENT.into(), MAX_EVENT), "room", wish(&request)),
            "/echo" => ((echo_limits.clone(), MAX_INFLATED), "echo", wish(&request)),
            "/victim" => ((MAX_EVENT.into(), MAX_EVENT), "victim", guess::wish(&request)),
            _ => return page_server::refuse(&stream, Refusal::new(404, "No WebSocket is here.")),
        };
        let Some(agreed) = upgrade(&stream, &request, &site, protocol, wish)? else {
            return Ok(());
        };
        let level = number(&request, "level").unwrap_or(6);
        let socket = extension::open(stream, rest, Role::Server, agreed, level, limits);
        match request.path() {
            "/" => converse(socket, &room, events::cursor(&request)),
            "/victim" => victim.answer(socket, &request),
            _ => echo(socket),
        }
        Ok(())
    })
}

/// The window that the address wishes for: `?takeover=0&bits=10`; none with `?compress=0`.
fn wish(request: &Request) -> Option<Window> {
    let bits = number(request, "bits").unwrap_or(15).clamp(9, 15) as u8;
    let window = Window { kept: request.query("takeover") != Some("0"), bits };
    (request.query("compress") != Some("0")).then_some(window)
}

fn number(request: &Request, name: &str) -> Option<u32> {
    request.query(name)?.parse().ok()
}

// ANCHOR: upgrade
/// Answers a handshake with 101, and with what was agreed on: one more field, and `Some(None)`
/// without it. `None`: it was refused.
///
/// # Errors
/// When the client has gone.
pub fn upgrade(
    mut stream: &TcpStream,
    request: &Request,
    site: &Site,
    protocol: &str,
    wish: Option<Window>,
) -> io::Result<Option<Option<Agreed>>> {
    let offers = request.all("Sec-WebSocket-Extensions").collect::<Vec<_>>().join(", ");
    let accepted = handshake::check(request, site, &[protocol]).and_then(|accepted| {
        let choose =
            |wish| negotiation::choose(&offers, wish).map_err(|why| Refusal::new(400, why));
        Ok((accepted, wish.map(choose).transpose()?.flatten()))
    });
    let (accepted, chosen) = match accepted {
        Ok(accepted) => accepted,
        Err(refusal) => return page_server::refuse(stream, refusal).map(|()| None),
    };
    let mut head = handshake::switching_protocols(&accepted);
    if let Some((_, answer)) = &chosen {
        let end = head.len() - "\r\n".len(); // in front of the empty line
        head.insert_str(end, &format!("Sec-WebSocket-Extensions: {answer}\r\n"));
    }
    stream.write_all(head.as_bytes())?;
    stream.set_read_timeout(None)?;
    Ok(Some(chosen.map(|(agreed, _)| agreed)))
}
// ANCHOR_END: upgrade

/// Answers an ordinary request: the page, and its order to guess.
fn answer(stream: &TcpStream, request: &Request, site: &Site, victim: &Victim) -> io::Result<()> {
    page_server::answer(stream, request, site, |method, path| match (method, path) {
        ("GET", "/") => Ok(PageAnswer::page(&DEMO, request, site)),
        ("POST", "/guess") => guess::order(request, site, victim),
        ("GET", "/echo" | "/victim") => Err(speaks_websocket()),
        (_, "/" | "/echo" | "/victim") => Err(method_not_allowed("GET, HEAD")),
        (_, "/guess") => Err(method_not_allowed("POST")),
        _ => Err(not_found()),
    })
}

/// Inflates for the wire view what goes one way: given the server's answer, and whether it is the client that sends.
fn unpacker(answer: &str, up: bool) -> Option<Unpack> {
    let agreed = negotiation::agreed(answer)?;
    let mut inflater = Inflater::new(if up { agreed.client } else { agreed.server });
    let mut packed = Vec::new();
    Some(Box::new(move |piece, last| {
        packed.extend_from_slice(piece);
        if packed.len() > MAX_INFLATED {
            return None;
        }
        if !last {
            return Some(Vec::new()); // told with the last piece
        }
        inflater.inflate(&std::mem::take(&mut packed), MAX_INFLATED).ok()
    }))
}
