//! Runs the demo: `cargo run -p multipart`.

fn main() {
    bench::run(&multipart::DEMO);
}
