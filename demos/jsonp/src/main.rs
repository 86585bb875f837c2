//! Runs the demo: `cargo run -p jsonp`.

fn main() {
    bench::run(&jsonp::DEMO);
}
