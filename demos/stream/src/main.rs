//! Runs the demo: `cargo run -p stream`.

fn main() {
    bench::run(&stream::DEMO);
}
