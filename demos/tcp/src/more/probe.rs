//! Machinery: the probe server, a TCP server that does nothing but tell how its bytes arrived.
//!
//! ```text
//!  client to server                     server to client
//!  writes FRAMING BUFFER BUSY           ready
//!  ... bytes, then FIN ...              {"reads":[...],"messages":[...]}, then FIN
//!
//!  writes FRAMING BUFFER BUSY TOKEN     the same; the report goes to `writes.rs`, under TOKEN
//!
//!  life PORT                            PORT is the client's own: see `life.rs`
//!  ... whatever the page lets both ends do ...
//! ```
//!
//! FRAMING is `none`, `lines` or `lengths`. BUFFER is how much it reads at once, in bytes. BUSY is
//! what it does before each read, in milliseconds. Try it: `printf 'writes lines 16 0\none\ntwo\n'
//! | nc -N 127.0.0.1 8209`

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use demo::{SideServer, Site, Speaks};
use net::Splitter;
use room::Room;

use super::life::{self, Lives};
use crate::framing::Framing;
use crate::writes::{self, ProbeSetup, Reports};

/// The server's port, on tap and cable.
pub const SERVER: SideServer =
    SideServer { name: "probe", port: 8209, speaks: Speaks::Delimited(b'\n'), shown: true, serve };

/// The first line comes within this time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest first line, in bytes.
const MAX_LINE: usize = 200;

/// Serves experiments.
///
/// # Errors
/// Never: a failed accept is tried again.
pub fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    net::each_connection(&listener, move |stream| {
        if let Err(error) = experiment(&stream, &site) {
            let _ = (&stream).write_all(format!("! {error}\n").as_bytes());
        }
        let _ = net::close(&stream);
    })
}

fn experiment(mut stream: &TcpStream, site: &Site) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut lines = Splitter::new(stream, b'\n', MAX_LINE);
    let Some(line) = lines.next(Some(TIMEOUT), TIMEOUT)? else { return Ok(()) };
    let line = String::from_utf8_lossy(&line).into_owned();
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["life", port] => life::serve_end(stream, &site.shared.get::<Lives>(), port),
        ["writes", framing, buffer, busy, ref token @ ..] => {
            let setup = setup(framing, buffer, busy).map_err(io::Error::other)?;
            stream.write_all(b"ready\n")?;
            let mut report = writes::report(stream, &lines.into_rest(), &setup);
            if let Some(token) = token.first() {
                match site.shared.get::<Reports>().hand_over(token, report) {
                    Ok(()) => return Ok(()),
                    Err(unwanted) => report = unwanted,
                }
            }
            stream.write_all(format!("{}\n", report?).as_bytes())
        }
        _ => Err(io::Error::other("This server knows: writes FRAMING BUFFER BUSY, life PORT.")),
    }
}

/// Reads a setup from its three words.
///
/// # Errors
/// A sentence that says what is wrong with them.
pub fn setup(framing: &str, buffer: &str, busy: &str) -> Result<ProbeSetup, &'static str> {
    let framing = Framing::parse(framing).ok_or("FRAMING is none, lines or lengths.")?;
    let buffer = buffer
        .parse()
        .ok()
        .filter(|buffer| (1..=4096).contains(buffer))
        .ok_or("BUFFER is 1 to 4096 bytes.")?;
    let busy =
        busy.parse().ok().filter(|busy| *busy <= 1_000).ok_or("BUSY is 0 to 1000 milliseconds.")?;
    Ok(ProbeSetup { framing, buffer, busy: Duration::from_millis(busy) })
}
