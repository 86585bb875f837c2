//! Runs the demo: `cargo run -p tcp`.

fn main() {
    bench::run(&tcp::DEMO);
}
