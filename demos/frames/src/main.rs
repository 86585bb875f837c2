//! Runs the demo: `cargo run -p frames`.

fn main() {
    bench::run(&frames::DEMO);
}
