//! The load, and what comes of it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use frames::frame::{FrameHeader, Opcode, write_frame};
use serde_json::{Value, json};

use crate::peers::{Peer, start_all};

/// Payload, connections, messages in flight on each.
const CASES: &[(usize, usize, usize)] = &[
    (16, 1, 1),
    (1024, 1, 1),
    (64 * 1024, 1, 1),
    (1024 * 1024, 1, 1),
    (16, 50, 1),
    (1024, 50, 1),
    (64 * 1024, 50, 1),
    (1024 * 1024, 50, 1),
    (16, 1, 16),
    (1024, 1, 16),
    (16, 50, 16),
    (1024, 50, 16),
];

/// How often each peer has its turn in a case, and for how long.
const ROUNDS: usize = 31;
const TURN: Duration = Duration::from_millis(300);

/// Measures every case (or the `only` one: payload, connections, in flight); `part` shortens the turns.
pub fn measure(part: f64, only: Option<(usize, usize, usize)>) {
    let peers = start_all();
    let all = only.is_none() && part == 1.0;
    let mut cases = Vec::new();
    println!("messages a second, median of {ROUNDS} interleaved rounds");
    println!("in brackets: ours divided by theirs, then the server's processor time for a message, in microseconds\n");
    print!("{:>9} {:>5} {:>6}", "payload", "conns", "flight");
    peers.iter().for_each(|peer| print!(" {:>26}", peer.name));
    println!();
    for (payload, connections, flight) in only.map_or(CASES.to_vec(), |one| vec![one]) {
        let mut rates: Vec<Vec<f64>> = vec![Vec::new(); peers.len()];
        let before: Vec<f64> = peers.iter().map(Peer::processor_seconds).collect();
        let mut messages = vec![0.0; peers.len()];
        for round in 0..ROUNDS {
            for turn in 0..peers.len() {
                let at = (turn + round) % peers.len(); // nobody is always first
                let (done, seconds) = run(&peers[at], payload, connections, flight, TURN.mul_f64(part));
                rates[at].push(done / seconds);
                messages[at] += done;
            }
        }
        // The ratio of one round compares neighbours in time; its median is steadier than the ratio of the medians.
        let ratio = |at: usize| median(rates[0].iter().zip(&rates[at]).map(|(ours, theirs)| ours / theirs).collect());
        print!("{payload:>9} {connections:>5} {flight:>6}");
        let mut results = Vec::new();
        for (at, peer) in peers.iter().enumerate() {
            let rate = median(rates[at].clone());
            let cost = (peer.processor_seconds() - before[at]) / messages[at] * 1e6;
            print!(" {rate:>9.0} ({:>5.2} {cost:>7.2})", ratio(at));
            results.push(json!({
                "peer": peer.name, "messages_per_second": rate.round(), "ours_divided_by_it": two(ratio(at)),
                "server_processor_microseconds_per_message": two(cost),
            }));
        }
        println!();
        cases.push(json!({ "payload": payload, "connections": connections, "in_flight": flight, "peers": results }));
    }
    let report = json!({
        "what": "WebSocket echo, thread per connection, binary messages",
        "machine": machine(), "commit": output("git", &["rev-parse", "--short", "HEAD"]),
        "seconds_since_1970": SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
        "rounds": ROUNDS, "seconds_each": TURN.mul_f64(part).as_secs_f64(), "cases": cases,
    });
    if !all {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/results.json");
    fs::write(path, serde_json::to_string_pretty(&report).expect("JSON") + "\n").expect("results.json can be written");
    println!("\nwritten: {path}");
}

/// Messages, and the seconds that they took.
fn run(peer: &Peer, payload: usize, connections: usize, flight: usize, time: Duration) -> (f64, f64) {
    let (request, answer) = frames_of(peer, payload);
    let requests = request.repeat(flight);
    let mut clients: Vec<TcpStream> = (0..connections).map(|_| connect(peer)).collect();
    check(&mut clients[0], &request, &answer);
    // One thread writes to all and then reads from all: a cheap load, so that it is the server's work that shows.
    let mut answers = vec![0; answer.len() * flight];
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < time {
        for client in &mut clients {
            client.write_all(&requests).expect("the peer reads");
        }
        for client in &mut clients {
            client.read_exact(&mut answers).expect("the peer answers");
        }
        done += flight * connections;
    }
    (done as f64, start.elapsed().as_secs_f64())
}

/// The bytes of one message, and of its echo.
fn frames_of(peer: &Peer, payload: usize) -> (Vec<u8>, Vec<u8>) {
    let payload: Vec<u8> = (0..payload).map(|at| (at * 7) as u8).collect();
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    write_frame(&mut request, true, Opcode::Binary, Some([0x37, 0xfa, 0x21, 0x3d]), &payload);
    write_frame(&mut answer, true, Opcode::Binary, None, &payload);
    if peer.websocket { (request, answer) } else { (request.clone(), request) }
}

fn connect(peer: &Peer) -> TcpStream {
    if peer.websocket {
        let address = handshake::address::Address::parse(&format!("ws://{}/echo", peer.address)).expect("an address");
        let (stream, rest, _) = handshake::client::connect(&address, &[]).expect("a handshake");
        assert!(rest.is_empty());
        stream
    } else {
        let stream = TcpStream::connect(peer.address).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        stream
    }
}

/// One message there and back, looked at byte by byte.
fn check(client: &mut TcpStream, request: &[u8], answer: &[u8]) {
    client.write_all(request).expect("the peer reads");
    let mut got = vec![0; answer.len()];
    client.read_exact(&mut got).expect("the peer answers");
    assert!(got == answer, "the echo is another one: {:?}", FrameHeader::parse(&mut &got[..]));
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn two(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn machine() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("", |rest| rest.trim_matches([':', ' ', '\t']));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<f64> = load.split_whitespace().take(3).filter_map(|number| number.parse().ok()).collect();
    // A load far above the number of cores means that others were measured as well.
    json!({ "cpu": model, "load_average": load, "cores": thread::available_parallelism().map_or(0, |n| n.get()), "os": output("uname", &["-sr"]),
            "rustc": output("rustc", &["--version"]), "node": output("node", &["--version"]) })
}

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
