//! Runs the demo: `cargo run -p frames`.

fn main() {
    shared::run(&frames::DEMO);
}
