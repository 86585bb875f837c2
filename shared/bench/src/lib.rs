//! What a demo lies on: a front door that holds the limits, a tap that copies the bytes, a cable that can be cut, and a
//! port of its own that shows and steers all that.
//!
//! `--no-bench` leaves it out: then the demo's listener is the public one, nothing limits and nothing checks, and the
//! difference in speed can be measured.

mod cable;
mod door;
mod gate;
mod line;
mod options;
mod panel;
mod pump;
mod tap;
mod terminal;
mod view;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread;
use std::time::Duration;

use cable::Cable;
use door::Door;
use options::Options;
use panel::Panel;
use tap::Tap;
use view::View;

use socket2::{Domain, Socket, Type};

use demo::{Demo, Serve, SideServer, Site};
use room::Room;

/// The bench's own port takes so many connections: six tabs of a browser and then some.
const BENCH_CONNECTIONS: usize = 60;

/// So many connections may wait to be accepted; a class that opens its pages all at once is not made to wait.
const BACKLOG: i32 = 1_024;

/// With `--no-bench`: the time between two nudges.
const NUDGES: Duration = Duration::from_millis(20);

/// Runs a demo as the command line asks, until the process ends.
pub fn run(demo: &'static Demo) {
    let options = options::read(demo);
    let _ = rlimit::increase_nofile_limit(u64::MAX); // as far as this user may; the front door asks how far that is
    let bench_connections = BENCH_CONNECTIONS.min(door::affordable() / 4);
    let room = Arc::new(Room::new(options.capacity));
    let tap = Arc::new(Tap::new(options.tap));
    let cable = Arc::new(Cable::default());
    let view = Arc::new(View::new(tap.clone(), demo.speaks));

    let public = listen(demo, &options, options.port);
    let beside: Vec<TcpListener> = demo
        .side_servers
        .iter()
        .map(|one: &SideServer| match options.port == demo.port {
            true => listen(demo, &options, one.port), // the book names it
            false => listen_beside(&public, one.port - demo.port),
        })
        .collect();
    let panel_public = listen_beside(&public, 1_000);
    let (address, panel_address) = (address(&public), address(&panel_public));
    let open_to = (!address.ip().is_loopback()).then(|| options.host.clone());
    let named = demo.side_servers.iter().zip(&beside).map(|(one, at)| (one.name, self::address(at).port())).collect();
    let site = Arc::new(Site {
        address,
        bench_port: panel_address.port(),
        host: open_to,
        side_ports: named,
        head_timeout: options.head_timeout,
        request_came: Some(Arc::new(|peer| gate::has_come(Some(&peer)))),
        shared: Default::default(),
    });
    greet(demo, &options, &site, panel_address);
    let affordable = door::affordable().saturating_sub(bench_connections);
    if options.bench && affordable < options.max_connections {
        log(&format!("this machine's limit of open files allows {affordable} connections at once (see ulimit -n)"));
    }
    let panel =
        Arc::new(Panel { demo, room: room.clone(), tap: tap.clone(), view: view.clone(), cable: cable.clone(), site: site.clone() });
    let newest = Arc::new(AtomicU64::new(0));
    let door = |name, kind, tap: Option<&Arc<Tap>>| Door {
        name,
        to: SocketAddr::from(([0; 4], 0)),
        kind,
        for_bench: name == "bench",
        site: site.clone(),
        max_connections: if name != "bench" { options.max_connections } else { bench_connections },
        leaves: if tap.is_some() { bench_connections } else { 0 },
        head_timeout: options.head_timeout,
        tap: tap.cloned(),
        cable: if tap.is_some() { cable.clone() } else { Arc::default() },
        open: AtomicUsize::new(0),
        refusers: AtomicUsize::new(0),
        newest: if tap.is_some() { newest.clone() } else { Arc::default() },
    };
    behind(door("bench", demo::Speaks::Http, None), panel_public, move |private| panel.serve(private));

    if options.bench && !options.quiet {
        thread::spawn(move || terminal::print(&view));
    }
    if options.open {
        open_browser(&format!("http://{}:{}", shown(address), address.port()));
    }
    if !options.bench {
        log("no bench: no limits, no cable, nothing to see; for measuring only");
        for at in beside.iter().chain([&public]).map(self::address) {
            thread::spawn(move || keep_nudging(at));
        }
        for (one, public) in demo.side_servers.iter().zip(beside) {
            let (room, site) = (room.clone(), site.clone());
            thread::spawn(move || keep_serving(&public, served_by(one.serve, &room, &site)));
        }
        keep_serving(&public, served_by(demo.serve, &room, &site));
    }
    for (one, public) in demo.side_servers.iter().zip(beside) {
        behind(door(one.name, one.speaks, one.shown.then_some(&tap)), public, served_by(one.serve, &room, &site));
    }
    let served = behind(door("", demo.speaks, Some(&tap)), public, served_by(demo.serve, &room, &site));
    let _ = served.join();
}

fn served_by(
    serve: Serve,
    room: &Arc<Room>,
    site: &Arc<Site>,
) -> impl Fn(TcpListener) -> io::Result<()> + Send + 'static {
    let (room, site) = (room.clone(), site.clone());
    move |listener| serve(listener, room.clone(), site.clone())
}

/// Serves on a private listener behind a front door on the public one.
fn behind<S>(mut door: Door, public: TcpListener, serve: S) -> thread::JoinHandle<()>
where
    S: Fn(TcpListener) -> io::Result<()> + Send + 'static,
{
    let private = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap_or_else(|error| give_up(&error.to_string()));
    door.to = address(&private);
    thread::spawn(move || door::keep(Arc::new(door), &public));
    thread::spawn(move || keep_serving(&private, serve))
}

/// Calls `serve` again whenever it ends. tiny_http gives up its listener at the first failed accept, of which too many
/// open files is the usual cause and no reason to close the shop.
fn keep_serving(listener: &TcpListener, serve: impl Fn(TcpListener) -> io::Result<()>) -> ! {
    loop {
        let ended = listener.try_clone().and_then(&serve);
        if let Err(error) = ended {
            log(&format!("serving again after: {error}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Without a front door there is no gate either, and tiny_http overlooks connections that come in together: it is made to
/// look at its queue all the time. A demo without tiny_http sees connections that end at once, as every server does.
fn keep_nudging(server: SocketAddr) -> ! {
    let here = match server.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    loop {
        thread::sleep(NUDGES);
        gate::nudge((here, server.port()).into());
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

fn listen(demo: &Demo, options: &Options, port: u16) -> TcpListener {
    let host = options.host.trim_matches(['[', ']']);
    let addresses = (host, port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    let Some(&address) = addresses.first() else { give_up(&format!("--host {host} is no address of this machine")) };
    bind(address).unwrap_or_else(|error| {
        let (host, name) = (&options.host, demo.name);
        give_up(&match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {port} is taken: stop what runs there, or take any free port: PORT=0 cargo run -p {name}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("port {port} is not for everyone: take any free port: PORT=0 cargo run -p {name}")
            }
            _ => format!("can't listen on {host}, port {port}: {error}"),
        })
    })
}

/// A port so far above the demo's, or any that is free when that one is taken. A demo that is started again on its port
/// finds the others where they were, and so does a page that was open all the time.
fn listen_beside(public: &TcpListener, above: u16) -> TcpListener {
    let address = address(public);
    let port = address.port().checked_add(above).unwrap_or(0);
    bind((address.ip(), port).into())
        .or_else(|_| bind((address.ip(), 0).into()))
        .unwrap_or_else(|error| give_up(&format!("no port beside {}: {error}", address.port())))
}

/// The first lines: where to look and what to try.
fn greet(demo: &Demo, options: &Options, site: &Site, bench: SocketAddr) {
    let address = site.address;
    println!("{}: http://{}:{}", demo.title, shown(address), address.port());
    if options.bench {
        println!("bench: http://{}:{}", shown(bench), bench.port());
    }
    for (name, port) in &site.side_ports {
        println!("{name}: {}:{port}", shown(address));
    }
    println!("try: {}", demo.first);
    if !address.ip().is_loopback() {
        println!("open to others: who reaches {address} can read, speak, and cut the cable");
    }
}

/// An address as one would type it: a server that listens everywhere is here, too.
fn shown(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_string(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap_or_else(|error| give_up(&format!("a listener without an address: {error}")))
}

fn open_browser(url: &str) {
    let (program, words): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start"]),
        _ => ("xdg-open", &[]),
    };
    if let Err(error) = Command::new(program).args(words).arg(url).spawn() {
        log(&format!("no browser opened ({error}): open {url} yourself"));
    }
}

/// One line for the person at the terminal, beside the lines of the wire.
pub fn log(line: &str) {
    eprintln!("           {line}");
}

/// Ends the process with one line that says why.
fn give_up(line: &str) -> ! {
    eprintln!("{line}");
    exit(1)
}
