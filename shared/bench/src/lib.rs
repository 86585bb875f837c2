//! What a demo lies on: a front door that holds the limits, a tap that copies the bytes, a cable that can be cut, and a
//! port of its own that shows and steers all that.
//!
//! ```text
//! client ── public port ──▶ [ front door ▸ tap ▸ cable ] ── private port ──▶ the demo's serve(listener, room, site)
//!                                │ one thread
//!                                └── bench port: files of the pages, feed, cable, counters
//! ```
//!
//! [`run`] is what a demo's `main` calls, or [`run_with`] when its command line has words of its own. [`Running`] serves a demo inside another program, a test say. [`FrontDoor`] is the
//! front door alone, for a server that is no demo.
//!
//! `--no-bench` leaves all of it out: then the demo's listener is the public one, nothing limits and nothing checks, and
//! the difference in speed can be measured.

mod api;
mod capture;
mod cli;
mod log;
mod proxy;
mod run;

pub use cli::Options;
pub use log::print as log;
pub use proxy::requests::Timeouts;
pub use proxy::{Files, Proxy};
pub use run::{FrontDoor, Running, run, run_with};
