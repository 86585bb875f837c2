//! The man in the middle: a terminator with a certificate of its own on one side, a client of the real server on the other,
//! and between the two the plain bytes. The port `spy` is where it reads them.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use demo::{Legs, SideServer, Site, Speaks};
use room::Room;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::certificates::{self, Certificates, TITLE};
use crate::sealed::Sealed;
use crate::terminator::{Inner, Terminator, connect_leg};

/// The name of the authority that nobody has a reason to trust.
pub const STRANGER: &str = "Somebody between you and the server";

/// Where the browser finds the man in the middle.
pub const SERVER: SideServer =
    SideServer { name: "middle", port: 8217, speaks: Speaks::Tls, shown: true, serve };

/// Where he reads.
pub const SPY: SideServer =
    SideServer { name: "spy", port: 8317, speaks: Speaks::Upgrades, shown: true, serve: serve_spy };

/// The side of the browser: the browser's warning is all that tells this server from the real one.
///
/// # Errors
/// When there is no place for certificates.
pub fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let folder = certificates::folder()?.join("stranger");
    let certificates = Certificates::open(&folder, STRANGER, &crate::names(&site))?;
    let spy = Inner { protocol: "http/1.1", address: site.side_address("spy") };
    Terminator::new(certificates, vec![spy], &site).serve(&listener)
}

// ANCHOR: spy
/// The side of the server: each plain connection is sealed again, and goes on to the real port.
///
/// # Errors
/// When there is no place for certificates.
pub fn serve_spy(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let certificates = Certificates::open(&certificates::folder()?, TITLE, &crate::names(&site))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let mut config = config.with_root_certificates(certificates.trusted()?).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    net::each_connection(&listener, move |inside| {
        if let Err(why) = seal_again(inside, config.clone(), &site) {
            net::log(&format!("TLS in the middle: {why}"));
        }
    })
}

fn seal_again(inside: TcpStream, config: Arc<ClientConfig>, site: &Site) -> Result<(), String> {
    let deadline = Instant::now() + site.head_timeout;
    let to = site.public_address();
    let name = ServerName::from(to.ip());
    let tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
    let legs: Arc<Legs> = site.shared.get();
    let from = inside.peer_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
    let (outside, _leg) = connect_leg(&legs, from, to).map_err(|error| error.to_string())?;
    let sealed = Arc::new(Sealed::new(tls.into(), outside));
    let first = sealed.handshake(deadline)?;
    sealed.pass(inside, first)
}
// ANCHOR_END: spy
