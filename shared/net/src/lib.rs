//! The byte toolbox: what every server on a bare socket needs and no lesson is about.

mod close;
mod deadline;
mod split;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use close::{close, drain};
pub use deadline::read_before;
pub use split::{Piece, Splitter};

/// The stack of a connection's thread, in bytes.
const STACK: usize = 256 * 1024;

/// After a failed accept (no more open files, say) the loop waits this long and goes on.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

// ANCHOR: accept-loop
/// Accepts connections for ever, each on a thread of its own.
pub fn each_connection<F>(listener: &TcpListener, serve: F) -> !
where
    F: Fn(TcpStream) + Send + Sync + 'static,
{
    let serve = Arc::new(serve);
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let serve = serve.clone();
                on_a_thread(move || serve(stream));
            }
            Err(_) => thread::sleep(ACCEPT_PAUSE),
        }
    }
}
// ANCHOR_END: accept-loop

/// Runs this on a thread with a small stack. Without memory for one more thread, it is dropped with a line in the log.
pub fn on_a_thread(work: impl FnOnce() + Send + 'static) {
    let _logged = spawn(work);
}

/// The same for a caller that has something to do when there is no thread.
///
/// # Errors
/// When there is no memory for one more thread; the log has a line on it.
pub fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let started = thread::Builder::new().stack_size(STACK).spawn(work);
    started.map(drop).inspect_err(|error| log(&format!("a connection was dropped: no thread for it ({error})")))
}

/// A read or write that came to its time limit, or was interrupted, and may be tried again.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// A line for the log of a server, which is its standard error.
pub fn log(line: &str) {
    eprintln!("           {line}");
}
