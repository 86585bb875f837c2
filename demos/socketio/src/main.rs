//! Runs the demo.

fn main() {
    bench::run_with(&socketio::DEMO, socketio::options::Timing::default());
}
