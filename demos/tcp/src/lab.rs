//! The laboratory: a TCP server that does nothing but tell how its bytes arrived.
//!
//! ```text
//!  client to server                     server to client
//!  writes FRAMING BUFFER BUSY           ready
//!  ... bytes, then FIN ...              {"reads":[...],"messages":[...]}, then FIN
//!
//!  writes FRAMING BUFFER BUSY TOKEN     the same, but the report goes to whoever in this program waits for TOKEN
//!
//!  life TOKEN
//!  ... whatever the page lets both ends do (life.rs) ...
//! ```
//!
//! FRAMING is `none`, `lines` or `lengths`; BUFFER how much it reads at once, in bytes; BUSY what it does before each read,
//! in milliseconds. Try it: `printf 'writes lines 16 0\none\ntwo\n' | nc -N 127.0.0.1 8209`

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use demo::Site;
use room::Room;

use crate::borders::{Cutter, Framing};
use crate::life;
use crate::room::{Lines, PATIENCE, is_pause};

/// An experiment has so many bytes and reads at most.
const MAX_BYTES: usize = 64 * 1024;
const MAX_READS: usize = 2_000;

/// And lasts so long at most.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Who waits for a report, by token. Through a cable that drips, a report would take longer than the experiment.
static WAITING: Mutex<BTreeMap<String, Sender<io::Result<Value>>>> = Mutex::new(BTreeMap::new());

/// Who waits for a report, by token.
pub fn waiting() -> MutexGuard<'static, BTreeMap<String, Sender<io::Result<Value>>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves experiments.
///
/// # Errors
/// Never: a failed accept is tried again.
pub fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    crate::each_connection(&listener, |stream| {
        if let Err(error) = experiment(&stream) {
            let _ = (&stream).write_all(format!("! {error}\n").as_bytes());
        }
        let _ = stream.shutdown(Shutdown::Both);
    })
}

fn experiment(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = Lines::new(stream);
    let Some(line) = lines.receive(Some(PATIENCE))? else { return Ok(()) };
    let line = String::from_utf8_lossy(&line).into_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["life", token] => life::serve(stream, token),
        ["writes", framing, buffer, busy, ref token @ ..] => {
            let framing = Framing::parse(framing).ok_or_else(|| wrong("FRAMING is none, lines or lengths."))?;
            let buffer = buffer.parse().ok().filter(|buffer| (1..=4096).contains(buffer));
            let buffer: usize = buffer.ok_or_else(|| wrong("BUFFER is 1 to 4096 bytes."))?;
            let busy = busy.parse().ok().filter(|busy| *busy <= 1_000);
            let busy = Duration::from_millis(busy.ok_or_else(|| wrong("BUSY is 0 to 1000 milliseconds."))?);
            (&*stream).write_all(b"ready\n")?;
            let early = std::mem::take(&mut lines.unread);
            let report = report(stream, early, framing, buffer, busy);
            let waits = token.first().and_then(|token| waiting().remove(*token));
            match (report, waits) {
                (report, Some(waits)) => drop(waits.send(report)),
                (report, None) => (&*stream).write_all(format!("{}\n", report?).as_bytes())?,
            }
            Ok(())
        }
        _ => Err(wrong("This server knows: writes FRAMING BUFFER BUSY, life TOKEN.")),
    }
}

// ANCHOR: reads
/// Reads until the client has finished, and reports each read; and what messages come of them by this framing.
fn report(
    mut stream: &TcpStream,
    early: Vec<u8>,
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
        reads.push(json!({ "at": at, "size": bytes.len(), "text": String::from_utf8_lossy(bytes) }));
        total += bytes.len();
        cutter.take(bytes);
        total <= MAX_BYTES && reads.len() < MAX_READS && began.elapsed() < MAX_TIME
    };
    // What came together with the first line was read with it. (Our own client waits for `ready`.)
    let mut goes_on = early.is_empty() || take(&early);
    let mut bytes = vec![0; buffer];
    stream.set_read_timeout(Some(PATIENCE))?;
    while goes_on {
        thread::sleep(busy); // a server that is busy with something else finds more when it comes back
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => goes_on = take(&bytes[..length]),
            Err(error) if is_pause(&error) => return Err(wrong("Nothing came for 10 s, and no end either.")),
            Err(error) => return Err(error),
        }
    }
    if !goes_on {
        return Err(wrong("An experiment has 64 KiB, 2000 reads and 30 s at most."));
    }
    Ok(json!({ "reads": reads, "messages": cutter.messages(), "left": cutter.left() }))
}
// ANCHOR_END: reads

/// A sentence for the client.
pub fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
