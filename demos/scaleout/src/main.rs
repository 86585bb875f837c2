//! Runs the demo: `cargo run -p scaleout`. Its server processes are this program, too, started with one word.

use std::process::ExitCode;

use scaleout::command::{self, FleetOptions};

fn main() -> ExitCode {
    command::process_or(|| bench::run_with(&scaleout::DEMO, FleetOptions::of_this_program()))
}
