//! Machinery: the words of the command line that are this demo's own.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use demo::{CommandLine, OptionValue};

use crate::link::RedisAddress;
use crate::{guard, server};

/// How many servers there may be.
pub const MOST_SERVERS: usize = 8;

/// Runs a server process or the guard of Redis, if the first word asks for it, and `serve`
/// otherwise: all of them are this program.
pub fn process_or(serve: impl FnOnce()) -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some(server::WORD) => server::run(),
        Some(guard::WORD) => guard::run(),
        _ => {
            serve();
            ExitCode::SUCCESS
        }
    }
}

/// How many servers, and on which Redis.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// This program, which can be a server process; `None` when the demo is a part of another
    /// program. Then one server runs in this process, on the room that it was given.
    pub program: Option<PathBuf>,
    /// How many servers.
    pub servers: usize,
    /// A Redis that exists.
    pub redis: Option<RedisAddress>,
    /// The file with the certificates that are trusted, for TLS.
    pub redis_ca: Option<PathBuf>,
}

impl Default for FleetOptions {
    fn default() -> Self {
        FleetOptions { program: None, servers: 2, redis: None, redis_ca: None }
    }
}

impl FleetOptions {
    /// Two servers, which are processes of the program that runs.
    pub fn of_this_program() -> Self {
        FleetOptions { program: env::current_exe().ok(), ..FleetOptions::default() }
    }
}

impl CommandLine for FleetOptions {
    fn help(&self) -> (&'static str, &'static str) {
        (
            "",
            "  --servers N          run N server processes (2)
  --redis URL          use this Redis instead of one of our own: redis://user:password@host:port,
                       or rediss:// for TLS
  --redis-ca FILE      trust the certificates in this file, for TLS
",
        )
    }

    fn option(&mut self, name: &str, value: &mut OptionValue) -> Option<Result<(), String>> {
        Some(match name {
            "servers" => value().and_then(|text| {
                let number = text.parse().ok().filter(|number| (1..=MOST_SERVERS).contains(number));
                self.servers = number.ok_or(format!("--servers takes 1 to {MOST_SERVERS}"))?;
                Ok(())
            }),
            "redis" => value().and_then(|url| url.parse()).map(|redis| self.redis = Some(redis)),
            "redis-ca" => value().map(|file| self.redis_ca = Some(file.into())),
            _ => return None,
        })
    }
}
