//! Runs the demo: `cargo run -p jsonp`.

fn main() {
    shared::run(&jsonp::DEMO);
}
