//! Machinery: `redis-server` on a private port, and a process that watches over it, so that none is left behind when the demo is killed.
//!
//! ```text
//! this demo ── pipe ──▶ guard ── starts, kills ──▶ redis-server
//! ```
//!
//! The pipe ends when the demo does, however it ends. Then the guard kills Redis and removes its folder.

use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio, exit};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, thread};

use crate::link::{Link, RedisAddress, SYSTEM_CA};

/// The word with which this program is the guard. Behind it: the folder for Redis's data, and the port.
pub const WORD: &str = "--redis-guard";

/// The variable with the password.
const PASSWORD: &str = "SCALEOUT_PASSWORD";

/// The variable that says when Redis writes to the disk: `always`, or `everysec`.
const FSYNC: &str = "SCALEOUT_FSYNC";

/// How long to wait between two looks at a Redis that starts.
const LOOK: Duration = Duration::from_millis(5);

/// How many ports are tried.
const TRIES: usize = 20;

/// Runs Redis until the standard input ends, or it does. The program ends with this function, so
/// the folder is removed here and in no other thread.
pub fn run() -> ExitCode {
    let words: Vec<String> = env::args().skip(2).collect();
    let [folder, port] = &words[..] else { return ExitCode::FAILURE };
    let setting = |name| env::var(name).unwrap_or_default();
    let config = configuration(folder, port, &setting(PASSWORD), &setting(FSYNC));
    let mut redis = Command::new("redis-server");
    redis.arg("-").env_remove(PASSWORD).stdin(Stdio::piped()).stdout(Stdio::null());
    let Ok(mut child) = redis.spawn() else { return ExitCode::FAILURE };
    let told = child.stdin.take().map(|mut stdin| stdin.write_all(config.as_bytes()));
    if told.is_none_or(|told| told.is_err()) {
        end(&mut child);
        return ExitCode::FAILURE;
    }
    let running = Arc::new(Mutex::new(Some(child)));
    let watched = running.clone();
    thread::spawn(move || end_with(&watched));
    let mut line = String::new();
    let _ended = io::stdin().lock().read_line(&mut line);
    let mut child = running.lock().unwrap_or_else(PoisonError::into_inner).take();
    child.iter_mut().for_each(end);
    if line.trim() != "keep" {
        let _removed = fs::remove_dir_all(folder);
    }
    ExitCode::SUCCESS
}

/// Ends this program when Redis ends by itself, and returns when it was taken out to be ended.
fn end_with(running: &Mutex<Option<Child>>) {
    loop {
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = running.as_mut() else { return };
        if !matches!(child.try_wait(), Ok(None)) {
            exit(1);
        }
        drop(running);
        thread::sleep(LOOK * 4);
    }
}

fn end(child: &mut Child) {
    let _killed = child.kill();
    let _reaped = child.wait();
}

// ANCHOR: configuration
/// What Redis is told. `appendonly` and `appendfsync always`: a command is on the disk before its
/// answer leaves. No other file is written, and only who knows the password is let in.
fn configuration(folder: &str, port: &str, password: &str, fsync: &str) -> String {
    format!(
        "port {port}\nbind 127.0.0.1\nrequirepass {password}\n\
         dir \"{folder}\"\nappendonly yes\nappendfsync {fsync}\nsave \"\"\n\
         maxmemory-policy noeviction\nloglevel warning\n"
    )
}
// ANCHOR_END: configuration

/// A Redis of the demo's own. It ends when this is dropped, and its data are gone then.
pub struct OwnRedis {
    program: PathBuf,
    folder: PathBuf,
    password: String,
    fsync: &'static str,
    port: u16,
    guard: Option<Child>,
}

impl OwnRedis {
    /// Whether the program `redis-server` can be started.
    pub fn is_installed() -> bool {
        let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    }

    /// Starts one, by the help of this program; `fsync` is `always` or `everysec`.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(program: &Path, fsync: &'static str) -> io::Result<OwnRedis> {
        let folder = env::temp_dir().join(format!("scaleout-{:016x}", random()));
        private_folder(&folder)?;
        let password = format!("{:016x}{:016x}", random(), random());
        let program = program.to_path_buf();
        let mut redis = OwnRedis { program, folder, password, fsync, port: 0, guard: None };
        redis.resume()?;
        Ok(redis)
    }

    /// Where it is. After a resume its port may be another one.
    pub fn address(&self) -> RedisAddress {
        RedisAddress {
            tls: false,
            host: "127.0.0.1".to_string(),
            port: self.port,
            user: String::new(),
            password: self.password.clone(),
            ca: SYSTEM_CA.into(),
        }
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.guard.as_mut().is_some_and(|guard| matches!(guard.try_wait(), Ok(None)))
    }

    /// Kills it as `kill -9` does. Its file is kept.
    pub fn kill(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            let _told = guard.stdin.take().map(|mut stdin| stdin.write_all(b"keep\n"));
            let _ended = guard.wait();
        }
    }

    /// Starts it again, with what is in its file; on its old port, if that is free.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn resume(&mut self) -> io::Result<()> {
        self.kill();
        for _ in 0..TRIES {
            if self.port == 0 {
                self.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            }
            self.guard = Some(self.launch()?);
            while self.runs() {
                // Only our Redis knows the password. It lets in who knows it, and reads its file first.
                let answer = Link::open(&self.address()).and_then(|mut link| link.call(&["PING"]));
                if answer.is_ok() {
                    return Ok(());
                }
                thread::sleep(LOOK);
            }
            self.port = 0; // it did not start: the port was taken in the meantime
        }
        Err(io::Error::other("redis-server ends as soon as it is started"))
    }

    fn launch(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args([WORD.as_ref(), self.folder.as_os_str(), self.port.to_string().as_ref()])
            .env(PASSWORD, &self.password)
            .env(FSYNC, self.fsync)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ended = guard.wait();
        }
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

/// A new folder that only this user can look into.
fn private_folder(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn random() -> u64 {
    getrandom::u64().expect("the operating system gives random numbers")
}
