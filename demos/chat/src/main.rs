//! Runs the demo: `cargo run -p chat`.

fn main() {
    bench::run(&chat::DEMO);
}
