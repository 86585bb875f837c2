//! What a log outside of the servers costs: delay and throughput with one server and its room in memory, and with 1, 2 and
//! 4 servers on one Redis. Clients, servers and Redis share this machine.
//!
//! Run    `cargo build --release -p scaleout && cargo run --release -p scaleout --example measure`
//! Writes `tests/bench/scaleout.json`

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use scaleout::guard::OwnRedis;
use scaleout::server;
use serde_json::{Value, json};

/// The log, when Redis writes to the disk, and the number of servers.
const CASES: [(&str, &str, usize); 6] = [
    ("memory", "", 1),
    ("redis", "always", 1),
    ("redis", "always", 2),
    ("redis", "always", 4),
    ("everysec", "everysec", 1),
    ("everysec", "everysec", 2),
];

/// Each case is measured that often, in turns; what counts is the median.
const ROUNDS: usize = 3;

/// Listeners while the delay is measured, and messages.
const DELAY: (usize, usize) = (100, 200);

/// How long the crowd talks, after a start that does not count.
const TALK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// Clients that talk.
const SPEAKERS: usize = 20;

/// Listeners for the number of messages heard.
const LISTENERS: usize = 200;

fn main() -> io::Result<()> {
    let mut results: Vec<Vec<[f64; 4]>> = vec![Vec::new(); CASES.len()];
    for round in 1..=ROUNDS {
        for (case, results) in CASES.iter().zip(&mut results) {
            let result = measure(case)?;
            eprintln!("round {round}, {case:?}: {result:.0?}");
            results.push(result);
        }
    }
    let rows: Vec<Value> = CASES
        .iter()
        .zip(results)
        .map(|((log, fsync, servers), rounds)| {
            let median = |at: usize| {
                let mut all: Vec<f64> = rounds.iter().map(|round| round[at]).collect();
                all.sort_by(f64::total_cmp);
                (all[all.len() / 2] * 10.0).round() / 10.0
            };
            json!({ "log": log, "fsync": fsync, "servers": servers, "p50_us": median(0), "p99_us": median(1),
                    "said_per_second": median(2), "heard_per_second": median(3) })
        })
        .collect();
    let about = format!(
        "from said to heard by {} WebSockets, one message at a time; messages that {SPEAKERS} clients say and hear a \
         second; messages that {LISTENERS} clients hear a second. The median of {ROUNDS} rounds.",
        DELAY.0
    );
    let machine = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = machine.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a machine", |(_, model)| model);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let machine = format!("{model}, {cores} cores, {}", env::consts::OS);
    let file =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bench/scaleout.json"));
    fs::write(file, format!("{:#}\n", json!({ "about": about, "machine": machine, "runs": rows })))
}

/// Half of the messages are heard within this time, 99 of 100 within that one (microseconds); said, and heard, a second.
fn measure((log, fsync, servers): &(&str, &'static str, usize)) -> io::Result<[f64; 4]> {
    let program = program()?;
    let redis = if *log == "memory" { None } else { Some(OwnRedis::start(&program, fsync)?) };
    let address = redis.as_ref().map(|redis| redis.address().url());
    let servers: Vec<ServerUnderTest> = (0..*servers)
        .map(|_| ServerUnderTest::start(&program, address.as_deref()))
        .collect::<io::Result<_>>()?;
    let ports: Vec<u16> = servers.iter().map(|server| server.port).collect();
    let (p50, p99) = delay(&ports)?;
    let said = crowd(&ports, SPEAKERS)?;
    let heard = crowd(&ports, LISTENERS)? * LISTENERS as f64;
    Ok([p50, p99, said, heard])
}

/// The demo's own program lies beside the folder of its examples.
fn program() -> io::Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?;
    Ok(folder.join("scaleout").with_extension(env::consts::EXE_EXTENSION))
}

struct ServerUnderTest {
    child: Child,
    port: u16,
}

impl ServerUnderTest {
    fn start(program: &PathBuf, redis: Option<&str>) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args([server::WORD, "1000"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.envs(redis.map(|url| (server::REDIS, url)));
        let mut child = command.spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).lines();
        for line in lines {
            let told: Value = serde_json::from_str(&line?)?;
            if let Some(port) = told["ports"]["frames"].as_u64() {
                return Ok(ServerUnderTest { child, port: port as u16 });
            }
        }
        Err(io::Error::other("the server does not start"))
    }
}

impl Drop for ServerUnderTest {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One message at a time, and all listeners hear it before the next.
fn delay(ports: &[u16]) -> io::Result<(f64, f64)> {
    let (listeners, messages) = DELAY;
    let clock = Instant::now();
    let sent: Vec<AtomicU64> = (0..messages).map(|_| AtomicU64::new(0)).collect();
    let heard = AtomicUsize::new(0);
    let mut delays: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..listeners)
            .map(|n| {
                let mut client = Client::open(ports[n % ports.len()])?;
                let (sent, heard) = (&sent, &heard);
                Ok(scope.spawn(move || -> io::Result<Vec<u64>> {
                    let mut delays = Vec::new();
                    while delays.len() < messages {
                        let Some(n) = client.heard("delay ")? else { continue };
                        delays.push(
                            clock.elapsed().as_nanos() as u64 - sent[n].load(Ordering::Acquire),
                        );
                        heard.fetch_add(1, Ordering::AcqRel);
                    }
                    Ok(delays)
                }))
            })
            .collect::<io::Result<_>>()?;
        let mut speaker = Client::open(ports[0])?;
        for (n, sent) in sent.iter().enumerate() {
            sent.store(clock.elapsed().as_nanos() as u64, Ordering::Release);
            speaker.say(&format!("delay {n}"))?;
            while heard.load(Ordering::Acquire) < (n + 1) * listeners {
                thread::sleep(Duration::from_millis(1));
            }
        }
        threads.into_iter().try_fold(Vec::new(), |mut all, thread| {
            all.extend(thread.join().map_err(|_| io::Error::other("a listener panicked"))??);
            Ok::<_, io::Error>(all)
        })
    })?;
    delays.sort_unstable();
    let at = |part: f64| delays[((delays.len() - 1) as f64 * part) as usize] as f64 / 1e3;
    Ok((at(0.5), at(0.99)))
}

/// Messages a second that are said and heard by all of these clients; the first of them talk.
fn crowd(ports: &[u16], clients: usize) -> io::Result<f64> {
    let (start, end) = (Instant::now() + TALK.0, Instant::now() + TALK.0 + TALK.1);
    let heard = AtomicUsize::new(0);
    thread::scope(|scope| {
        for n in 0..clients {
            let mut client = Client::open(ports[n % ports.len()])?;
            client.0.get_ref().set_read_timeout(Some(Duration::from_secs(1)))?; // at the end all is silent
            let heard = &heard;
            scope.spawn(move || -> io::Result<()> {
                let mut said = 0;
                if n < SPEAKERS {
                    client.say("crowd")?;
                }
                while Instant::now() < end {
                    let event = client.event()?;
                    if event.contains("\"type\":\"said\"") {
                        said += 1;
                        client.say(&format!("crowd {n} {said}"))?;
                    } else if event.contains("\"type\":\"message\"")
                        && (start..end).contains(&Instant::now())
                    {
                        heard.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok(())
            });
        }
        Ok::<(), io::Error>(())
    })?;
    Ok(heard.load(Ordering::Relaxed) as f64 / clients as f64 / TALK.1.as_secs_f64())
}

/// A WebSocket of the demo `frames`.
struct Client(BufReader<TcpStream>);

impl Client {
    fn open(port: u16) -> io::Result<Client> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        write!(
            stream,
            "GET /?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let (mut client, mut line) = (Client(BufReader::new(stream)), String::new());
        while line != "\r\n" {
            line.clear();
            client.0.read_line(&mut line)?;
        }
        Ok(client)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        let event = format!("{{\"type\":\"say\",\"text\":\"{text}\",\"key\":\"\"}}");
        // A text of less than 126 bytes, masked with zeros: this client is for measuring only.
        let mut frame = vec![0x81, 0x80 | event.len() as u8, 0, 0, 0, 0];
        frame.extend(event.bytes());
        self.0.get_mut().write_all(&frame)
    }

    fn event(&mut self) -> io::Result<String> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut bytes = [0; 2];
            self.0.read_exact(&mut bytes)?;
            length = u16::from_be_bytes(bytes).into();
        }
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload)?;
        String::from_utf8(payload).map_err(io::Error::other)
    }

    /// The number behind these words, when the next event is such a message.
    fn heard(&mut self, words: &str) -> io::Result<Option<usize>> {
        let event = self.event()?;
        let text = event.split_once(&format!("\"text\":\"{words}"));
        Ok(text.and_then(|(_, rest)| rest.split('"').next()?.parse().ok()))
    }
}
