//! Two servers, one room: the log lives in Redis, and a balancer stands in front.
//!
//! Run    `cargo run -p scaleout`, then open <http://127.0.0.1:8020> and stop a server
//! Read   this file top to bottom (the balancer), then `log.rs` (the log in Redis)
//! Wire   `GET /sse/events?tab=k1` ... the balancer hands it to server a as `GET /events?tab=k1`;
//!        the next request goes to server b
//! Book   `book/src/scaleout.md`
//!
//! Left out: TLS in front, logins, a second Redis that takes over. The servers and Redis are
//! started in `fleet.rs`.

pub mod command;
mod control;
pub mod fleet;
pub mod guard;
pub mod link;
pub mod log;
mod pipe;
mod resp;
pub mod server;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use handshake::fields::check_host_and_origin;
use handshake::page_server::{self, PageAnswer, method_not_allowed};
use handshake::refusal::Refusal;
use handshake::request::Request;
use room::Room;

use crate::command::FleetOptions;
use crate::fleet::Fleet;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "scaleout",
    port: 8020,
    title: "Two servers, one room",
    promise: "The log lives outside of the servers, so any of them may die.",
    first: "open the page, say something, and stop a server: the listeners move to the other one",
    page: demo::page!("fleet-view.js", "scaleout.css"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[control::CONTROL],
};

// ANCHOR: techniques
/// What each server speaks: the demos of these names, on one room. Their addresses begin with the
/// name: `/sse/events` is `/events` of the demo `sse`.
const TECHNIQUES: [&Demo; 4] = [&sse::DEMO, &longpoll::DEMO, &frames::DEMO, &socketio::DEMO];
// ANCHOR_END: techniques

/// How long a server that was chosen may take for anything that it is sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts the servers, and hands each request to one of them.
///
/// # Errors
/// Never.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let fleet = site.shared.get::<Fleet>();
    fleet.start(&room, &site.shared.get::<FleetOptions>());
    page_server::each_request(&listener, site.clone(), move |client, request, rest| {
        answer(client, &request, &rest, &site, &fleet, Fleet::order)
    })
}

/// Answers with the page, or hands the request to the first server of this order that takes it.
///
/// # Errors
/// When the client has gone.
pub fn answer(
    client: TcpStream,
    request: &Request,
    rest: &[u8],
    site: &Site,
    fleet: &Fleet,
    order: fn(&Fleet, &str, &str) -> Vec<(String, u16)>,
) -> io::Result<()> {
    if request.path() == "/" {
        return page(&client, request, site);
    }
    match check_host_and_origin(request, site) {
        Ok(()) => hand_on(client, request, rest, fleet, order),
        Err(refusal) => page_server::refuse(&client, refusal),
    }
}

// ANCHOR: hand-on
/// Hands a request to a server, with all that follows on its connection. A server that does not
/// accept it is passed over: it has got no byte, so another one may have the request.
fn hand_on(
    client: TcpStream,
    request: &Request,
    rest: &[u8],
    fleet: &Fleet,
    order: fn(&Fleet, &str, &str) -> Vec<(String, u16)>,
) -> io::Result<()> {
    let (technique, target) = split(&request.target);
    let tab = request.query("tab").unwrap_or("");
    for (name, port) in order(fleet, technique, tab) {
        let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
        server.set_nodelay(true)?;
        server.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let _visit = fleet.visit([&client, &server], [&name, technique, tab])?;
        server.write_all(head(request, target).as_bytes())?;
        server.write_all(rest)?;
        return pipe::pipe(client, server);
    }
    let why = "No server is there: ask again.";
    page_server::refuse(&client, Refusal::new(503, why).with("Retry-After", "1"))
}
// ANCHOR_END: hand-on

/// The technique's name in front of a target, and the target without it. Without a name it is the
/// first technique's: `/say` is the same with both that have it.
fn split(target: &str) -> (&'static str, &str) {
    let named = TECHNIQUES.iter().find_map(|technique| {
        let rest = target.strip_prefix('/')?.strip_prefix(technique.name)?;
        rest.starts_with('/').then_some((technique.name, rest))
    });
    named.unwrap_or((TECHNIQUES[0].name, target))
}

// ANCHOR: head
/// The head for the server, written anew from what was understood: so the server understands the
/// same (against request smuggling). Only the first request of a connection is looked at, so the
/// server is asked to close behind its answer; an upgrade keeps the connection.
fn head(request: &Request, target: &str) -> String {
    let upgrades = request.asks_for_websocket();
    let mut head = format!("{} {target} {}\r\n", request.method, request.version);
    for (name, value) in &request.fields {
        if upgrades || !name.eq_ignore_ascii_case("Connection") {
            let _infallible = write!(head, "{name}: {value}\r\n");
        }
    }
    head + if upgrades { "\r\n" } else { "Connection: close\r\n\r\n" }
}
// ANCHOR_END: head

fn page(client: &TcpStream, request: &Request, site: &Site) -> io::Result<()> {
    page_server::answer(client, request, site, |method, _| match method {
        "GET" => Ok(PageAnswer::page(&DEMO, request, site)),
        _ => Err(method_not_allowed("GET, HEAD")),
    })
}
