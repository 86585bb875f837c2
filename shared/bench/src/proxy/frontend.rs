//! The frontends: public ports, each with its limits, and the place that each accepted connection takes.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use demo::{Legs, Site, Speaks};
use mio::{Interest, Registry, Token};

use super::admission::{Admission, Arrivals};
use super::requests::{Rules, Timeouts};
use crate::capture::tap::Tap;

/// After a failed accept (no more open files, say) a frontend waits this long and goes on.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Open files that are left for everything else: listeners, pages that are read, the terminal, last words.
const FILES_ASIDE: u64 = 32;

/// A connection through the proxy takes this many open files: one for the client, one for the demo, and two in the demo
/// (tiny_http duplicates the socket that it accepts, and does not survive it when there is no file left).
pub const FILES_THROUGH: u64 = 4;

/// Open files that connections through the proxy leave for the bench port, at most.
const FILES_FOR_BENCH: u64 = 64;

/// The open files that connections take, over all frontends that share this value.
#[derive(Debug, Default)]
pub struct Files(AtomicU64);

impl Files {
    /// How many more connections through the proxy the open files allow. The limit is the system's and may change while the
    /// demo runs, so it is asked for every time.
    pub fn affordable(&self) -> u64 {
        self.left(FILES_THROUGH) / FILES_THROUGH
    }

    /// The open files that are left for connections which take this many each.
    fn left(&self, each: u64) -> u64 {
        let limit = limit();
        let bench = if each == FILES_THROUGH { FILES_FOR_BENCH.min(limit / 8) } else { 0 };
        limit.saturating_sub(FILES_ASIDE + bench).saturating_sub(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(unix)]
fn limit() -> u64 {
    rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(u64::MAX, |(soft, _hard)| soft)
}

/// Windows has no such limit on sockets.
#[cfg(not(unix))]
fn limit() -> u64 {
    u64::MAX
}

/// What the connections of one public port have in common.
pub struct Route {
    /// The name of a server beside the demo; empty for the demo itself.
    pub name: &'static str,
    /// The demo's private address; the bench port has none, it is answered here.
    pub to: Option<SocketAddr>,
    /// What is looked at.
    pub speaks: Speaks,
    /// Which requests may come in.
    pub rules: Rules,
    /// More connections than that at once are refused with 503.
    pub max_connections: usize,
    /// How long clients may take.
    pub timeouts: Timeouts,
    /// Where the bytes are shown; without it the cable does not act on them either.
    pub tap: Option<Arc<Tap>>,
    /// The open files that are taken.
    pub files: Arc<Files>,
    /// How many connections are open.
    pub open: Cell<usize>,
}

impl Route {
    /// The way to a server that is no demo, with the usual limits; without an address: to the bench port.
    pub fn new(to: Option<SocketAddr>, site: Site) -> Self {
        Route {
            name: "",
            to,
            speaks: Speaks::Http,
            rules: Rules { site, is_bench: to.is_none() },
            max_connections: 1_000,
            timeouts: Timeouts::default(),
            tap: None,
            files: Arc::default(),
            open: Cell::new(0),
        }
    }

    /// How many open files a connection takes.
    fn files_each(&self) -> u64 {
        if self.to.is_some() { FILES_THROUGH } else { 1 }
    }
}

/// A place among the open connections; given back when it is dropped.
pub struct Place(Rc<Route>);

impl Place {
    /// What is known of the port.
    pub fn route(&self) -> &Rc<Route> {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.files.0.fetch_sub(self.0.files_each(), Ordering::Relaxed);
    }
}

/// A public port.
pub struct Frontend {
    listener: mio::net::TcpListener,
    route: Rc<Route>,
    legs: Arc<Legs>,
    /// Of a demo that is served by tiny_http.
    pub admission: Option<Admission>,
    /// Accepting goes on at that time, after a failure.
    pub paused: Option<Instant>,
    /// Connections may be waiting to be accepted.
    pub ready: bool,
}

impl Frontend {
    /// Opens for business: events of the listener come under this token.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn new(
        public: TcpListener,
        route: Route,
        arrivals: &Arc<Arrivals>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        public.set_nonblocking(true)?;
        let mut listener = mio::net::TcpListener::from_std(public);
        registry.register(&mut listener, token, Interest::READABLE)?;
        let to_tiny_http = route.to.filter(|_| route.speaks == Speaks::Http);
        let admission = to_tiny_http.map(|to| Admission::new(to, arrivals.clone()));
        let legs = route.rules.site.shared.get();
        Ok(Frontend { listener, route: Rc::new(route), legs, admission, paused: None, ready: true })
    }

    /// Whether connections are answered here.
    pub fn is_bench(&self) -> bool {
        self.route.to.is_none()
    }

    /// What the connection from this address passes on, when it is a leg of the demo's own.
    pub fn passes_on(&self, peer: SocketAddr) -> Option<SocketAddr> {
        self.legs.first(peer)
    }

    /// Whether connections with this route come in here.
    pub fn is_at(&self, route: &Rc<Route>) -> bool {
        Rc::ptr_eq(&self.route, route)
    }

    /// Takes the next connection that waits; says why when that failed.
    pub fn accept(&mut self, now: Instant) -> Result<Option<(mio::net::TcpStream, SocketAddr)>, io::Error> {
        match self.listener.accept() {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.ready = false;
                Ok(None)
            }
            // The client has gone again while it waited.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {
                self.paused = Some(now);
                Ok(None)
            }
            Err(error) => {
                self.paused = Some(now + ACCEPT_PAUSE);
                Err(error)
            }
        }
    }

    /// A place for one more connection.
    ///
    /// # Errors
    /// Why there is none.
    pub fn place(&self) -> Result<Place, String> {
        let route = &self.route;
        if route.open.get() >= route.max_connections {
            return Err(format!("All {} places are taken.", route.max_connections));
        }
        let files = route.files_each();
        if route.files.left(files) < files {
            return Err("There are no open files left for one more connection.".to_string());
        }
        route.open.set(route.open.get() + 1);
        route.files.0.fetch_add(files, Ordering::Relaxed);
        Ok(Place(route.clone()))
    }
}
