//! What a demo lies on: a front door that holds the limits, a tap that copies the bytes, a cable that can be cut, and a
//! port of its own that shows and steers all that.
//!
//! `--no-bench` leaves it out: then the demo's listener is the public one, nothing limits and nothing checks, and the
//! difference in speed can be measured.

mod cable;
mod door;
mod line;
mod names;
mod options;
mod panel;
mod pump;
mod tap;
mod terminal;
mod view;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread;
use std::time::Duration;

use cable::Cable;
use door::Door;
use names::{Names, may_use_bench};
pub use names::{beside, host_is_ours, host_name, may_come_from, origin_is_ours, port};
use options::Options;
use panel::Panel;
use tap::Tap;
use view::View;

use crate::{Demo, Room};

/// A connection takes three open files on the bench, and the demo may want one more.
const FILES_PER_CONNECTION: usize = 4;

/// Open files that are left for everything else: pages, feeds, the terminal.
const FILES_ASIDE: usize = 150;

/// The bench's own port takes so many connections: six tabs of a browser and then some.
const BENCH_CONNECTIONS: usize = 100;

/// Runs a demo as the command line asks, until the process ends.
pub fn run(demo: &'static Demo) {
    let options = options::read(demo);
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024) as usize;
    let affordable = (files.saturating_sub(FILES_ASIDE) / FILES_PER_CONNECTION).max(4);
    let room = Arc::new(Room::new(options.capacity));
    let tap = Arc::new(Tap::new(options.tap));
    let cable = Arc::new(Cable::default());
    let view = Arc::new(View::new(tap.clone(), demo.door));

    let public = listen(demo, &options, options.port);
    // Beside a demo on another port than its own, the others take any free one, too.
    let own_port = |port| if options.port == demo.port { port } else { 0 };
    let beside: Vec<TcpListener> = demo.beside.iter().map(|one| listen(demo, &options, own_port(one.port))).collect();
    let panel_public = listen_beside(&public);
    let (address, panel_address) = (address(&public), address(&panel_public));
    let open_to = (!address.ip().is_loopback()).then(|| options.host.clone());
    let named = demo.beside.iter().zip(&beside).map(|(one, at)| (one.name, self::address(at).port())).collect();
    names::set(Names { port: address.port(), bench_port: panel_address.port(), host: open_to, beside: named });
    greet(demo, &options, address, panel_address);
    if options.max_connections > affordable && options.bench {
        log(&format!(
            "this machine allows {files} open files: {affordable} connections at once, not {}",
            options.max_connections
        ));
    }

    let panel =
        Arc::new(Panel { demo, room: room.clone(), tap: tap.clone(), view: view.clone(), cable: cable.clone() });
    let newest = Arc::new(AtomicU64::new(0));
    let door = |kind, tap: Option<&Arc<Tap>>| Door {
        to: SocketAddr::from(([0; 4], 0)),
        kind,
        origin_is_ours: if tap.is_some() { may_come_from } else { |origin, _| may_use_bench(origin) },
        max_connections: if tap.is_some() { options.max_connections } else { BENCH_CONNECTIONS }.min(affordable),
        head_timeout: options.head_timeout,
        tap: tap.cloned(),
        cable: if tap.is_some() { cable.clone() } else { Arc::default() },
        open: AtomicUsize::new(0),
        refusers: AtomicUsize::new(0),
        newest: if tap.is_some() { newest.clone() } else { Arc::default() },
    };
    behind(door(crate::Door::Http, None), panel_public, move |private| panel.serve(private));

    if options.bench && !options.quiet {
        thread::spawn(move || terminal::print(&view));
    }
    if options.open {
        open_browser(&format!("http://{}:{}", shown(address), address.port()));
    }
    if !options.bench {
        log("no bench: no limits, no cable, nothing to see; for measuring only");
        for (one, public) in demo.beside.iter().zip(beside) {
            let room = room.clone();
            thread::spawn(move || keep_serving(&public, |listener| (one.serve)(listener, room.clone())));
        }
        keep_serving(&public, |listener| (demo.serve)(listener, room.clone()));
    }
    for (one, public) in demo.beside.iter().zip(beside) {
        let room = room.clone();
        behind(door(one.door, Some(&tap)), public, move |private| (one.serve)(private, room.clone()));
    }
    let served = behind(door(demo.door, Some(&tap)), public, move |private| (demo.serve)(private, room.clone()));
    let _ = served.join();
}

/// Serves on a private listener behind a front door on the public one.
fn behind<S>(mut door: Door, public: TcpListener, serve: S) -> thread::JoinHandle<()>
where
    S: Fn(TcpListener) -> io::Result<()> + Send + 'static,
{
    let private = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_or_else(|error| give_up(&error.to_string()));
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

fn listen(demo: &Demo, options: &Options, port: u16) -> TcpListener {
    TcpListener::bind((options.host.trim_matches(['[', ']']), port)).unwrap_or_else(|error| {
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

/// The bench port: 1000 above the demo's, or any that is free when that one is taken.
fn listen_beside(public: &TcpListener) -> TcpListener {
    let address = address(public);
    let port = address.port().checked_add(1_000).unwrap_or(0);
    TcpListener::bind((address.ip(), port))
        .or_else(|_| TcpListener::bind((address.ip(), 0)))
        .unwrap_or_else(|error| give_up(&format!("no port for the bench: {error}")))
}

/// The first lines: where to look and what to try.
fn greet(demo: &Demo, options: &Options, address: SocketAddr, bench: SocketAddr) {
    println!("{}: http://{}:{}", demo.title, shown(address), address.port());
    if options.bench {
        println!("bench: http://{}:{}", shown(bench), bench.port());
    }
    for (name, port) in names::beside() {
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
