//! Runs the demo: `cargo run -p heartbeat`.

fn main() {
    shared::run(&heartbeat::DEMO);
}
