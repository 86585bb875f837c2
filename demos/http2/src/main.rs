//! Runs the demo on the bench.

fn main() {
    bench::run(&http2::DEMO);
}
