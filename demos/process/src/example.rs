//! The built-in example: a program that knows nothing of sockets. It reads lines and prints lines.

use std::io::{self, BufRead, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use std::{env, thread};

/// The one word with which this program is the example, and no server.
pub const WORD: &str = "--example-program";

/// The second word, for a program that only waits.
const WAIT: &str = "wait";

/// What it can do.
const HELP: &str =
    "a line comes back in capitals; also: env, count N, flood N, long, error TEXT, child, exit N";

/// Runs the example if the first word asks for it, and `serve` otherwise.
pub fn run_or(serve: impl FnOnce()) -> ExitCode {
    match env::args().nth(1) {
        Some(word) if word == WORD => run(),
        _ => {
            serve();
            ExitCode::SUCCESS
        }
    }
}

/// Answers each line with the line in capitals, and obeys some words.
fn run() -> ExitCode {
    if env::args().nth(2).as_deref() == Some(WAIT) {
        thread::sleep(Duration::from_secs(3_600));
        return ExitCode::SUCCESS;
    }
    match converse(&mut io::stdin().lock(), &mut io::stdout()) {
        Ok(code) => code,
        Err(_) => ExitCode::FAILURE, // nothing reads what it prints
    }
}

fn converse(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<ExitCode> {
    say(output, &format!("hello, {}", env::var("HTTP_USER_AGENT").unwrap_or("stranger".into())))?;
    say(output, HELP)?;
    for line in input.lines() {
        let line = line?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let number = || rest.parse().unwrap_or(1u32);
        match word {
            "env" => told().try_for_each(|line| say(output, &line))?,
            "count" => count(output, number())?,
            "flood" => (0..number()).try_for_each(|n| say(output, &format!("{n:>60}")))?,
            "long" => say(output, &"x".repeat(100_000))?,
            "error" => eprintln!("{rest}"),
            "child" => start_a_child(output)?,
            "exit" => return Ok(ExitCode::from(number() as u8)),
            _ => say(output, &line.to_uppercase())?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a line, and flushes it: a line that waits in a buffer is a message that does not leave.
fn say(output: &mut impl Write, line: &str) -> io::Result<()> {
    writeln!(output, "{line}")?;
    output.flush()
}

fn count(output: &mut impl Write, to: u32) -> io::Result<()> {
    for n in 1..=to {
        say(output, &n.to_string())?;
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// The variables that tell of the request.
fn told() -> impl Iterator<Item = String> {
    let of_cgi = ["GATEWAY_", "SERVER_", "REQUEST_", "PATH_INFO", "QUERY_", "HTTP_"];
    let mut all: Vec<String> = env::vars()
        .filter(|(name, _)| of_cgi.iter().any(|start| name.starts_with(start)))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    all.sort();
    all.into_iter()
}

/// Starts another program, which waits for an hour unless it is ended: this one again.
fn start_a_child(output: &mut impl Write) -> io::Result<()> {
    let mut command = Command::new(env::current_exe()?);
    command.args([WORD, WAIT]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    say(output, &format!("started {}", command.spawn()?.id()))
}
