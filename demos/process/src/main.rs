//! Runs the demo: `cargo run -p process -- python3 -u count.py`. Without a program it serves a built-in example, which is
//! this program itself, started with one word.

use std::env;

use process::command::ProgramOptions;
use process::example;

fn main() -> std::process::ExitCode {
    if env::args().nth(1).as_deref() == Some(example::WORD) {
        return example::run();
    }
    bench::run_with(&process::DEMO, ProgramOptions::default());
    std::process::ExitCode::SUCCESS
}
