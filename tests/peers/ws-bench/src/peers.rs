//! The servers that are measured.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

/// A server in a process of its own, ended when dropped.
pub struct Peer {
    pub name: &'static str,
    pub address: SocketAddr,
    /// Whether it speaks WebSocket; the bare TCP echo does not.
    pub websocket: bool,
    process: Child,
}

impl Peer {
    /// The processor time that the peer has used, in seconds; 0 where the system does not tell. What else the machine
    /// does hardly changes it.
    pub fn processor_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = |field: usize| after_name.split_whitespace().nth(field).and_then(|t| t.parse::<f64>().ok());
        (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0 // user and system, in hundredths of a second
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts all peers that there are; `ws` needs node and its package.
pub fn start_all() -> Vec<Peer> {
    let mut peers = Vec::new();
    for name in ["frames", "tungstenite", "tcp"] {
        let this = std::env::current_exe().expect("this program has a path");
        peers.push(start(name, Command::new(this).args(["serve", name])).expect("a peer of our own starts"));
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/ws-echo.mjs");
    match start("ws", Command::new("node").arg(script)) {
        Ok(peer) => peers.push(peer),
        Err(error) => eprintln!("npm ws is left out ({error}): run `npm install` in tests/peers/ws-bench"),
    }
    peers
}

/// Starts a peer; the first line that it prints is its port.
fn start(name: &'static str, command: &mut Command) -> io::Result<Peer> {
    let mut process = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line)?;
    let Ok(port) = line.trim().parse::<u16>() else {
        let _ = process.kill();
        let _ = process.wait();
        return Err(io::Error::other("it did not say its port"));
    };
    Ok(Peer { name, address: SocketAddr::from(([127, 0, 0, 1], port)), websocket: name != "tcp", process })
}

/// Runs one of the peers that are written in Rust, until the process is killed.
pub fn serve(name: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("an address").port());
    match name {
        "frames" => {
            let site = demo::Site::new(listener.local_addr().expect("an address"));
            frames::serve(listener, Arc::new(room::Room::new(1)), Arc::new(site)).expect("a listener");
        }
        "tungstenite" => each(listener, tungstenite_echo),
        "tcp" => each(listener, tcp_echo),
        other => panic!("there is no peer {other}"),
    }
}

fn each(listener: TcpListener, serve: fn(TcpStream)) {
    for stream in listener.incoming().flatten() {
        stream.set_nodelay(true).expect("a socket");
        thread::spawn(move || serve(stream));
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
