//! The probe server: a TCP server that only reports how its bytes arrived.
//!
//! ```text
//!  client to server                     server to client
//!  writes FRAMING BUFFER BUSY           ready
//!  ... bytes, then FIN ...              {"reads":[...],"messages":[...]}, then FIN
//!
//!  writes FRAMING BUFFER BUSY TOKEN     the same, and the report goes to the experiment with this token (writes.rs)
//!
//!  life TOKEN
//!  ... whatever the page lets both ends do (life.rs) ...
//! ```
//!
//! FRAMING is `none`, `lines` or `lengths`; BUFFER how much it reads at once, in bytes; BUSY what it waits before each read,
//! in milliseconds. Try it: `printf 'writes lines 16 0\none\ntwo\n' | nc -N 127.0.0.1 8209`

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use net::Splitter;
use room::Room;
use serde_json::{Value, json};

use crate::framing::{Cutter, Framing, PATIENCE};
use crate::more::life::Lives;
use crate::more::reports::Reports;

/// The longest order, in bytes.
const MAX_ORDER: usize = 200;

/// An experiment has this many bytes and reads at most, and lasts this long at most.
const MAX_BYTES: usize = 64 * 1024;
const MAX_READS: usize = 2_000;
const MAX_TIME: Duration = Duration::from_secs(30);

/// Serves experiments.
///
/// # Errors
/// Never: a failed accept is tried again.
pub fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    net::each_connection(&listener, move |stream| {
        if let Err(error) = experiment(&stream, &site) {
            let _ = (&stream).write_all(format!("! {error}\n").as_bytes());
        }
        let _ = stream.shutdown(Shutdown::Both);
    })
}

fn experiment(stream: &TcpStream, site: &Site) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = Splitter::new(stream, b'\n', MAX_ORDER);
    let Some(order) = lines.next(Some(PATIENCE), PATIENCE)? else { return Ok(()) };
    let order = String::from_utf8_lossy(&order).into_owned();
    let words: Vec<&str> = order.split_whitespace().collect();
    let number =
        |word: &str, from, to| word.parse().ok().filter(|number| (from..=to).contains(number));
    match words[..] {
        ["life", token] => site.shared.get::<Lives>().serve(stream, token),
        ["writes", framing, buffer, busy, ref token @ ..] => {
            let framing = Framing::parse(framing)
                .ok_or_else(|| io::Error::other("FRAMING is none, lines or lengths."))?;
            let buffer: usize = number(buffer, 1, 4096)
                .ok_or_else(|| io::Error::other("BUFFER is 1 to 4096 bytes."))?;
            let busy = number(busy, 0, 1_000)
                .ok_or_else(|| io::Error::other("BUSY is 0 to 1000 milliseconds."))?;
            (&*stream).write_all(b"ready\n")?;
            let report = report(
                stream,
                &lines.into_rest(),
                framing,
                buffer,
                Duration::from_millis(busy as u64),
            );
            let report = report.map_err(|error| error.to_string());
            let token = token.first().copied().unwrap_or("");
            match site.shared.get::<Reports>().hand_over(token, report) {
                Ok(()) => Ok(()),
                Err(report) => (&*stream)
                    .write_all(format!("{}\n", report.map_err(io::Error::other)?).as_bytes()),
            }
        }
        _ => Err(io::Error::other("This server knows: writes FRAMING BUFFER BUSY, life TOKEN.")),
    }
}

// ANCHOR: reads
/// Reads until the client has finished, and reports each read; and what messages come of them by this framing.
fn report(
    mut stream: &TcpStream,
    early: &[u8],
    framing: Framing,
    buffer: usize,
    busy: Duration,
) -> io::Result<Value> {
    let began = Instant::now();
    let mut reads = Vec::new();
    let mut cutter = Cutter::new(framing);
    let mut total = 0;
    let mut take = |bytes: &[u8]| {
        let at = began.elapsed().as_micros() as u64;
        reads
            .push(json!({ "at": at, "size": bytes.len(), "text": String::from_utf8_lossy(bytes) }));
        total += bytes.len();
        cutter.take(bytes);
        total <= MAX_BYTES && reads.len() < MAX_READS && began.elapsed() < MAX_TIME
    };
    // What came together with the order was read with it. (Our own client waits for `ready`.)
    let mut goes_on = early.is_empty() || take(early);
    let mut bytes = vec![0; buffer];
    stream.set_read_timeout(Some(PATIENCE))?;
    while goes_on {
        thread::sleep(busy); // a server that is busy with something else finds more when it comes back
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => goes_on = take(&bytes[..length]),
            Err(error) if net::is_timeout(&error) => {
                return Err(io::Error::other("Nothing came for 10 s, and no end either."));
            }
            Err(error) => return Err(error),
        }
    }
    if !goes_on {
        return Err(io::Error::other("An experiment has 64 KiB, 2000 reads and 30 s at most."));
    }
    Ok(json!({ "reads": reads, "messages": cutter.messages(), "left": cutter.left() }))
}
// ANCHOR_END: reads
