//! Starting the demos and the checks of their tasks, and ending them.
//!
//! A demo runs as a learner would run it: `cargo run -p NAME`; and so does a check: `cargo run -p check -- NAME 2`. Between it and the book stands a [`guard`], a process in a
//! process group of its own, that ends the whole group when its standard input ends. That happens when the book says stop
//! and closes it, and just as well when the book is killed without a chance to say anything.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{demos, root};

/// So many lines of a demo's output are kept; a demo under load writes one for each unit on its wire.
const LINES: usize = 400;

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Cargo is building, or the demo has not said its address yet.
    Starting,
    /// It serves under this address.
    Running(String),
    /// It has ended, by itself or because it was asked to; and whether it ended well, with exit code 0.
    Ended(bool),
}

/// The name of the run that checks this task.
pub fn check_of(demo: &str, task: u8) -> String {
    format!("check {demo} {task}")
}

/// One run of a demo or of a check.
struct Run {
    state: State,
    lines: Vec<String>,
    /// How many lines were left out in front.
    forgotten: usize,
    /// As long as this is open, the guard lets the demo live.
    leash: Option<ChildStdin>,
}

/// All runs, by their names: that of the demo, or [`check_of`] a task. One for each name at most.
#[derive(Default)]
pub struct Runs {
    runs: Mutex<BTreeMap<String, Run>>,
    news: Condvar,
}

impl Runs {
    /// Starts a demo or a check, unless it runs already.
    ///
    /// # Errors
    /// When there is nothing of this name, or no process can be started.
    pub fn start(self: &Arc<Self>, name: &str) -> io::Result<()> {
        command(name).ok_or_else(|| io::Error::other("there is no such demo"))?;
        let name = name.to_string();
        let mut runs = self.runs();
        if runs.get(&name).is_some_and(|run| !matches!(run.state, State::Ended(_))) {
            return Ok(());
        }
        let mut child = spawn(&name)?;
        let run = Run { state: State::Starting, lines: Vec::new(), forgotten: 0, leash: child.stdin.take() };
        runs.insert(name.clone(), run);
        drop(runs);
        let outputs: [Option<Box<dyn Read + Send>>; 2] =
            [child.stdout.take().map(|out| Box::new(out) as _), child.stderr.take().map(|out| Box::new(out) as _)];
        let readers: Vec<_> = outputs
            .into_iter()
            .flatten()
            .map(|output| {
                let (runs, name) = (self.clone(), name.clone());
                thread::spawn(move || runs.listen_to(&name, output))
            })
            .collect();
        let runs = self.clone();
        thread::spawn(move || {
            for reader in readers {
                let _ = reader.join();
            }
            let well = child.wait().is_ok_and(|status| status.success());
            runs.change(&name, |run| run.state = State::Ended(well));
        });
        Ok(())
    }

    /// Ends a demo that was started here.
    pub fn stop(&self, name: &str) {
        self.change(name, |run| drop(run.leash.take()));
    }

    /// Waits until a run has ended, at most for `timeout`.
    pub fn wait_for_the_end(&self, name: &str, timeout: Duration) {
        let alive =
            |runs: &mut BTreeMap<String, Run>| runs.get(name).is_some_and(|run| !matches!(run.state, State::Ended(_)));
        drop(self.news.wait_timeout_while(self.runs(), timeout, alive));
    }

    /// The lines of a run from the one with this number on, and its state. Sleeps until there is something new, at most
    /// for `timeout`. `None`: there was no run.
    pub fn since(&self, name: &str, from: usize, timeout: Duration) -> Option<(Vec<String>, State)> {
        let nothing_new = |runs: &mut BTreeMap<String, Run>| {
            runs.get(name).is_some_and(|run| run.forgotten + run.lines.len() <= from && run.state == State::Starting)
        };
        let waited = self.news.wait_timeout_while(self.runs(), timeout, nothing_new);
        let (runs, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let run = runs.get(name)?;
        let lines = run.lines.iter().skip(from.saturating_sub(run.forgotten)).cloned().collect();
        Some((lines, run.state.clone()))
    }

    /// `{"longpoll":{"state":"running","url":"http://127.0.0.1:8003","ours":true}, ...}`, for all demos.
    pub fn json(&self) -> Value {
        let mut all = serde_json::Map::new();
        for demo in demos::all() {
            let ours = self.runs().get(&demo.name).map(|run| run.state.clone());
            let (state, url, ours) = match ours {
                Some(State::Starting) => ("starting", None, true),
                Some(State::Running(url)) => ("running", Some(url), true),
                _ if std::env::var_os("DEMO_PORT").is_none() && answers(&demo) => ("running", Some(demo.url()), false),
                _ => ("off", None, false),
            };
            all.insert(demo.name, json!({ "state": state, "url": url, "ours": ours }));
        }
        Value::Object(all)
    }

    fn listen_to(&self, name: &str, output: Box<dyn Read + Send>) {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_string();
            self.change(name, |run| {
                // A demo's first line is its title and its address; a check serves nothing.
                if run.state == State::Starting
                    && demos::find(name).is_some()
                    && let Some((_, url)) = line.split_once(": http")
                    && !line.starts_with("bench")
                {
                    run.state = State::Running(format!("http{}", url.trim()));
                }
                run.lines.push(line);
                if run.lines.len() > LINES {
                    run.lines.remove(0);
                    run.forgotten += 1;
                }
            });
        }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs().get_mut(name) {
            change(run);
        }
        self.news.notify_all();
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this demo was started by somebody else and answers on its bench port.
fn answers(demo: &demos::Demo) -> bool {
    let hello = || -> io::Result<bool> {
        let port = demo.port + 1000;
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut bench = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100))?;
        bench.set_read_timeout(Some(Duration::from_millis(300)))?;
        io::Write::write_all(&mut bench, format!("GET /feed HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").as_bytes())?;
        let mut said = Vec::new();
        let mut buffer = [0; 1024];
        let name = format!("\"demo\":\"{}\"", demo.name);
        while said.len() < 4096 {
            match bench.read(&mut buffer)? {
                0 => break,
                length => said.extend_from_slice(&buffer[..length]),
            }
            if String::from_utf8_lossy(&said).contains(&name) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    hello().unwrap_or(false)
}

/// The words for cargo of a run of this name. `None`: there is no such demo.
fn command(name: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = name.split(' ').collect();
    let line = match words[..] {
        [demo] => format!("run --package {}", demos::find(demo)?.name),
        ["check", demo, task] => {
            format!("run --quiet --package check -- {} {}", demos::find(demo)?.name, task.parse::<u8>().ok()?)
        }
        _ => return None,
    };
    Some(line.split(' ').map(str::to_string).collect())
}

/// Starts a guard for a demo or a check.
fn spawn(name: &str) -> io::Result<Child> {
    let mut guard = Command::new(std::env::current_exe()?);
    guard.args(["guard", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl+C in the book's terminal is for the book; what it started ends because the book does.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut guard, 0);
    guard.spawn()
}

/// The guard: runs a demo or a check until it ends, or until standard input does.
pub fn guard(name: &str) -> ExitCode {
    let Some(words) = command(name) else {
        eprintln!("there is no demo {name:?}");
        return ExitCode::FAILURE;
    };
    let mut command = demo::index::cargo(&root());
    command.args(words).env_remove("PORT").stdin(Stdio::null()); // the book's own port
    // The tests let the demos take free ports.
    if let Some(port) = std::env::var_os("DEMO_PORT") {
        command.env("PORT", port);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cargo does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let leash = thread::spawn(|| {
        let mut byte = [0];
        while matches!(io::stdin().read(&mut byte), Ok(1..)) {}
    });
    loop {
        match child.try_wait() {
            Ok(None) if leash.is_finished() => {
                end(&mut child);
                return ExitCode::SUCCESS;
            }
            Ok(None) => thread::sleep(Duration::from_millis(40)),
            Ok(Some(status)) if status.success() => return ExitCode::SUCCESS,
            _ => return ExitCode::FAILURE,
        }
    }
}

/// Ends the demo, cargo and every compiler it started: all that is in this process group, the guard with them.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if rustix::process::getpgrp() == rustix::process::getpid() {
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TERM);
    }
    let _ = child.kill();
    let _ = child.wait();
}
