//! Every way side by side: each demo that carries the room, heard as its page in a browser hears it. How long a message
//! takes from said to heard, how many bytes it is on the wire, and what a client costs that hears nothing.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::clients::{Clients, Place, SCRIPTS, Site, Wire};
use crate::delay::{POLL, SIZES, demo, percentiles};
use crate::http::{Http, Traffic};
use crate::median;
use crate::process::Server;

/// How often the demos take turns.
const ROUNDS: usize = 3;

/// Messages that are said before bytes are counted.
const WARM_UP: usize = 10;

/// Messages whose bytes are counted. All their ids have two digits; and a frame is full once among them, which belongs to
/// what they cost.
const COUNTED: usize = SCRIPTS as usize;

/// A demo, and how its page hears.
struct Way {
    demo: &'static str,
    /// The name of the server beside the page's that is asked.
    beside: Option<&'static str>,
    wire: Wire,
    /// Its page's and its server's rhythm while nothing is said, when nobody has touched a control: one turn, in seconds.
    turn: f64,
    /// The same in words.
    idle: &'static str,
}

const WAYS: [Way; 10] = [
    Way { demo: "polling", beside: None, wire: Wire::Polling(POLL), turn: 1.0, idle: "asks every second" },
    Way { demo: "jsonp", beside: Some("data"), wire: Wire::Jsonp(POLL), turn: 1.0, idle: "asks every second" },
    Way {
        demo: "longpoll",
        beside: None,
        wire: Wire::LongPoll,
        turn: 25.0,
        idle: "is answered with an empty list after 25 s, with a sign of life every 5 s before that",
    },
    Way {
        demo: "iframe",
        beside: None,
        wire: Wire::Frame,
        turn: 3.0 * SCRIPTS as f64,
        idle: "hears a sign of life every 3 s; loads a new page after 30 scripts",
    },
    Way { demo: "multipart", beside: None, wire: Wire::Parts, turn: 5.0, idle: "hears an empty part every 5 s" },
    Way { demo: "stream", beside: None, wire: Wire::JsonLines, turn: 5.0, idle: "hears an empty line every 5 s" },
    Way { demo: "flash", beside: Some("xmlsocket"), wire: Wire::XmlSocket, turn: SILENCE, idle: "is silent" },
    Way {
        demo: "sse",
        beside: None,
        wire: Wire::Events { announced: true },
        turn: 15.0,
        idle: "hears a comment every 15 s",
    },
    Way { demo: "tcp", beside: Some("room"), wire: Wire::Room, turn: SILENCE, idle: "is silent" },
    Way { demo: "frames", beside: None, wire: Wire::WebSocket, turn: SILENCE, idle: "is silent" },
];

/// How long a connection is listened to on which nothing should come, in seconds.
const SILENCE: f64 = 2.0;

/// The demos that are measured here.
pub fn demos() -> impl Iterator<Item = &'static str> {
    WAYS.iter().map(|way| way.demo)
}

/// What was measured of one demo.
#[derive(Default)]
pub struct Cost {
    /// The demo.
    pub demo: &'static str,
    /// Half of the clients heard a message within so many microseconds, 99 of 100 within so many: with 1 client, with 100.
    pub delays: [(f64, f64); 2],
    /// Bytes on a listener's socket for each message that it heard.
    pub up: f64,
    /// The same, from the server.
    pub down: f64,
    /// Bytes sent to say one message.
    pub say: f64,
    /// Requests of an idle client in a minute.
    pub idle_requests: f64,
    /// Bytes of an idle client in a minute, in both directions.
    pub idle_bytes: f64,
    /// What an idle client does.
    pub idle: &'static str,
}

/// Measures all of them.
pub async fn measure(demos: &Path) -> io::Result<Vec<Cost>> {
    let mut costs: Vec<Cost> =
        WAYS.iter().map(|way| Cost { demo: way.demo, idle: way.idle, ..Cost::default() }).collect();
    for (size, (clients, messages, warm_up)) in SIZES.into_iter().take(2).enumerate() {
        let mut rounds = vec![Vec::new(); WAYS.len()];
        for round in 1..=ROUNDS {
            eprintln!("every way, {clients} clients, round {round} of {ROUNDS}");
            for (way, results) in WAYS.iter().zip(&mut rounds) {
                if way.asks_by_the_clock() && round > 1 {
                    continue; // the delay is the clock's: once is enough
                }
                results.push(way.delays(demos, clients, messages, warm_up).await?);
            }
        }
        for (cost, results) in costs.iter_mut().zip(rounds) {
            let (p50, p99) = results.into_iter().unzip();
            cost.delays[size] = (median(p50), median(p99));
        }
    }
    for (way, cost) in WAYS.iter().zip(&mut costs) {
        eprintln!("bytes of {}", way.demo);
        (cost.up, cost.down, cost.say) = way.bytes(demos).await?;
        let turn = way.idle_turn(demos).await?;
        let per_minute = 60.0 / way.turn;
        cost.idle_requests = turn.requests as f64 * per_minute;
        cost.idle_bytes = (turn.up + turn.down) as f64 * per_minute;
    }
    Ok(costs)
}

impl Way {
    fn asks_by_the_clock(&self) -> bool {
        matches!(self.wire, Wire::Polling(_) | Wire::Jsonp(_))
    }

    /// Starts the demo, on the bench.
    fn start(&self, demos: &Path) -> io::Result<(Server, Site)> {
        let mut server = Server::start(&mut demo(demos, self.demo, true))?;
        let page = server.address.clone();
        let room = match self.beside {
            Some(name) => server.beside(name)?,
            None => page.clone(),
        };
        Ok((server, Site { page, room, browsed: true }))
    }

    /// From said to heard. Who asks by the clock is told things all the time, so that they wait for any part of its turn.
    async fn delays(&self, demos: &Path, clients: usize, messages: usize, warm_up: usize) -> io::Result<(f64, f64)> {
        let (_server, site) = self.start(demos)?;
        let mut heard = Clients::connect(self.wire, &site, clients).await?;
        if self.asks_by_the_clock() {
            heard.say(1).await?;
            return Ok(percentiles(heard.say_steadily(100, POLL / 50).await?));
        }
        heard.say(warm_up).await?;
        Ok(percentiles(heard.say(messages).await?))
    }

    /// Bytes up and down for a message on the socket of one who listens, and bytes up on that of the one who says it.
    async fn bytes(&self, demos: &Path) -> io::Result<(f64, f64, f64)> {
        let (_server, site) = self.start(demos)?;
        // How often it asks changes nothing here but how long this takes.
        let wire = match self.wire {
            Wire::Polling(_) => Wire::Polling(Duration::from_millis(20)),
            Wire::Jsonp(_) => Wire::Jsonp(Duration::from_millis(20)),
            other => other,
        };
        // Two of them: the first may be the one who speaks.
        let mut heard = Clients::connect(wire, &site, 2).await?;
        heard.say(WARM_UP).await?;
        heard.take_traffic();
        heard.say(COUNTED).await?;
        let (with, without, said) = heard.take_traffic();
        let mut total = with;
        // An answer without news is what silence costs. A stream is not silent here: all that comes is for the messages.
        if !self.asks_by_the_clock() {
            total += without;
        }
        let each = |bytes: u64| bytes as f64 / COUNTED as f64;
        Ok((each(total.up), each(total.down), each(said)))
    }

    /// What goes over the wire in one turn of an idle client. Nobody waits so long: beat and hold are asked to be short, and
    /// the bytes that this takes in the request are not counted.
    async fn idle_turn(&self, demos: &Path) -> io::Result<Traffic> {
        let (_server, site) = self.start(demos)?;
        if matches!(self.wire, Wire::Lines | Wire::XmlSocket | Wire::Room | Wire::WebSocket) {
            let mut idle = Clients::connect(self.wire, &site, 1).await?;
            idle.take_traffic();
            tokio::time::sleep(Duration::from_secs_f64(SILENCE)).await;
            let (_, without, _) = idle.take_traffic();
            return Ok(without);
        }
        Clients::connect(self.wire, &site, 0).await?.say(WARM_UP).await?;
        let mut place = Place::default();
        place.behind(WARM_UP as u64, b"\"life\":\"00000000\"");
        let target = self.wire.target(&place);
        let mut http = site.connect(&site.room, self.wire.head()).await?;
        match self.wire {
            _ if self.asks_by_the_clock() => drop(http.exchange(&format!("GET {target}")).await?),
            // Both answers come in chunks, so their end is the last chunk.
            Wire::LongPoll | Wire::Frame => {
                let target = target.replace("hold=25", "hold=.5");
                http.ask(&format!("GET {target}{SHORT}"), "", "").await?;
                while !http.unread.ends_with(b"\r\n0\r\n\r\n") {
                    http.read().await?;
                }
                http.traffic.up -= SHORT.len() as u64;
            }
            _ => {
                http.ask(&format!("GET {target}{SHORT}"), "", "").await?;
                return Ok(Traffic { down: beat(&mut http).await?, ..Traffic::default() });
            }
        }
        Ok(http.traffic)
    }
}

/// Asks for a sign of life every tenth of a second. (A long poll of half a second has as many as one of 25 s by itself.)
const SHORT: &str = "&beat=.1";

/// How many bytes a stream takes from one sign of life to the next.
async fn beat(http: &mut Http) -> io::Result<u64> {
    // The ends of an event, of a part without content, and of a chunk of one line feed.
    let marks: [&[u8]; 3] = [b": beat\n\n", b"Content-Length: 0\r\n\r\n", b"\r\n1\r\n\n\r\n"];
    loop {
        http.read().await?;
        let ends: Vec<usize> = (0..=http.unread.len())
            .filter(|end| marks.iter().any(|mark| http.unread[..*end].ends_with(mark)))
            .collect();
        if let [first, _, _, last, ..] = ends[..] {
            return Ok((last - first) as u64 / 3);
        }
    }
}
