//! The workspace's own commands, the same with and without make:
//!
//! ```sh
//! cargo run -p tests -- test             # everything
//! cargo run -p tests -- test longpoll    # one demo's tests, of all kinds
//! cargo run -p tests -- new radio        # a demo that runs, with a chapter and tests
//! cargo run -p tests -- index            # writes README's table and the ports anew
//! cargo run -p tests -- pictures         # takes the pictures of the README from a running demo
//! cargo run -p tests -- fmt              # formats the Rust code, the demos' tests too
//! cargo run -p tests -- lint             # checks formatting and lints
//! ```

mod index;
mod libtest;
mod new;
mod pictures;
mod programs;
mod run;

use std::process::{Command, ExitCode};

use tests::workspace;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["test"] => run::everything(),
        ["test", demo] => run::one_demo(demo),
        ["new", name] => new::demo(workspace(), name, None),
        ["new", name, port] => new::demo(workspace(), name, Some(port)),
        ["index"] => index::write(workspace()),
        ["pictures"] => pictures::take(workspace()),
        ["fmt"] => format(&[]),
        ["lint"] => format(&["--check"]).and_then(|()| clippy()),
        _ => Err("say one of: test [DEMO], new NAME [PORT], index, pictures, fmt, lint".to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Formats everything, or checks it. `cargo fmt` does not find the demos' tests: a build script gathers them.
fn format(options: &[&str]) -> Result<(), String> {
    succeed(cargo().args(["fmt", "--all", "--"]).args(options))?;
    let demos = std::fs::read_dir(workspace().join("demos")).map_err(|error| error.to_string())?;
    let tests = demos.flatten().filter_map(|demo| std::fs::read_dir(demo.path().join("tests")).ok());
    let files = tests.flat_map(|tests| tests.flatten()).map(|file| file.path());
    let files = files.filter(|file| file.extension().is_some_and(|end| end == "rs"));
    succeed(Command::new("rustfmt").args(["--edition", "2024"]).args(options).args(files))
}

fn clippy() -> Result<(), String> {
    succeed(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Cargo, in the workspace's folder.
fn cargo() -> Command {
    demo::index::cargo(workspace())
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status();
    let words: Vec<_> =
        [command.get_program()].into_iter().chain(command.get_args()).map(|word| word.display()).collect();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{words:?} failed")),
        Err(error) => Err(format!("{words:?}: {error}")),
    }
}
