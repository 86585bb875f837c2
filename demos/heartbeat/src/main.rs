//! Runs the demo: `cargo run -p heartbeat`.

fn main() {
    bench::run(&heartbeat::DEMO);
}
