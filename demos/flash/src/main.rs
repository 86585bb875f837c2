//! Runs the demo: `cargo run -p flash`.

fn main() {
    bench::run(&flash::DEMO);
}
