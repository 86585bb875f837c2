//! Echo over a WebSocket: ours against its peers, interleaved in one run.
//!
//! `cargo run --release` measures everything and writes `results.json`. With words behind it:
//!
//! ```text
//! -- draft             everything in a tenth of the time, written until the next whole run
//! -- 16 50 16          one case, not written: payload, connections, messages in flight on each
//! -- quick 16 50 16    the same in a tenth of the time
//! -- idle 10000        what idle connections cost, not written
//! ```
//!
//! Each peer is a process of its own.

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
        ["idle", count] => drop(report::idle(number(count))),
        [payload, connections, flight] => {
            drop(report::cases(&[(number(payload), number(connections), number(flight))], 1.0));
        }
        ["quick", payload, connections, flight] => {
            drop(report::cases(&[(number(payload), number(connections), number(flight))], 0.1));
        }
        _ => {
            eprintln!("usage: ws-bench [draft | idle CONNECTIONS | [quick] PAYLOAD CONNECTIONS IN-FLIGHT]");
            exit(2);
        }
    }
}
