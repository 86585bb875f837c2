//! Runs the demo: `cargo run -p scaleout`.

use std::process::ExitCode;

fn main() -> ExitCode {
    scaleout::command::run(&scaleout::DEMO)
}
