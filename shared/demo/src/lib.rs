//! What a demo is: its name card, its page, and the site at which it is served.
//!
//! A demo brings one function, `serve(listener, room, site)`, which carries the room over one technique. Everything that
//! a demo needs to know of the place where it runs is in the [`Site`].

pub mod index;
mod legs;
mod page;
mod site;
mod unpack;

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use room::Room;

pub use legs::{Leg, Legs};
pub use page::{File, Html, Page};
pub use site::{Shared, Site};
pub use unpack::{MakeUnpack, Unpack, UnpackFields, Unpackers};

/// Serves the room on the listener until something is wrong with the listener itself.
pub type Serve = fn(TcpListener, Arc<Room>, Arc<Site>) -> io::Result<()>;

/// A demo, named once: the README's index, the book, the tests and the page read it from here.
pub struct Demo {
    /// Folder, package, chapter and test file have this name too.
    pub name: &'static str,
    /// The public port; the order of the ports is the order of the book. The bench port is 1000 higher.
    pub port: u16,
    /// The technique, as a heading.
    pub title: &'static str,
    /// One sentence: what it does.
    pub promise: &'static str,
    /// One sentence: what to try first.
    pub first: &'static str,
    /// The page; [`page!`](crate::page!) makes it.
    pub page: Page,
    /// What its connections speak.
    pub speaks: Speaks,
    /// The technique.
    pub serve: Serve,
    /// More servers of the same demo, each with a public port of its own on the same tap and cable: another origin, a
    /// bare TCP service. Most demos have none.
    pub side_servers: &'static [SideServer],
}

/// Another server of a demo.
pub struct SideServer {
    /// One lower-case word: in a page, `{{word}}` stands for this server's `host:port`.
    pub name: &'static str,
    /// The public port; 100 above the demo's by custom.
    pub port: u16,
    /// What its connections speak.
    pub speaks: Speaks,
    /// Whether the wire view shows it and the cable acts on it. A server that brings what is not the lesson, and much of
    /// it, is left out of both.
    pub shown: bool,
    /// Serves the same room.
    pub serve: Serve,
}

/// What connections speak, so what the front door checks and what the wire view decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1, by tiny_http. The front door reads every request: its head and body are within their limits, `Host` and
    /// `Origin` are the server's own.
    Http,
    /// HTTP/1.1 that the demo reads itself, since that is its lesson. The front door limits the number of connections and
    /// the time to the first byte, no more.
    Upgrades,
    /// HTTP/2 from the first byte (RFC 9113, 3.3: prior knowledge). The front door limits the same as for `Upgrades`.
    Http2,
    /// TLS records (RFC 8446). Their contents are closed to the front door, which limits the same as for `Upgrades`.
    Tls,
    /// Messages that end with this byte. The front door limits the same as for `Upgrades`.
    Delimited(u8),
}

/// What a demo's command line may say besides the options that all demos have. Most demos take nothing more.
pub trait CommandLine {
    /// For `--help`: what may follow the options, and a line for each option of the demo's own.
    fn help(&self) -> (&'static str, &'static str) {
        ("", "")
    }

    /// Takes an option, whose value `value` reads. `None` when there is no option of this name.
    fn option(&mut self, _name: &str, _value: &mut OptionValue) -> Option<Result<(), String>> {
        None
    }

    /// Takes the first word that is no option, and all that follows it. `false` when the demo takes none.
    fn words(&mut self, _words: Vec<OsString>) -> bool {
        false
    }
}

/// Reads the value of an option.
pub type OptionValue<'a> = dyn FnMut() -> Result<String, String> + 'a;
