//! What a demo is, and the one way to start it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use crate::{Room, bench};

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
    /// What the front door asks of a connection.
    pub door: Door,
    /// The technique: serves the room on the listener until something is wrong with the listener itself.
    pub serve: fn(TcpListener, Arc<Room>) -> io::Result<()>,
    /// More servers of the same demo, each with a public port of its own on the same tap and cable: another origin, a
    /// bare TCP service. Most demos have none.
    pub beside: &'static [Beside],
}

/// Another server of a demo.
pub struct Beside {
    /// One lower-case word: in a page, `{{word}}` stands for this server's `host:port`.
    pub name: &'static str,
    /// The public port; 100 above the demo's by custom.
    pub port: u16,
    /// What its front door asks of a connection.
    pub door: Door,
    /// Serves the same room.
    pub serve: fn(TcpListener, Arc<Room>) -> io::Result<()>,
}

/// What the front door looks at before it lets bytes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Requests of HTTP/1.1: heads and bodies within their limits, `Host` and `Origin` the server's own.
    Http,
    /// Nothing but the number of connections and the time to the first byte: reading (and refusing) what comes is the
    /// demo's own lesson.
    Bytes,
    /// The same, and what comes is no HTTP from the start: the wire view shows messages of its own or plain bytes.
    Raw,
    /// The same, in messages that end with this byte.
    Ends(u8),
    /// As `Http`, but past the tap and the cable: for a server beside the demo that brings what is not the lesson, so
    /// much of it that the wire view would be flooded.
    Unseen,
}

/// A page, and the files beside it that hold what is not its lesson.
#[derive(Clone, Copy)]
pub struct Page {
    /// `page.html`.
    pub html: File,
    /// Scripts and styles of this page alone. The bench serves them beside those of all pages, so that the wire view shows
    /// the technique and not them: `{{bench}}/NAME` in the page, `./NAME` in another script.
    pub beside: &'static [(&'static str, File)],
}

/// A file, read anew at each request so that an edit needs a reload and no build.
#[derive(Clone, Copy)]
pub struct File {
    /// Where it is on the machine that built the demo.
    pub path: &'static str,
    /// As it was when the demo was built, for when it is not there any more.
    pub built_in: &'static str,
}

impl File {
    /// What is in it.
    pub fn text(&self) -> String {
        std::fs::read_to_string(self.path).unwrap_or_else(|_| self.built_in.to_string())
    }
}

impl Page {
    /// The page for a browser that asked for it under the name `host` (a `Host` header's value), with the addresses of
    /// the bench, the book and the servers beside it filled in for `{{bench}}`, `{{book}}` and their names.
    pub fn html(&self, host: &str) -> String {
        let mut html = self.html.text();
        let name = bench::host_name(host);
        for (beside, port) in bench::beside() {
            html = html.replace(&format!("{{{{{beside}}}}}"), &format!("{name}:{port}"));
        }
        html.replace("{{bench}}", &format!("http://{name}:{}", bench::port()))
            .replace("{{book}}", &format!("http://{name}:8000"))
    }
}

/// The page of the calling crate: its `page.html`, and the files beside it that are named.
#[macro_export]
macro_rules! page {
    ($($beside:literal),*) => {
        $crate::Page { html: $crate::page!(file "page.html"), beside: &[$(($beside, $crate::page!(file $beside))),*] }
    };
    (file $name:literal) => {
        $crate::File {
            path: concat!(env!("CARGO_MANIFEST_DIR"), "/", $name),
            built_in: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $name)),
        }
    };
}

/// Runs a demo as the command line asks, until the process ends. A `main` of one line.
pub fn run(demo: &'static Demo) {
    bench::run(demo);
}
