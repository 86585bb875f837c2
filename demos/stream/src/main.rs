//! Runs the demo: `cargo run -p stream`.

fn main() {
    shared::run(&stream::DEMO);
}
