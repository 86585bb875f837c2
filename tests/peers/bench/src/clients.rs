//! The clients: all in one process on one thread (tokio's current-thread runtime, which is epoll), so that what is
//! measured is the server's threads and not the clients'. Who speaks is in the same process: one clock for both ends.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How clients hear, and how they are spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Bare TCP: `listen`, or one thing said per line.
    Lines,
    /// `GET /events`, `POST /say`. A stream is ready when all clients are `announced` on it, as the `sse` demo does; or else
    /// when it begins.
    Events { announced: bool },
    /// `GET /wait`, `GET /waiting`, `POST /say`.
    LongPoll,
    /// `GET /messages` every so often, `POST /say`.
    Polling(Duration),
}

/// When each message was said, and how long each client took to hear it.
#[derive(Default)]
struct Meter {
    said: RefCell<Vec<Instant>>,
    delays: RefCell<Vec<Duration>>,
    /// Clients that have not heard everything that was said; then `all` is notified.
    missing: RefCell<usize>,
    ready: RefCell<usize>,
    all: Notify,
}

impl Meter {
    /// Finds the marks `#7;` of messages in these bytes.
    fn hear(&self, bytes: &[u8], now: Instant) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|b| *b == b'#') {
            rest = &rest[at + 1..];
            let Some(end) = rest.iter().position(|b| *b == b';') else { return };
            let number: Option<usize> = std::str::from_utf8(&rest[..end]).ok().and_then(|number| number.parse().ok());
            let Some(said) = number.and_then(|number| self.said.borrow().get(number).copied()) else { continue };
            self.delays.borrow_mut().push(now - said);
            let mut missing = self.missing.borrow_mut();
            *missing -= 1;
            if *missing == 0 {
                self.all.notify_one();
            }
        }
    }

    fn is_ready(&self) {
        *self.ready.borrow_mut() += 1;
        self.all.notify_one();
    }
}

/// The clients of one server.
pub struct Clients {
    wire: Wire,
    address: String,
    meter: Rc<Meter>,
    count: usize,
    tasks: JoinSet<io::Result<()>>,
    speaker: Http,
    asker: Http,
}

/// Longer than anything here may take.
const TOO_LONG: Duration = Duration::from_secs(60);

impl Clients {
    /// Connects so many clients, and one more to speak. Returns when every one of them listens.
    pub async fn connect(wire: Wire, address: &str, count: usize) -> io::Result<Clients> {
        let (speaker, asker) = (Http::connect(address).await?, Http::connect(address).await?);
        let (meter, tasks, address) = (Rc::new(Meter::default()), JoinSet::new(), address.to_string());
        let mut clients = Clients { wire, address, meter, count, tasks, speaker, asker };
        for number in 0..count {
            let (meter, address) = (clients.meter.clone(), clients.address.clone());
            let http = Http::connect(&address).await?;
            // The clients of a polling server do not all ask at the same moment.
            let turn = number as f64 / count as f64;
            clients.tasks.spawn_local(async move {
                match wire {
                    Wire::Lines => listen(http, b"listen\n", b"\n\n", &meter).await,
                    Wire::Events { announced } => {
                        let request = format!("GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n");
                        let begun = if announced { format!("data: {count}\n\n") } else { "\n\n".to_string() };
                        // (The head ends with an empty line, too, but in HTTP's line ends.)
                        listen(http, request.as_bytes(), begun.as_bytes(), &meter).await
                    }
                    Wire::LongPoll => long_poll(http, &meter).await,
                    Wire::Polling(every) => poll(http, every, turn, &meter).await,
                }
            });
        }
        clients.settle().await?;
        Ok(clients)
    }

    /// Waits until every client listens (again).
    pub async fn settle(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while !self.listening().await? {
            if begun.elapsed() > TOO_LONG {
                return Err(io::Error::other("not every client came to listen"));
            }
            if let Some(ended) = self.tasks.try_join_next() {
                return Err(io::Error::other(format!("a client ended: {ended:?}")));
            }
            let _ = timeout(Duration::from_millis(1), self.meter.all.notified()).await;
        }
        Ok(())
    }

    async fn listening(&mut self) -> io::Result<bool> {
        if self.wire != Wire::LongPoll {
            return Ok(*self.meter.ready.borrow() >= self.count);
        }
        let waiting = self.asker.exchange("GET /waiting", "").await?;
        Ok(String::from_utf8_lossy(&waiting).trim() == self.count.to_string())
    }

    /// Says so many things, each when everybody has heard the one before and listens again, and returns how long each
    /// took to be heard by each client.
    pub async fn say(&mut self, messages: usize) -> io::Result<Vec<Duration>> {
        self.meter.delays.borrow_mut().clear();
        for _ in 0..messages {
            self.settle().await?;
            // Heard is not asleep again: the server's threads need a moment.
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.say_one().await?;
            self.heard().await?;
            self.answered().await?; // only now, so that it takes no time from those who listen
        }
        Ok(self.meter.delays.take())
    }

    /// Says so many things at a steady pace, whether or not they are heard by then.
    pub async fn say_steadily(&mut self, messages: usize, pace: Duration) -> io::Result<Vec<Duration>> {
        self.meter.delays.borrow_mut().clear();
        for _ in 0..messages {
            self.say_one().await?;
            self.answered().await?;
            tokio::time::sleep(pace).await;
        }
        self.heard().await?;
        Ok(self.meter.delays.take())
    }

    async fn say_one(&mut self) -> io::Result<()> {
        let text = {
            let mut said = self.meter.said.borrow_mut();
            *self.meter.missing.borrow_mut() += self.count;
            said.push(Instant::now());
            format!("#{};", said.len() - 1)
        };
        match self.wire {
            Wire::Lines => self.speaker.socket.write_all(format!("{text}\n").as_bytes()).await,
            _ => self.speaker.ask("POST /say", &text).await,
        }
    }

    /// Reads what the server says to having been told something.
    async fn answered(&mut self) -> io::Result<()> {
        match self.wire {
            Wire::Lines => self.speaker.socket.read(&mut [0; 64]).await.map(drop),
            _ => self.speaker.answer().await.map(drop),
        }
    }

    async fn heard(&mut self) -> io::Result<()> {
        while *self.meter.missing.borrow() > 0 {
            if timeout(TOO_LONG, self.meter.all.notified()).await.is_err() {
                let missing = *self.meter.missing.borrow();
                return Err(io::Error::other(format!("{missing} times a message was not heard")));
            }
        }
        Ok(())
    }
}

/// A stream: everything that comes is news. It listens from `begun` on.
async fn listen(mut http: Http, request: &[u8], begun: &[u8], meter: &Meter) -> io::Result<()> {
    http.socket.write_all(request).await?;
    let mut ready = false;
    let mut kept = 0;
    let mut buffer = [0; 4096];
    loop {
        let read = http.socket.read(&mut buffer[kept..]).await?;
        let now = Instant::now();
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = kept + read;
        if !ready && contains(&buffer[..length], begun) {
            ready = true;
            meter.is_ready();
        }
        meter.hear(&buffer[..length], now);
        // An event ends with an empty line: what comes after the last one is kept for the next read.
        let whole = &buffer[..length];
        let end = whole.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
        buffer.copy_within(end..length, 0);
        kept = if length - end < buffer.len() { length - end } else { 0 };
    }
}

async fn long_poll(mut http: Http, meter: &Meter) -> io::Result<()> {
    let mut after = 0;
    loop {
        let body = http.exchange(&format!("GET /wait?after={after}&hold=60"), "").await?;
        meter.hear(&body, Instant::now());
        after = newest(&body).unwrap_or(after);
    }
}

async fn poll(mut http: Http, every: Duration, turn: f64, meter: &Meter) -> io::Result<()> {
    let mut after = 0;
    meter.is_ready();
    let first = tokio::time::Instant::now() + every.mul_f64(turn);
    let mut clock = tokio::time::interval_at(first, every);
    loop {
        clock.tick().await;
        let body = http.exchange(&format!("GET /messages?after={after}"), "").await?;
        meter.hear(&body, Instant::now());
        after = newest(&body).unwrap_or(after);
    }
}

/// The largest `"id":7` of a JSON text.
fn newest(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, last) = text.rsplit_once("\"id\":")?;
    last.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// A connection that knows as much HTTP/1.1 as is needed here.
struct Http {
    socket: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

impl Http {
    async fn connect(address: &str) -> io::Result<Http> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Http { socket, host: address.to_string(), buffer: Vec::with_capacity(1024) })
    }

    /// Sends a request and reads its answer's body.
    async fn exchange(&mut self, line: &str, body: &str) -> io::Result<Vec<u8>> {
        self.ask(line, body).await?;
        self.answer().await
    }

    /// Sends a request.
    async fn ask(&mut self, line: &str, body: &str) -> io::Result<()> {
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let request = format!("{line} HTTP/1.1\r\nHost: {}\r\n{length}\r\n{body}", self.host);
        self.socket.write_all(request.as_bytes()).await
    }

    /// Reads the body of an answer; interim ones are passed over.
    async fn answer(&mut self) -> io::Result<Vec<u8>> {
        loop {
            while let Some(head_end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..head_end]).map_err(io::Error::other)?;
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
                if self.buffer.len() < to {
                    break;
                }
                let body = self.buffer[from..to].to_vec();
                self.buffer.drain(..to);
                if !is_interim {
                    return Ok(body);
                }
            }
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
