//! Starts everything: the demo's servers on private ports, and the proxy in front of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use demo::{CommandLine, Demo, Serve, Site, Speaks};
use room::Room;
use socket2::{Domain, Socket, Type};

use crate::api::Api;
use crate::capture::tap::Tap;
use crate::capture::terminal;
use crate::capture::trace::Trace;
use crate::cli::{self, NoWords, Options, give_up};
use crate::log::print;
use crate::proxy::requests::Timeouts;
use crate::proxy::{Proxy, ProxySetup, Route, nudge};

/// This many connections may wait to be accepted; a class that opens its pages all at once is not made to wait.
const BACKLOG: i32 = 1_024;

/// The time from one nudge to the next, with `--no-bench`.
const NUDGES: Duration = Duration::from_millis(20);

/// The bench port keeps a connection without a request for this time: a page loads its files on it, and lets go.
const BENCH_IDLE: Duration = Duration::from_secs(5);

/// Runs a demo as the command line asks, until the process ends.
pub fn run(demo: &'static Demo) {
    serve_for_ever(demo, cli::read(demo, &mut NoWords));
}

/// The same for a demo whose command line has words of its own. Its servers find `own` in their site.
pub fn run_with<Own: CommandLine + Send + Sync + 'static>(demo: &'static Demo, mut own: Own) {
    let options = cli::read(demo, &mut own);
    options.shared.put(own);
    serve_for_ever(demo, options);
}

fn serve_for_ever(demo: &'static Demo, options: Options) {
    let _ = rlimit::increase_nofile_limit(u64::MAX); // as far as this user may; the front door asks how far that is
    let listeners = Listeners::open(demo, &options).unwrap_or_else(|why| give_up(&why));
    listeners.greet(demo, &options);
    let affordable = options.files.affordable();
    if options.bench && affordable < options.max_connections as u64 {
        print(&format!("this machine's limit of open files allows {affordable} connections at once (see ulimit -n)"));
    }
    let address = listeners.site.address;
    let scheme = listeners.site.scheme(address.port());
    let _running = if options.bench {
        let room = Arc::new(Room::new(options.capacity));
        Some(listeners.serve(demo, room, &options).unwrap_or_else(|error| give_up(&error.to_string())))
    } else {
        print("no bench: no limits, no cable, nothing to see; for measuring only");
        listeners.serve_without_bench(demo, &options);
        None
    };
    if options.open {
        open_browser(&format!("{scheme}://{}:{}", shown(address), address.port()));
    }
    loop {
        thread::park();
    }
}

/// A demo that is served in this process. When this is dropped, the proxy ends, and with it all ways to the demo.
pub struct Running {
    /// Where the demo is reached.
    pub address: SocketAddr,
    /// Where its bench is reached.
    pub bench_address: SocketAddr,
    /// The site that its servers were given.
    pub site: Arc<Site>,
    _proxy: Proxy,
}

impl Running {
    /// Serves this room over a demo, on the bench. A process may serve several demos, on one room or on a room for each;
    /// every demo has a tap and a cable of its own.
    ///
    /// # Errors
    /// A sentence that says why it can't be served.
    pub fn start(demo: &'static Demo, room: Arc<Room>, options: &Options) -> Result<Running, String> {
        Listeners::open(demo, options)?.serve(demo, room, options).map_err(|error| error.to_string())
    }
}

/// The public ports of a demo.
struct Listeners {
    public: TcpListener,
    beside: Vec<TcpListener>,
    bench: TcpListener,
    site: Site,
}

impl Listeners {
    fn open(demo: &Demo, options: &Options) -> Result<Self, String> {
        let public = listen(demo, options, options.port)?;
        let address = public.local_addr().map_err(|error| error.to_string())?;
        let side_servers = demo.side_servers.iter().map(|server| match options.port == demo.port {
            true => listen(demo, options, server.port), // the book names it
            false => listen_beside(options, address, server.port - demo.port),
        });
        let beside = side_servers.collect::<Result<Vec<_>, _>>()?;
        let bench = listen_beside(options, address, 1_000)?;
        let port = |listener: &TcpListener| listener.local_addr().map_or(0, |address| address.port());
        let named = demo.side_servers.iter().zip(&beside).map(|(server, at)| (server.name, port(at))).collect();
        let site = Site {
            bench_port: port(&bench),
            host: (!address.ip().is_loopback()).then(|| options.host.clone()),
            side_ports: named,
            tls_ports: tls_ports(demo, address.port(), &beside),
            head_timeout: options.timeouts.head,
            shared: options.shared.clone(),
            ..Site::new(address)
        };
        Ok(Listeners { public, beside, bench, site })
    }

    /// The first lines: where to look and what to try.
    fn greet(&self, demo: &Demo, options: &Options) {
        let (address, host) = (self.site.address, shown(self.site.address));
        println!("{}: {}://{host}:{}", demo.title, self.site.scheme(address.port()), address.port());
        if options.bench {
            println!("bench: http://{host}:{}", self.site.bench_port);
        }
        for (name, port) in &self.site.side_ports {
            println!("{name}: {host}:{port}");
        }
        println!("try: {}", demo.first);
        if !address.ip().is_loopback() {
            println!("open to others: who reaches {address} can read, speak, and cut the cable");
        }
    }

    /// The demo's own server and those beside it: name, what it speaks, whether it is shown, and its function.
    fn servers(demo: &Demo) -> Vec<(&'static str, Speaks, bool, Serve)> {
        let beside = demo.side_servers.iter().map(|one| (one.name, one.speaks, one.shown, one.serve));
        [("", demo.speaks, true, demo.serve)].into_iter().chain(beside).collect()
    }

    fn serve(self, demo: &'static Demo, room: Arc<Room>, options: &Options) -> io::Result<Running> {
        let setup = ProxySetup::new()?;
        let tap = Arc::new(Tap::new(options.tap));
        let trace = Trace::start(tap.clone(), demo.speaks, self.site.shared.get(), setup.waker());
        let site = Arc::new(Site { request_came: Some(setup.request_came()), ..self.site });
        if !options.quiet {
            let trace = trace.clone();
            thread::spawn(move || terminal::print(&trace));
        }
        let route = |to| Route {
            max_connections: options.max_connections,
            timeouts: options.timeouts,
            files: options.files.clone(),
            ..Route::new(to, (*site).clone())
        };
        let mut bench = route(None);
        bench.timeouts.idle = bench.timeouts.idle.min(BENCH_IDLE);
        let bench_address = self.bench.local_addr()?;
        let mut frontends = vec![(self.bench, bench)];
        let listeners = [self.public].into_iter().chain(self.beside);
        for ((name, speaks, shown, serve), public) in Self::servers(demo).into_iter().zip(listeners) {
            let private = bind((Ipv4Addr::LOCALHOST, 0).into())?;
            let tap = shown.then(|| tap.clone());
            frontends.push((public, Route { name, speaks, tap, ..route(Some(private.local_addr()?)) }));
            let (room, site) = (room.clone(), site.clone());
            thread::spawn(move || keep_serving(&private, serve, &room, &site));
        }
        let proxy = setup.start(frontends, Some(Api { demo, room, tap, trace }));
        Ok(Running { address: site.address, bench_address, site, _proxy: proxy })
    }

    fn serve_without_bench(self, demo: &'static Demo, options: &Options) {
        let (room, site) = (Arc::new(Room::new(options.capacity)), Arc::new(self.site));
        let listeners = [self.public].into_iter().chain(self.beside);
        for ((_, _, _, serve), public) in Self::servers(demo).into_iter().zip(listeners) {
            let (room, site) = (room.clone(), site.clone());
            if let Ok(address) = public.local_addr() {
                thread::spawn(move || keep_nudging(address));
            }
            thread::spawn(move || keep_serving(&public, serve, &room, &site));
        }
    }
}

/// The public ports of a demo that speak TLS.
fn tls_ports(demo: &Demo, own: u16, beside: &[TcpListener]) -> Vec<u16> {
    let beside = demo.side_servers.iter().zip(beside);
    let beside = beside.filter_map(|(server, listener)| Some((server.speaks, listener.local_addr().ok()?.port())));
    let all = [(demo.speaks, own)].into_iter().chain(beside);
    all.filter_map(|(speaks, port)| (speaks == Speaks::Tls).then_some(port)).collect()
}

/// A front door for a server that is no demo: the limits, and the checks of `Host` and `Origin`, without tap and cable.
pub struct FrontDoor {
    setup: ProxySetup,
    site: Site,
    max_connections: usize,
    timeouts: Timeouts,
}

impl FrontDoor {
    /// A front door for a server of this site.
    ///
    /// # Errors
    /// When the machine has no file left for it.
    pub fn new(site: Site) -> io::Result<Self> {
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let setup = ProxySetup::new()?;
        let site = Site { request_came: Some(setup.request_came()), ..site };
        Ok(FrontDoor { setup, site, max_connections: 1_000, timeouts: Timeouts::default() })
    }

    /// Other limits than the usual ones.
    pub fn limits(mut self, max_connections: usize, timeouts: Timeouts) -> Self {
        (self.max_connections, self.timeouts) = (max_connections, timeouts);
        self
    }

    /// Serves what comes in at the public listener with `serve`, which is called with a private one, and again whenever it
    /// ends. The front door stands until the value that this returns is dropped.
    ///
    /// # Errors
    /// When there is no private port.
    pub fn serve(
        self,
        public: TcpListener,
        serve: impl Fn(TcpListener, Arc<Site>) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Proxy> {
        let private = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let (max_connections, timeouts) = (self.max_connections, self.timeouts);
        let route = Route { max_connections, timeouts, ..Route::new(Some(private.local_addr()?), self.site.clone()) };
        let site = Arc::new(self.site);
        thread::spawn(move || again_and_again(|| serve(private.try_clone()?, site.clone())));
        Ok(self.setup.start(vec![(public, route)], None))
    }
}

fn keep_serving(listener: &TcpListener, serve: Serve, room: &Arc<Room>, site: &Arc<Site>) -> ! {
    again_and_again(|| serve(listener.try_clone()?, room.clone(), site.clone()))
}

/// Serves again whenever it ends. tiny_http gives up its listener at the first failed accept, of which too many open files
/// is the usual cause, which is temporary.
fn again_and_again(serve: impl Fn() -> io::Result<()>) -> ! {
    loop {
        if let Err(error) = serve() {
            print(&format!("serving again after: {error}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Without a front door nothing lets connections in one by one, and tiny_http overlooks some of those that come in
/// together: it is made to look at its queue all the time. A demo without tiny_http sees connections that end at once, as
/// every server does.
fn keep_nudging(mut server: SocketAddr) -> ! {
    if server.ip().is_unspecified() {
        server = Site::new(server).public_address();
    }
    loop {
        thread::sleep(NUDGES);
        nudge(server);
    }
}

/// A listener. std's own has a backlog of 128, and a thousand clients at once would wait for a second try of their SYN.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // On Unix a port whose last connections are in TIME_WAIT may be taken again; on Windows the flag means more than that.
    socket.set_reuse_address(cfg!(unix))?;
    // The sockets that it accepts have it, too: an answer in two writes must not wait for the first one's acknowledgement.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn listen(demo: &Demo, options: &Options, port: u16) -> Result<TcpListener, String> {
    let host = options.host.trim_matches(['[', ']']);
    let addresses = (host, port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    let address = addresses.first().ok_or_else(|| format!("--host {host} is no address of this machine"))?;
    bind(*address).map_err(|error| {
        let name = demo.name;
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {port} is taken: stop what runs there, or take any free port: PORT=0 cargo run -p {name}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("port {port} is not for everyone: take any free port: PORT=0 cargo run -p {name}")
            }
            _ => format!("can't listen on {host}, port {port}: {error}"),
        }
    })
}

/// A port so far above the demo's, or any that is free when that one is taken. A demo that is started again on its port
/// finds the others where they were, and so does a page that was open all the time. Beside any free port is any free port.
fn listen_beside(options: &Options, address: SocketAddr, above: u16) -> Result<TcpListener, String> {
    let port = if options.port == 0 { 0 } else { address.port().checked_add(above).unwrap_or(0) };
    bind((address.ip(), port).into())
        .or_else(|_| bind((address.ip(), 0).into()))
        .map_err(|error| format!("no port beside {}: {error}", address.port()))
}

/// An address as one would type it: a server that listens everywhere is here, too.
fn shown(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_string(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn open_browser(url: &str) {
    let (program, words): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start"]),
        _ => ("xdg-open", &[]),
    };
    if let Err(error) = Command::new(program).args(words).arg(url).spawn() {
        print(&format!("no browser opened ({error}): open {url} yourself"));
    }
}
