//! What the tests share: a real server, a raw socket, the cable, a real browser.
//!
//! A test here starts the program that a learner starts, talks to it over a socket, and compares bytes:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! let demo = tests::start("longpoll"); // PORT=0, the address read from its first line
//! let last = demo.say("before").id;
//! let mut waiting = demo.get(&format!("/wait?after={last}"));
//! assert!(waiting.is_silent_for(Duration::from_millis(200)), "the answer came before anyone wrote");
//! demo.say("hello");
//! assert_eq!(waiting.status(), 200);
//! ```
//!
//! The wire tests can be aimed at a server that somebody else wrote, in any language:
//!
//! ```sh
//! TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- longpoll::
//! ```
//!
//! Nothing here sleeps and hopes. A test waits for the event itself, and gives up after [`DEADLINE`].

mod answer;
pub mod axe;
mod bad_cable;
mod bench;
pub mod browser;
pub mod cursor;
mod fresh;
pub mod http2;
pub mod page;
pub mod promises;
pub mod proxies;
mod random;
pub mod record;
mod server;
pub mod task;
pub mod tls;
pub mod websocket;
mod wire;
pub mod writer;

use std::io::Write;
use std::time::{Duration, Instant};

pub use answer::{Event, Head, Message, life};
pub use bad_cable::{PATIENCE, check_heard, over_a_bad_cable};
pub use bench::{Bench, Feed, Row};
pub use fresh::Fresh;
pub use random::Random;
pub use server::{Server, Setup, aimed, example, start, start_with, workspace};
pub use wire::{End, Wire};

/// How long a test waits for anything before it fails. Generous: only a test that fails takes so long, and no machine is too
/// slow for it.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Long enough to call a connection silent, short enough to wait for in every test.
pub const A_WHILE: Duration = Duration::from_millis(200);

/// Looks again and again until this is so: for what no event tells. Each look should take its time, as a request does.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "this should have become so: {what}");
    }
}

/// Says on the terminal that a test did not run, and why. `println!` would not do: of a test that passes, cargo shows
/// nothing that went through it.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_string();
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Tells the runner of all tests how long this one took, for its table of demos.
pub(crate) fn took(time: Duration) {
    if std::env::var_os("TESTS_ARE_BUILT").is_some() {
        let test = std::thread::current().name().unwrap_or("a test").to_string();
        let _ = writeln!(std::io::stderr(), "took: {:.1} {test}", time.as_secs_f64());
    }
}

/// Ends the test, with a word on the terminal, when it is aimed at a foreign server: it needs our own bench or limits.
#[macro_export]
macro_rules! needs_our_server {
    ($why:literal) => {
        if $crate::aimed() {
            return $crate::skipped(concat!("TARGET is set, and this test needs ", $why));
        }
    };
}
