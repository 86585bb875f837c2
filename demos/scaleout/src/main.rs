//! Runs the demo: `cargo run -p scaleout`. The server processes and the one that watches over Redis are this program, too,
//! each started with one word.

use std::env;
use std::process::ExitCode;

use scaleout::command::FleetOptions;
use scaleout::{guard, server};

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some(server::WORD) => server::run(),
        Some(guard::WORD) => guard::run(),
        _ => {
            bench::run_with(&scaleout::DEMO, FleetOptions::of_this_program());
            ExitCode::SUCCESS
        }
    }
}
