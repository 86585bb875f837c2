//! Runs the demo: `cargo run -p flash`.

fn main() {
    shared::run(&flash::DEMO);
}
