//! Runs the demo: `cargo run -p iframe`.

fn main() {
    shared::run(&iframe::DEMO);
}
