//! Runs the demo: `cargo run -p handshake`.

fn main() {
    shared::run(&handshake::DEMO);
}
