//! Runs the demo: `cargo run -p handshake`.

fn main() {
    bench::run(&handshake::DEMO);
}
