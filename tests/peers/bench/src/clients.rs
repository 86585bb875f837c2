//! The clients: all in one process on one thread (tokio's current-thread runtime, which is epoll), so that what is
//! measured is the server's threads and not the clients'. Who speaks is in the same process: one clock for both ends.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::heads::Head;
use crate::http::{Http, Traffic};

/// How clients hear, and how they are spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Bare TCP, the floor: `listen`, or one thing said per line.
    Lines,
    /// `GET /events`, `POST /say`. A stream is ready when all clients are `announced` on it, as the `sse` demo does; or else
    /// when it begins.
    Events { announced: bool },
    /// `GET /wait`, `GET /waiting`, `POST /say`.
    LongPoll,
    /// `GET /messages` every so often, `POST /say`.
    Polling(Duration),
    /// The same, and the answer is a script.
    Jsonp(Duration),
    /// `GET /frame`, and again when the page in the frame is full; `POST /say`.
    Frame,
    /// `GET /parts`, `POST /say`.
    Parts,
    /// `GET /stream`, `POST /say`.
    JsonLines,
    /// A zero byte ends a message: `after 0` and `say KEY TEXT` on one connection.
    XmlSocket,
    /// A line is a message, in both directions on one connection.
    Room,
    /// A frame is a message, in both directions on one connection.
    WebSocket,
}

/// Where a client is, as a page keeps it: the room's life, and the id of the last message that it has.
#[derive(Clone, Default)]
pub struct Place {
    life: String,
    after: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.life.as_str() {
            "" => write!(f, "{}", self.after), // the peers have no lives
            life => write!(f, "{life}-{}", self.after),
        }
    }
}

impl Place {
    /// Behind this message of the life that these bytes tell, if they tell one.
    pub fn behind(&mut self, after: u64, bytes: &[u8]) {
        self.after = after;
        let text = String::from_utf8_lossy(bytes);
        if let Some(life) = text.split_once("\"life\":\"").and_then(|(_, rest)| rest.split('"').next()) {
            self.life = life.to_string();
        }
    }
}

/// After so many scripts a frame is full.
pub const SCRIPTS: u64 = 30;

impl Wire {
    /// What a client asks for that is at this place: with the parameters of the demo's page, as they are when its controls
    /// were not touched.
    pub fn target(self, after: &Place) -> String {
        match self {
            Wire::Lines | Wire::XmlSocket | Wire::Room => String::new(),
            Wire::Events { .. } => format!("/events?tab=5d0c1f2e&after={after}&retry=2000"),
            Wire::LongPoll => format!("/wait?after={after}&hold=25"),
            Wire::Polling(_) => format!("/messages?after={after}"),
            // The page counts its callbacks. So long are their names when it has been open for a quarter of an hour.
            Wire::Jsonp(_) => format!("/messages?after={after}&callback=jsonp_1000"),
            Wire::Frame => format!("/frame?after={after}&scripts={SCRIPTS}&padding=1024"),
            Wire::Parts => format!("/parts?after={after}"),
            Wire::JsonLines => format!("/stream?after={after}&filler=0&tab=5d0c1f2e8a9b47c6d3e20001"),
            Wire::WebSocket => format!("/?after={after}"),
        }
    }

    /// What a browser's request for that is.
    pub fn head(self) -> Head {
        match self {
            Wire::Lines | Wire::XmlSocket | Wire::Room => Head::Bare,
            Wire::LongPoll | Wire::Polling(_) | Wire::Parts | Wire::JsonLines => Head::Fetch,
            Wire::Events { .. } => Head::Events,
            Wire::Jsonp(_) => Head::Script,
            Wire::Frame => Head::Frame,
            Wire::WebSocket => Head::Socket,
        }
    }

    /// A client hears from the moment on when it reads this.
    fn begun(self, clients: usize) -> String {
        match self {
            Wire::Events { announced: true } => format!("data: {clients}\n\n"),
            // (The head ends with an empty line, too, but in HTTP's line ends.)
            Wire::Lines | Wire::Events { announced: false } => "\n\n".to_string(),
            Wire::Frame => "-->\n".to_string(),
            Wire::Parts => "\r\n--part-".to_string(),
            Wire::XmlSocket => "here ".to_string(),
            Wire::Room => "You are in".to_string(),
            // The first event tells where the client is.
            Wire::WebSocket => "\"type\":\"here\"}".to_string(),
            Wire::LongPoll | Wire::Polling(_) | Wire::Jsonp(_) | Wire::JsonLines => "\r\n\r\n".to_string(),
        }
    }

    /// Whether one connection goes both ways: then the first of those who listen is the one who speaks.
    fn goes_both_ways(self) -> bool {
        matches!(self, Wire::XmlSocket | Wire::Room | Wire::WebSocket)
    }
}

/// A server's addresses, and whether those who connect send the heads of a browser.
#[derive(Clone)]
pub struct Site {
    /// Where the page is, and what one says goes to.
    pub page: String,
    /// Where one hears.
    pub room: String,
    /// Whether requests have all the lines that a browser sends.
    pub browsed: bool,
}

impl Site {
    /// One address for everything, and heads of one line.
    pub fn bare(address: &str) -> Site {
        Site { page: address.to_string(), room: address.to_string(), browsed: false }
    }

    /// Connects somewhere, to send requests of this kind.
    pub async fn connect(&self, address: &str, head: Head) -> io::Result<Http> {
        let head = if self.browsed { head } else { Head::Bare };
        Http::connect(address, head.lines(&self.page)).await
    }
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
    /// What went over the last client's socket: with messages, and without.
    traffic: Cell<(Traffic, Traffic)>,
}

impl Meter {
    /// Finds the marks `#007;` of messages in these bytes. Returns how many there are, and where the last one ends.
    fn hear(&self, bytes: &[u8], now: Instant) -> (u64, usize) {
        let (mut heard, mut done) = (0, 0);
        while let Some(at) = bytes[done..].iter().position(|b| *b == b'#') {
            let mark = done + at + 1;
            let Some(length) = bytes[mark..].iter().position(|b| *b == b';') else { break };
            done = mark + length + 1;
            let number: Option<usize> =
                std::str::from_utf8(&bytes[mark..mark + length]).ok().and_then(|number| number.parse().ok());
            let Some(said) = number.and_then(|number| self.said.borrow().get(number).copied()) else { continue };
            self.delays.borrow_mut().push(now - said);
            heard += 1;
            let mut missing = self.missing.borrow_mut();
            *missing -= 1;
            if *missing == 0 {
                self.all.notify_one();
            }
        }
        (heard, done)
    }

    fn is_ready(&self) {
        *self.ready.borrow_mut() += 1;
        self.all.notify_one();
    }

    fn is_not_ready(&self) {
        *self.ready.borrow_mut() -= 1;
    }
}

/// The clients of one server.
pub struct Clients {
    wire: Wire,
    browsed: bool,
    meter: Rc<Meter>,
    count: usize,
    tasks: JoinSet<io::Result<()>>,
    speaker: Speaker,
    asker: Http,
    said: u64,
}

/// Who speaks.
enum Speaker {
    /// Somebody who does not listen.
    Apart(Http),
    /// The first of the clients.
    First(OwnedWriteHalf),
}

/// Longer than anything here may take.
const TOO_LONG: Duration = Duration::from_secs(60);

impl Clients {
    /// Connects so many clients, and one more to speak if they can't. Returns when every one of them listens.
    pub async fn connect(wire: Wire, site: &Site, count: usize) -> io::Result<Clients> {
        let speaker = Speaker::Apart(site.connect(&site.page, Head::Say).await?);
        let asker = site.connect(&site.page, Head::Bare).await?;
        let (meter, tasks) = (Rc::new(Meter::default()), JoinSet::new());
        let browsed = site.browsed;
        let mut clients = Clients { wire, browsed, meter, count, tasks, speaker, asker, said: 0 };
        for number in 0..count {
            let http = site.connect(&site.room, wire.head()).await?;
            let mut client = Client { http, wire, meter: clients.meter.clone(), counts: number + 1 == count };
            // The clients of a polling server do not all ask at the same moment.
            let turn = number as f64 / count as f64;
            match wire {
                Wire::LongPoll => clients.tasks.spawn_local(client.long_poll()),
                Wire::Polling(every) | Wire::Jsonp(every) => clients.tasks.spawn_local(client.poll(every, turn)),
                Wire::Frame => clients.tasks.spawn_local(client.load_frames()),
                _ => {
                    client.begin().await?;
                    if number == 0
                        && wire.goes_both_ways()
                        && let Some(mouth) = client.http.take_mouth()
                    {
                        clients.speaker = Speaker::First(mouth);
                    }
                    clients.tasks.spawn_local(client.listen(wire.begun(count)))
                }
            };
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
        let waiting = self.asker.exchange("GET /waiting").await?;
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

    /// What has gone over the last client's socket since this was asked last, with messages and without, and how many
    /// bytes were sent to say them.
    pub fn take_traffic(&mut self) -> (Traffic, Traffic, u64) {
        let (with, without) = self.meter.traffic.take();
        (with, without, std::mem::take(&mut self.said))
    }

    async fn say_one(&mut self) -> io::Result<()> {
        let number = {
            let mut said = self.meter.said.borrow_mut();
            *self.meter.missing.borrow_mut() += self.count;
            said.push(Instant::now());
            said.len() - 1
        };
        // Five bytes, like "hello", and a key as long as a page's.
        let (text, key) = (format!("#{number:03};"), format!("{number:024x}"));
        let words = match self.wire {
            Wire::Lines | Wire::Room => format!("{text}\n").into_bytes(),
            Wire::XmlSocket => format!("say {key} {text}\0").into_bytes(),
            Wire::WebSocket => masked(&format!(r#"{{"type":"say","text":"{text}","key":"{key}"}}"#)),
            _ => Vec::new(),
        };
        match &mut self.speaker {
            Speaker::First(mouth) => {
                self.said += words.len() as u64;
                mouth.write_all(&words).await
            }
            Speaker::Apart(http) => {
                let more = if self.browsed { format!("Idempotency-Key: {key}\r\n") } else { String::new() };
                match words.is_empty() {
                    true => http.ask("POST /say", &more, &text).await?,
                    false => http.write(&words).await?,
                }
                self.said += std::mem::take(&mut http.traffic).up;
                Ok(())
            }
        }
    }

    /// Reads what the server says to having been told something. (The first of the clients hears that by itself.)
    async fn answered(&mut self) -> io::Result<()> {
        match &mut self.speaker {
            Speaker::First(_) => Ok(()),
            Speaker::Apart(http) if self.wire == Wire::Lines => {
                http.read().await?;
                http.unread.clear();
                Ok(())
            }
            Speaker::Apart(http) => http.answer().await.map(drop),
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

/// One client that listens.
struct Client {
    http: Http,
    wire: Wire,
    meter: Rc<Meter>,
    /// Whether it is the one whose bytes are counted.
    counts: bool,
}

impl Client {
    /// Sends its first words.
    async fn begin(&mut self) -> io::Result<()> {
        match self.wire {
            Wire::Lines => self.http.write(b"listen\n").await,
            Wire::XmlSocket => self.http.write(b"after 0\0").await,
            Wire::Room => self.http.write(b"/after 0\n").await,
            _ => self.http.ask(&format!("GET {}", self.wire.target(&Place::default())), "", "").await,
        }
    }

    /// A stream: everything that comes is news. It listens from `begun` on.
    async fn listen(mut self, begun: String) -> io::Result<()> {
        let mut ready = false;
        loop {
            self.http.read().await?;
            let now = Instant::now();
            if !ready && contains(&self.http.unread, begun.as_bytes()) {
                ready = true;
                self.meter.is_ready();
            }
            self.hear(now);
        }
    }

    /// A frame's page ends some time, and the next one is asked for from there on.
    async fn load_frames(mut self) -> io::Result<()> {
        let (mut place, begun) = (Place::default(), self.wire.begun(0));
        loop {
            self.http.ask(&format!("GET {}", self.wire.target(&place)), "", "").await?;
            let mut ready = false;
            let mut scripts = 0;
            while !self.http.unread.ends_with(b"\r\n0\r\n\r\n") {
                self.http.read().await?;
                let now = Instant::now();
                place.behind(place.after, &self.http.unread);
                if !ready && contains(&self.http.unread, begun.as_bytes()) {
                    ready = true;
                    self.meter.is_ready();
                }
                scripts += self.hear(now);
                if ready && scripts == SCRIPTS {
                    // It is full: nothing may be said before there is another one.
                    self.meter.is_not_ready();
                    ready = false;
                }
            }
            if ready {
                self.meter.is_not_ready();
            }
            place.after += scripts;
            self.http.unread.clear();
        }
    }

    async fn long_poll(mut self) -> io::Result<()> {
        let mut place = Place::default();
        loop {
            self.ask(&mut place).await?;
        }
    }

    async fn poll(mut self, every: Duration, turn: f64) -> io::Result<()> {
        let mut place = Place::default();
        self.meter.is_ready();
        let first = tokio::time::Instant::now() + every.mul_f64(turn);
        let mut clock = tokio::time::interval_at(first, every);
        loop {
            clock.tick().await;
            self.ask(&mut place).await?;
        }
    }

    /// Asks once, and moves behind what it has heard.
    async fn ask(&mut self, place: &mut Place) -> io::Result<()> {
        let body = self.http.exchange(&format!("GET {}", self.wire.target(place))).await?;
        let (heard, _) = self.meter.hear(&body, Instant::now());
        self.count(heard > 0);
        place.behind(newest(&body).unwrap_or(place.after), &body);
        Ok(())
    }

    /// Hears the messages in what came; returns how many.
    fn hear(&mut self, now: Instant) -> u64 {
        let (heard, done) = self.meter.hear(&self.http.unread, now);
        self.http.unread.drain(..done);
        self.count(heard > 0);
        heard
    }

    fn count(&mut self, with_messages: bool) {
        let new = std::mem::take(&mut self.http.traffic);
        if self.counts {
            let (mut with, mut without) = self.meter.traffic.get();
            *(if with_messages { &mut with } else { &mut without }) += new;
            self.meter.traffic.set((with, without));
        }
    }
}

/// A text frame as a browser sends it (RFC 6455, 5.2 and 5.3). It has at most 125 bytes.
fn masked(text: &str) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x81, 0x80 | text.len() as u8];
    frame.extend(key);
    frame.extend(text.bytes().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
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
