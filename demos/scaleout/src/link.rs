//! Machinery: a connection to Redis, with a password and TLS if its address says so.

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::resp::{self, RespValue};

/// How long Redis may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// How long Redis may take for an answer, and the link for our bytes. Longer than [`crate::log::BLOCK`].
const ANSWER: Duration = Duration::from_secs(5);

/// Where Redis is: `redis://[user[:password]@]host[:port]`, or `rediss://` for TLS. As text it shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// Whether the link is encrypted.
    pub tls: bool,
    /// The name, which a certificate must have, too.
    pub host: String,
    /// 6379 by custom.
    pub port: u16,
    /// `default` by custom; empty for none.
    pub user: String,
    /// Empty for none.
    pub password: String,
    /// The file with the certificates that are trusted, for TLS.
    pub ca: PathBuf,
}

/// Where Debian, Alpine and Arch keep the certificates that the system trusts.
pub const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

impl FromStr for RedisAddress {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = || {
            "an address is redis://[user:password@]host[:port], or rediss:// for TLS".to_string()
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(wrong()),
        };
        let rest = rest.trim_end_matches('/');
        let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !place.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (place, 6379),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
        if host.is_empty() || host.contains('/') {
            return Err(wrong());
        }
        let (user, password) =
            (decoded(user).ok_or_else(wrong)?, decoded(password).ok_or_else(wrong)?);
        Ok(RedisAddress { tls, host, port, user, password, ca: SYSTEM_CA.into() })
    }
}

/// `%40` is `@`: a password may have any character.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'%').then(|| tail.get(..2).and_then(|two| str::from_utf8(two).ok()));
        let (byte, after) = match hex {
            Some(hex) => (u8::from_str_radix(hex?, 16).ok()?, &tail[2..]),
            None => (*first, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

impl RedisAddress {
    /// The whole address, with its password: not for a log.
    pub fn url(&self) -> String {
        let escaped =
            |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let scheme = if self.tls { "rediss" } else { "redis" };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!(
            "{scheme}://{}:{}@{host}:{}",
            escaped(&self.user),
            escaped(&self.password),
            self.port
        )
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "rediss" } else { "redis" }, self.host, self.port)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Bytes to and from Redis.
trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// A connection to Redis.
pub struct Link(BufReader<Box<dyn Wire>>);

impl Link {
    /// Opens a connection and logs in.
    ///
    /// # Errors
    /// When Redis is not there, or does not let us in.
    pub fn open(address: &RedisAddress) -> io::Result<Link> {
        let stream = connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let wire: Box<dyn Wire> = match address.tls {
            true => Box::new(StreamOwned::new(tls(address)?, stream)),
            false => Box::new(stream),
        };
        let mut link = Link(BufReader::new(wire));
        match (address.user.as_str(), address.password.as_str()) {
            ("", "") => {}
            ("", password) => drop(link.call(&["AUTH", password])?),
            (user, password) => drop(link.call(&["AUTH", user, password])?),
        }
        Ok(link)
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// When the link is broken or Redis answers with an error. What it has done then is not known.
    pub fn call(&mut self, words: &[&str]) -> io::Result<RespValue> {
        self.0.get_mut().write_all(&resp::command(words))?;
        self.0.get_mut().flush()?;
        resp::read(&mut self.0)
    }
}

fn connect(address: &RedisAddress) -> io::Result<TcpStream> {
    let mut last =
        io::Error::new(io::ErrorKind::NotFound, format!("{} has no address", address.host));
    for place in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&place, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn tls(address: &RedisAddress) -> io::Result<ClientConnection> {
    let roots = trusted(&address.ca).map_err(|why| {
        io::Error::other(format!("the certificates in {}: {why}", address.ca.display()))
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config =
        config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)
}

fn trusted(file: &Path) -> Result<RootCertStore, rustls::pki_types::pem::Error> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    roots.add_parsable_certificates(certificates);
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_its_password_is_not_shown() {
        let address: RedisAddress = "rediss://ann:a%40b%3a1@[::1]:7000/".parse().unwrap();
        assert_eq!((address.tls, address.host.as_str(), address.port), (true, "::1", 7000));
        assert_eq!((address.user.as_str(), address.password.as_str()), ("ann", "a@b:1"));
        assert_eq!(format!("{address:?}"), "rediss://::1:7000");
        assert_eq!(address.url().parse(), Ok(address));
        let address: RedisAddress = "redis://:secret@cache.example".parse().unwrap();
        assert_eq!(
            (address.user.as_str(), address.password.as_str(), address.port),
            ("", "secret", 6379)
        );
        for wrong in [
            "",
            "localhost",
            "http://x",
            "redis://",
            "redis://x:port",
            "redis://:%4@x",
            "redis://:%zz@x",
            "redis://:%é@x",
        ] {
            assert!(wrong.parse::<RedisAddress>().is_err(), "{wrong}");
        }
    }
}
