//! What connections cost that say nothing, and whether others are served while they are there.

use std::net::TcpStream;
use std::time::Duration;

use crate::cores::{self, Part};
use crate::load::{Load, connect};
use crate::peers::start;

/// The load beside the idle connections: payload, connections, messages in flight.
const ECHO: (usize, usize, usize) = (16, 50, 1);

/// For this long.
const TIME: Duration = Duration::from_secs(2);

/// What one peer was measured at.
pub struct Idle {
    pub connections: usize,
    /// Resident memory that an idle connection adds, in KiB.
    pub kib_each: f64,
    pub threads: u64,
    /// Resident memory of the whole process while the others echo, in MiB.
    pub mib: f64,
    /// What the others get back in a second.
    pub messages_per_second: f64,
}

/// Opens so many connections to a fresh process of this peer, and lets 50 others echo.
///
/// # Errors
/// A sentence that says what failed.
pub fn measure(name: &'static str, count: usize) -> Result<Idle, String> {
    let sentence = |error: std::io::Error| format!("{name}: {error}");
    cores::run_on(Part::Server);
    let peer = start(name).map_err(sentence);
    cores::run_on(Part::Load);
    let peer = peer?;
    // What the first connections cost once for all is not theirs.
    let mut load = Load::open(&peer, ECHO).map_err(sentence)?;
    load.run(TIME / 10).map_err(sentence)?;
    let before = peer.memory_kib();
    let idle =
        (1..=count).map(|number| connect(&peer).map_err(|error| format!("{name}: connection {number}: {error}")));
    let idle: Vec<TcpStream> = idle.collect::<Result<_, _>>()?;
    let kib_each = (peer.memory_kib() - before) / count as f64;
    let (messages, seconds) = load.run(TIME).map_err(sentence)?;
    let (threads, mib) = (peer.threads(), peer.memory_kib() / 1024.0);
    drop(idle);
    Ok(Idle { connections: count, kib_each, threads, mib, messages_per_second: messages / seconds })
}
