//! What the bench costs: an echo over TCP, with the bench and without.
//!
//! `cargo run --release -p bench --example cost -- 50 16 2` asks with 50 connections, 16 bytes at a time, for 2 seconds.
//! Then it measures how exact the cable's delay of 20 ms is.

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

/// Echoes a second, over all connections. One thread writes to all of them and then reads from all: a load that costs
/// little, so that it is the server's work that shows.
fn ask(server: SocketAddr, connections: usize, size: usize, time: Duration) -> io::Result<f64> {
    let connect = |_| -> io::Result<TcpStream> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let mut streams = (0..connections).map(connect).collect::<io::Result<Vec<_>>>()?;
    let (out, mut back) = (vec![b'x'; size], vec![0; size]);
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < time {
        for stream in &mut streams {
            stream.write_all(&out)?;
        }
        for stream in &mut streams {
            stream.read_exact(&mut back)?;
        }
        count += connections;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// Orders a delay of 20 ms and measures 200 echoes, which are delayed once each way: the middle one and the 99th of 100.
fn delayed(running: &Running) -> io::Result<(Duration, Duration)> {
    let mut stream = TcpStream::connect(running.address)?;
    let mut bench = TcpStream::connect(running.bench_address)?;
    write!(bench, "POST /cable HTTP/1.1\r\nHost: {}\r\nContent-Length: 8\r\n\r\ndelay 20", running.bench_address)?;
    bench.read_exact(&mut [0; 12])?; // the status line has come, so the order is carried out
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        stream.write_all(b"x")?;
        stream.read_exact(&mut [0])?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok((times[100], times[197]))
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [connections, size, seconds] = numbers[..] else { return println!("cost CONNECTIONS BYTES SECONDS") };
    let time = Duration::from_secs(seconds as u64);
    let running =
        Running::start(&ECHO, Arc::new(Room::new(1)), &Options { quiet: true, ..Options::new(0) }).expect("free ports");
    let plain = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = plain.local_addr().expect("its address");
    thread::spawn(move || echo(plain, Arc::new(Room::new(10)), Arc::new(Site::new(address))));
    for _ in 0..3 {
        let echoes = |server| ask(server, connections, size, time).expect("an echo");
        let (without, with) = (echoes(address), echoes(running.address));
        println!("without {without:8.0}/s  with {with:8.0}/s  ratio {:.2}", with / without);
    }
    let (p50, p99) = delayed(&running).expect("an echo");
    println!("delay 20 ms there and 20 ms back: p50 {p50:.1?}, p99 {p99:.1?}");
}
