use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
static P: LazyLock<Arc<crate::policy::Policy>> = LazyLock::new(Default::default);
pub fn policy() -> Arc<crate::policy::Policy> {
    P.clone()
}
const PATIENCE: Duration = Duration::from_secs(10);
pub struct Messages<'a> {
    stream: &'a TcpStream,
    unread: Vec<u8>,
    end: u8,
    max: usize,
}
impl<'a> Messages<'a> {
    pub fn new(stream: &'a TcpStream, end: u8, max: usize) -> Self {
        Messages { stream, unread: Vec::new(), end, max }
    }
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        let mut began = Instant::now();
        loop {
            if let Some(end) = self.unread[searched..].iter().position(|&byte| byte == self.end) {
                let rest = self.unread.split_off(searched + end + 1);
                let mut message = std::mem::replace(&mut self.unread, rest);
                message.pop();
                return Ok(Some(message));
            }
            searched = self.unread.len();
            if searched > self.max {
                return Err(io::Error::new(ErrorKind::InvalidData, "A message has 8 KiB at most."));
            }
            let left = (searched > 0).then(|| PATIENCE.saturating_sub(began.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::Error::new(ErrorKind::TimedOut, "The rest of a message did not come within 10 s."));
            }
            self.stream.set_read_timeout(left)?;
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    if searched == 0 {
                        began = Instant::now();
                    }
                    self.unread.extend_from_slice(&bytes[..length]);
                }
                Err(error) if net::is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
