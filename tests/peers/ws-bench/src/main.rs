//! Echo over a WebSocket: ours against its peers, all in the same thread model, interleaved in one run.
//!
//! `cargo run --release` measures everything and writes `results.json`; `cargo run --release -- quick` takes a tenth of
//! the time, and `-- 16 50 16` measures one case: payload, connections, messages in flight on each. Each peer is a process of its own. The load is the same bytes for all: a client's frame, masked once
//! beforehand, written whole; then as many bytes are read as the echo has. A bare TCP echo of the very same bytes shows
//! what the machine itself costs.

mod load;
mod peers;

use std::process::exit;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", name] => peers::serve(name),
        [] => load::measure(1.0, None),
        ["quick"] => load::measure(0.1, None),
        [payload, connections, flight] => {
            let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("{word} is no number"));
            load::measure(1.0, Some((number(payload), number(connections), number(flight))));
        }
        _ => {
            eprintln!("usage: ws-bench [quick | PAYLOAD CONNECTIONS IN-FLIGHT]");
            exit(2);
        }
    }
}
