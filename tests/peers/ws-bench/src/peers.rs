//! The servers that are measured.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

/// All peers, ours first. The bare TCP echoes show what the machine itself costs.
pub const NAMES: [&str; 7] = ["frames", "eventloop", "tungstenite", "fastwebsockets", "ws", "tcp", "tcp-loop"];

/// A server in a process of its own, ended when dropped.
pub struct Peer {
    pub name: &'static str,
    pub address: SocketAddr,
    /// Whether it speaks WebSocket; the bare TCP echoes do not.
    pub websocket: bool,
    process: Child,
}

impl Peer {
    /// The processor time that the peer has used, in seconds; 0 where the system does not tell.
    pub fn processor_seconds(&self) -> f64 {
        processor_seconds(&self.process.id().to_string())
    }

    /// Its resident memory in KiB; 0 where the system does not tell.
    pub fn memory_kib(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// How many threads it has; 0 where the system does not tell.
    pub fn threads(&self) -> u64 {
        self.status("Threads:") as u64
    }

    fn status(&self, name: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
    }
}

/// The processor time of a process and its threads: `self`, or its id.
pub fn processor_seconds(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |field: usize| after_name.split_whitespace().nth(field).and_then(|t| t.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0 // user and system, in hundredths of a second
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts all peers that there are.
pub fn start_all() -> Vec<Peer> {
    let all = NAMES.into_iter().map(|name| start(name).map_err(|error| eprintln!("{name} is left out: {error}")));
    all.flatten().collect()
}

/// Starts a peer.
///
/// # Errors
/// When its program is not there.
pub fn start(name: &'static str) -> io::Result<Peer> {
    let folder = env!("CARGO_MANIFEST_DIR");
    let mut command = match name {
        "ws" => Command::new("node"),
        "fastwebsockets" => {
            let manifest = format!("{folder}/../fastwebsockets/Cargo.toml");
            let built =
                Command::new("cargo").args(["build", "--release", "--quiet", "--manifest-path", &manifest]).status();
            if !built?.success() {
                return Err(io::Error::other("it does not build"));
            }
            Command::new(format!("{folder}/../fastwebsockets/target/release/fastwebsockets-echo"))
        }
        _ => Command::new(std::env::current_exe()?),
    };
    match name {
        "ws" => command.arg(format!("{folder}/ws-echo.mjs")), // needs `npm install` in this folder
        "fastwebsockets" => &mut command,
        _ => command.args(["serve", name]),
    };
    let mut process = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line)?; // its port
    let Ok(port) = line.trim().parse::<u16>() else {
        let _ = process.kill();
        let _ = process.wait();
        return Err(io::Error::other("it did not say its port"));
    };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(Peer { name, address, websocket: !name.starts_with("tcp"), process })
}

/// Runs one of the peers that are written in this program, until the process is killed.
pub fn serve(name: &str) {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    println!("{}", address.port());
    let (room, site) = (Arc::new(room::Room::new(1)), Arc::new(demo::Site::new(address)));
    match name {
        "frames" => frames::serve(listener, room, site).expect("a listener"),
        "eventloop" => eventloop::serve(listener, room, site, eventloop::Patience::default()).expect("a listener"),
        "tungstenite" => each(listener, tungstenite_echo),
        "tcp" => each(listener, tcp_echo),
        "tcp-loop" => tcp_loop(listener).expect("a listener"),
        other => panic!("there is no peer {other}"),
    }
}

fn each(listener: TcpListener, serve: fn(TcpStream)) {
    for stream in listener.incoming().flatten() {
        stream.set_nodelay(true).expect("a socket");
        thread::Builder::new().stack_size(256 * 1024).spawn(move || serve(stream)).expect("a thread");
    }
}

fn tungstenite_echo(stream: TcpStream) {
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    while let Ok(message) = socket.read() {
        if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
            return;
        }
    }
}

fn tcp_echo(mut stream: TcpStream) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        if stream.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}

/// Bare TCP on one thread: reads and writes the very same bytes, and knows no more than that.
fn tcp_loop(listener: TcpListener) -> io::Result<()> {
    use mio::{Events, Interest, Poll, Token};
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1_024));
    let listening = Token(usize::MAX);
    poll.registry().register(&mut listener, listening, Interest::READABLE)?;
    let (mut streams, mut bytes) = (Vec::<(mio::net::TcpStream, Vec<u8>)>::new(), vec![0; 64 * 1024]);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == listening {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(streams.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                    streams.push((stream, Vec::new()));
                }
                continue;
            }
            let (stream, unsent) = &mut streams[event.token().0];
            loop {
                while let Ok(count @ 1..) = stream.write(unsent) {
                    unsent.drain(..count);
                }
                if !unsent.is_empty() {
                    break;
                }
                match stream.read(&mut bytes) {
                    Ok(count @ 1..) => {
                        let written = stream.write(&bytes[..count]).unwrap_or(0);
                        unsent.extend_from_slice(&bytes[written..count]);
                        if count < bytes.len() && unsent.is_empty() {
                            break; // Linux tells of the next byte
                        }
                    }
                    _ => break,
                }
            }
        }
    }
}
