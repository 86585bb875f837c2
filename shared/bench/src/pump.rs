//! A pump moves the bytes of one direction of one connection, through the cable and past the tap.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::cable::{CAPACITY, Cable, HOLD_BYTES, Mode};
use super::line::{Line, is_pause};
use super::tap::{Tap, What};
use dissect::Dir;

/// While bytes wait in the cable, the pump looks this often what else there is to do.
const GLANCE: Duration = Duration::from_millis(20);

/// What a read brought.
pub enum Got {
    /// So many bytes, at the front of the buffer.
    Bytes(usize),
    /// The end of the stream: a FIN.
    End,
    /// The other side tore the connection down: a RST.
    Reset,
    /// The deadline passed.
    Late,
}

/// Something on its way through the cable.
struct Parcel {
    entered: Instant,
    bytes: Vec<u8>,
    /// How many of the bytes have left already.
    gone: usize,
    /// An answer ends with these bytes, so a buffering proxy would pass it on.
    ends_answer: bool,
    /// A FIN follows the bytes, or a RST.
    end: Option<End>,
}

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order.
    Fin,
    /// Torn down.
    Reset,
}

/// One direction of one connection.
pub struct Pump<'a> {
    line: &'a Line,
    tap: Option<&'a Tap>,
    cable: &'a Cable,
    dir: Dir,
    queue: VecDeque<Parcel>,
    queued: usize,
    /// The stream has left the cable up to here.
    passed: u64,
    /// The next byte may drip then.
    next_drip: Instant,
    /// The tap was told that the newest bytes have to wait.
    waiting: bool,
    timeout: Option<Duration>,
}

impl<'a> Pump<'a> {
    /// A pump for this direction.
    pub fn new(line: &'a Line, tap: Option<&'a Tap>, cable: &'a Cable, dir: Dir) -> Self {
        Pump {
            line,
            tap,
            cable,
            dir,
            queue: VecDeque::new(),
            queued: 0,
            passed: 0,
            next_drip: Instant::now(),
            waiting: false,
            timeout: None,
        }
    }

    fn from(&self) -> Option<&'a TcpStream> {
        match self.dir {
            Dir::Up => Some(&self.line.client),
            Dir::Down => self.line.server.get(),
        }
    }

    fn to(&self) -> io::Result<&'a TcpStream> {
        let to = match self.dir {
            Dir::Up => self.line.server.get(),
            Dir::Down => Some(&self.line.client),
        };
        to.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Reads some bytes and shows them to the tap; meanwhile moves on what waits in the cable.
    pub fn read(&mut self, buffer: &mut [u8], deadline: Option<Instant>) -> Got {
        let Some(mut from) = self.from() else { return Got::Reset };
        loop {
            if self.line.is_dead() {
                return Got::Reset;
            }
            let Ok(mut pause) = self.drain() else { return Got::Reset };
            if self.queued >= CAPACITY {
                self.cable.wait(pause.unwrap_or(GLANCE).min(GLANCE)); // the cable is full: not reading is what slows the sender
                continue;
            }
            if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Got::Late;
                }
                pause = Some(pause.map_or(left, |pause| pause.min(left)));
            }
            // The kernel rounds, and takes zero for an error.
            let timeout = pause.map(|pause| pause.max(Duration::from_millis(1)));
            if timeout != self.timeout && from.set_read_timeout(timeout).is_ok() {
                self.timeout = timeout;
            }
            match from.read(buffer) {
                Ok(0) if self.line.is_dead() => return Got::Reset,
                Ok(0) => return Got::End,
                Ok(length) => {
                    self.note(&buffer[..length]);
                    return Got::Bytes(length);
                }
                Err(error) if is_pause(&error) => {}
                Err(_) => return Got::Reset,
            }
        }
    }

    /// Shows bytes to the tap.
    fn note(&mut self, bytes: &[u8]) {
        self.waiting = !self.queue.is_empty() || self.cable.mode(self.line.id) != Mode::Whole;
        let counter = if self.dir == Dir::Up { &self.line.up } else { &self.line.down };
        let from = counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if let Some(tap) = self.tap {
            tap.record(self.line.id, self.dir, What::Bytes { from, bytes: bytes.into(), waiting: self.waiting });
        }
    }

    /// Sends bytes that were read before through the cable. `ends_answer`: an answer is complete with them.
    ///
    /// # Errors
    /// When the other side has gone.
    pub fn send(&mut self, bytes: &[u8], ends_answer: bool) -> io::Result<()> {
        if self.queue.is_empty() && self.cable.mode(self.line.id) == Mode::Whole {
            self.write(bytes)?;
            return self.pass(bytes.len());
        }
        self.queued += bytes.len();
        self.enter(bytes.to_vec(), ends_answer, None);
        self.drain().map(drop)
    }

    /// Sends the end of this direction through the cable, and waits until everything has passed.
    pub fn finish(&mut self, end: End) {
        if let Some(tap) = self.tap
            && !self.line.is_dead()
        {
            tap.record(self.line.id, self.dir, if end == End::Fin { What::Fin } else { What::Reset });
        }
        self.enter(Vec::new(), true, Some(end));
        while !self.line.is_dead()
            && let Ok(Some(pause)) = self.drain()
        {
            self.cable.wait(pause.min(GLANCE));
        }
    }

    /// Whether bytes wait in the cable.
    pub fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    fn enter(&mut self, bytes: Vec<u8>, ends_answer: bool, end: Option<End>) {
        self.queue.push_back(Parcel { entered: Instant::now(), bytes, gone: 0, ends_answer, end });
    }

    /// Lets through what may leave the cable now. `Some`: there is more; look again after that time.
    ///
    /// # Errors
    /// When the other side has gone.
    pub fn drain(&mut self) -> io::Result<Option<Duration>> {
        while let Some(parcel) = self.queue.front() {
            let now = Instant::now();
            match self.cable.mode(self.line.id) {
                Mode::Whole => self.pass_parcel(usize::MAX)?,
                Mode::Cut => return Ok(Some(GLANCE)),
                Mode::Delay(delay) if now < parcel.entered + delay => return Ok(Some(parcel.entered + delay - now)),
                Mode::Delay(_) => self.pass_parcel(usize::MAX)?,
                Mode::Drip(_) if now < self.next_drip => return Ok(Some(self.next_drip - now)),
                Mode::Drip(pause) => {
                    self.next_drip = now + pause;
                    self.pass_parcel(1)?;
                }
                Mode::Hold if self.dir == Dir::Up => self.pass_parcel(usize::MAX)?,
                Mode::Hold if self.queued >= HOLD_BYTES => {
                    for _ in 0..self.queue.len() {
                        self.pass_parcel(usize::MAX)?; // the buffer is full: out with all of it
                    }
                }
                Mode::Hold if self.queue.iter().any(|parcel| parcel.ends_answer) => self.pass_parcel(usize::MAX)?,
                Mode::Hold => return Ok(Some(GLANCE)),
            }
        }
        Ok(None)
    }

    /// Lets through at most so many bytes of the parcel in front, and its end if they were the last.
    fn pass_parcel(&mut self, most: usize) -> io::Result<()> {
        let Some(mut parcel) = self.queue.pop_front() else { return Ok(()) };
        let till = parcel.bytes.len().min(parcel.gone.saturating_add(most));
        let now = parcel.gone..till;
        self.write(&parcel.bytes[now.clone()])?;
        self.queued -= now.len();
        parcel.gone = till;
        self.waiting = true;
        self.pass(now.len())?;
        if till < parcel.bytes.len() {
            self.queue.push_front(parcel);
            return Ok(());
        }
        match parcel.end {
            None => Ok(()),
            Some(End::Fin) => self.to()?.shutdown(Shutdown::Write),
            Some(End::Reset) => {
                self.line.reset();
                Ok(())
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let to = self.to()?;
        if self.dir == Dir::Up {
            return self.line.write(to, bytes);
        }
        let mouth = self.line.mouth();
        if mouth.shut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.line.write(to, bytes)
    }

    /// Counts bytes that have left the cable, and tells the tap when it was told that they have to wait.
    fn pass(&mut self, bytes: usize) -> io::Result<()> {
        self.passed += bytes as u64;
        if self.waiting
            && bytes > 0
            && let Some(tap) = self.tap
        {
            tap.record(self.line.id, self.dir, What::Heard(self.passed));
        }
        Ok(())
    }
}
