//! Cutting a stream of bytes at a byte.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::is_timeout;

/// The bytes in front of an end byte; `None` at the end of the stream.
pub type Piece = Option<Vec<u8>>;

// ANCHOR: splitter
/// Cuts a stream at every `end` byte. A read brings what has arrived: half a piece, or seven.
pub struct Splitter<'a> {
    stream: &'a TcpStream,
    end: u8,
    /// The longest piece, in bytes.
    max: usize,
    /// What was read and is not a whole piece yet.
    unread: Vec<u8>,
}

impl<'a> Splitter<'a> {
    /// Nothing was read yet.
    pub fn new(stream: &'a TcpStream, end: u8, max: usize) -> Self {
        Splitter { stream, end, max, unread: Vec::new() }
    }

    /// Waits for the next piece, without its end: at most for `silence` until it begins (`None`:
    /// for ever), and at most for `patience` from then until it ends. `Ok(None)`: the other side
    /// has sent all it had to send, and half a piece at the end is no piece.
    ///
    /// # Errors
    /// `InvalidData` when a piece is too long, `TimedOut` when it is too late, another kind when
    /// the connection is gone.
    pub fn next(&mut self, silence: Option<Duration>, patience: Duration) -> io::Result<Piece> {
        let mut began = Instant::now();
        let mut searched = 0;
        loop {
            if let Some(at) = self.unread[searched..].iter().position(|&byte| byte == self.end) {
                let rest = self.unread.split_off(searched + at + 1);
                let mut piece = std::mem::replace(&mut self.unread, rest);
                piece.pop();
                return Ok(Some(piece));
            }
            searched = self.unread.len();
            if searched > self.max {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    format!("A message has {} bytes at most.", self.max),
                ));
            }
            let limit = if searched == 0 { silence } else { Some(patience) };
            let left = limit.map(|limit| limit.saturating_sub(began.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                let seconds = limit.unwrap_or_default().as_secs();
                let why = format!("The rest of a message did not come within {seconds} s.");
                return Err(io::Error::new(ErrorKind::TimedOut, why));
            }
            self.stream.set_read_timeout(left)?;
            let mut bytes = [0; 4096];
            let mut stream = self.stream;
            match stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    if searched == 0 {
                        began = Instant::now();
                    }
                    self.unread.extend_from_slice(&bytes[..length]);
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    // ANCHOR_END: splitter

    /// What was read and is not a whole piece: for a protocol that stops cutting here.
    pub fn into_rest(self) -> Vec<u8> {
        self.unread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{Shutdown, TcpListener};

    const PATIENCE: Duration = Duration::from_secs(20);

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        (TcpStream::connect(listener.local_addr().unwrap()).unwrap(), listener.accept().unwrap().0)
    }

    #[test]
    fn however_the_stream_arrives_its_pieces_are_the_same() {
        for size in 1..12 {
            let (mut client, server) = pair();
            client.set_nodelay(true).unwrap();
            b"one\n\nthree\nhalf".chunks(size).for_each(|some| client.write_all(some).unwrap());
            client.shutdown(Shutdown::Write).unwrap();
            let mut splitter = Splitter::new(&server, b'\n', 100);
            let pieces: Vec<Vec<u8>> =
                std::iter::from_fn(|| splitter.next(Some(PATIENCE), PATIENCE).unwrap()).collect();
            assert_eq!(pieces, [&b"one"[..], b"", b"three"], "writes of {size} bytes");
            assert_eq!(splitter.into_rest(), b"half");
        }
    }

    #[test]
    fn a_piece_that_is_too_long_costs_no_memory() {
        let (mut client, server) = pair();
        let writer = std::thread::spawn(move || while client.write_all(&[b'x'; 1000]).is_ok() {});
        let mut splitter = Splitter::new(&server, 0, 2000);
        assert_eq!(splitter.next(None, PATIENCE).unwrap_err().kind(), ErrorKind::InvalidData);
        assert!(splitter.into_rest().len() <= 2000 + 4096);
        drop(server);
        writer.join().unwrap();
    }

    #[test]
    fn a_piece_that_does_not_end_is_given_up() {
        let (mut client, server) = pair();
        client.write_all(b"begun").unwrap();
        let error = Splitter::new(&server, 0, 100).next(None, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
