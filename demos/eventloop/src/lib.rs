//! An event loop: one thread for all connections. It waits for all of them at once, and for none of them alone.
//!
//! Run    `cargo run -p eventloop`, then open <http://127.0.0.1:8016> in two tabs
//! Read   this file top to bottom (who waits), then `connection.rs` (what a connection does when it need not wait)
//! Wire   the bytes of `frames`; in the room also `89 00`, a ping, after 25 s of silence
//! Book   `book/src/eventloop.md`
//!
//! Left out: a second loop for the second core. A panic ends all connections, and a slow answer holds all of them up.
//! Source: RFC 6455; the manual pages epoll(7) and kqueue(2), which `mio` calls.

mod accept;
mod common;
mod connection;
mod crowd;

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use demo::{Demo, Site, Speaks};
use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use room::Room;

use crate::common::Common;
pub use crate::common::Patience;
use crate::connection::{Connection, Turn};
use crate::crowd::Crowd;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "eventloop",
    port: 8016,
    title: "One thread, ten thousand connections",
    promise: "One thread waits for all connections at once, and serves those that have something to do.",
    first: "open the page, open 1,000 idle connections on each of two servers, and compare what they cost",
    page: demo::page!("crowd.js", "eventloop.css"),
    speaks: Speaks::Upgrades,
    serve: |listener, room, site| serve(listener, room, site, Patience::default()),
    side_servers: &[crowd::THREADS],
};

const LISTENER: Token = Token(usize::MAX);
const NEWS: Token = Token(usize::MAX - 1);

/// Serves the room, an echo and the page, all on the thread that calls this.
///
/// # Errors
/// When the kernel can't tell which socket is ready.
pub fn serve(
    listener: std::net::TcpListener,
    room: Arc<Room>,
    site: Arc<Site>,
    patience: Patience,
) -> io::Result<()> {
    listener.set_nonblocking(true)?; // no call on this socket waits, nor on those that it accepts
    let mut listener = TcpListener::from_std(listener);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let waker = Arc::new(Waker::new(poll.registry(), NEWS)?);
    let crowd = site.shared.get::<Crowd>();
    crowd.loop_is_at(listener.local_addr()?, waker.clone());
    common::wake_at_news(&room, waker)?;
    let common = Common::new(room, site, crowd, patience);
    let (connections, busy) = (HashMap::new(), BTreeSet::new());
    EventLoop { poll, listener, accepts: true, connections, newest: 0, busy, common }.run()
}

struct EventLoop {
    poll: Poll,
    listener: TcpListener,
    /// Whether connections may be waiting to be accepted.
    accepts: bool,
    connections: HashMap<usize, Connection>,
    /// The key of the newest connection: no key is used twice.
    newest: usize,
    /// Connections that have more to do, when the others have had their turn. A set: each is in it
    /// once, also when an event tells of it, too.
    busy: BTreeSet<usize>,
    common: Common,
}

impl EventLoop {
    // ANCHOR: run
    /// The loop. It waits in one place only, in `poll`: for all sockets, for the waker, and for the
    /// time of the next look at the clock.
    fn run(mut self) -> io::Result<()> {
        let (mut events, mut next_look) = (Events::with_capacity(1_024), Instant::now());
        loop {
            let until_look = next_look.saturating_duration_since(Instant::now());
            let work_is_left = self.accepts || !self.busy.is_empty();
            let wait = if work_is_left { Duration::ZERO } else { until_look };
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            self.common.now = Instant::now();
            let had_a_turn = std::mem::take(&mut self.busy);
            events.iter().for_each(|event| self.take(event));
            had_a_turn.into_iter().for_each(|key| self.turn(key)); // behind those that are ready
            self.accept();
            if self.common.now >= next_look {
                self.look_at_the_clock();
                next_look = self.common.now + self.common.patience.look;
            }
        }
    }

    fn take(&mut self, event: &Event) {
        match event.token() {
            LISTENER => self.accepts = true,
            NEWS => self.tell_all(),
            Token(key) => {
                self.connections.entry(key).and_modify(|connection| connection.note(event));
                self.turn(key);
            }
        }
    }

    /// Lets one connection do what it can without waiting. An error is its end.
    fn turn(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        match connection.turn(&mut self.common) {
            Ok(Turn::Wait) => {}
            Ok(Turn::Again) => drop(self.busy.insert(key)),
            Err(_) => drop(self.connections.remove(&key)),
        }
    }
    // ANCHOR_END: run

    /// There is news: all connections of the room have a turn.
    fn tell_all(&mut self) {
        self.common.forget_what_was_told();
        let all = self.connections.iter();
        self.busy.extend(all.filter(|(_, one)| one.is_in_the_room()).map(|(key, _)| key));
    }

    /// Every time limit there is: once a second, each connection compares its times with the clock.
    fn look_at_the_clock(&mut self) {
        self.accepts = true; // an accept that failed is tried again
        for (key, connection) in &mut self.connections {
            if connection.look_at_the_clock(&self.common) {
                self.busy.insert(*key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
