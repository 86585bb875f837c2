//! Runs the demo on the bench.

fn main() {
    bench::run(&deflate::DEMO);
}
