//! The tasks of the chapters, and the checks that tell a learner what is still missing.
//!
//! Each demo lists its tasks in `tests/tasks.rs`:
//!
//! ```no_run
//! use tests::must;
//! use tests::task::{Candidate, Finding, Task};
//!
//! pub const TASKS: &[Task] = &[Task::server(1, 5, "teapot", the_room_is_a_teapot)];
//!
//! fn the_room_is_a_teapot(candidate: &Candidate) -> Finding {
//!     let status = candidate.start().get("/messages").status();
//!     must!(status == 418, "GET /messages should get 418; it got {status}.");
//!     Ok(())
//! }
//! ```
//!
//! From that list come the command `cargo run -p check`, the Check buttons of the book, and three tests for each demo: the
//! answers pass, the demo as it is does not, and the chapters name the same tasks.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use crate::{Server, example, start_with, workspace};

/// What should come at once is waited for that long.
pub const SOON: Duration = Duration::from_secs(5);

/// What a check finds: nothing to object to, or a sentence that says what is missing.
pub type Finding = Result<(), String>;

/// Ends a check, with a sentence for the learner, unless the condition holds.
#[macro_export]
macro_rules! must {
    ($holds:expr, $($sentence:tt)+) => {
        if !$holds {
            return Err(format!($($sentence)+));
        }
    };
}

/// A task of a chapter.
pub struct Task {
    /// Its number among those of its demo.
    pub number: u8,
    /// How long it takes: 5, 20 or 60 minutes.
    pub minutes: u8,
    /// The example of the demo that is an answer to it.
    pub answer: &'static str,
    /// What the learner makes.
    pub makes: Makes,
    /// Finds out what is missing.
    pub check: fn(&Candidate) -> Finding,
}

/// What a learner makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makes {
    /// A change to the demo's server, or a server in any language.
    Server,
    /// A program of its own, `examples/mine.rs`, that talks to the demo.
    Program,
}

impl Task {
    /// A task that changes the demo's server.
    pub const fn server(number: u8, minutes: u8, answer: &'static str, check: fn(&Candidate) -> Finding) -> Task {
        Task { number, minutes, answer, makes: Makes::Server, check }
    }

    /// A task that asks for a program, `examples/mine.rs`.
    pub const fn program(number: u8, minutes: u8, answer: &'static str, check: fn(&Candidate) -> Finding) -> Task {
        Task { number, minutes, answer, makes: Makes::Program, check }
    }

    /// Whether this candidate does what the task asks for.
    pub fn try_on(&self, candidate: &Candidate) -> Outcome {
        match catch_unwind(AssertUnwindSafe(|| (self.check)(candidate))) {
            Ok(Ok(())) => Outcome::Done,
            Ok(Err(missing)) => Outcome::Missing(missing),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words =
                    words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("the check ended for no known reason");
                Outcome::Stuck(words.to_string())
            }
        }
    }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is missing.
    Done,
    /// This is missing, in a sentence.
    Missing(String),
    /// The check could not go on: something came that no check is ready for, or nothing at all.
    Stuck(String),
}

/// What is checked.
pub struct Candidate {
    demo: String,
    what: What,
}

enum What {
    /// The demo as it is in the workspace, with the learner's changes, and the program `examples/mine.rs`.
    Mine,
    /// An example of the demo.
    Answer(String),
    /// A server at this address, in any language.
    Target(String),
}

impl Candidate {
    /// What the learner has made of the demo of this name.
    pub fn mine(demo: &str) -> Candidate {
        Candidate { demo: demo.to_string(), what: What::Mine }
    }

    /// The answer that comes with the demo.
    pub fn answer(demo: &str, example: &str) -> Candidate {
        Candidate { demo: demo.to_string(), what: What::Answer(example.to_string()) }
    }

    /// The server at this address: `http://127.0.0.1:9000`.
    pub fn target(demo: &str, url: &str) -> Candidate {
        Candidate { demo: demo.to_string(), what: What::Target(url.to_string()) }
    }

    /// The server, running; with a room of its own, unless it is at an address.
    pub fn start(&self) -> Server {
        self.start_with(&[])
    }

    /// The same without the bench in front of it, whose front door may refuse what the server should refuse by itself.
    pub fn start_without_bench(&self) -> Server {
        self.start_with(&["--no-bench"])
    }

    fn start_with(&self, args: &[&str]) -> Server {
        match &self.what {
            What::Mine => start_with(&self.demo, args),
            What::Answer(example) => start_with(&format!("{}/{example}", self.demo), args),
            What::Target(url) => Server::at(&self.demo, url),
        }
    }

    /// The program that the learner wrote, running with these words on its command line.
    ///
    /// # Errors
    /// A sentence, when there is no program yet.
    pub fn run(&self, words: &[&str]) -> Result<Program, String> {
        let name = match &self.what {
            What::Answer(example) => example,
            _ => "mine",
        };
        let file = format!("demos/{}/examples/{name}.rs", self.demo);
        must!(workspace().join(&file).is_file(), "There is no program {file} yet: write it there.");
        let mut command: Command = example(&self.demo, name);
        command.args(words).stdin(std::process::Stdio::null());
        Ok(Program(Server::spawn(name, command)))
    }
}

/// A program that talks to a demo, running. Ends when it goes out of scope.
pub struct Program(Server);

impl Program {
    /// Waits for a line with these words; `None` when the program ended without it.
    pub fn says(&self, words: &str) -> Option<String> {
        self.0.line(words)
    }

    /// Waits for its end and returns all that it wrote.
    ///
    /// # Errors
    /// A sentence, when it ended with an error.
    pub fn runs_to_its_end(mut self) -> Result<String, String> {
        let status = self.0.ends();
        let wrote = self.0.output();
        must!(status.success(), "The program ended with an error ({status}). It wrote:\n{wrote}");
        Ok(wrote)
    }
}

/// The name of a task, and the chapter that sets it: `("A limit", "longpoll.md")`.
pub fn named(demo: &str, number: u8) -> Option<(String, String)> {
    let wanted = format!("{{{{#task {demo} {number} ");
    chapters().into_iter().find_map(|(chapter, text)| {
        let (before, _) = text.split_once(&wanted)?;
        let heading = before.lines().rev().find_map(|line| line.strip_prefix("### "))?;
        let name = heading.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim();
        Some((name.to_string(), chapter))
    })
}

fn chapters() -> Vec<(String, String)> {
    let files = fs::read_dir(workspace().join("book/src")).into_iter().flatten().flatten();
    let texts =
        files.filter_map(|file| Some((file.file_name().into_string().ok()?, fs::read_to_string(file.path()).ok()?)));
    texts.filter(|(name, _)| name.ends_with(".md")).collect()
}

/// Fails unless each answer passes the check of its task.
pub fn the_answers_pass(demo: &str, tasks: &[Task]) {
    for task in tasks {
        let outcome = task.try_on(&Candidate::answer(demo, task.answer));
        assert_eq!(outcome, Outcome::Done, "task {} of {demo}: the answer {}", task.number, task.answer);
    }
}

/// Fails unless each check says of the demo as it is what is missing, in a sentence: or there would be nothing to do.
pub fn the_unchanged_demo_is_told_what_is_missing(demo: &str, tasks: &[Task]) {
    for task in tasks {
        match task.try_on(&Candidate::mine(demo)) {
            Outcome::Missing(words) => {
                let sentence = words.starts_with(|c: char| !c.is_lowercase()) && words.ends_with('.');
                assert!(
                    sentence && !words.contains("assert"),
                    "task {} of {demo}: no sentence: {words:?}",
                    task.number
                );
            }
            other => panic!("task {} of {demo}: the demo as it is gets {other:?}", task.number),
        }
    }
}

/// Fails unless the chapters set these tasks, and no others.
pub fn the_chapters_set_these_tasks(demo: &str, tasks: &[Task]) {
    let mark = format!("{{{{#task {demo} ");
    let mut set: Vec<String> = chapters()
        .iter()
        .flat_map(|(_, text)| text.split(&mark).skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.to_string())))
        .collect();
    set.sort();
    let checked: Vec<String> = tasks.iter().map(|task| format!("{} {}", task.number, task.minutes)).collect();
    assert_eq!(
        set, checked,
        "number and minutes of {demo}'s tasks: in the chapters, and in demos/{demo}/tests/tasks.rs"
    );
    for task in tasks {
        let name = named(demo, task.number);
        assert!(name.is_some_and(|(name, _)| !name.is_empty()), "task {} of {demo} has no name (###)", task.number);
    }
}
