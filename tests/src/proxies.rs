//! nginx and HAProxy in front of a demo, from the system's packages, with the configurations that the book shows: the files in
//! `tests/proxies`. The line that the book is about is marked there as `# the cure`; a test starts the proxy with it and without.
//!
//! The proxy inherits its listening socket, so there is no port that was free a moment ago, and no time to wait: who connects
//! before the proxy is ready waits in the kernel's queue.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::Output;
use crate::{Wire, skipped};

/// What marks a line that a test leaves out.
const MARK: &str = "# the cure";

/// A proxy that other people wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// <https://nginx.org>
    Nginx,
    /// <https://www.haproxy.org>
    Haproxy,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Nginx => "nginx",
            Program::Haproxy => "haproxy",
        }
    }

    /// The program's file. Systems lay it where only root looks.
    fn find(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        folders.map(|folder| folder.join(self.name())).find(|file| file.is_file())
    }

    /// Whether a test can use it. In a run that must not skip anything it has to be there.
    pub fn is_here(self) -> bool {
        let here = cfg!(unix) && self.find().is_some();
        let missing = format!("{} is not here; `make setup` installs it", self.name());
        if !here && std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1") {
            panic!("{missing}, and this run must not skip anything");
        }
        if !here {
            skipped(&missing);
        }
        here
    }

    /// A file of `tests/proxies`, as the book shows it.
    fn file(self, name: &str) -> String {
        let end = if self == Program::Nginx { "conf" } else { "cfg" };
        let path = format!("{}/proxies/{}/{name}.{end}", env!("CARGO_MANIFEST_DIR"), self.name());
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// A configuration of `tests/proxies`.
#[derive(Clone, Debug)]
pub struct Config {
    program: Program,
    text: String,
}

impl Config {
    /// The file of this name, as it stands.
    pub fn cured(program: Program, name: &str) -> Config {
        Config { program, text: program.file(name) }
    }

    /// The same without the lines that are marked.
    pub fn sick(program: Program, name: &str) -> Config {
        Config::cured(program, name).without(MARK)
    }

    /// The same without the lines that have these words in them.
    pub fn without(mut self, words: &str) -> Config {
        let (out, kept): (Vec<&str>, Vec<&str>) = self.text.lines().partition(|line| line.contains(words));
        assert!(!out.is_empty(), "no line of this configuration has {words:?} in it:\n{}", self.text);
        self.text = kept.join("\n") + "\n";
        self
    }

    /// The same with other words in the place of these.
    pub fn with(mut self, words: &str, instead: &str) -> Config {
        assert!(self.text.contains(words), "no line of this configuration has {words:?} in it:\n{}", self.text);
        self.text = self.text.replace(words, instead);
        self
    }

    /// Starts the program in front of these servers, `host:port` each, which take the places of ports 8008 and 8009.
    pub fn start(&self, servers: &[&str]) -> Proxy {
        static PROXIES: AtomicUsize = AtomicUsize::new(0);
        let number = PROXIES.fetch_add(1, Ordering::Relaxed);
        let name = self.program.name();
        let folder = std::env::temp_dir().join(format!("proxy-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the proxy");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("a bound socket has an address").to_string();
        let mut site = match self.program {
            Program::Nginx => self.text.replace("127.0.0.1:8080", &host),
            Program::Haproxy => self.text.replace("127.0.0.1:8080", "fd@3"),
        };
        for (server, place) in servers.iter().zip(["127.0.0.1:8008", "127.0.0.1:8009"]) {
            site = site.replace(place, server);
        }
        let frame = self.program.file("frame").replace("FOLDER", &folder.display().to_string());
        let write = |file: &str, text: &str| fs::write(folder.join(file), text).expect("the proxy's configuration");
        write("frame.conf", &frame);
        write("site.conf", &site);
        let mut process = launch(self.program, &folder, listener);
        let output = Output::new("");
        output.collect(process.stdout.take());
        output.collect(process.stderr.take());
        Proxy { program: self.program, host, folder, process, output }
    }
}

/// Starts the program with the listening socket as its file descriptor 3: both know how to inherit one, nginx by the variable
/// with which an old nginx hands its sockets to a new one.
#[cfg(unix)]
fn launch(program: Program, folder: &std::path::Path, listener: TcpListener) -> Child {
    let line = match program {
        Program::Nginx => "exec 3<&0 </dev/null; NGINX='3;' exec \"$1\" -e stderr -p \"$2\" -c frame.conf",
        Program::Haproxy => "exec 3<&0 </dev/null; exec \"$1\" -db -f \"$2/frame.conf\" -f \"$2/site.conf\"",
    };
    let file = program.find().expect("the test has asked whether it is here");
    let mut shell = Command::new("sh");
    shell.args(["-c", line, "sh"]).arg(file).arg(folder);
    shell.stdin(std::os::fd::OwnedFd::from(listener)).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.name()))
}

#[cfg(not(unix))]
fn launch(program: Program, _: &std::path::Path, _: TcpListener) -> Child {
    panic!("{} can't inherit a socket on this system", program.name())
}

/// A running proxy. Ends when it goes out of scope; tells what it wrote when the test fails.
pub struct Proxy {
    program: Program,
    host: String,
    folder: PathBuf,
    process: Child,
    output: Output,
}

impl Proxy {
    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A new connection.
    pub fn connect(&self) -> Wire {
        Wire::connect(&self.host)
    }

    /// A new connection, and a `GET` on it.
    pub fn get(&self, path: &str) -> Wire {
        let mut wire = self.connect();
        wire.get(path);
        wire
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx is two processes: the one that we know ends the other when it is asked to end, and not when it is killed.
        let asked = self.program == Program::Nginx
            && Command::new("kill").arg(self.process.id().to_string()).status().is_ok_and(|status| status.success());
        if !asked {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
        if std::thread::panicking() {
            eprintln!("---- what {} printed ----\n{}----", self.program.name(), self.output.text());
        }
    }
}
