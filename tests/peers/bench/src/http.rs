//! A connection that knows as much HTTP/1.1 as is needed here, and counts what goes over it.

use std::io;
use std::ops::AddAssign;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// What went over a client's socket: every byte that was written to it and read from it, heads and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Requests of HTTP.
    pub requests: u64,
    /// Bytes from the client to the server.
    pub up: u64,
    /// Bytes from the server to the client.
    pub down: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, more: Traffic) {
        self.requests += more.requests;
        self.up += more.up;
        self.down += more.down;
    }
}

/// A client's connection.
pub struct Http {
    ear: OwnedReadHalf,
    mouth: Option<OwnedWriteHalf>,
    host: String,
    lines: String,
    /// What was read and not used yet.
    pub unread: Vec<u8>,
    /// What went over it since this was taken.
    pub traffic: Traffic,
}

impl Http {
    /// Connects to an address. Each request will have these header lines, besides `Host`.
    pub async fn connect(address: &str, lines: String) -> io::Result<Http> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (ear, mouth) = socket.into_split();
        let (host, unread) = (address.to_string(), Vec::with_capacity(4096));
        Ok(Http { ear, mouth: Some(mouth), host, lines, unread, traffic: Traffic::default() })
    }

    /// The half that writes, for another task. This one only listens from now on.
    pub fn take_mouth(&mut self) -> Option<OwnedWriteHalf> {
        self.mouth.take()
    }

    /// Sends bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.traffic.up += bytes.len() as u64;
        self.mouth.as_mut().ok_or(io::ErrorKind::NotConnected)?.write_all(bytes).await
    }

    /// Reads what has come to what is unread. The end of the stream is an error.
    pub async fn read(&mut self) -> io::Result<()> {
        match self.ear.read_buf(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.traffic.down += length as u64;
                Ok(())
            }
        }
    }

    /// Sends a request and reads its answer's body.
    pub async fn exchange(&mut self, line: &str) -> io::Result<Vec<u8>> {
        self.ask(line, "", "").await?;
        self.answer().await
    }

    /// Sends a request, with more header lines of its own.
    pub async fn ask(&mut self, line: &str, more: &str, body: &str) -> io::Result<()> {
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let (host, lines) = (&self.host, &self.lines);
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{lines}{more}{length}\r\n{body}");
        self.traffic.requests += 1;
        self.write(request.as_bytes()).await
    }

    /// Reads the body of an answer; interim ones are passed over.
    pub async fn answer(&mut self) -> io::Result<Vec<u8>> {
        loop {
            while let Some(head_end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.unread[..head_end]).map_err(io::Error::other)?;
                let status = head.split(' ').nth(1).unwrap_or("");
                let is_interim = status.starts_with('1');
                if !is_interim && !status.starts_with('2') {
                    return Err(io::Error::other(format!("a request was answered {head}")));
                }
                let length = head
                    .lines()
                    .filter_map(|line| line.split_once(':'))
                    .find(|(name, _)| name.eq_ignore_ascii_case("Content-Length"))
                    .map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())
                    .map_err(io::Error::other)?;
                let (from, to) = (head_end + 4, head_end + 4 + length);
                if self.unread.len() < to {
                    break;
                }
                let body = self.unread[from..to].to_vec();
                self.unread.drain(..to);
                if !is_interim {
                    return Ok(body);
                }
            }
            self.read().await?;
        }
    }
}
