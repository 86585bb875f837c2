//! `cargo run -p check -- longpoll 2` builds the demo with your change and says what is missing.

use std::process::ExitCode;

use tests::task::{Candidate, Makes, Outcome, Task, named};

include!(concat!(env!("OUT_DIR"), "/tasks.rs"));

const HELP: &str = "\
cargo run -p check -- longpoll      checks all tasks of a demo with your changes
cargo run -p check -- longpoll 2    checks one of them
cargo run -p check -- longpoll 2 --target http://127.0.0.1:9000
                                    checks a server of your own, in any language";

fn main() -> ExitCode {
    // A check that gets stuck says why in a sentence of its own.
    std::panic::set_hook(Box::new(|_| {}));
    match check(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// Does what the command line asks for; whether all that was checked is done.
fn check(words: &[String]) -> Result<bool, String> {
    let (words, target) = match words.iter().position(|word| word == "--target") {
        Some(at) => {
            let url = words.get(at + 1).filter(|url| url.starts_with("http://"));
            let url = url.ok_or("--target takes the address of a server: http://127.0.0.1:9000")?;
            ([&words[..at], &words[at + 2..]].concat(), Some(url.as_str()))
        }
        None => (words.to_vec(), None),
    };
    let (demo, number) = match &words[..] {
        [demo] if !demo.starts_with('-') => (demo, None),
        [demo, number] => (demo, Some(number)),
        _ => return Err(format!("The demos with tasks: {}.", demos())),
    };
    let (demo, tasks) = TASKS
        .iter()
        .find(|(name, _)| name == demo)
        .ok_or_else(|| format!("There are no tasks of {demo:?}. The demos with tasks: {}.", demos()))?;
    let Some(number) = number else {
        let outcomes: Vec<bool> = tasks.iter().map(|task| try_one(demo, task, target)).collect();
        return Ok(!outcomes.contains(&false));
    };
    let numbers: Vec<String> = tasks.iter().map(|task| task.number.to_string()).collect();
    let task = tasks.iter().find(|task| task.number.to_string() == *number);
    let task = task.ok_or_else(|| format!("{demo} has no task {number:?}; its tasks are {}.", numbers.join(", ")))?;
    Ok(try_one(demo, task, target))
}

fn demos() -> String {
    TASKS.iter().map(|(demo, _)| *demo).collect::<Vec<_>>().join(", ")
}

/// Checks one task and says what came out.
fn try_one(demo: &str, task: &Task, target: Option<&str>) -> bool {
    let name = named(demo, task.number).map_or(String::new(), |(name, _)| format!(" ({name})"));
    let title = format!("Task {} of {demo}{name}", task.number);
    let candidate = match target {
        Some(_) if task.makes == Makes::Program => {
            println!("{title}: not checked. The task asks for a program, and --target names a server.");
            return false;
        }
        Some(url) => Candidate::target(demo, url),
        None => Candidate::mine(demo),
    };
    let outcome = task.try_on(&candidate);
    match &outcome {
        Outcome::Done => println!("{title}: done."),
        Outcome::Missing(what) => println!("{title}: not yet. {what}"),
        Outcome::Stuck(why) => println!("{title}: not yet. The check could not go on: {why}"),
    }
    outcome == Outcome::Done
}
