//! A fresh clone of the repository, and the commands that a reader types into it.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Server;
use crate::server::workspace;

/// What a process in the clone is told of this one's surroundings: where programs, keys and caches are, and no more.
const KEPT: [&str; 11] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "https_proxy",
];

/// A clone in a folder of its own, one test at a time.
pub struct Fresh {
    folder: PathBuf,
    target: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Fresh {
    /// Clones the repository, with what was changed and not committed yet: what you are going to commit is what is tried.
    ///
    /// The clone is kept from run to run, and so is its build, beside that of this test: what has not changed since need not
    /// be compiled again. Git sees to it that every file is as in a new clone, and that no other file is there.
    ///
    /// `None`, and a word on the terminal, when this folder is no repository: an unpacked archive can't be cloned.
    pub fn clone() -> Option<Fresh> {
        if !workspace().join(".git").exists() {
            crate::skipped("this folder is no git repository, so it can't be cloned");
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // Workspaces beside each other have clones beside each other, outside of both.
        let place = workspace().display().to_string().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let folder = env::temp_dir().join(format!("fresh-clone{place}"));
        let commit = listed(&["rev-parse", "HEAD"]).remove(0);
        if !folder.join(".git").is_dir() {
            run(git().args(["clone", "--quiet", "--no-local"]).arg(workspace()).arg(&folder));
        }
        let within = |args: &[&str]| run(git().args(args).current_dir(&folder));
        within(&["fetch", "--quiet", "--force", &workspace().display().to_string(), "HEAD"]);
        within(&["checkout", "--quiet", "--force", "--detach", &commit]);
        within(&["clean", "-ffdxq"]);
        for changed in listed(&["ls-files", "--modified", "--others", "--exclude-standard"]) {
            let (from, to) = (workspace().join(&changed), folder.join(&changed));
            if from.is_file() {
                fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("the clone can be written to");
                fs::copy(from, to).expect("a changed file can be copied");
            } else {
                let _gone = fs::remove_file(to);
            }
        }
        let own = env::current_exe().expect("a test program knows where it is");
        let target = own.ancestors().nth(3).expect("a test program lies in TARGET/PROFILE/deps").join("fresh-clone");
        Some(Fresh { folder, target, _alone: alone })
    }

    /// The clone's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command as a reader types it, in the clone's folder: `PORT=0 cargo run -p longpoll`. No shell reads it.
    pub fn command(&self, line: &str) -> Command {
        let mut words = words(line).into_iter().peekable();
        let mut set = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('='))
            && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        {
            set.push((name.to_string(), value.to_string()));
            words.next();
        }
        let mut command = Command::new(words.next().unwrap_or_else(|| panic!("{line:?} is no command")));
        command.args(words).current_dir(&self.folder).env_clear().stdin(Stdio::null());
        command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command.env("CARGO_TARGET_DIR", &self.target).envs(set);
        // The tests that it may run are beside other tests here; and a network may have hiccups.
        command.env("RUST_TEST_THREADS", "2").env("CARGO_NET_RETRY", "10");
        command
    }

    /// Runs a command to its end with this on its standard input; returns all that it wrote. It must succeed.
    pub fn output(&self, line: &str, input: &str) -> String {
        let mut command = self.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
        // A program that does not read its input may be gone before it was written.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // Indented, or the output of tests in there is taken for that of the test that runs them.
        assert!(output.status.success(), "in a fresh clone, this fails: {line}\n    {}", text.replace('\n', "\n    "));
        text
    }

    /// Builds what a `cargo run` runs, however long that takes: only then does the time for its first words begin.
    fn build(&self, line: &str) {
        let line = line.split(" -- ").next().unwrap_or(line);
        if line.contains("cargo run ") {
            self.output(&line.replacen("cargo run ", "cargo build ", 1), "");
        }
    }

    /// Starts a command that goes on and on.
    pub fn program(&self, line: &str) -> Server {
        self.build(line);
        Server::spawn(line, self.command(line))
    }

    /// Starts a command that serves, on free ports, and waits until it has said its address.
    pub fn server(&self, line: &str) -> Server {
        self.build(line);
        let mut command = self.command(line);
        command.env("PORT", "0");
        command.env("WSS_CERTIFICATES", self.folder().join("target/certificates-of-tests")); // not the user's own
        Server::from_command(line, command)
    }
}

/// git, with a configuration of its own instead of the user's: it is wary of folders that another user owns, as in a
/// container, but this repository we run tests of, so we may read it.
fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", workspace().join("tests/gitconfig"));
    git
}

/// What git lists in this repository, a path for each line.
fn listed(args: &[&str]) -> Vec<String> {
    let output = git().args(args).current_dir(workspace()).output().expect("git runs");
    assert!(output.status.success(), "git {args:?} fails: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} fails: {}", String::from_utf8_lossy(&output.stderr));
}

/// The words of a command line; what stands in single quotes is one word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_string)),
            _ => words.push(part.to_string()),
        }
    }
    words
}
