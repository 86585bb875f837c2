//! Echo over a WebSocket: ours against its peers, interleaved in one run.
//!
//! `cargo run --release` measures everything and writes `results.json`; `cargo run --release -- quick` takes a tenth of
//! the time, `-- 16 50 16` measures one case (payload, connections, messages in flight on each), and `-- idle 10000` what
//! idle connections cost. Only the first of these writes; `-- draft` writes what a tenth of the time gives, until the next whole run. Each peer is a process of its own.

mod cores;
mod idle;
mod load;
mod peers;
mod report;

use std::process::exit;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("{word} is no number"));
    cores::count(); // before any of them is left
    match words[..] {
        ["serve", name] => return peers::serve(name),
        _ => drop(rlimit::increase_nofile_limit(u64::MAX)),
    }
    match words[..] {
        [] => report::everything(1.0),
        ["draft"] => report::everything(0.1),
        ["quick"] => drop(report::cases(report::CASES, 0.1)),
        ["idle", count] => drop(report::idle(number(count))),
        [payload, connections, flight] => {
            drop(report::cases(&[(number(payload), number(connections), number(flight))], 1.0));
        }
        ["quick", payload, connections, flight] => {
            drop(report::cases(&[(number(payload), number(connections), number(flight))], 0.1));
        }
        _ => {
            eprintln!("usage: ws-bench [draft], or: ws-bench [quick] [PAYLOAD CONNECTIONS IN-FLIGHT], or: ws-bench idle CONNECTIONS");
            exit(2);
        }
    }
}
