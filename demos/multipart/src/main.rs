//! Runs the demo: `cargo run -p multipart`.

fn main() {
    shared::run(&multipart::DEMO);
}
