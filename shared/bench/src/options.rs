//! The command line, the same for every demo.

use std::fmt::Display;
use std::process::exit;
use std::str::FromStr;
use std::time::Duration;

use super::tap;
use demo::Demo;

/// What the command line asked for.
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
    /// Print no line for what goes over the wire.
    pub quiet: bool,
    /// More connections at once are refused.
    pub max_connections: usize,
    /// How long a request's head may take.
    pub head_timeout: Duration,
    /// How many messages the room keeps.
    pub capacity: usize,
    /// How many bytes the tap keeps.
    pub tap: usize,
}

const HELP: &str = "  --port N             listen on this port (also: PORT=N); 0 takes any free one
  --host ADDRESS       listen on this address instead of 127.0.0.1; 0.0.0.0 lets the whole network in
  --open               open the page in the browser
  --quiet              print no line for each unit on the wire
  --max-connections N  refuse more than N connections at once (1000)
  --head-timeout S     seconds that a request's head may take (10)
  --capacity N         messages that the room keeps (1000)
  --tap BYTES          bytes that the tap keeps (4194304)
  --no-bench           no front door, no tap, no cable: for measuring
  --help               this text";

/// Reads the command line and `PORT`. What can't be understood ends the process with one line that says why.
pub fn read(demo: &Demo) -> Options {
    match parse(demo, std::env::args().skip(1), std::env::var("PORT").ok()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}: {}\n\nUsage: cargo run -p {} -- [options]\n{HELP}", demo.title, demo.promise, demo.name);
            exit(0);
        }
        Err(line) => super::give_up(&format!("{line}; cargo run -p {} -- --help lists the options", demo.name)),
    }
}

fn parse(
    demo: &Demo,
    mut words: impl Iterator<Item = String>,
    port: Option<String>,
) -> Result<Option<Options>, String> {
    let mut options = Options {
        port: demo.port,
        host: "127.0.0.1".to_string(),
        bench: true,
        open: false,
        quiet: false,
        max_connections: 1_000,
        head_timeout: Duration::from_secs(10),
        capacity: room::CAPACITY,
        tap: tap::LIMIT,
    };
    if let Some(port) = port {
        options.port = number("PORT", Some(port))?;
    }
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_string(), Some(value.to_string())),
            None => (word, None),
        };
        let mut value = || value.clone().or_else(|| words.next());
        match name.as_str() {
            "--port" => options.port = number(&name, value())?,
            "--host" => options.host = value().ok_or("--host takes an address")?,
            "--no-bench" => options.bench = false,
            "--open" => options.open = true,
            "--quiet" => options.quiet = true,
            "--max-connections" => options.max_connections = number(&name, value())?,
            "--head-timeout" => {
                let seconds: f64 = number(&name, value())?;
                options.head_timeout =
                    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{name} takes seconds"))?;
            }
            "--capacity" => options.capacity = number(&name, value())?,
            "--tap" => options.tap = number(&name, value())?,
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("there is no option {other:?}")),
        }
    }
    Ok(Some(options))
}

fn number<T: FromStr>(name: &str, value: Option<String>) -> Result<T, String>
where
    T::Err: Display,
{
    let value = value.ok_or_else(|| format!("{name} takes a number"))?;
    value.parse().map_err(|error| format!("{name} {value}: {error}"))
}
