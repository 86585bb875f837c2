//! Runs the demo: `cargo run -p process -- python3 -u count.py`. Without a program it serves a built-in example, which is
//! this program itself, started with one word.

use std::process::ExitCode;

use process::command::ProgramOptions;
use process::example;

fn main() -> ExitCode {
    example::run_or(|| {
        let options = ProgramOptions::default();
        let programs = options.programs.clone();
        // Ctrl+C reaches the server alone: each program has a group of its own.
        let _works_without = ctrlc::set_handler(move || programs.end_with_the_server());
        bench::run_with(&process::DEMO, options);
    })
}
