//! Runs the demo: `cargo run -p wss`.

fn main() {
    bench::run(&wss::DEMO);
}
