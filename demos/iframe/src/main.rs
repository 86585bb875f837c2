//! Runs the demo: `cargo run -p iframe`.

fn main() {
    bench::run(&iframe::DEMO);
}
