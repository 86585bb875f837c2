//! Plain HTTP answers over a socket, for everything that is no WebSocket. Each answer ends its connection: keeping one
//! alive is another lesson.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::request::{Refusal, read_before};

/// How long a client may take no byte of what we write before it is given up.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

// ANCHOR: accept-loop
/// Runs `serve` for every connection, each on a thread of its own with a small stack.
///
/// # Errors
/// None today: an `accept` that fails (too many open files, a client gone already) is passed over, not the server's end.
pub fn each_connection(
    listener: TcpListener,
    serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<()> {
    let serve = Arc::new(serve);
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("no connection: {error}");
                thread::sleep(Duration::from_millis(50));
                continue;
            }
        };
        let serve = serve.clone();
        let work = move || {
            // Small messages leave at once: nobody waits for more to fill a packet (Nagle's algorithm).
            let ready = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(WRITE_TIMEOUT)));
            let _gone = ready.and_then(|()| serve(stream)); // an error here is one client that left
        };
        if let Err(error) = thread::Builder::new().stack_size(256 * 1024).spawn(work) {
            eprintln!("no thread for a connection: {error}");
        }
    }
}
// ANCHOR_END: accept-loop

/// Answers with a page, text, or whatever `kind` says, and closes.
///
/// # Errors
/// When the client has gone.
pub fn send(mut stream: &TcpStream, status: u16, kind: &str, body: &str, fields: &[(&str, String)]) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    let upgrade = fields.iter().any(|(name, _)| *name == "Upgrade");
    head += if upgrade { "Connection: close, Upgrade\r\n" } else { "Connection: close\r\n" };
    head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n" + body).as_bytes())?;
    close(stream)
}

/// Answers with JSON.
///
/// # Errors
/// When the client has gone.
pub fn json(stream: &TcpStream, value: &Value) -> io::Result<()> {
    send(stream, 200, "application/json", &value.to_string(), &[])
}

/// Answers with a refusal.
///
/// # Errors
/// When the client has gone.
pub fn refuse(stream: &TcpStream, refusal: &Refusal) -> io::Result<()> {
    send(stream, refusal.status, "text/plain; charset=utf-8", &format!("{}\n", refusal.why), &refusal.fields)
}

// ANCHOR: close
/// Ends a connection so that the other side still reads our last bytes: says that nothing more comes, then listens until
/// it ends too, for two seconds at most. A socket that is closed with unread bytes in it sends a reset
/// instead, and a reset makes the other side forget what it has not read yet (RFC 6455, 7.1.1; RFC 9112, 9.6).
///
/// # Errors
/// When the connection is gone already.
pub fn close(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    drain(stream)
}
// ANCHOR_END: close

/// Reads and forgets, until the other side ends the connection, for two seconds at most.
///
/// # Errors
/// When it has not ended by then, or is broken.
pub fn drain(stream: &TcpStream) -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut unread = [0; 4096];
    while read_before(stream, &mut unread, deadline)? > 0 {}
    Ok(())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
