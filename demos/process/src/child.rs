//! One program for one connection: started, given lines, listened to, and ended with all that it has started.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio, exit};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use frames::close::NORMAL_CLOSURE;
use frames::message::DataMessage;
use handshake::refusal::Refusal;
use handshake::request::Request;
use process_wrap::std::{ChildWrapper, CommandWrap};

use crate::command::{Permit, ProgramOptions};
use crate::environment;

/// The longest line, and the longest message, in bytes.
pub const MAX_LINE: usize = 64 * 1024;

/// How many lines may wait for the program to read them.
const WAITING: usize = 16;

/// How long a program may leave its input unread, when the client has more for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two looks at something that can't be waited for with a time limit.
const LOOK: Duration = Duration::from_millis(20);

/// The first of the close codes that an application may choose (RFC 6455, 7.4.2). Behind it stand 256 exit codes, and behind
/// those the signals.
const APPLICATION: u16 = 4000;

/// A process, with its group.
type Child = Mutex<Box<dyn ChildWrapper>>;

/// The programs that run: when the server ends, they have to end before it.
#[derive(Clone, Debug, Default)]
pub struct Programs(Arc<Mutex<Vec<Weak<Child>>>>);

impl Programs {
    fn start(&self, mut command: CommandWrap) -> io::Result<Arc<Child>> {
        let mut all = lock(&self.0);
        all.retain(|child| child.strong_count() > 0);
        let child = Arc::new(Mutex::new(command.spawn()?));
        all.push(Arc::downgrade(&child));
        Ok(child)
    }

    /// Kills all programs with all that they have started, and ends this process. The list stays
    /// locked, so that no program is started meanwhile.
    pub fn end_with_the_server(&self) -> ! {
        let all = lock(&self.0);
        for child in all.iter().filter_map(Weak::upgrade) {
            let _ended = lock(&child).kill(); // the whole group
        }
        exit(130) // what shells say of a program that Ctrl+C has ended
    }
}

/// A lock is poisoned when a thread panicked with it in hand. What is locked here is whole all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running program. It ends when this is dropped.
pub struct Program {
    child: Arc<Child>,
    /// What it prints, until it is taken.
    stdout: Option<ChildStdout>,
    /// Lines on their way to its standard input. `None` when its end has begun.
    input: Option<SyncSender<Vec<u8>>>,
    grace: Duration,
    binary: bool,
    /// Given back when the program has ended.
    _permit: Permit,
}

impl Program {
    /// Starts the program of the command line. The words are handed to it as they are: no shell
    /// reads them, and nothing of the request is among them. What the request says stands in the
    /// environment.
    ///
    /// # Errors
    /// The refusal to answer the handshake with, when there is no such program.
    pub fn start(
        options: &ProgramOptions,
        request: &Request,
        site: &Site,
        permit: Permit,
    ) -> Result<Self, Refusal> {
        let mut command = Command::new(&options.program);
        command.args(&options.arguments).env_clear().envs(environment::of(options, request, site));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = options.programs.start(in_a_group(command)).map_err(|error| {
            net::log(&format!("{} can't be started: {error}", options.program.display()));
            Refusal::new(500, "The program can't be started; the server's terminal says why.")
        })?;
        let (input, lines) = sync_channel(WAITING);
        let mut child = lock(&started);
        let (stdin, stdout, stderr) =
            (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let name = format!("{} {}", options.name(), child.id());
        drop(child);
        let program = Program {
            child: started,
            stdout,
            input: Some(input),
            grace: options.close_time,
            binary: options.binary,
            _permit: permit,
        };
        let threads = net::spawn(move || feed(stdin, &lines)).and_then(|()| {
            net::spawn(move || stderr.into_iter().for_each(|stderr| log_lines(&name, stderr)))
        });
        threads.map(|()| program).map_err(|_| Refusal::new(503, "No thread is left for a program."))
    }

    /// What the program prints. To be taken once.
    pub fn output(&mut self) -> Output {
        let stdout = self.stdout.take().map(|pipe| BufReader::with_capacity(MAX_LINE, pipe));
        Output { stdout, binary: self.binary }
    }

    // ANCHOR: give
    /// Gives the program a line; `false` when it has not read its input for five seconds. Until
    /// then this thread waits, and reads no more from the socket: so the client must wait, too.
    pub fn give(&self, message: DataMessage) -> bool {
        let mut line = match message {
            DataMessage::Text(text) => text.into_bytes(),
            DataMessage::Binary(bytes) => bytes,
        };
        if !self.binary {
            line.push(b'\n');
        }
        let Some(input) = &self.input else { return true };
        let deadline = Instant::now() + PATIENCE;
        while let Err(TrySendError::Full(unsent)) = input.try_send(line) {
            if Instant::now() >= deadline {
                return false;
            }
            line = unsent;
            thread::sleep(LOOK);
        }
        true // a program that has closed its input does not get it, and that is its own choice
    }
    // ANCHOR_END: give

    /// How the program ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        lock(&self.child).try_wait().ok().flatten()
    }

    // ANCHOR: end
    /// Ends the program and all that it has started. First it is told that no line will follow: a
    /// program that reads to the end of its input stops by itself. Then it is asked to stop (Unix
    /// only), and last it is killed.
    pub fn end(&mut self) {
        // Without this value, the thread that feeds the program closes its standard input.
        if self.input.take().is_none() {
            return; // it has ended before
        }
        if !self.ends_within(self.grace) {
            #[cfg(unix)]
            let _asked = lock(&self.child).signal(SIGTERM);
            let _ended = cfg!(unix) && self.ends_within(self.grace);
        }
        let mut child = lock(&self.child);
        let _no_one_left = child.start_kill(); // the whole group
        let _reaped = child.wait();
    }
    // ANCHOR_END: end

    fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while self.has_ended().is_none() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(LOOK);
        }
        true
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// "Please end" on Unix: the number is the same on all systems (POSIX, `kill`).
#[cfg(unix)]
const SIGTERM: i32 = 15;

/// Puts the program into a group of its own, so that its end can be the end of all that it has started.
fn in_a_group(command: Command) -> CommandWrap {
    let mut command = CommandWrap::from(command);
    #[cfg(unix)]
    command.wrap(process_wrap::std::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::std::JobObject);
    command
}

/// Writes lines into the program's standard input; closes it when no more will come.
fn feed(stdin: Option<ChildStdin>, lines: &Receiver<Vec<u8>>) {
    let Some(mut stdin) = stdin else { return };
    for line in lines {
        if stdin.write_all(&line).is_err() {
            return;
        }
    }
}

/// Writes each line of the program's standard error to the log. A character that steers a terminal is written as its code.
fn log_lines(name: &str, stderr: ChildStderr) {
    let mut lines = BufReader::new(stderr);
    while let Ok(Some(line)) = read_line(&mut lines, MAX_LINE) {
        net::log(&format!("{name}: {}", String::from_utf8_lossy(&line).escape_debug()));
    }
}

/// What a program prints.
pub struct Output {
    stdout: Option<BufReader<ChildStdout>>,
    binary: bool,
}

impl Output {
    /// Waits for the next message: a line without its end, or with `--binary` the bytes as they
    /// come. `None` at the end of the output.
    ///
    /// # Errors
    /// When a line is longer than 64 KiB.
    pub fn wait(&mut self) -> io::Result<Option<DataMessage>> {
        let Some(stdout) = &mut self.stdout else { return Ok(None) };
        if self.binary {
            let bytes = stdout.fill_buf()?.to_vec();
            stdout.consume(bytes.len());
            return Ok((!bytes.is_empty()).then_some(DataMessage::Binary(bytes)));
        }
        let line = read_line(stdout, MAX_LINE)?;
        Ok(line.map(|line| DataMessage::Text(String::from_utf8_lossy(&line).into_owned())))
    }
}

/// Reads a line, and takes its end (LF or CR LF) away. The last line needs no end.
///
/// # Errors
/// When it is longer than `longest` bytes.
fn read_line(from: &mut impl BufRead, longest: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    from.take(longest as u64 + 2).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    }
    if line.len() > longest { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(line)) }
}

/// Code and reason of the Close frame that tells how the program ended: 1000 for exit code 0, 4000 + N for exit code N
/// (its lowest byte), 4256 + N when signal N ended it.
pub fn close_for(status: ExitStatus) -> (u16, String) {
    let code = match status.code() {
        Some(0) => NORMAL_CLOSURE,
        Some(code) => APPLICATION + u16::from(code as u8),
        None => APPLICATION + 256 + signal(status),
    };
    (code, status.to_string()) // "exit status: 3"
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> u16 {
    std::os::unix::process::ExitStatusExt::signal(&status).map_or(0, |signal| signal as u16)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> u16 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_lf_or_cr_lf_and_the_last_one_needs_no_end() {
        let mut text = &b"one\ntwo\r\n\nlast"[..];
        let lines: Vec<_> = std::iter::from_fn(|| read_line(&mut text, 4).unwrap()).collect();
        assert_eq!(lines, [&b"one"[..], b"two", b"", b"last"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_an_error_before_its_end_arrives() {
        assert!(read_line(&mut &b"12345\n"[..], 4).is_err());
        assert!(read_line(&mut &b"1234567890"[..], 4).is_err());
        assert_eq!(read_line(&mut &b"1234\r\n"[..], 4).unwrap().unwrap(), b"1234");
    }

    #[cfg(unix)]
    #[test]
    fn the_close_code_tells_the_exit_code_or_the_signal() {
        use std::os::unix::process::ExitStatusExt;
        let codes = [0, 1 << 8, 255 << 8, 9].map(|raw| close_for(ExitStatus::from_raw(raw)).0);
        assert_eq!(codes, [1000, 4001, 4255, 4265]);
    }
}
