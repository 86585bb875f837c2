//! A server under measurement: a process of its own.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running server; it ends when this is dropped.
pub struct Server {
    child: Child,
    greeting: BufReader<ChildStdout>,
    /// `127.0.0.1:8003`
    pub address: String,
}

impl Server {
    /// Starts a server and reads where it listens from the first line that it prints.
    pub fn start(command: &mut Command) -> io::Result<Server> {
        let mut child = command.env_remove("PORT").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("a server without stdout"))?;
        let mut server = Server { child, greeting: BufReader::new(stdout), address: String::new() };
        let mut line = String::new();
        server.greeting.read_line(&mut line)?;
        server.address = line.rsplit("http://").next().unwrap_or("").trim().to_string();
        match server.address.is_empty() {
            true => Err(io::Error::other(format!("{command:?} did not start"))),
            false => Ok(server),
        }
    }

    /// Where the server of this name listens, which a demo has beside its page's: it prints that a few lines later.
    pub fn beside(&mut self, name: &str) -> io::Result<String> {
        let mut line = String::new();
        while self.greeting.read_line(&mut line)? > 0 {
            if let Some(address) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")) {
                return Ok(address.trim().to_string());
            }
            line.clear();
        }
        Err(io::Error::other(format!("a demo does not say where its {name} is")))
    }

    /// A number from `/proc/PID/status`: `VmRSS` (KiB), `Threads`.
    pub fn status(&self, name: &str) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| io::Error::other(format!("/proc does not tell {name}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
