//! Runs tests to their end, however many fail, and then says what failed, why, and how to run that one again.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::libtest::{Failure, Outcome, verdict};
use crate::programs::{self, Program};
use crate::{cargo, clippy, format};

/// How many programs run side by side: while the pages of one wait, the sockets of the others work.
const LANES: usize = 3;

/// Nothing runs beside it: the judge that it asks gives many of its cases half a second, however busy the machine is.
const ALONE: &str = "conformance";

/// The programs that take longest, longest first: what begins last should be short, or one lane waits for the others.
const FIRST: [&str; 6] = ["pages", "workspace", "wire", "tasks", "bench", "recordings"];

/// So many tests run at once in a program: they mostly wait, for a browser or for a cable.
const THREADS: usize = 4;

/// So many of the pages' tests: these take longest, and are alone near the end of a run.
const THREADS_OF_PAGES: usize = 6;

/// What all programs together came to.
#[derive(Default)]
struct Total {
    passed: usize,
    skipped: Vec<String>,
    /// Failed tests, each with the command that runs it again.
    failed: Vec<(Failure, String)>,
    times: Vec<(Duration, String)>,
    /// Seconds that the pages of each demo were tried, in both browsers.
    pages: BTreeMap<String, f64>,
}

/// Lints and all tests.
pub fn everything() -> Result<(), String> {
    let start = Instant::now();
    let mut total = Total::default();
    for (what, checked) in [("formatting", format(&["--check"])), ("lints", clippy())] {
        if let Err(why) = checked {
            let failure = Failure { test: what.to_string(), why };
            total.failed.push((failure, "cargo run -p tests -- lint".to_string()));
        }
    }
    let programs = programs::build(&["--workspace"], &["--workspace"])?;
    programs::build_alone()?;
    println!("{:4.0} s  everything is built", start.elapsed().as_secs_f64());
    run(programs.into_iter().map(|program| (program, None)).collect(), &mut total);
    doctests(&mut total);
    tell(&total, start.elapsed())
}

/// The programs that have the tests of all demos, in modules of the demos' names.
const GATHERED: [&str; 4] = ["wire", "pages", "tasks", "recordings"];

/// The tests of one demo: its unit tests, and its modules in the programs that gather all demos.
pub fn one_demo(name: &str) -> Result<(), String> {
    let start = Instant::now();
    let mut total = Total::default();
    let own = programs::build(&["-p", name], &["-p", name])?;
    let gathered: Vec<&str> = GATHERED.iter().flat_map(|program| ["--test", program]).collect();
    let gathered = programs::build_tests(&[&["-p", "tests"][..], &gathered].concat())?;
    let own = own.into_iter().map(|program| (program, None));
    let gathered = gathered.into_iter().map(|program| (program, Some(format!("{name}::"))));
    run(own.chain(gathered).collect(), &mut total);
    tell(&total, start.elapsed())
}

/// Runs the programs, each with the tests that have these words in their names.
fn run(mut programs: Vec<(Program, Option<String>)>, total: &mut Total) {
    programs.sort_by_key(|(program, _)| FIRST.iter().position(|name| *name == program.name).unwrap_or(FIRST.len()));
    let (alone, programs): (Vec<_>, _) = programs.into_iter().partition(|(program, _)| program.name == ALONE);
    for (program, filter) in alone {
        total.add(run_one(&program, filter.as_deref()));
    }
    let queue = Mutex::new(VecDeque::from(programs));
    let next = || queue.lock().expect("no lane panics").pop_front();
    let total = Mutex::new(total);
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((program, filter)) = next() {
                    let done = run_one(&program, filter.as_deref());
                    total.lock().expect("no lane panics").add(done);
                }
            });
        }
    });
}

/// Runs one program to its end.
fn run_one(program: &Program, filter: Option<&str>) -> Total {
    let mut command = program.command(filter);
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        let threads = if program.name == "pages" { THREADS_OF_PAGES } else { THREADS };
        command.env("RUST_TEST_THREADS", threads.to_string());
    }
    let mut total = Total::default();
    let start = Instant::now();
    let mut child = match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => {
            total.broken(program, format!("it does not start: {error}"));
            return total;
        }
    };
    let errors = child.stderr.take().map(|errors| thread::spawn(move || lines(Some(errors)).collect::<Vec<_>>()));
    let mut outcome = Outcome::default();
    for line in lines(child.stdout.take()) {
        if let Some((test, passed)) = verdict(&line) {
            println!("{} {}: {test}", if passed { "    ok" } else { "FAILED" }, program.name);
        }
        outcome.line(&line);
    }
    let status = child.wait();
    let errors = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
    total.skipped = errors.iter().filter_map(|line| line.strip_prefix("skipped: ")).map(str::to_string).collect();
    for (demo, seconds) in errors.iter().filter_map(|line| time_of_a_demo(line)) {
        *total.pages.entry(demo.to_string()).or_default() += seconds;
    }
    total.passed = outcome.passed.saturating_sub(total.skipped.len());
    total.times.push((start.elapsed(), format!("{}: {} tests", program.name, outcome.passed + outcome.failed.len())));
    for line in outcome.stories() {
        println!("{line}");
    }
    for failure in outcome.failures() {
        let again = program.again(&failure.test);
        total.failed.push((failure, again));
    }
    if !outcome.ended {
        errors.iter().for_each(|line| println!("{line}"));
        total.broken(program, format!("it ended before its tests did: {status:?}"));
    }
    total
}

/// What a test of pages tells of its time: `took: 1.5 longpoll::pages::chromium::two_tabs` are 1.5 s of the demo longpoll.
fn time_of_a_demo(line: &str) -> Option<(&str, f64)> {
    let (seconds, test) = line.strip_prefix("took: ")?.split_once(' ')?;
    Some((test.split("::").next()?, seconds.parse().ok()?))
}

/// The examples in the documentation; cargo itself builds and runs them.
fn doctests(total: &mut Total) {
    let mut outcome = Outcome::default();
    let tests =
        cargo().args(["test", "--quiet", "--workspace", "--doc", "--no-fail-fast", "--", "--format=pretty"]).output();
    let Ok(output) = tests else { return };
    String::from_utf8_lossy(&output.stdout).lines().for_each(|line| outcome.line(line));
    total.passed += outcome.passed;
    for failure in outcome.failures() {
        total.failed.push((failure, "cargo test --workspace --doc".to_string()));
    }
}

/// The lines of a pipe, until it is closed.
fn lines(pipe: Option<impl Read>) -> impl Iterator<Item = String> {
    let lines = pipe.into_iter().flat_map(|pipe| BufReader::new(pipe).split(b'\n')).map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).trim_end_matches('\r').to_string())
}

impl Total {
    fn add(&mut self, other: Total) {
        self.passed += other.passed;
        self.skipped.extend(other.skipped);
        self.failed.extend(other.failed);
        self.times.extend(other.times);
        self.pages.extend(other.pages);
    }

    /// A program that failed as a whole.
    fn broken(&mut self, program: &Program, why: String) {
        let failure = Failure { test: program.name.clone(), why };
        self.failed.push((failure, format!("cargo test {}", program.address)));
    }
}

/// The summary: times, what was skipped, what failed; the line with the numbers is the last.
fn tell(total: &Total, took: Duration) -> Result<(), String> {
    let mut times = total.times.clone();
    times.sort();
    println!("\nThe programs that took longest, of {:.0} s in all:", took.as_secs_f64());
    for (time, what) in times.iter().rev().take(8) {
        println!("{:6.1} s  {what}", time.as_secs_f64());
    }
    let mut pages: Vec<_> = total.pages.iter().collect();
    pages.sort_by(|a, b| b.1.total_cmp(a.1));
    let pages: Vec<String> = pages.iter().map(|(demo, seconds)| format!("{demo} {seconds:.0}")).collect();
    println!("Seconds of pages for each demo, {THREADS_OF_PAGES} tests at a time: {}", pages.join(", "));
    println!();
    for skipped in &total.skipped {
        println!("skipped: {skipped}");
    }
    for (failure, again) in &total.failed {
        println!("\nFAILED: {}\n  why:   {}\n  again: {again}", failure.test, failure.why);
    }
    let (passed, failed, skipped) = (total.passed, total.failed.len(), total.skipped.len());
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 { Ok(()) } else { Err("not all tests passed".to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_page_counts_for_its_demo() {
        let line = "took: 1.5 longpoll::pages::chromium::two_tabs";
        assert_eq!(time_of_a_demo(line), Some(("longpoll", 1.5)));
        assert_eq!(time_of_a_demo("skipped: longpoll::pages::two_tabs: no browser"), None);
    }
}
