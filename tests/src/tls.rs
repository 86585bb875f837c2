//! A TLS client: for a demo whose own port speaks TLS, and whose authority the test knows.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

pub use rustls;

use crate::server::address;
use crate::websocket::{ACCEPT, handshake};
use crate::{DEADLINE, Server, Wire};

/// A socket under TLS.
pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// What a client knows and trusts. Connections of the same client may resume each other.
#[derive(Clone)]
pub struct Client(Arc<ClientConfig>);

impl Client {
    /// A client that trusts the authority with this certificate (PEM), and speaks these versions and protocols.
    pub fn new(authority: &str, versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> Client {
        let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate in PEM");
        let mut roots = RootCertStore::empty();
        roots.add(authority).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(versions).expect("ring has suites for them");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Client(Arc::new(config))
    }

    /// A client of this demo.
    pub fn of(demo: &Server) -> Client {
        let both = [&rustls::version::TLS13, &rustls::version::TLS12];
        Client::new(&authority(demo), &both, &["http/1.1"])
    }

    /// Connects to `host:port` under this name, and shakes hands.
    ///
    /// # Errors
    /// What the handshake ended with.
    pub fn try_connect(&self, host: &str, name: &str) -> std::io::Result<Wire> {
        Ok(Wire::sealed(self.shake_hands(host, name)?, host))
    }

    /// The same, as the library has it: what the connection ends with is its own error.
    ///
    /// # Errors
    /// As [`try_connect`](Self::try_connect).
    pub fn shake_hands(&self, host: &str, name: &str) -> std::io::Result<Tls> {
        let name = ServerName::try_from(name.to_string()).expect("a name or an address");
        let tls = ClientConnection::new(self.0.clone(), name).map_err(std::io::Error::other)?;
        let socket = TcpStream::connect_timeout(&address(host), DEADLINE)?;
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(DEADLINE))?;
        socket.set_read_timeout(Some(DEADLINE))?;
        let mut tls = StreamOwned::new(tls, socket);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        Ok(tls)
    }

    /// Connects to the demo's own port.
    pub fn connect(&self, demo: &Server) -> Wire {
        let connected = self.try_connect(demo.sealed_host(), "127.0.0.1");
        connected.unwrap_or_else(|error| panic!("the handshake should succeed: {error}"))
    }

    /// A WebSocket over TLS at this path, open.
    pub fn websocket(&self, demo: &Server, path: &str) -> Wire {
        let mut wire = self.connect(demo);
        wire.send(handshake(demo.sealed_host(), path));
        let head = wire.any_head();
        assert_eq!(head.status, 101, "the handshake was refused: {head:?}");
        assert_eq!(head.field("Sec-WebSocket-Accept"), Some(ACCEPT));
        wire
    }
}

/// The certificate of the demo's authority, in PEM, from its plain server.
pub fn authority(demo: &Server) -> String {
    let (head, text) = demo.get("/authority.pem").answer();
    assert_eq!(head.status, 200, "the authority's certificate: {text}");
    text
}
