//! Runs the demo: `cargo run -p sse`.

fn main() {
    shared::run(&sse::DEMO);
}
