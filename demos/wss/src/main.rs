//! Runs the demo: `cargo run -p wss`.

fn main() {}
