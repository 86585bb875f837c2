//! Runs the demo: `cargo run -p sse`.

fn main() {
    bench::run(&sse::DEMO);
}
