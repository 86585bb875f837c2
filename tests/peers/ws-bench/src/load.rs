//! The load: one thread, an event loop, and as little work for each message as there can be, so that the server's work shows.
//!
//! The frames are masked once in advance. A connection sends all its messages in flight with one write, counts the bytes
//! that come back, and sends the next batch when all answers are there. Times go to a histogram of fixed size.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use frames::frame::{FrameHeader, Opcode, write_frame};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::peers::Peer;

/// Payload, connections, messages in flight on each.
pub type Case = (usize, usize, usize);

/// One connection: how much of its batch is still to be sent, and how much of the answers is still to come.
struct Client {
    stream: TcpStream,
    to_send: usize,
    to_come: usize,
    since: Instant,
}

/// Connections to one peer, open for a whole case.
pub struct Load {
    poll: Poll,
    clients: Vec<Client>,
    /// The bytes of a batch, and how many bytes its answers have.
    batch: Vec<u8>,
    answers: usize,
    flight: usize,
    buffer: Vec<u8>,
    pub times: Histogram,
}

impl Load {
    pub fn open(peer: &Peer, (payload, connections, flight): Case) -> io::Result<Load> {
        let poll = Poll::new()?;
        let (request, answer) = frames_of(peer, payload);
        let clients = (0..connections).map(|at| {
            let mut stream = connect(peer)?;
            if at == 0 {
                check(&mut stream, &request, &answer)?;
            }
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
            Ok(Client { stream, to_send: 0, to_come: 0, since: Instant::now() })
        });
        let clients = clients.collect::<io::Result<_>>()?;
        let (batch, answers) = (request.repeat(flight), answer.len() * flight);
        Ok(Load { poll, clients, batch, answers, flight, buffer: vec![0; 256 * 1024], times: Histogram::default() })
    }

    /// Sends and receives for this time, and until the last answers are there. Messages, and the seconds that they took.
    pub fn run(&mut self, time: Duration) -> io::Result<(f64, f64)> {
        let (start, mut events, mut batches) = (Instant::now(), Events::with_capacity(1_024), 0_usize);
        let end = start + time;
        let mut working = self.clients.len();
        for at in 0..working {
            self.begin(at, start)?;
        }
        while working > 0 {
            self.poll.poll(&mut events, Some(Duration::from_secs(10)))?;
            if events.is_empty() {
                return Err(io::Error::new(ErrorKind::TimedOut, "no answer for 10 s"));
            }
            let now = Instant::now();
            for event in &events {
                let Token(at) = event.token();
                if event.is_writable() {
                    self.send(at)?;
                }
                if event.is_readable() && self.receive(at)? {
                    self.times.add(now - self.clients[at].since);
                    batches += 1;
                    if now < end {
                        self.begin(at, now)?;
                    } else {
                        working -= 1;
                    }
                }
            }
        }
        Ok(((batches * self.flight) as f64, start.elapsed().as_secs_f64()))
    }

    fn begin(&mut self, at: usize, now: Instant) -> io::Result<()> {
        let client = &mut self.clients[at];
        (client.to_send, client.to_come, client.since) = (self.batch.len(), self.answers, now);
        self.send(at)
    }

    fn send(&mut self, at: usize) -> io::Result<()> {
        let client = &mut self.clients[at];
        while client.to_send > 0 {
            match client.stream.write(&self.batch[self.batch.len() - client.to_send..]) {
                Ok(count) => client.to_send -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the last answer of the batch has come.
    fn receive(&mut self, at: usize) -> io::Result<bool> {
        let client = &mut self.clients[at];
        while client.to_come > 0 {
            match client.stream.read(&mut self.buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) if count > client.to_come => return Err(io::Error::other("more came back than was sent")),
                Ok(count) => client.to_come -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// The bytes of one message, and of its echo.
fn frames_of(peer: &Peer, payload: usize) -> (Vec<u8>, Vec<u8>) {
    let payload: Vec<u8> = (0..payload).map(|at| (at * 7) as u8).collect();
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    write_frame(&mut request, true, Opcode::Binary, Some([0x37, 0xfa, 0x21, 0x3d]), &payload);
    write_frame(&mut answer, true, Opcode::Binary, None, &payload);
    if peer.websocket { (request, answer) } else { (request.clone(), request) }
}

/// An open connection.
pub fn connect(peer: &Peer) -> io::Result<std::net::TcpStream> {
    let stream = std::net::TcpStream::connect(peer.address)?;
    stream.set_nodelay(true)?;
    if !peer.websocket {
        return Ok(stream);
    }
    let (stream, rest, _) = handshake::client::upgrade(stream, &peer.address.to_string(), "/echo", &[])?;
    assert!(rest.is_empty());
    Ok(stream)
}

/// One message there and back, looked at byte by byte.
fn check(client: &mut std::net::TcpStream, request: &[u8], answer: &[u8]) -> io::Result<()> {
    client.write_all(request)?;
    let mut got = vec![0; answer.len()];
    client.read_exact(&mut got)?;
    assert!(got == answer, "the echo is another one: {:?}", FrameHeader::parse(&mut &got[..]));
    Ok(())
}

/// Times, counted by size: four classes for each power of two of a microsecond.
pub struct Histogram([u64; 128]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([0; 128])
    }
}

impl Histogram {
    fn add(&mut self, time: Duration) {
        let micros = (time.as_micros() as u64).max(1);
        let power = micros.ilog2();
        let quarter = if power < 2 { 0 } else { (micros >> (power - 2)) & 3 };
        self.0[((power * 4) as usize + quarter as usize).min(127)] += 1;
    }

    /// In microseconds: this part of all times is not longer, to a fifth of its value.
    pub fn quantile(&self, part: f64) -> f64 {
        let all: u64 = self.0.iter().sum();
        let mut seen = 0;
        for (class, count) in self.0.iter().enumerate() {
            seen += count;
            if *count > 0 && seen as f64 >= all as f64 * part {
                return (1u64 << (class / 4)) as f64 * (1.0 + (class % 4 + 1) as f64 / 4.0);
            }
        }
        0.0
    }
}
