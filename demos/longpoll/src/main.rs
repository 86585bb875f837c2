//! Runs the demo: `cargo run -p longpoll`.

fn main() {
    bench::run(&longpoll::DEMO);
}
