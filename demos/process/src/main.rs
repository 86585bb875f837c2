//! Runs the demo: `cargo run -p process -- python3 -u count.py`. Without a program it serves a built-in example, which is
//! this program itself, started with one word.

use std::process::ExitCode;

use process::command::ProgramOptions;
use process::example;

fn main() -> ExitCode {
    example::run_or(|| bench::run_with(&process::DEMO, ProgramOptions::default()))
}
