//! Machinery: the words of the command line that are this demo's own, and the number of programs at once.

use std::ffi::OsString;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use demo::{CommandLine, OptionValue};
use handshake::refusal::Refusal;
use serde_json::{Value, json};

use crate::child::Programs;
use crate::example;

/// Which program is served, and how. The options have the names that websocketd gave them.
#[derive(Clone, Debug)]
pub struct ProgramOptions {
    /// The program.
    pub program: OsString,
    /// The words behind it.
    pub arguments: Vec<OsString>,
    /// The most programs at once.
    pub max_forks: usize,
    /// How long a program may take to end after its input has ended, and again after it was asked to.
    pub close_time: Duration,
    /// Bytes as they come, instead of lines.
    pub binary: bool,
    /// The variables of this process that the program gets, besides those that every program needs.
    pub passed: Vec<String>,
    /// The programs that run.
    pub programs: Programs,
}

impl Default for ProgramOptions {
    /// The built-in example: this very program, started with one word.
    fn default() -> Self {
        let own = std::env::current_exe().map(OsString::from);
        ProgramOptions {
            program: own.unwrap_or_else(|_| "process".into()),
            arguments: vec![example::WORD.into()],
            max_forks: 100,
            close_time: Duration::from_millis(500),
            binary: false,
            passed: Vec::new(),
            programs: Programs::default(),
        }
    }
}

impl ProgramOptions {
    /// The program's name, without the folder.
    pub fn name(&self) -> String {
        Path::new(&self.program).file_name().unwrap_or(&self.program).display().to_string()
    }

    /// For the page: the words of the command line.
    pub fn json(&self) -> Value {
        let words: Vec<String> =
            self.arguments.iter().map(|word| word.display().to_string()).collect();
        let is_example = words == [example::WORD];
        json!({ "program": self.name(), "arguments": words, "example": is_example, "binary": self.binary })
    }
}

impl CommandLine for ProgramOptions {
    fn help(&self) -> (&'static str, &'static str) {
        (
            " [PROGRAM [ARGUMENT...]]",
            "  --maxforks N         run N programs at once at most (100)
  --closems MS         milliseconds that a program may take to end by itself (500)
  --binary BOOL        true: messages are bytes as they come, not lines (false)
  --passenv NAMES      variables of this process that the program gets, too, with commas
",
        )
    }

    fn option(&mut self, name: &str, value: &mut OptionValue) -> Option<Result<(), String>> {
        Some(match name {
            "maxforks" => read(name, value).map(|most| self.max_forks = most),
            "closems" => {
                read(name, value).map(|ms: u32| self.close_time = Duration::from_millis(ms.into()))
            }
            "binary" => read(name, value).map(|binary| self.binary = binary),
            "passenv" => {
                value().map(|names| self.passed = names.split(',').map(str::to_string).collect())
            }
            _ => return None,
        })
    }

    fn words(&mut self, mut words: Vec<OsString>) -> bool {
        self.program = words.remove(0);
        self.arguments = words;
        true
    }
}

fn read<T: FromStr>(name: &str, value: &mut OptionValue) -> Result<T, String> {
    let text = value()?;
    text.parse().map_err(|_| format!("--{name} can't be {text:?}"))
}

/// How many programs may still be started.
pub struct Permits(Arc<AtomicUsize>);

/// The right to run a program. It is given back when this is dropped.
pub struct Permit(Arc<AtomicUsize>);

impl Permits {
    /// So many.
    pub fn new(places: usize) -> Self {
        Permits(Arc::new(AtomicUsize::new(places)))
    }

    /// Takes one.
    ///
    /// # Errors
    /// The refusal to answer with when all are taken.
    pub fn take(&self) -> Result<Permit, Refusal> {
        let taken =
            self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        let refusal = || Refusal::new(503, "As many programs run as may.").with("Retry-After", "1");
        taken.map(|_| Permit(self.0.clone())).map_err(|_| refusal())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
