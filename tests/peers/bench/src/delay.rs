//! From said to heard: the time from the moment before a message is written to a socket to the moment when a client has
//! read it, for each message and each client.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::clients::{Clients, Site, Wire};
use crate::median;
use crate::process::Server;

/// How many clients, how many messages are said to them, and how many after which the measuring starts.
pub const SIZES: [(usize, usize, usize); 3] = [(1, 200, 50), (100, 60, 5), (1_000, 20, 3)];

/// How often the servers take turns.
const ROUNDS: usize = 5;

/// How often a polling client asks.
pub const POLL: Duration = Duration::from_secs(1);

/// A server, how it is reached, and what it is held against.
struct Candidate {
    name: &'static str,
    wire: Wire,
    start: fn(&Path) -> Command,
    /// The name of another one, and how many times its p50 is aimed at.
    against: Option<(&'static str, Option<Aim>)>,
    /// What it does, by its code, that the other one does not. It is no reason that was measured.
    more: &'static str,
}

/// How many times another one's p50 are aimed at, with this number of clients or with any.
#[derive(Clone, Copy)]
struct Aim(f64, Option<usize>);

const CANDIDATES: [Candidate; 7] = [
    Candidate { name: "floor", wire: Wire::Lines, start: |_| itself("floor"), against: None, more: "" },
    Candidate {
        name: "sse --no-bench",
        wire: Wire::Events { announced: true },
        start: |demos| demo(demos, "sse", false),
        against: Some(("floor", Some(Aim(1.3, None)))),
        more: "what is said comes as a request of HTTP, and goes from tiny_http's thread through its queue to a second \
               thread and from there to a third",
    },
    Candidate {
        name: "sse",
        wire: Wire::Events { announced: true },
        start: |demos| demo(demos, "sse", true),
        against: Some(("floor", Some(Aim(2.5, None)))),
        more: "the same as without the bench, and the bench's threads between it and the clients, which read and write \
               each byte once more",
    },
    Candidate {
        name: "axum sse",
        wire: Wire::Events { announced: false },
        start: |_| itself("axum"),
        against: Some(("floor", None)),
        more: "",
    },
    Candidate {
        name: "longpoll floor",
        wire: Wire::LongPoll,
        start: |_| itself("longpoll-floor"),
        against: None,
        more: "",
    },
    Candidate {
        name: "longpoll --no-bench",
        wire: Wire::LongPoll,
        start: |demos| demo(demos, "longpoll", false),
        against: Some(("longpoll floor", Some(Aim(1.3, Some(1_000))))),
        more: "each question goes from tiny_http's thread through its queue to a second thread and from there to a third",
    },
    Candidate {
        name: "longpoll",
        wire: Wire::LongPoll,
        start: |demos| demo(demos, "longpoll", true),
        against: Some(("longpoll floor", None)),
        more: "",
    },
];

/// What one server did with one number of clients: the middle ones of all rounds.
pub struct Delay {
    /// The server.
    pub name: &'static str,
    /// How many clients.
    pub clients: usize,
    /// Half of the clients heard a message within so many microseconds.
    pub p50: f64,
    /// 99 of 100 did.
    pub p99: f64,
    /// What it is held against, and how many times its p50 this one took.
    pub ratio: Option<(&'static str, f64)>,
    /// How many times were aimed at.
    pub aim: Option<f64>,
    /// What it does that the other one does not.
    pub more: &'static str,
}

/// Measures all but polling.
pub async fn measure(demos: &Path) -> io::Result<Vec<Delay>> {
    let mut delays = Vec::new();
    for (clients, messages, warm_up) in SIZES {
        let mut rounds: Vec<Vec<(f64, f64)>> = vec![Vec::new(); CANDIDATES.len()];
        for round in 1..=ROUNDS {
            eprintln!("said to heard, {clients} clients, round {round} of {ROUNDS}");
            for (candidate, results) in CANDIDATES.iter().zip(&mut rounds) {
                let server = Server::start(&mut (candidate.start)(demos))?;
                let mut heard = Clients::connect(candidate.wire, &Site::bare(&server.address), clients).await?;
                heard.say(warm_up).await?;
                results.push(percentiles(heard.say(messages).await?));
            }
        }
        for (candidate, results) in CANDIDATES.iter().zip(&rounds) {
            let against = candidate.against.and_then(|(name, aim)| {
                let other = CANDIDATES.iter().position(|other| other.name == name)?;
                let ratios = results.iter().zip(&rounds[other]).map(|(mine, other)| mine.0 / other.0).collect();
                let aim = aim.filter(|Aim(_, only)| only.is_none_or(|only| only == clients)).map(|Aim(times, _)| times);
                Some((name, median(ratios), aim))
            });
            delays.push(Delay {
                name: candidate.name,
                clients,
                p50: median(results.iter().map(|result| result.0).collect()),
                p99: median(results.iter().map(|result| result.1).collect()),
                ratio: against.map(|(name, ratio, _)| (name, ratio)),
                aim: against.and_then(|(_, _, aim)| aim),
                more: candidate.more,
            });
        }
    }
    Ok(delays)
}

/// Measures polling, where the delay is the client's choice: it is heard at the next question.
pub async fn measure_polling(demos: &Path) -> io::Result<Vec<Delay>> {
    let mut delays = Vec::new();
    for (clients, ..) in SIZES {
        for (name, bench) in [("polling --no-bench", false), ("polling", true)] {
            eprintln!("said to heard, {clients} clients, {name}");
            let server = Server::start(&mut demo(demos, "polling", bench))?;
            let mut heard = Clients::connect(Wire::Polling(POLL), &Site::bare(&server.address), clients).await?;
            heard.say(1).await?;
            let (p50, p99) = percentiles(heard.say_steadily(100, POLL / 50).await?);
            delays.push(Delay { name, clients, p50, p99, ratio: None, aim: None, more: "" });
        }
    }
    Ok(delays)
}

/// A demo on the bench, or without it.
pub fn demo(demos: &Path, name: &str, bench: bool) -> Command {
    let mut command = Command::new(demos.join(name));
    command.args(["--port", "0", "--quiet", "--max-connections", "1100"]);
    if !bench {
        command.arg("--no-bench");
    }
    command
}

/// This program in another role.
fn itself(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "bench".into()));
    command.arg(role);
    command
}

/// The delays that half and 99 of 100 stay under, in microseconds.
pub fn percentiles(mut delays: Vec<Duration>) -> (f64, f64) {
    delays.sort_unstable();
    let at = |part: f64| delays[((delays.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
    (at(0.5), at(0.99))
}
