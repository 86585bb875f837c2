//! The figures as a table for people and as JSON for the book.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::cold::Cold;
use crate::delay::Delay;
use crate::idle::Idle;
use crate::ways::Cost;

/// The part of axum's cold build time that a demo's may take.
const COLD_AIM: f64 = 0.25;

/// KiB that an idle client may take.
const IDLE_AIM: f64 = 100.0;

/// Everything that was measured.
pub struct Report {
    machine: String,
    commit: String,
    date: String,
    load: (String, String),
    /// The first build.
    pub cold: Option<Cold>,
    /// From said to heard.
    pub delays: Vec<Delay>,
    /// Idle clients.
    pub idle: Vec<Idle>,
    /// Every way side by side.
    pub ways: Vec<Cost>,
    /// Rooms full of members: a table.
    pub chat: String,
}

impl Report {
    /// An empty report of this machine, this commit and today.
    pub fn begin(root: &Path) -> Report {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0.0);
        let kernel = said(root, "uname", &["-sr"]);
        let rustc = said(root, "rustc", &["--version"]);
        let changed = !said(root, "git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
        Report {
            machine: format!(
                "{cores} cores of {}, {:.0} GiB, {kernel}, {rustc}",
                model.trim_start_matches([' ', '\t', ':']),
                kib / 1024.0 / 1024.0
            ),
            commit: said(root, "git", &["rev-parse", "--short=12", "HEAD"]) + if changed { " and changes" } else { "" },
            date: said(root, "date", &["-u", "+%Y-%m-%d"]),
            load: (load(), String::new()),
            cold: None,
            delays: Vec::new(),
            idle: Vec::new(),
            ways: Vec::new(),
            chat: String::new(),
        }
    }

    /// On which machine, of which commit, on which day.
    pub fn about(&self) -> Value {
        json!({ "machine": self.machine, "commit": self.commit, "date": self.date })
    }

    /// Everything is measured.
    pub fn end(&mut self) {
        self.load.1 = load();
    }

    /// Writes `results.md` and `results.json` into a folder.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("results.md"), self.markdown())?;
        std::fs::write(folder.join("results.json"), format!("{:#}\n", self.json()))
    }

    /// The tables.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# What `make bench` measured\n\nWritten by `make bench`; do not edit.\n\n{}; commit {}; {}. Load average before and after: {}, {}.\n",
            self.machine, self.commit, self.date, self.load.0, self.load.1
        );
        if let Some(cold) = &self.cold {
            text += "\n## The first build\n\n`cargo build` into an empty folder, everything downloaded before.\n\n";
            text += "| | seconds | crates | of axum's time | aim | |\n|---|--:|--:|--:|--:|---|\n";
            let _ = writeln!(
                text,
                "| `longpoll` | {:.1} | {} | {:.2} | {COLD_AIM:.2} | {} |",
                cold.longpoll,
                cold.longpoll_crates,
                cold.ratio,
                verdict(cold.ratio, COLD_AIM)
            );
            let _ = writeln!(text, "| hello on axum | {:.1} | {} | | | |", cold.axum, cold.axum_crates);
        }
        if !self.delays.is_empty() {
            text += "\n## From said to heard\n\nMicroseconds from the moment before a message is written to a socket until a client has read it. `floor` is bare\n\
                TCP with a thread per client and one condition variable, `longpoll floor` the same with a minimum of HTTP. Middle\n\
                values of interleaved rounds; the ratio is that of p50, round by round.\n\n";
            text += "| | clients | p50 µs | p99 µs | times | of | aim | |\n|---|--:|--:|--:|--:|---|--:|---|\n";
            for delay in &self.delays {
                let (of, times) = delay.ratio.map_or(("", String::new()), |(of, times)| (of, format!("{times:.2}")));
                let aim = delay.aim.map_or(String::new(), |aim| format!("{aim:.1}"));
                let word = delay.aim.zip(delay.ratio).map_or("", |(aim, (_, times))| verdict(times, aim));
                let _ = writeln!(
                    text,
                    "| {} | {} | {:.0} | {:.0} | {times} | {of} | {aim} | {word} |",
                    delay.name, delay.clients, delay.p50, delay.p99
                );
            }
        }
        let missed = |delay: &&Delay| delay.aim.zip(delay.ratio).is_some_and(|(aim, (_, times))| times > aim);
        for delay in self.delays.iter().filter(missed) {
            let _ = writeln!(
                text,
                "\nMissed: `{}` with {} client(s). What it does besides: {}. How much of the delay that makes was not measured.",
                delay.name, delay.clients, delay.more
            );
        }
        if !self.ways.is_empty() {
            text += &self.side_by_side();
        }
        if !self.idle.is_empty() {
            text += "\n## An idle client\n\nEach of 1,000 that only listen, with the bench on.\n\n";
            text += "| | KiB resident | aim | | threads |\n|---|--:|--:|---|--:|\n";
            for idle in &self.idle {
                let word = verdict(idle.kib, IDLE_AIM);
                let _ = writeln!(
                    text,
                    "| {} | {:.0} | {IDLE_AIM:.0} | {word} | {:.1} |",
                    idle.name, idle.kib, idle.threads
                );
            }
        }
        if !self.chat.is_empty() {
            let _ = write!(text, "\n{}", self.chat);
        }
        text
    }

    fn side_by_side(&self) -> String {
        let mut text = "\n## Every way side by side\n\n".to_string();
        text += "Each demo on the bench, heard and spoken to as by its page in Chromium, with the same header lines; `tcp` as by `nc`,\n\
            `flash` as by Flash Player: without the bridge that its emulator needs. Delays are measured as above; where clients\n\
            ask by the clock, things are said at any time of its turn. With `flash`, `tcp` and `frames` the first listener is the\n\
            one who speaks, and another one's bytes are counted.\n\n\
            Bytes are those that went over the clients' sockets; what TCP and IP add is not in them. A message is five bytes of\n\
            text. **Up** and **down**: on the socket of one who listens, for each message; where it asks, a question and its\n\
            answer. `iframe` has in it the share of one message in loading a new page after 30. **Say**: sent to say one.\n\n";
        text += "| | 1 client: p50 µs | p99 µs | 100 clients: p50 µs | p99 µs | up B | down B | say B |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
        for way in &self.ways {
            let [one, hundred] = way.delays;
            let _ = writeln!(
                text,
                "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
                way.demo, one.0, one.1, hundred.0, hundred.1, way.up, way.down, way.say
            );
        }
        text += "\nA client while nobody says anything. Of each, one turn was counted, asked to be short where the demo lets one choose,\n\
            and multiplied to a minute in the rhythm of the last column; the silent ones were listened to for 2 s.\n\n";
        text += "| | requests a minute | bytes a minute, both ways | an idle client |\n|---|--:|--:|---|\n";
        for way in &self.ways {
            let _ =
                writeln!(text, "| {} | {:.1} | {:.0} | {} |", way.demo, way.idle_requests, way.idle_bytes, way.idle);
        }
        text
    }

    fn json(&self) -> Value {
        let cold = self.cold.as_ref().map(|cold| {
            json!({ "longpoll_s": round(cold.longpoll, 2), "axum_s": round(cold.axum, 2), "ratio": round(cold.ratio, 3),
                    "aim": COLD_AIM, "longpoll_crates": cold.longpoll_crates, "axum_crates": cold.axum_crates })
        });
        let delays: Vec<Value> = self
            .delays
            .iter()
            .map(|delay| {
                json!({ "server": delay.name, "clients": delay.clients, "p50_us": round(delay.p50, 1),
                        "p99_us": round(delay.p99, 1), "against": delay.ratio.map(|(of, _)| of),
                        "ratio": delay.ratio.map(|(_, times)| round(times, 3)), "aim": delay.aim })
            })
            .collect();
        let idle: Vec<Value> = self
            .idle
            .iter()
            .map(|idle| {
                json!({ "demo": idle.name, "kib": round(idle.kib, 1), "aim": IDLE_AIM, "threads": round(idle.threads, 3) })
            })
            .collect();
        let ways: Vec<Value> = self
            .ways
            .iter()
            .map(|way| {
                let [one, hundred] = way.delays;
                json!({ "demo": way.demo, "p50_us_1": round(one.0, 1), "p99_us_1": round(one.1, 1),
                        "p50_us_100": round(hundred.0, 1), "p99_us_100": round(hundred.1, 1),
                        "up_bytes": round(way.up, 1), "down_bytes": round(way.down, 1), "say_bytes": round(way.say, 1),
                        "idle_requests_per_minute": round(way.idle_requests, 2),
                        "idle_bytes_per_minute": round(way.idle_bytes, 1), "when_idle": way.idle })
            })
            .collect();
        json!({ "machine": self.machine, "commit": self.commit, "date": self.date, "load": [self.load.0, self.load.1],
                "cold_build": cold, "said_to_heard": delays, "idle": idle, "ways": ways })
    }
}

fn verdict(measured: f64, aim: f64) -> &'static str {
    if measured <= aim { "met" } else { "**missed**" }
}

fn round(number: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (number * scale).round() / scale
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("").to_string()
}

/// What a command says on stdout; nothing when there is no such command.
fn said(folder: &Path, program: &str, words: &[&str]) -> String {
    let output = Command::new(program).current_dir(folder).args(words).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string()).unwrap_or_default()
}
