//! What a client costs that only listens.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::clients::{Clients, Site, Wire};
use crate::delay::demo;
use crate::process::Server;

/// How many clients listen.
const CLIENTS: usize = 1_000;

/// How long they listen before it is looked at: beats and interim answers count, too.
const REST: Duration = Duration::from_secs(3);

/// What a demo took for its idle clients, with the bench on.
pub struct Idle {
    /// The demo.
    pub name: &'static str,
    /// Resident memory for each, in KiB.
    pub kib: f64,
    /// Threads for each.
    pub threads: f64,
}

/// Measures held long polls and open streams. They have heard a message before, as in a room that is used.
pub async fn measure(demos: &Path) -> io::Result<Vec<Idle>> {
    let mut idle = Vec::new();
    for (name, wire) in [("longpoll", Wire::LongPoll), ("sse", Wire::Events { announced: true })] {
        eprintln!("{CLIENTS} idle clients of {name}");
        let server = Server::start(&mut demo(demos, name, true))?;
        let before = (server.status("VmRSS")?, server.status("Threads")?);
        let mut clients = Clients::connect(wire, &Site::bare(&server.address), CLIENTS).await?;
        clients.say(1).await?;
        clients.settle().await?;
        tokio::time::sleep(REST).await;
        let after = (server.status("VmRSS")?, server.status("Threads")?);
        let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / CLIENTS as f64;
        idle.push(Idle { name, kib: each(before.0, after.0), threads: each(before.1, after.1) });
    }
    Ok(idle)
}
