//! What is measured, and what comes of it.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::cores::{self, Part};
use crate::load::{Case, Load};
use crate::peers::{NAMES, Peer, processor_seconds, start_all};

/// Payload, connections, messages in flight on each.
const CASES: &[Case] = &[
    (16, 1, 1),
    (1024, 1, 1),
    (64 * 1024, 1, 1),
    (1024 * 1024, 1, 1),
    (16, 50, 1),
    (1024, 50, 1),
    (64 * 1024, 50, 1),
    (1024 * 1024, 50, 1),
    (16, 500, 1),
    (16, 1, 16),
    (1024, 1, 16),
    (16, 50, 16),
    (1024, 50, 16),
];

/// How often each peer has its turn in a case, and for how long.
const ROUNDS: usize = 11;
const TURN: Duration = Duration::from_millis(300);

/// A side that works for this part of its time, or more, is the limit.
const BUSY: f64 = 0.9;

/// How many idle connections there are.
const IDLE: usize = 10_000;

/// Measures everything and writes `results.json`.
pub fn everything(part: f64) {
    let idle = idle(IDLE);
    let cases = cases(CASES, part);
    let report = json!({
        "what": "WebSocket echo, binary messages",
        "machine": machine(), "commit": output("git", &["rev-parse", "--short", "HEAD"]),
        "seconds_since_1970": SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
        "server_cores": cores::server_cores(),
        "rounds": ROUNDS, "seconds_each": TURN.mul_f64(part).as_secs_f64(), "cases": cases, "idle": idle,
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/results.json");
    fs::write(path, serde_json::to_string_pretty(&report).expect("JSON") + "\n").expect("results.json can be written");
    println!("\nwritten: {path}");
}

/// What one peer did in all rounds of a case.
#[derive(Default)]
struct Sum {
    /// Messages a second, round by round.
    rates: Vec<f64>,
    messages: f64,
    seconds: f64,
    server: f64,
    load: f64,
}

impl Sum {
    /// One round.
    fn add(&mut self, peer: &Peer, load: &mut Load, time: Duration) -> std::io::Result<()> {
        let (server, client) = (peer.processor_seconds(), processor_seconds("self"));
        let (messages, seconds) = load.run(time)?;
        self.rates.push(messages / seconds);
        self.messages += messages;
        self.seconds += seconds;
        self.server += peer.processor_seconds() - server;
        self.load += processor_seconds("self") - client;
        Ok(())
    }

    /// Which side was at work all the time. Where neither was, both waited to be woken.
    fn limit(&self) -> &'static str {
        let cores = cores::server_cores().max(1) as f64;
        match (self.server / self.seconds / cores, self.load / self.seconds) {
            (server, load) if load >= BUSY && load > server => "load",
            (server, _) if server >= BUSY => "server",
            _ => "waking",
        }
    }
}

/// Measures these cases; `part` shortens the turns.
pub fn cases(cases: &[Case], part: f64) -> Vec<Value> {
    cores::run_on(Part::Server);
    let peers = start_all();
    cores::run_on(Part::Load);
    println!(
        "messages a second, median of {ROUNDS} interleaved rounds; server on {} cores of its own",
        cores::server_cores()
    );
    println!("in brackets: what frames did divided by it, the server's processor time for a message in microseconds,");
    println!("and which side was the limit\n");
    print!("{:>9} {:>5} {:>6}", "payload", "conns", "flight");
    peers.iter().for_each(|peer| print!(" {:>32}", peer.name));
    println!();
    cases.iter().filter_map(|case| one_case(*case, &peers, part)).collect()
}

fn one_case(case: Case, peers: &[Peer], part: f64) -> Option<Value> {
    let (payload, connections, flight) = case;
    let start = Instant::now();
    let loads: Result<Vec<Load>, _> = peers.iter().map(|peer| Load::open(peer, case)).collect();
    let mut loads = loads.map_err(|error| eprintln!("{case:?} is left out: {error}")).ok()?;
    let mut sums: Vec<Sum> = peers.iter().map(|_| Sum::default()).collect();
    for round in 0..ROUNDS {
        for turn in 0..peers.len() {
            let at = (turn + round) % peers.len(); // no peer is always the first
            let done = sums[at].add(&peers[at], &mut loads[at], TURN.mul_f64(part));
            done.unwrap_or_else(|error| panic!("{}: {error}", peers[at].name));
        }
    }
    print!("{payload:>9} {connections:>5} {flight:>6}");
    let mut results = Vec::new();
    for ((peer, sum), load) in peers.iter().zip(&sums).zip(&loads) {
        // The ratio of one round compares neighbours in time; its median is steadier than the ratio of the medians.
        let ratio = median(sums[0].rates.iter().zip(&sum.rates).map(|(ours, theirs)| ours / theirs).collect());
        let (rate, cost) = (median(sum.rates.clone()), sum.server / sum.messages * 1e6);
        print!(" {rate:>9.0} ({ratio:>5.2} {cost:>7.2} {:>6})", sum.limit());
        results.push(json!({
            "peer": peer.name, "messages_per_second": rate.round(), "ours_divided_by_it": two(ratio),
            "server_processor_microseconds_per_message": two(cost), "limit": sum.limit(),
            "server_busy": two(sum.server / sum.seconds), "load_busy": two(sum.load / sum.seconds),
            "batch_p50_us": load.times.quantile(0.5).round(), "batch_p99_us": load.times.quantile(0.99).round(),
        }));
    }
    println!("  {:.0} s", start.elapsed().as_secs_f64());
    Some(json!({ "payload": payload, "connections": connections, "in_flight": flight, "peers": results }))
}

/// Measures what idle connections cost, peer by peer.
pub fn idle(count: usize) -> Vec<Value> {
    println!("{count} idle connections, and 50 others that echo 16 bytes");
    let mut results = Vec::new();
    for name in NAMES {
        match crate::idle::measure(name, count) {
            Ok(idle) => {
                println!(
                    "{name:>15}: {:>6.2} KiB each, {:>5} threads, {:>5.0} MiB in all, {:>7.0} messages/s",
                    idle.kib_each, idle.threads, idle.mib, idle.messages_per_second
                );
                results.push(json!({
                    "peer": name, "connections": idle.connections, "kib_each": two(idle.kib_each),
                    "threads": idle.threads, "mib": idle.mib.round(),
                    "messages_per_second": idle.messages_per_second.round(),
                }));
            }
            Err(why) => println!("{name:>15}: left out ({why})"),
        }
    }
    results
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
    json!({ "cpu": model, "load_average": load, "cores": cores::count(), "os": output("uname", &["-sr"]),
            "rustc": output("rustc", &["--version"]), "node": output("node", &["--version"]) })
}

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
