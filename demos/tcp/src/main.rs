//! Runs the demo: `cargo run -p tcp`.

fn main() {
    shared::run(&tcp::DEMO);
}
