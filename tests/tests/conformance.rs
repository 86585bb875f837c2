//! Autobahn|Testsuite, the independent judge of RFC 6455 and RFC 7692, against both ends of `frames` and of `deflate`,
//! and against the server of `eventloop`.
//!
//! It runs where `wstest` is found: `WSTEST` names it, or the `PATH` has it. It exits 0 whatever happened, so what counts
//! is its report: every case that was asked for must be there and OK. INFORMATIONAL is a case without a right
//! answer; NON-STRICT and UNIMPLEMENTED are cases that we want to pass too. `make conformance` runs all of them, and writes
//! what came out to `conformance/summary.json`, as the book must say it; `make test` runs all of `frames` and a selection of the
//! others: the thousands of long messages for `deflate` take minutes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What is judged: a demo, and by which cases. Chapter 8 has none; 11 was taken back.
struct Subject {
    /// The demo, whose server has an `/echo`.
    package: &'static str,
    /// Its example that is a client, and says back what it hears.
    client: &'static str,
    cases: &'static [&'static str],
    exclude: &'static [&'static str],
    /// So many cases these are in version 0.8.2. A suite that runs fewer has not judged us.
    count: usize,
    /// With these words on the command line.
    servers: &'static [(&'static str, &'static [&'static str])],
}

/// Chapters 1 to 7, 9 and 10. Chapters 12 and 13 are about compression, the lesson of `deflate`.
const FRAMES: Subject = Subject {
    package: "frames",
    client: "echo",
    cases: &["*"],
    exclude: &["12.*", "13.*"],
    count: 301,
    servers: &[("server", &["--no-bench"]), ("server behind the bench", &[])],
};

/// The same and chapters 12 and 13 with their 216 cases.
const DEFLATE: Subject = Subject {
    package: "deflate",
    client: "mirror",
    cases: &["*"],
    exclude: &[],
    count: 517,
    servers: &[("server", &["--no-bench"])],
};

/// Of each kind of data and of each set of parameters the shortest messages, and fragments.
const DEFLATE_QUICKLY: Subject = Subject {
    cases: &[
        "5.*", "12.1.1", "12.2.1", "12.3.1", "12.4.1", "12.5.1", "13.1.1", "13.2.1", "13.3.1", "13.4.1", "13.5.1",
        "13.6.1", "13.7.1",
    ],
    count: 32,
    ..DEFLATE
};

/// The frames of `frames`, on an event loop. It has no client of its own.
const EVENTLOOP: Subject = Subject { package: "eventloop", servers: &[("server", &["--no-bench"])], ..FRAMES };

/// The same without chapter 9, which sends much.
const EVENTLOOP_QUICKLY: Subject = Subject { exclude: &["9.*", "12.*", "13.*"], count: FRAMES.count - 54, ..EVENTLOOP };

/// Asks the suite in its server's mode for what it counts, whatever is judged: the demo, and its example.
const CLIENT: (&str, &str) = ("frames", "client");

/// Set for the copy of this test that runs inside a network of its own.
const INSIDE: &str = "CONFORMANCE_INSIDE";

#[test]
fn both_ends_are_judged_ok() {
    let Some(wstest) = wstest() else {
        let why = "no wstest (Autobahn|Testsuite 0.8.2) in the PATH, and WSTEST names none";
        assert!(std::env::var_os("RECORD").is_none(), "{why}");
        return tests::skipped(why);
    };
    let whole = std::env::var_os("RECORD").is_some();
    let subjects = [FRAMES, if whole { DEFLATE } else { DEFLATE_QUICKLY }];
    let event_loop = if whole { EVENTLOOP } else { EVENTLOOP_QUICKLY };
    if std::env::var_os(INSIDE).is_some() {
        subjects.iter().for_each(|subject| client(&wstest, subject));
        return;
    }
    // All is built before anything is judged: a compiler beside it would take the time that the judge gives.
    for subject in subjects.iter().chain([&event_loop]) {
        build(subject.package, "--bin", subject.package);
    }
    for (package, client) in subjects.iter().map(|subject| (subject.package, subject.client)).chain([CLIENT]) {
        build(package, "--example", client);
    }
    // The suite mostly waits, and asks one case after the other. So its runs go side by side.
    let (wstest, mut summary) = (&wstest, BTreeMap::new());
    thread::scope(|scope| {
        let clients = scope.spawn(in_a_network_of_its_own);
        let mut servers = Vec::new();
        for subject in subjects.iter().chain([&event_loop]) {
            for (what, words) in subject.servers {
                servers.push((subject, what, scope.spawn(move || server(wstest, subject, what, words))));
            }
        }
        for (subject, what, report) in servers {
            summary.insert(subject.name(what), judge(subject, what, &joined(report)));
        }
        joined(clients);
    });
    for subject in &subjects {
        summary.insert(subject.name("client"), judge(subject, "client", &folder(&subject.name("client"))));
    }
    if std::env::var_os("RECORD").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/summary.json");
        let suite = "Autobahn|Testsuite 0.8.2";
        fs::write(&path, format!("{:#}\n", json!({ "suite": suite, "results": summary }))).unwrap();
        println!("written: tests/conformance/summary.json");
    }
}

impl Subject {
    /// `frames` has the short names: it was there first.
    fn name(&self, what: &str) -> String {
        if self.package == "frames" { what.to_string() } else { format!("{} {what}", self.package) }
    }
}

/// The fuzzing client against our server's `/echo`.
fn server(wstest: &Path, subject: &Subject, what: &str, words: &[&str]) -> PathBuf {
    let package = subject.package;
    let program = build(package, "--bin", package);
    let mut command = Command::new(program);
    let (lines, output) = io::pipe().unwrap();
    let _demo = Running::start(command.args(["--port", "0", "--quiet"]).args(words), output);
    let (mut lines, mut first) = (BufReader::new(lines), String::new());
    lines.read_line(&mut first).unwrap();
    let address = first.trim().rsplit_once("http://").expect("the first line names the address").1.to_string();

    let out = folder(&subject.name(what));
    let url = format!("ws://{address}/echo");
    let spec = json!({
        "outdir": out, "servers": [{ "agent": package, "url": url }],
        "cases": subject.cases, "exclude-cases": subject.exclude, "exclude-agent-cases": {},
    });
    suite(wstest, "fuzzingclient", &out, &spec).ends(Duration::from_secs(3_600));
    out
}

/// The fuzzing server binds all interfaces, so it gets a network where there is only this machine.
fn in_a_network_of_its_own() {
    let this = std::env::current_exe().unwrap();
    let words = ["both_ends_are_judged_ok", "--exact", "--nocapture"];
    let unshare = ["-n", "-rn"].into_iter().find(|how| succeeds(Command::new("unshare").args([how, "true"])));
    let mut command = match unshare {
        Some(how) => {
            let mut command = Command::new("unshare");
            command.args([how, "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(&this);
            command
        }
        None => Command::new(&this), // no such thing here
    };
    let done = command.args(words).env(INSIDE, "1").status().unwrap();
    assert!(done.success(), "the client's half failed");
}

/// The fuzzing server against our client, case by case.
fn client(wstest: &Path, subject: &Subject) {
    let package = subject.package;
    let (client, echo) = (build(CLIENT.0, "--example", CLIENT.1), build(package, "--example", subject.client));
    let out = folder(&subject.name("client"));
    let port = 9001;
    let url = format!("ws://127.0.0.1:{port}");
    let spec = json!({
        "outdir": out, "url": url, "cases": subject.cases, "exclude-cases": subject.exclude, "exclude-agent-cases": {},
    });
    let _suite = suite(wstest, "fuzzingserver", &out, &spec);
    let ask = |path: &str| {
        let asked =
            Command::new(&client).arg(format!("{url}{path}")).stdin(Stdio::piped()).stderr(Stdio::null()).output();
        String::from_utf8(asked.unwrap().stdout).unwrap()
    };
    let deadline = Instant::now() + Duration::from_secs(300);
    let cases = loop {
        if let Ok(cases) = ask("/getCaseCount").trim().parse::<usize>() {
            break cases;
        }
        assert!(Instant::now() < deadline, "the fuzzing server does not say how many cases it has");
        thread::sleep(Duration::from_millis(100)); // no event tells when another program has opened its port
    };
    for case in 1..=cases {
        let mut command = Command::new(&echo);
        command.arg(format!("{url}/runCase?case={case}&agent={package}"));
        Running::start(&mut command, io::sink()).ends(Duration::from_secs(180));
    }
    ask(&format!("/updateReports?agent={package}"));
}

/// Reads the report: what every case came to, by chapter. Fails on anything but OK and INFORMATIONAL.
fn judge(subject: &Subject, what: &str, out: &Path) -> Value {
    let what = &subject.name(what);
    let report =
        fs::read_to_string(out.join("index.json")).unwrap_or_else(|_| panic!("{what}: wstest wrote no report"));
    let report: Value = serde_json::from_str(&report).unwrap();
    let cases = report[subject.package].as_object().unwrap_or_else(|| panic!("{what}: no case was counted"));
    let mut chapters: BTreeMap<usize, BTreeMap<String, usize>> = BTreeMap::new();
    let (mut faults, mut open) = (Vec::new(), Vec::new());
    for (case, result) in cases {
        let chapter = case.split('.').next().unwrap();
        let behavior = result["behavior"].as_str().unwrap_or("missing");
        let close = result["behaviorClose"].as_str().unwrap_or("missing");
        if ![behavior, close].iter().all(|one| ["OK", "INFORMATIONAL"].contains(one)) {
            faults.push(format!("{case}: {behavior}, close {close}"));
        }
        if behavior == "INFORMATIONAL" {
            open.push(case.clone());
        }
        *chapters.entry(chapter.parse().unwrap()).or_default().entry(behavior.to_string()).or_default() += 1;
    }
    assert!(faults.is_empty(), "{what}: {faults:#?}");
    assert_eq!(cases.len(), subject.count, "{what}: not all cases ran");
    open.sort();
    println!("{what}: {} cases, {} OK, {} INFORMATIONAL", cases.len(), cases.len() - open.len(), open.len());
    let chapters: BTreeMap<String, _> =
        chapters.into_iter().map(|(chapter, counts)| (chapter.to_string(), counts)).collect();
    json!({ "cases": cases.len(), "ok": cases.len() - open.len(), "informational": open, "chapters": chapters })
}

/// Starts the suite in one of its modes.
fn suite(wstest: &Path, mode: &str, out: &Path, spec: &Value) -> Running {
    let path = out.with_extension("spec.json");
    fs::write(&path, spec.to_string()).unwrap();
    let log = fs::File::create(out.with_extension("log")).unwrap();
    let errors = log.try_clone().unwrap();
    let mut command = Command::new(wstest);
    Running::start(command.args(["-m", mode, "-w", "0", "-s"]).arg(path).stderr(errors), log)
}

/// The suite, if this machine has it.
fn wstest() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("WSTEST").filter(|named| !named.is_empty()) {
        // The test runs in the folder of its crate, whoever named the file did not.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(&named);
        return Some(fs::canonicalize(&root).unwrap_or_else(|error| panic!("WSTEST={}: {error}", root.display())));
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("wstest")).find(|file| file.is_file())
}

/// What the thread came to; its panic is that of the test.
fn joined<T>(thread: ScopedJoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// An empty folder for a report, in the target directory.
fn folder(what: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("autobahn").join(what.replace(' ', "-"));
    if !(what.ends_with("client") && std::env::var_os(INSIDE).is_none()) {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
    }
    folder
}

/// Builds a program of a demo and says where it is.
fn build(package: &str, kind: &str, name: &str) -> PathBuf {
    let words = ["build", "-q", "--message-format=json", "-p", package, kind, name];
    let built = Command::new(env!("CARGO")).args(words).stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "cargo build {kind} {name}");
    let lines = String::from_utf8(built.stdout).unwrap();
    let mut programs = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = programs.find(|line| line["target"]["name"] == name && line["executable"].is_string());
    PathBuf::from(found.unwrap_or_else(|| panic!("no program {name}"))["executable"].as_str().unwrap())
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A process that does not outlive its test.
struct Running {
    child: Child,
    /// Nothing is ever sent: the other end is dropped when the process has closed its output, which is when it ends.
    output: Receiver<()>,
}

impl Running {
    /// Starts a program; what it prints goes to `log`.
    fn start(command: &mut Command, mut log: impl Write + Send + 'static) -> Running {
        let started = command.stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut printed = child.stdout.take().unwrap();
        let (end, output) = channel();
        thread::spawn(move || {
            let _ = io::copy(&mut printed, &mut log);
            drop(end);
        });
        Running { child, output }
    }

    /// Waits until it ends by itself.
    fn ends(mut self, patience: Duration) {
        let ended = self.output.recv_timeout(patience);
        assert_eq!(ended, Err(RecvTimeoutError::Disconnected), "it does not end");
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
