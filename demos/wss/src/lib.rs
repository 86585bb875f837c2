//! TLS and `wss:`: the room of `frames`, unchanged, behind a TLS terminator.
//!
//! Run    `cargo run -p wss`, then open <https://127.0.0.1:8017> in two tabs, and read the warning
//! Read   `terminator.rs` (a connection), then `sealed.rs` (its records); this file puts the ports together
//! Wire   outside `ClientHello`, `ServerHello`, then lengths only; inside `GET /?after=-0`, `101`, frames
//! Book   `book/src/wss.md`
//!
//! Left out: certificates of a public authority, revocation, logins of clients by certificate. Source: RFC 8446.

pub mod certificates;
pub mod middle;
mod plain;
pub mod sealed;
pub mod sessions;
pub mod terminator;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use demo::{Demo, Page, SideServer, Site, Speaks};
use room::Room;

use crate::certificates::{Certificates, TITLE};
use crate::terminator::{Inner, Terminator};

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "wss",
    port: 8017,
    title: "TLS and wss",
    promise: "What goes over the wire is sealed: no one else can read it, or change it unnoticed.",
    first: "click the warning away, say something over wss: and over ws:, then garble the cable",
    page: Page { policy: &[("connect-src", "ws://{{ws}}")], ..demo::page!("wss.css", "trials.js") },
    speaks: Speaks::Tls,
    serve,
    side_servers: &[plain::SERVER, middle::SERVER, middle::SPY, TOOLS],
};

/// The bench over TLS: a page on an address of the network may load nothing from a plain port.
const TOOLS: SideServer =
    SideServer { name: "tools", port: 8417, speaks: Speaks::Tls, shown: false, serve: serve_tools };

// ANCHOR: serve
/// Serves TLS: the room itself is on the port `ws`, and does not know of it.
fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let certificates = Certificates::open(&certificates::folder()?, TITLE, &names(&site))?;
    net::log(&format!("to trust: {}", certificates.authority_file().display()));
    let room = Inner { protocol: "http/1.1", address: site.side_address("ws") };
    Terminator::new(certificates, vec![room], &site).serve(&listener)
}
// ANCHOR_END: serve

fn serve_tools(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let certificates = Certificates::open(&certificates::folder()?, TITLE, &names(&site))?;
    let address = SocketAddr::new(site.public_address().ip(), site.bench_port);
    let bench = Inner { protocol: "http/1.1", address };
    Terminator::new(certificates, vec![bench], &site).serve(&listener)
}

/// The names for the certificate besides those of loopback: what `--host` said. For a machine that listens on all its
/// addresses it is the one that others most likely use.
pub fn names(site: &Site) -> Vec<String> {
    let Some(host) = &site.host else { return Vec::new() };
    let host = host.trim_matches(['[', ']']).to_string();
    match host.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_unspecified() => own_address().into_iter().collect(),
        _ => vec![host],
    }
}

/// This machine's address on the way to others. Nothing is sent: a UDP socket that is connected has chosen its way only.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect(SocketAddr::from(([192, 0, 2, 1], 9))).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}
