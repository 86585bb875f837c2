//! A write is not a message: an experiment in which this program is the client and the server.
//!
//! The client writes a few messages, each with a write of its own. The server, behind the cable,
//! tells how many reads it needed, and what it took for messages. Its report does not come back
//! over the same connection: through a cable that drips, it would take longer than the experiment.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use net::Splitter;
use serde_json::{Value, json};

use crate::framing::{Decoder, Framing};

/// Each wait for the other side ends after this time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The server's report is there within this time, or never.
const REPORT_TIME: Duration = Duration::from_secs(35);

/// The limits of one experiment: bytes, reads, time.
const MAX_BYTES: usize = 64 * 1024;
const MAX_READS: usize = 2_000;
const MAX_TIME: Duration = Duration::from_secs(30);

/// What the server does with the stream.
#[derive(Clone, Copy)]
pub struct ProbeSetup {
    /// How it finds messages.
    pub framing: Framing,
    /// How much it reads at once, in bytes.
    pub buffer: usize,
    /// How long it does something else before each read.
    pub busy: Duration,
}

/// The client: writes each message with a write of its own, and a pause after it.
///
/// `nagle`: a small piece waits while an earlier one is on its way and not acknowledged, so that
/// many become one (RFC 896; RFC 9293, 3.7.4).
///
/// # Errors
/// When the connection is lost, or no report comes.
pub fn run(
    site: &Site,
    messages: &[String],
    setup: &ProbeSetup,
    nagle: bool,
    pause: Duration,
) -> io::Result<Value> {
    let report = site.shared.get::<Reports>().expect_one();
    let mut stream = connect(site, setup, &report)?;
    stream.set_nodelay(!nagle)?;
    let began = Instant::now();
    let mut writes = Vec::new();
    // ANCHOR: writes
    for message in messages {
        let bytes = setup.framing.frame(message);
        stream.write_all(&bytes)?;
        let at = began.elapsed().as_micros() as u64;
        writes.push(json!({ "at": at, "size": bytes.len(), "text": message }));
        thread::sleep(pause);
    }
    stream.shutdown(Shutdown::Write)?; // that was all; but there is an answer to come
    // ANCHOR_END: writes

    let mut result = report.wait()?;
    result["writes"] = writes.into();
    Ok(result)
}

/// Connects to the probe server and tells it the setup; returns when it is ready.
fn connect(site: &Site, setup: &ProbeSetup, report: &Expected) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&site.side_address("probe"), TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    let (framing, busy) = (format!("{:?}", setup.framing).to_lowercase(), setup.busy.as_millis());
    stream.write_all(
        format!("writes {framing} {} {busy} {}\n", setup.buffer, report.token).as_bytes(),
    )?;
    match Splitter::new(&stream, b'\n', 64).next(Some(TIMEOUT), TIMEOUT)?.as_deref() {
        Some(b"ready") => Ok(stream),
        _ => Err(io::Error::other("the server is not ready")),
    }
}

/// The server: reads until the client has finished. Reports each read, and the messages that this
/// framing finds.
pub fn report(mut stream: &TcpStream, early: &[u8], setup: &ProbeSetup) -> io::Result<Value> {
    let began = Instant::now();
    let mut reads = Vec::new();
    let mut decoder = Decoder::new(setup.framing);
    let mut total = 0;
    let mut take = |bytes: &[u8]| {
        let at = began.elapsed().as_micros() as u64;
        reads
            .push(json!({ "at": at, "size": bytes.len(), "text": String::from_utf8_lossy(bytes) }));
        total += bytes.len();
        decoder.take(bytes);
        total <= MAX_BYTES && reads.len() < MAX_READS && began.elapsed() < MAX_TIME
    };
    // What came together with the first line was read with it. (The client above waits for
    // `ready`.)
    let mut goes_on = early.is_empty() || take(early);
    let mut bytes = vec![0; setup.buffer];
    stream.set_read_timeout(Some(TIMEOUT))?;
    // ANCHOR: reads
    while goes_on {
        thread::sleep(setup.busy); // while a server is busy with something else, more arrives
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => goes_on = take(&bytes[..length]),
            Err(error) if net::is_timeout(&error) => {
                return Err(io::Error::other("Nothing came for 10 s, and no end either."));
            }
            Err(error) => return Err(error),
        }
    }
    // ANCHOR_END: reads
    if !goes_on {
        return Err(io::Error::other("An experiment has 64 KiB, 2000 reads and 30 s at most."));
    }
    Ok(json!({ "reads": reads, "messages": decoder.messages(), "left": decoder.left() }))
}

/// The experiments that wait for a report. All servers of the demo share it.
#[derive(Default)]
pub struct Reports(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    newest: u64,
    by_token: BTreeMap<u64, Sender<io::Result<Value>>>,
}

/// A report that will come. When it is dropped, it is waited for no more.
struct Expected {
    token: u64,
    receiver: Receiver<io::Result<Value>>,
    reports: Arc<Mutex<Waiting>>,
}

impl Reports {
    /// Waits for one more report, under a token of its own.
    fn expect_one(&self) -> Expected {
        let (sender, receiver) = channel();
        let mut waiting = lock(&self.0);
        waiting.newest += 1;
        let token = waiting.newest;
        waiting.by_token.insert(token, sender);
        Expected { token, receiver, reports: self.0.clone() }
    }

    /// Hands over a report. Gives it back when it is not waited for.
    pub fn hand_over(
        &self,
        token: &str,
        report: io::Result<Value>,
    ) -> Result<(), io::Result<Value>> {
        let waiting = token.parse().ok().and_then(|token| lock(&self.0).by_token.remove(&token));
        match waiting {
            Some(sender) => sender.send(report).map_err(|unsent| unsent.0),
            None => Err(report),
        }
    }
}

impl Expected {
    fn wait(&self) -> io::Result<Value> {
        self.receiver.recv_timeout(REPORT_TIME).unwrap_or_else(|error| {
            let silent = "The server's report did not come: is the cable cut?";
            Err(io::Error::other(if error == RecvTimeoutError::Timeout {
                silent
            } else {
                "The server gave up."
            }))
        })
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        lock(&self.reports).by_token.remove(&self.token);
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_that_fails_waits_for_no_report_any_more() {
        // It has no probe server: nothing can be written.
        let site = Site::new(([127, 0, 0, 1], 0).into());
        let setup = ProbeSetup { framing: Framing::None, buffer: 64, busy: Duration::ZERO };
        assert!(run(&site, &["hello".to_string()], &setup, false, Duration::ZERO).is_err());
        let reports = site.shared.get::<Reports>();
        assert!(lock(&reports.0).by_token.is_empty());
        assert!(reports.hand_over("1", Ok(Value::Null)).is_err());
    }

    #[test]
    fn a_report_reaches_the_experiment_that_waits_for_it() {
        let reports = Reports::default();
        let (one, other) = (reports.expect_one(), reports.expect_one());
        reports.hand_over(&other.token.to_string(), Ok(json!("for the other"))).unwrap();
        reports.hand_over(&one.token.to_string(), Ok(json!("for the one"))).unwrap();
        assert_eq!(
            (one.wait().unwrap(), other.wait().unwrap()),
            (json!("for the one"), json!("for the other"))
        );
    }
}
