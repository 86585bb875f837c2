//! The command line, the same for every demo.

use std::ffi::OsString;
use std::fmt::Display;
use std::process::exit;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use demo::{CommandLine, Demo, Shared};
use lexopt::{Arg, Parser, ValueExt};

use crate::capture::tap;
use crate::proxy::Files;
use crate::proxy::requests::Timeouts;

/// How a demo is to be served.
#[derive(Clone, Debug)]
pub struct Options {
    /// The public port; 0 takes any that is free.
    pub port: u16,
    /// The address to listen on.
    pub host: String,
    /// Lay the demo on the bench. Without, its listener is the public one: for measuring.
    pub bench: bool,
    /// Open the page in the machine's browser.
    pub open: bool,
    /// Print no line for what connections carry.
    pub quiet: bool,
    /// More connections at once are refused.
    pub max_connections: usize,
    /// How long clients may take.
    pub timeouts: Timeouts,
    /// How many messages the room keeps.
    pub capacity: usize,
    /// How many bytes the tap keeps.
    pub tap: usize,
    /// The open files that connections take; demos in one process share it.
    pub files: Arc<Files>,
    /// What the demo's servers find in their site.
    pub shared: Shared,
}

impl Options {
    /// What holds when the command line says nothing, on this port.
    pub fn new(port: u16) -> Self {
        Options {
            port,
            host: "127.0.0.1".to_string(),
            bench: true,
            open: false,
            quiet: false,
            max_connections: 1_000,
            timeouts: Timeouts::default(),
            capacity: room::CAPACITY,
            tap: tap::LIMIT,
            files: Arc::default(),
            shared: Shared::default(),
        }
    }
}

/// Ends the process with one line that says why.
pub fn give_up(line: &str) -> ! {
    eprintln!("{line}");
    exit(1)
}

const HELP: &str = "  --port N             listen on this port (also: PORT=N); 0 takes any free one
  --host ADDRESS       listen on this address instead of 127.0.0.1; 0.0.0.0 lets the whole network in
  --open               open the page in the browser
  --quiet              print no line for each unit that a connection carries
  --max-connections N  refuse more than N connections at once (1000)
  --head-timeout S     seconds that a request's head may take, and silence inside its body (10)
  --body-timeout S     seconds that a request's body may take (30)
  --idle-timeout S     seconds between an answer and the next request (120)
  --stall-timeout S    seconds in which a client takes nothing of its answer (60)
  --capacity N         messages that the room keeps (1000)
  --tap BYTES          bytes that the tap keeps (4194304)
  --no-bench           no front door, no tap, no cable: for measuring
  --help               this text";

/// A demo whose command line has no words of its own.
pub struct NoWords;

impl CommandLine for NoWords {}

/// Reads the command line and `PORT`. What can't be understood ends the process with one line that says why.
pub fn read(demo: &Demo, own: &mut dyn CommandLine) -> Options {
    match parse(demo.port, Parser::from_env(), std::env::var_os("PORT"), own) {
        Ok(Some(options)) => options,
        Ok(None) => {
            let (words, more) = own.help();
            println!("{}: {}\n\nUsage: cargo run -p {} -- [options]{words}", demo.title, demo.promise, demo.name);
            println!("{more}{HELP}");
            exit(0);
        }
        Err(line) => give_up(&format!("{line}; cargo run -p {} -- --help lists the options", demo.name)),
    }
}

fn parse(
    port: u16,
    mut words: Parser,
    env: Option<OsString>,
    own: &mut dyn CommandLine,
) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options::new(port);
    if let Some(port) = env {
        options.port = number("PORT", port)?;
    }
    while let Some(word) = words.next()? {
        let name = match word {
            Arg::Long(name) => name.to_string(),
            Arg::Short('h') => return Ok(None),
            Arg::Value(first) => {
                let all: Vec<OsString> = [first.clone()].into_iter().chain(words.raw_args()?).collect();
                return if own.words(all) { Ok(Some(options)) } else { Err(Arg::Value(first).unexpected()) };
            }
            word => return Err(word.unexpected()),
        };
        match name.as_str() {
            "port" => options.port = number(&name, words.value()?)?,
            "host" => options.host = words.value()?.string()?,
            "no-bench" => options.bench = false,
            "open" => options.open = true,
            "quiet" => options.quiet = true,
            "max-connections" => options.max_connections = number(&name, words.value()?)?,
            "head-timeout" => options.timeouts.head = seconds(&name, words.value()?)?,
            "body-timeout" => options.timeouts.body = seconds(&name, words.value()?)?,
            "idle-timeout" => options.timeouts.idle = seconds(&name, words.value()?)?,
            "stall-timeout" => options.timeouts.stall = seconds(&name, words.value()?)?,
            "capacity" => options.capacity = number(&name, words.value()?)?,
            "tap" => options.tap = number(&name, words.value()?)?,
            "help" => return Ok(None),
            _ => match own.option(&name, &mut || {
                words.value().and_then(|value| value.string()).map_err(|error| error.to_string())
            }) {
                Some(taken) => taken?,
                None => return Err(Arg::Long(&name).unexpected()),
            },
        }
    }
    Ok(Some(options))
}

fn number<T: FromStr>(name: &str, value: OsString) -> Result<T, lexopt::Error>
where
    T::Err: Display,
{
    let value = value.string()?;
    value.parse().map_err(|error| format!("{name} {value}: {error}").into())
}

fn seconds(name: &str, value: OsString) -> Result<Duration, lexopt::Error> {
    let seconds: f64 = number(name, value)?;
    // A year is more than anybody waits, and no overflow when it is added to the time of day.
    let bounded = (0.0..=31_536_000.0).contains(&seconds);
    bounded.then(|| Duration::from_secs_f64(seconds)).ok_or_else(|| format!("{name} takes seconds").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Option<Options>, lexopt::Error> {
        parse(8001, Parser::from_args(words), None, &mut NoWords)
    }

    #[test]
    fn an_option_that_takes_no_value_takes_none() {
        assert!(parsed(&["--quiet"]).is_ok_and(|options| options.is_some_and(|options| options.quiet)));
        for wrong in ["--quiet=no", "--no-bench=false", "--open=x", "-q", "quiet", "--nonsense"] {
            assert!(parsed(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_read_with_and_without_an_equals_sign() {
        for words in [&["--port", "9", "--head-timeout", "0.5"][..], &["--port=9", "--head-timeout=0.5"]] {
            let options = parsed(words).unwrap().unwrap();
            assert_eq!((options.port, options.timeouts.head), (9, Duration::from_millis(500)));
        }
        for wrong in ["--port=70000", "--tap=-1", "--idle-timeout=-1", "--idle-timeout=inf", "--idle-timeout=NaN"] {
            assert!(parsed(&[wrong]).is_err(), "{wrong}");
        }
        assert_eq!(
            parse(8001, Parser::from_args(["-h"]), None, &mut NoWords).unwrap().map(|options| options.port),
            None
        );
        assert_eq!(parse(8001, Parser::from_args([""; 0]), Some("7".into()), &mut NoWords).unwrap().unwrap().port, 7);
    }
}
