//! An answer to the first task of the chapter: how long does the server take to notice that a client is gone?
//!
//! Run    `cargo run -p heartbeat`, and in another terminal `cargo run -p heartbeat --example notice -- 127.0.0.1:8012`

use std::io::{self, Read};
use std::process::exit;
use std::thread;
use std::time::{Duration, Instant};

use frames::message::{MAX_MESSAGE, Role};
use frames::websocket::{Next, WebSocket};
use handshake::address::Address;
use handshake::client::connect;

const CLIENTS: u64 = 20;

fn main() {
    let host = std::env::args().nth(1).unwrap_or_else(|| {
        eprintln!("usage: cargo run -p heartbeat --example notice -- 127.0.0.1:8012");
        exit(2);
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let host = host.clone();
            thread::spawn(move || fall_silent(&host, Duration::from_millis(500 + 50 * number)))
        })
        .collect();
    let times: Vec<f64> =
        clients.into_iter().filter_map(|client| client.join().ok()?.ok()).collect();
    let (shortest, longest) =
        times.iter().fold((f64::MAX, 0.0f64), |(s, l), time| (s.min(*time), l.max(*time)));
    println!("{} of {CLIENTS} were noticed, after {shortest:.2} to {longest:.2} s", times.len());
    println!("the server asked every 0.50 s and gave up after a silence of 1.50 s");
}

// ANCHOR: answer
/// Answers pings for a while, then plays dead: to the server that is what a pulled cable looks
/// like. Returns how many seconds after that the server gave up. It counts from the last byte it
/// heard, so the result lies between its patience less one interval, when the next ping was just
/// about to come, and its patience.
fn fall_silent(host: &str, after: Duration) -> io::Result<f64> {
    let address = format!("ws://{host}/?every=0.5&patience=1.5");
    let address = Address::parse(&address).map_err(io::Error::other)?;
    let (stream, rest, _) = connect(&address, &["room"])?;
    let mut dead = stream.try_clone()?;
    let mut socket = WebSocket::new(stream, rest, Role::Client, MAX_MESSAGE);
    let started = Instant::now();
    loop {
        let left = after.saturating_sub(started.elapsed());
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match socket.read() {
            Next::Gone(end) => return Err(io::Error::other(format!("too early: {end:?}"))),
            Next::Timeout if left.is_zero() => break, // each ping that came has its pong
            _ => {}
        }
    }
    let silent = Instant::now();
    dead.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut unheard = [0; 4096];
    loop {
        match dead.read(&mut unheard) {
            Ok(0) => break,
            Ok(_) => {} // a dead client reads nothing: only the end counts
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error),
        }
    }
    Ok(silent.elapsed().as_secs_f64())
}
// ANCHOR_END: answer
