//! Lines for the person at the terminal, beside the lines of the wire.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// At most this many lines a second: a flood of refusals must not become a flood of lines.
const LINES: u32 = 10;

/// This many lines may wait for a terminal that is slow, or stopped.
const WAITING: usize = 64;

/// One line on the standard error.
pub fn print(line: &str) {
    eprintln!("           {line}");
}

/// The log of the event loop, which must never wait for a terminal: lines are printed by a thread of their own, and left
/// out when there are too many.
pub struct Log {
    lines: SyncSender<String>,
    second: Instant,
    count: u32,
    left_out: u32,
}

impl Log {
    /// Starts the thread that prints.
    pub fn start() -> Self {
        let (lines, printed) = sync_channel::<String>(WAITING);
        thread::spawn(move || printed.into_iter().for_each(|line| print(&line)));
        Log { lines, second: Instant::now(), count: 0, left_out: 0 }
    }

    /// Prints a line, or counts it.
    pub fn line(&mut self, line: &str) {
        if self.second.elapsed() >= Duration::from_secs(1) {
            (self.second, self.count) = (Instant::now(), 0);
            let left_out = std::mem::take(&mut self.left_out);
            if left_out > 0 {
                let _ = self.lines.try_send(format!("({left_out} lines like these were left out)"));
            }
        }
        self.count += 1;
        if self.count > LINES || self.lines.try_send(line.to_string()).is_err() {
            self.left_out += 1;
        }
    }
}
