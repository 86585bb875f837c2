//! A TLS terminator: it decrypts what comes from the network, passes it on to a plain server, and encrypts what comes back.
//!
//! Source: RFC 8446 (TLS 1.3), RFC 5246 (TLS 1.2), RFC 7301 (ALPN); the library is rustls, its cryptography ring. rustls
//! knows no older version and no renegotiation, and refuses records of more than 16 KiB.
//!
//! # For another demo
//!
//! ```no_run
//! # use std::{net::TcpListener, sync::Arc};
//! # fn serve(listener: TcpListener, site: Arc<demo::Site>) -> std::io::Result<()> {
//! use wss::{certificates, terminator::{Terminator, Inner}};
//! let names = site.host.iter().cloned().collect::<Vec<_>>(); // besides those of loopback
//! let certificates = certificates::Certificates::open(&certificates::folder()?, certificates::TITLE, &names)?;
//! let h2 = Inner { protocol: "h2", address: site.side_address("inside") };
//! let http = Inner { protocol: "http/1.1", address: site.side_address("old") };
//! Terminator::new(certificates, vec![h2, http], &site).serve(&listener)
//! # }
//! ```

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use demo::{Leg, Legs, Site};
use rustls::crypto::ring;
use rustls::server::ResolvesServerCert;
use rustls::version::{TLS12, TLS13};
use rustls::{KeyLogFile, ServerConfig, ServerConnection, SupportedProtocolVersion};

use socket2::{Domain, Socket, Type};

use crate::sealed::Sealed;
use crate::sessions::Sessions;

/// A plain server behind the terminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner {
    /// The name of its protocol in ALPN.
    pub protocol: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What all connections of one port have in common.
pub struct Terminator {
    config: Arc<ServerConfig>,
    inner: Vec<Inner>,
    handshake_time: Duration,
    legs: Arc<Legs>,
    sessions: Arc<Sessions>,
    /// Answers a client that speaks plain HTTP, and says what happened.
    pub plain: fn(&TcpStream, &Site) -> Result<(), String>,
    site: Site,
}

// ANCHOR: config
/// What a handshake may agree on: these versions of TLS, and the cipher suites of ring.
pub fn config(
    certificates: Arc<dyn ResolvesServerCert>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("ring has cipher suites for them")
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.key_log = Arc::new(KeyLogFile::new()); // writes only when SSLKEYLOGFILE is set
    config
}
// ANCHOR_END: config

impl Terminator {
    /// A terminator in front of these servers: the first one whose protocol the client knows is taken,
    /// and the last one when the client does not say what it knows.
    pub fn new(certificates: Arc<dyn ResolvesServerCert>, inner: Vec<Inner>, site: &Site) -> Self {
        Terminator::with(config(certificates, &[&TLS13, &TLS12]), inner, site)
    }

    /// The same with a configuration of one's own.
    pub fn with(mut config: ServerConfig, inner: Vec<Inner>, site: &Site) -> Self {
        config.alpn_protocols = inner.iter().map(|inner| inner.protocol.into()).collect();
        Terminator {
            config: Arc::new(config),
            inner,
            handshake_time: site.head_timeout,
            legs: site.shared.get(),
            sessions: site.shared.get(),
            plain: refuse_http,
            site: site.clone(),
        }
    }

    /// Serves the listener for ever.
    pub fn serve(self, listener: &TcpListener) -> ! {
        net::each_connection(listener, move |outside| {
            if let Err(why) = self.take(outside) {
                net::log(&format!("TLS: {why}"));
            }
        })
    }

    // ANCHOR: take
    /// One connection: the handshake, the way to the server inside, and then bytes both ways.
    fn take(&self, outside: TcpStream) -> Result<(), String> {
        let deadline = Instant::now() + self.handshake_time;
        if speaks_http(&outside, deadline) {
            return (self.plain)(&outside, &self.site);
        }
        let tls = ServerConnection::new(self.config.clone()).map_err(|error| error.to_string())?;
        let sealed = Arc::new(Sealed::new(tls.into(), outside));
        let first = sealed.handshake(deadline)?;
        let number = self.sessions.begin(&sealed.tls());
        let address = self.choose(sealed.protocol().as_deref());
        let leg = connect_leg(&self.legs, sealed.peer(), address);
        let (inside, _leg) = leg.map_err(|error| format!("nothing is inside: {error}"))?;
        let ended = sealed.pass(inside, first);
        self.sessions.end(number, ended.as_ref().err().map(String::as_str));
        ended
    }
    // ANCHOR_END: take

    fn choose(&self, protocol: Option<&[u8]>) -> SocketAddr {
        let spoken = |inner: &&Inner| Some(inner.protocol.as_bytes()) == protocol;
        self.inner
            .iter()
            .find(spoken)
            .or(self.inner.last())
            .expect("there is a server inside")
            .address
    }
}

/// Connects to a server inside. The bench is told first: it is to know this connection when it comes.
pub fn connect_leg(legs: &Legs, first: SocketAddr, to: SocketAddr) -> io::Result<(TcpStream, Leg)> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(to.ip(), 0).into())?;
    let near = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let leg = legs.enter(near, first);
    socket.connect(&to.into())?;
    Ok((socket.into(), leg))
}

// ANCHOR: sniff
/// Whether the first byte is a letter: every HTTP request begins with one, and every TLS connection
/// with the byte 22, the record type of a handshake (RFC 8446, 5.1).
fn speaks_http(outside: &TcpStream, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let mut first = [0];
    let _the_handshake_tells = outside.set_read_timeout(Some(left.max(Duration::from_millis(1))));
    matches!(outside.peek(&mut first), Ok(1) if first[0].is_ascii_alphabetic())
}

fn refuse_http(mut outside: &TcpStream, _site: &Site) -> Result<(), String> {
    let text = "This port speaks TLS, and this was plain HTTP. Ask with https:// or wss://.\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let said =
        io::Write::write_all(&mut outside, answer.as_bytes()).and_then(|()| net::close(outside));
    let _gone = said.or_else(|_| outside.shutdown(Shutdown::Both));
    Err("a request in plain HTTP was refused".to_string())
}
// ANCHOR_END: sniff

#[cfg(test)]
mod tests;
