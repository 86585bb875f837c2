//! Socket.IO, by hand: a protocol that carries events over long polling, and over a WebSocket where one gets through.
//!
//! Run    `cargo run -p socketio`, then open <http://127.0.0.1:8019> in two tabs; `make socketio` once for the page
//! Read   `engine.rs` (sessions over two transports), then `sockets.rs` (who hears what)
//! Wire   `0{"sid":...}` ... `40/room,` ... `42/room,0["say","hello",...]` ... `2probe`, `3probe`, `5` ... `2`, `3`
//! Book   `book/src/socketio.md`
//!
//! Left out: version 3 of Engine.IO, JSONP, WebTransport, compression, middlewares, adapters for more than one process.

pub mod engine;
pub mod files;
pub mod options;
pub mod packets;
pub mod queue;
pub mod roll_call;
pub mod server;
pub mod session;
pub mod sockets;
pub mod talk;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use demo::{Demo, Site, Speaks};
use room::{Cursor, Room};

use crate::engine::Engine;
use crate::options::Timing;
use crate::queue::Allowance;
use crate::server::{Echo, Engines};
use crate::sockets::{Application, Sockets};
use crate::talk::{ROOM, Talk};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "socketio",
    port: 8019,
    title: "Socket.IO",
    promise: "Events over long polling that works everywhere, and over a WebSocket as soon as one gets through.",
    first: "run `make socketio` once, open the page and watch the upgrade; then take the upgrade away on the cable",
    page: demo::page!("packet-composer.js", "packet-costs.js", "rooms.js", "socketio.css"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[files::SERVER],
};

/// How many bytes may wait in all sessions together, in both directions.
const BUDGET: usize = 64 << 20;

/// Serves the page, Socket.IO at `/socket.io/`, and an echo of bare Engine.IO at `/engine.io/`. All
/// sessions are in this process: a balancer in front of several must send all requests of one
/// session to the same process (sticky sessions). The log may be shared.
///
/// # Errors
/// When there is no thread for what is done besides.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let talk = Arc::new(Talk::new(room.clone()));
    serve_application(&listener, room, site, talk)
}

/// The same for another application.
///
/// # Errors
/// As [`serve`].
pub fn serve_application(
    listener: &TcpListener,
    room: Arc<Room>,
    site: Arc<Site>,
    app: Arc<dyn Application>,
) -> io::Result<()> {
    let timing = *site.shared.get::<Timing>();
    let budget = Allowance::new(BUDGET);
    let sockets = Arc::new(Sockets::new(app, timing, budget.clone()));
    let (news, log) = (sockets.clone(), room.clone());
    net::spawn(move || tell_of_news(&news, &log))?;
    let engines = Engines {
        sockets: Engine::start(timing, budget.clone(), sockets),
        echo: Engine::start(timing, budget, Arc::new(Echo)),
        room,
    };
    server::serve(listener, site, engines)
}

/// Waits for what is said, and wakes the sockets in the namespace: each fetches it from the log.
fn tell_of_news(sockets: &Sockets, room: &Arc<Room>) {
    let mut reader = room.reader(room.since(Cursor::START).next);
    loop {
        if !reader.wait(Duration::from_secs(60)).is_empty() {
            sockets.io().wake(ROOM);
        }
    }
}
