//! Runs the demo: `cargo run -p polling`.

fn main() {
    shared::run(&polling::DEMO);
}
