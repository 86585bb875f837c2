//! Runs the demo: `cargo run -p longpoll`.

fn main() {
    shared::run(&longpoll::DEMO);
}
