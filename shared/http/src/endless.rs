//! The answer that never ends: its length is unknown, so it goes out in chunks (RFC 9112, 7.1).

use std::io::{self, Write};

use tiny_http::{Method, Request};

/// An answer of status 200 that is written piece by piece, each piece on its way at once.
///
/// tiny_http's own response gathers 8 KiB before it sends anything, so this one is written by hand.
pub struct Endless {
    out: Box<dyn Write + Send>,
    /// HTTP/1.0 knows no chunks: there the end of the connection ends the answer.
    chunked: bool,
}

impl Endless {
    /// Writes the head of the answer, with `fields` after what every stream says:
    /// `no-store` since no answer is like the one before, `no-transform` and `X-Accel-Buffering: no` since a proxy that
    /// compresses or gathers would hold back what should arrive now.
    ///
    /// # Errors
    /// When the client has gone, or wants no body (HEAD).
    pub fn begin(request: Request, kind: &str, fields: &[(&str, &str)]) -> io::Result<Self> {
        let chunked = *request.http_version() >= (1, 1);
        let head_only = *request.method() == Method::Head;
        let mut out = request.into_writer();
        let date = httpdate::fmt_http_date(std::time::SystemTime::now());
        write!(
            out,
            "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: {kind}\r\nCache-Control: no-store, no-transform\r\n\
             X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\n"
        )?;
        for (name, value) in fields {
            write!(out, "{name}: {value}\r\n")?;
        }
        out.write_all(if chunked { b"Transfer-Encoding: chunked\r\n\r\n" } else { b"Connection: close\r\n\r\n" })?;
        out.flush()?;
        if head_only {
            return Err(io::Error::other("HEAD asks for the head alone"));
        }
        Ok(Endless { out, chunked })
    }

    // ANCHOR: chunk
    /// Writes these bytes as one chunk: their number in hexadecimal, a line end, the bytes, a line end.
    ///
    /// # Errors
    /// When the client has gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let bytes = bytes.as_ref();
        if self.chunked && !bytes.is_empty() {
            write!(self.out, "{:x}\r\n", bytes.len())?;
            self.out.write_all(bytes)?;
            self.out.write_all(b"\r\n")?;
        } else {
            self.out.write_all(bytes)?;
        }
        self.out.flush()
    }
    // ANCHOR_END: chunk

    /// Ends the answer after all, with the chunk of size 0.
    ///
    /// # Errors
    /// When the client has gone.
    pub fn end(mut self) -> io::Result<()> {
        if self.chunked {
            self.out.write_all(b"0\r\n\r\n")?;
        }
        self.out.flush()
    }
}
