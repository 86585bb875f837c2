//! Runs the demo: `cargo run -p polling`.

fn main() {
    bench::run(&polling::DEMO);
}
