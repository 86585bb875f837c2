//! What the bench costs: an echo over TCP, with the bench and without.
//!
//! `cargo run --release -p bench --example echo -- 50 16 2` asks with 50 connections, 16 bytes at a time, for 2 seconds.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bench::{Options, Running};
use demo::{Demo, File, Page, Site, Speaks};
use room::Room;

static ECHO: Demo = Demo {
    name: "echo",
    port: 0,
    title: "Echo",
    promise: "What is sent comes back.",
    first: "send something",
    page: Page { html: File { path: "", built_in: "" }, assets: &[], policy: &[] },
    speaks: Speaks::Upgrades,
    serve: echo,
    side_servers: &[],
};

fn echo(listener: TcpListener, _: Arc<Room>, _: Arc<Site>) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if stream.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
        });
    }
}

/// Echoes a second, over all connections.
fn ask(server: SocketAddr, connections: usize, size: usize, time: Duration) -> f64 {
    let end = Instant::now() + time;
    let client = move || -> io::Result<usize> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        let (out, mut back, mut count) = (vec![b'x'; size], vec![0; size], 0);
        while Instant::now() < end {
            stream.write_all(&out)?;
            stream.read_exact(&mut back)?;
            count += 1;
        }
        Ok(count)
    };
    let clients: Vec<_> = (0..connections).map(|_| thread::spawn(client)).collect();
    let count: usize = clients.into_iter().map(|client| client.join().unwrap_or(Ok(0)).unwrap_or(0)).sum();
    count as f64 / time.as_secs_f64()
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [connections, size, seconds] = numbers[..] else { return println!("echo CONNECTIONS BYTES SECONDS") };
    let time = Duration::from_secs(seconds as u64);
    let running =
        Running::start(&ECHO, Arc::new(Room::new(1)), &Options { quiet: true, ..Options::new(0) }).expect("free ports");
    let plain = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = plain.local_addr().expect("its address");
    thread::spawn(move || echo(plain, Arc::new(Room::new(10)), Arc::new(Site::new(address))));
    for _ in 0..3 {
        let (without, with) = (ask(address, connections, size, time), ask(running.address, connections, size, time));
        println!("without {without:8.0}/s  with {with:8.0}/s  ratio {:.2}", with / without);
    }
}
