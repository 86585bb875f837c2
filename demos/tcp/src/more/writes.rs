//! An experiment: writes are no messages. This program is the client, too, since a page can't open a TCP connection.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use net::Splitter;
use serde_json::{Value, json};
use tiny_http::Request;

use crate::framing::{Framing, PATIENCE};
use crate::more::reports::Reports;

/// The probe server's report is there within this time, or never.
const REPORT: Duration = Duration::from_secs(35);

/// `POST /writes?count=8&pause=2&nagle=off&framing=none&buffer=64&busy=0`: writes `count` numbered messages, and answers with
/// what the probe server says about its reads. `pause` and `busy` in milliseconds, `buffer` in bytes.
///
/// # Errors
/// A sentence that says what is wrong with the order, or why the experiment failed.
pub fn ordered(request: &Request, site: &Site) -> Result<Value, String> {
    let number = |name, default, most| {
        let number = http::query_text(request, name).map_or(Ok(default), str::parse);
        number
            .ok()
            .filter(|number| *number <= most)
            .ok_or_else(|| format!("{name} is a number, {most} at most."))
    };
    let count = number("count", 8, 100)?;
    let pause = Duration::from_millis(number("pause", 2, 200)?);
    let framing = http::query_text(request, "framing").unwrap_or("none");
    let framing = Framing::parse(framing).ok_or("framing is none, lines or lengths.")?;
    let settings = format!("{} {}", number("buffer", 64, 4096)?.max(1), number("busy", 0, 1_000)?);
    let nagle = http::query_text(request, "nagle") == Some("on");
    let messages: Vec<String> = (1..=count).map(|n| format!("message{n}")).collect();
    run(&messages, framing, &settings, nagle, pause, site)
        .map_err(|error| format!("The experiment failed: {error}"))
}

// ANCHOR: writes
/// Writes each message with a write of its own. `nagle`: a small piece waits in the kernel while an earlier one is on its
/// way and not acknowledged, so that many become one (RFC 896; RFC 9293, 3.7.4).
///
/// # Errors
/// When the connection fails, or no report comes.
pub fn run(
    messages: &[String],
    framing: Framing,
    settings: &str,
    nagle: bool,
    pause: Duration,
    site: &Site,
) -> io::Result<Value> {
    let mut stream = TcpStream::connect_timeout(&site.side_address("probe"), PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let expected = site.shared.get::<Reports>().expect();
    stream.write_all(
        format!("writes {} {settings} {}\n", framing.name(), expected.token).as_bytes(),
    )?;
    if Splitter::new(&stream, b'\n', 100).next(Some(PATIENCE), PATIENCE)?.as_deref()
        != Some(b"ready")
    {
        return Err(io::Error::other("the server is not ready"));
    }

    stream.set_nodelay(!nagle)?;
    let began = Instant::now();
    let mut writes = Vec::new();
    for message in messages {
        let bytes = framing.frame(message);
        stream.write_all(&bytes)?;
        writes.push(json!({ "at": began.elapsed().as_micros() as u64, "size": bytes.len(), "text": message }));
        thread::sleep(pause);
    }
    stream.shutdown(Shutdown::Write)?; // that was all; but there is an answer to come
    // ANCHOR_END: writes

    let report =
        expected.wait(REPORT).map_err(|_| io::Error::other("no report came; is the cable cut?"))?;
    let report = report.map_err(io::Error::other)?;
    Ok(
        json!({ "writes": writes, "reads": report["reads"], "messages": report["messages"], "left": report["left"] }),
    )
}
