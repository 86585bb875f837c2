//! Starts the program that a learner starts.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::task::SOON;
use crate::writer::{Way, Writer};
use crate::{Bench, DEADLINE, Message, Wire};

/// Starts a demo on free ports, as `PORT=0 cargo run -p NAME` does; or takes the server that `TARGET` names.
pub fn start(name: &str) -> Server {
    start_with(name, &[])
}

/// The same with more words on its command line.
pub fn start_with(name: &str, args: &[&str]) -> Server {
    Setup::new(name).args(args).start()
}

/// Whether the wire tests are aimed at a foreign server: `TARGET=http://host:port`.
pub fn aimed() -> bool {
    target("TARGET").is_some()
}

fn target(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|url| !url.is_empty())
}

/// A foreign server keeps its room from test to test: one test at a time may talk in it.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How a demo is to be started.
#[derive(Clone)]
pub struct Setup {
    name: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// The most files it may have open: `ulimit -n`.
    open_files: Option<u32>,
    /// The columns of the terminal that it writes to, if it is one.
    terminal: Option<u32>,
    /// Have the demo's ports, too, and do not listen on them.
    keepers: Arc<Vec<Socket>>,
}

/// The ports of a demo, of the servers beside it and of its bench are so far above its own.
const PORTS: [u16; 6] = [0, 100, 200, 300, 400, 1_000];

/// A port that is free, as are those above it where servers of the same demo may be; and sockets that keep them. `None`: one was
/// taken.
fn free_ports() -> Option<(u16, Vec<Socket>)> {
    let bind = |port: u16, shared: bool| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.set_reuse_address(shared).ok()?;
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        socket.bind(&address.into()).ok().map(|()| socket)
    };
    let first = bind(0, false)?.local_addr().ok()?.as_socket()?.port();
    let keep = |above: &u16| {
        let port = first.checked_add(*above)?;
        drop(bind(port, false)?); // fails when another socket has it
        bind(port, true)
    };
    let keepers = PORTS.iter().map(keep).collect::<Option<Vec<_>>>()?;
    Some((first, keepers))
}

impl Setup {
    /// A demo with nothing but `PORT=0`.
    pub fn new(name: &str) -> Self {
        let env = vec![("PORT".to_string(), "0".to_string())];
        Setup {
            name: name.to_string(),
            args: Vec::new(),
            env,
            open_files: None,
            terminal: None,
            keepers: Arc::default(),
        }
    }

    /// Adds words to the command line.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(other, _)| other != name);
        self.env.push((name.to_string(), value.to_string()));
        self
    }

    /// Lets the process open no more files than that, standard input and output included.
    pub fn open_files(mut self, limit: u32) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// Gives it a terminal so many columns wide to write to, which `script` (util-linux) plays.
    pub fn on_a_terminal(mut self, columns: u32) -> Self {
        self.terminal = Some(columns);
        self
    }

    /// Gives it a port that it gets again when it is started again ([`Server::start_again`]), and so do the servers beside it:
    /// until then no other program can get these ports. On Linux, this process binds them, too. Elsewhere two can't, and they
    /// are only free.
    pub fn on_a_port_of_its_own(mut self) -> Self {
        let (port, keepers) = std::iter::repeat_with(free_ports).flatten().next().expect("free ports");
        if cfg!(target_os = "linux") {
            self.keepers = Arc::new(keepers);
        }
        self.env("PORT", &port.to_string())
    }

    /// The port that it is told to take; 0 is any.
    pub fn port(&self) -> u16 {
        let port = self.env.iter().find(|(name, _)| name == "PORT").and_then(|(_, value)| value.parse().ok());
        port.unwrap_or(0)
    }

    /// Starts it and waits for the line with its address.
    pub fn start(self) -> Server {
        if let Some(url) = target("TARGET") {
            let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            let output = Output::new("(a foreign server: its output is its own)");
            let bench = target("TARGET_BENCH");
            let mut server = Server::named(&self.name, &url, output);
            server.bench = bench;
            server._alone = Some(alone);
            return server;
        }
        let again = self.clone();
        let mut server = self.launch();
        server.url = server.announced(": http", "its address");
        server.plain = server.plain_side();
        server.setup = Some(again);
        server
    }

    /// Runs it to its end. Returns how it ended and all that it wrote.
    pub fn run_to_its_end(self) -> (ExitStatus, String) {
        let mut server = self.launch();
        let status = server.ends();
        (status, server.output())
    }

    fn launch(self) -> Server {
        let program = build(&self.name);
        let mut command = match (self.open_files, self.terminal) {
            (None, None) => Command::new(&program),
            (Some(limit), _) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("ulimit -n {limit}; exec \"$@\"")).arg("sh").arg(&program);
                shell
            }
            (None, Some(columns)) => {
                let line = format!("stty cols {columns} && exec '{}'", program.display());
                let mut script = Command::new("script");
                script.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
                script
            }
        };
        command.args(&self.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The tests' own environment should not colour what the demo does.
        for name in ["PORT", "NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
            command.env_remove(name);
        }
        // The user's own certificates are not the tests' to make anew.
        command.env("WSS_CERTIFICATES", program.with_file_name("certificates-of-tests"));
        command.envs(self.env);
        Server::spawn(&self.name, command)
    }
}

/// Builds a demo, once for each test program, and tells where its program is.
fn build(name: &str) -> PathBuf {
    static BUILT: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    // A test's own program is TARGET/PROFILE/deps/NAME-HASH; a command's is TARGET/PROFILE/NAME.
    let own = std::env::current_exe().expect("a test program knows where it is");
    let folder = own.parent().expect("a program lies in a folder");
    let profile = if folder.ends_with("deps") { folder.parent().expect("deps lies in PROFILE") } else { folder };
    let target = profile.parent().expect("and PROFILE lies in TARGET");

    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    // The runner of all tests builds everything first, and cargo need not be asked.
    let is_built = std::env::var_os("TESTS_ARE_BUILT").is_some();
    if !is_built && built.get_or_insert_default().insert(name.to_string()) {
        let mut command = demo::index::cargo(workspace());
        // `polling/short` is the example `short` of the demo `polling`.
        let (package, example) = name.split_once('/').map_or((name, None), |(package, name)| (package, Some(name)));
        command.args(["build", "-q", "-p", package]).args(example.iter().flat_map(|name| ["--example", name]));
        command.arg("--target-dir").arg(target);
        if profile.ends_with("release") {
            command.arg("--release");
        }
        let status = command.status().expect("cargo runs");
        assert!(status.success(), "cargo build -p {name} fails");
    }
    let program = match name.split_once('/') {
        Some((_, example)) => format!("examples/{example}"),
        None => name.to_string(),
    };
    profile.join(program + std::env::consts::EXE_SUFFIX)
}

/// An example that is no demo but a client of one, built and not started yet.
pub fn example(package: &str, name: &str) -> Command {
    Command::new(build(&format!("{package}/{name}")))
}

/// The folder with the workspace's `Cargo.toml`.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// A running demo. Ends when it goes out of scope; tells what it wrote when the test fails.
pub struct Server {
    name: String,
    url: String,
    /// `127.0.0.1:PORT` of the demo's plain server, when the demo itself speaks TLS: raw clients go there.
    plain: Option<String>,
    bench: Option<String>,
    child: Option<Child>,
    output: Output,
    setup: Option<Setup>,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Server {
    /// A server that somebody else started, in any language.
    pub fn at(name: &str, url: &str) -> Server {
        Server::named(name, url, Output::new("(a foreign server: its output is its own)"))
    }

    fn named(name: &str, url: &str, output: Output) -> Server {
        let (name, url) = (name.to_string(), url.to_string());
        Server { name, url, plain: None, bench: None, child: None, output, setup: None, _alone: None }
    }

    /// Starts this command and waits for the line with its address.
    pub(crate) fn from_command(name: &str, command: Command) -> Server {
        let mut server = Server::spawn(name, command);
        server.url = server.announced(": http", "its address");
        server.plain = server.plain_side();
        server
    }

    pub(crate) fn spawn(name: &str, mut command: Command) -> Server {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let output = Output::new("");
        output.collect(child.stdout.take());
        output.collect(child.stderr.take());
        let mut server = Server::named(name, "", output);
        server.child = Some(child);
        server
    }

    /// Where a demo that speaks TLS has a plain server of the name `ws` or `h2c`.
    fn plain_side(&self) -> Option<String> {
        let first_lines = self.url.starts_with("https://").then(|| self.prints("try: "))?;
        drop(first_lines);
        let output = self.output();
        output
            .lines()
            .find_map(|line| line.strip_prefix("ws: ").or(line.strip_prefix("h2c: ")))
            .map(|host| host.trim().to_string())
    }

    /// `127.0.0.1:PORT` of the demo itself, also when that speaks TLS.
    pub fn sealed_host(&self) -> &str {
        self.url.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/')
    }

    /// The name that it was started by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `http://127.0.0.1:PORT`, or with `https`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `127.0.0.1:PORT`, which is also the value of a `Host` header field; of a demo that speaks TLS: of its plain server.
    pub fn host(&self) -> &str {
        self.plain.as_deref().unwrap_or(self.sealed_host())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        address(self.host())
    }

    /// The demo's bench, at the address it printed.
    pub fn bench(&self) -> Bench {
        let url = match &self.bench {
            Some(url) => url.clone(),
            None if self.child.is_none() => panic!("this test needs the bench: set TARGET_BENCH=http://host:port too"),
            None => self.announced("bench: http://", "the address of its bench"),
        };
        Bench::at(&url)
    }

    /// A new connection.
    pub fn connect(&self) -> Wire {
        Wire::connect(self.host())
    }

    /// A new connection, and these bytes on it.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Wire {
        let mut wire = self.connect();
        wire.send(bytes);
        wire
    }

    /// A new connection, and a `GET` on it.
    pub fn get(&self, path: &str) -> Wire {
        let mut wire = self.connect();
        wire.get(path);
        wire
    }

    /// A new connection, and a `POST` on it.
    pub fn post(&self, path: &str, body: &str) -> Wire {
        let mut wire = self.connect();
        wire.post(path, &[], body);
        wire
    }

    /// Says something, and returns it as the room took it.
    pub fn say(&self, text: &str) -> Message {
        if self.speaks_http2() {
            return self.http2().say(1, text);
        }
        let mut wire = self.post("/say", text);
        let head = wire.head();
        let body = wire.text();
        assert_eq!(head.status, 201, "POST /say answers 201 with the message; this is the answer: {body}");
        Message::read(&body)
    }

    /// Says all of these over one connection.
    pub fn say_all(&self, texts: &[impl AsRef<str>]) {
        if self.speaks_http2() {
            let mut writer = Writer::open(self, Way::Http2);
            return texts.iter().for_each(|text| writer.say(text.as_ref()));
        }
        let mut wire = self.connect();
        for text in texts {
            wire.post("/say", &[], text.as_ref());
            assert_eq!(wire.answer().0.status, 201);
        }
    }

    /// Fails unless the server still does what it is for.
    pub fn lives_on(&self) {
        let said = self.say("is anybody there?");
        assert_eq!(said.text, "is anybody there?", "the server took another message than the one it was told");
    }

    /// Waits for a line of its output with these words in it.
    pub fn prints(&self, words: &str) -> String {
        self.output.wait_for(words).unwrap_or_else(|| {
            panic!("{} should have printed a line with {words:?} in it; it printed\n{}", self.name, self.output.text())
        })
    }

    /// The first line with these words in it; `None` when it ends without one.
    pub fn line(&self, words: &str) -> Option<String> {
        self.output.wait_for(words)
    }

    /// Waits for so many lines with these words, which should be there at once, and counts those that have come.
    pub fn lines_with(&self, words: &str, wanted: usize) -> usize {
        let count = |written: &Written| written.lines.lines().filter(|line| line.contains(words)).count();
        let enough = |written: &Written| Some(count(written)).filter(|count| *count >= wanted);
        self.output.wait_for_at_most(SOON, enough).unwrap_or_else(|| count(&self.output.written()))
    }

    /// All that it has printed so far.
    pub fn output(&self) -> String {
        self.output.text()
    }

    /// The id of its process, when it is ours.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Resident memory of its process in KiB, when it is ours and the system tells (Linux).
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process()?)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// `host:port` of a server beside the demo, by its name; of a foreign one, from `TARGET_NAME`.
    pub fn beside(&self, name: &str) -> String {
        if self.child.is_none() {
            let variable = format!("TARGET_{}", name.to_uppercase());
            let url = target(&variable).unwrap_or_else(|| panic!("this test needs {variable}=http://host:port too"));
            return url.trim_start_matches("http://").trim_end_matches('/').to_string();
        }
        let line = self.prints(&format!("{name}: "));
        line[line.find(&format!("{name}: ")).unwrap_or_default() + name.len() + 2..].trim().to_string()
    }

    /// Waits for it to end by itself.
    pub fn ends(&mut self) -> ExitStatus {
        let status = self.child.as_mut().and_then(|child| {
            self.output.wait_until_closed();
            child.wait().ok()
        });
        status.unwrap_or_else(|| panic!("{} should have ended; it printed\n{}", self.name, self.output.text()))
    }

    /// Ends it now, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts the demo anew at the address that it had ([`Setup::on_a_port_of_its_own`]).
    pub fn start_again(&mut self) {
        self.kill();
        let setup = self.setup.clone().unwrap_or_else(|| panic!("{} was not started by this test", self.name));
        assert_ne!(setup.port(), 0, "{} has no port of its own", self.name);
        *self = setup.start();
    }

    fn announced(&self, words: &str, what: &str) -> String {
        let Some(line) = self.output.wait_for(words) else {
            panic!("{} did not print {what}; it printed\n{}", self.name, self.output.text());
        };
        line[line.find("http").unwrap_or_default()..].trim().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("---- what {} printed ----\n{}----", self.name, self.output.last_lines(60));
        }
    }
}

/// The address of `host:port`.
pub fn address(host: &str) -> SocketAddr {
    let found = host.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.unwrap_or_else(|| panic!("{host:?} is no address: it should be host:port"))
}

/// What a process writes, collected while it runs.
#[derive(Clone)]
pub(crate) struct Output(Arc<(Mutex<Written>, Condvar)>);

struct Written {
    lines: String,
    /// How many of its two streams are still open.
    open: usize,
}

impl Output {
    pub(crate) fn new(text: &str) -> Self {
        Output(Arc::new((Mutex::new(Written { lines: text.to_string(), open: 0 }), Condvar::new())))
    }

    /// Collects one stream of the process, line by line, on a thread of its own.
    pub(crate) fn collect(&self, stream: Option<impl Read + Send + 'static>) {
        let Some(stream) = stream else { return };
        self.written().open += 1;
        let output = self.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while let Ok(1..) = stream.read_until(b'\n', &mut line) {
                output.written().lines += &String::from_utf8_lossy(&line);
                output.0.1.notify_all();
                line.clear();
            }
            output.written().open -= 1;
            output.0.1.notify_all();
        });
    }

    /// The first line with these words in it; `None` when the process ends, or the deadline comes, without.
    pub(crate) fn wait_for(&self, words: &str) -> Option<String> {
        self.wait(|written| {
            let found = written.lines.lines().find(|line| line.contains(words)).map(str::to_string);
            if found.is_none() && written.open == 0 { Some(None) } else { found.map(Some) }
        })?
    }

    fn wait_until_closed(&self) {
        self.wait(|written| (written.open == 0).then_some(()));
    }

    fn wait<T>(&self, look: impl FnMut(&Written) -> Option<T>) -> Option<T> {
        self.wait_for_at_most(DEADLINE, look)
    }

    fn wait_for_at_most<T>(&self, limit: Duration, mut look: impl FnMut(&Written) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut written = self.written();
        loop {
            if let Some(seen) = look(&written) {
                return Some(seen);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            written = self.0.1.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn text(&self) -> String {
        self.written().lines.clone()
    }

    fn last_lines(&self, count: usize) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(count)..];
        last.iter().map(|line| line.chars().take(160).chain(['\n']).collect::<String>()).collect()
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
