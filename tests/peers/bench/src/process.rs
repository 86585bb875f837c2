//! A server under measurement: a process of its own.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running server; it ends when this is dropped.
pub struct Server {
    child: Child,
    /// `127.0.0.1:8003`
    pub address: String,
}

impl Server {
    /// Starts a server and reads where it listens from the first line that it prints.
    pub fn start(command: &mut Command) -> io::Result<Server> {
        let mut child = command.env_remove("PORT").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = &mut child.stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.rsplit("http://").next().unwrap_or("").trim().to_string();
        let server = Server { child, address };
        match server.address.is_empty() {
            true => Err(io::Error::other(format!("{command:?} did not start"))),
            false => Ok(server),
        }
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
