//! The site: where a running demo is reached, and which requests are from its own pages.
//!
//! A page of a foreign site may make a browser talk to this machine, by a name of its own that it lets point here (DNS
//! rebinding) or across origins (cross-site request forgery). The first shows in `Host`, the second in `Origin`.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The addresses of a running demo. Handed to each of its servers, so that none of them needs a global variable.
#[derive(Clone)]
pub struct Site {
    /// Where the demo listens for the public.
    pub address: SocketAddr,
    /// The bench's port; 0 when there is no bench.
    pub bench_port: u16,
    /// What `--host` said, when it is not a loopback address.
    pub host: Option<String>,
    /// Name and public port of each side server.
    pub side_ports: Vec<(&'static str, u16)>,
    /// The public ports that speak TLS: the origins of their pages begin with `https`, all others with `http`.
    pub tls_ports: Vec<u16>,
    /// How long a request's head may take, for demos that read heads themselves.
    pub head_timeout: Duration,
    /// Called with the peer's address when a request has come out of tiny_http: see the `quirks` of the crate `http`.
    pub request_came: Option<Arc<dyn Fn(SocketAddr) + Send + Sync>>,
    /// What the servers of one demo have in common, besides the room.
    pub shared: Shared,
}

/// Values that all servers of one running demo share: one for each type, made by the server that asks for it first.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Vec<Arc<dyn Any + Send + Sync>>>>);

impl Shared {
    /// Puts a value there, before any server asks for it.
    pub fn put<T: Send + Sync + 'static>(&self, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(value));
    }

    /// The value of this type.
    pub fn get<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = values.iter().find_map(|value| value.clone().downcast().ok()) {
            return value;
        }
        let value = Arc::new(T::default());
        values.push(value.clone());
        value
    }
}

impl Site {
    /// The book's port.
    pub const BOOK_PORT: u16 = 8000;

    /// A site on this address with nothing beside it: no bench, no other servers, loopback names only.
    pub fn new(address: SocketAddr) -> Self {
        Site {
            address,
            bench_port: 0,
            host: None,
            side_ports: Vec::new(),
            tls_ports: Vec::new(),
            head_timeout: Duration::from_secs(10),
            request_came: None,
            shared: Shared::default(),
        }
    }

    /// The name in a `Host` header's value, without its port. An IPv6 address keeps its brackets.
    pub fn host_name(host: &str) -> &str {
        match host.rsplit_once(':') {
            Some((name, port)) if !name.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// Whether a `Host` header's value is a name of this server: `localhost`, a loopback address, or what `--host` said.
    /// A server that listens on all addresses takes any address, but no name: only names can be made to point elsewhere.
    pub fn is_own_host(&self, host: &str) -> bool {
        let name = Site::host_name(host);
        if name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]" {
            return true;
        }
        let Some(open_to) = self.host.as_deref() else { return false };
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        name.eq_ignore_ascii_case(open_to) || (address.is_ok() && is_every_address(open_to))
    }

    /// Whether an `Origin` header's value is the origin of this server's own page, as the browser sees it: the very name
    /// and port that it asked in `Host`.
    pub fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        self.is_own_host(host) && self.origin_parts(origin).is_some_and(|(name, _)| name.eq_ignore_ascii_case(host))
    }

    /// Whether an `Origin` is the demo's page or the bench: what may use the bench.
    pub fn is_bench_origin(&self, origin: &str) -> bool {
        // What speaks TLS is the demo itself, or passes its page on.
        let pages = |port: u16| port == self.address.port() || self.tls_ports.contains(&port);
        let ours = |port: u16| pages(port) || (port == self.bench_port && port != 0);
        self.origin_parts(origin).is_some_and(|(host, port)| self.is_own_host(host) && port.is_some_and(ours))
    }

    /// `https` for a public port that speaks TLS, otherwise `http`.
    pub fn scheme(&self, port: u16) -> &'static str {
        if self.tls_ports.contains(&port) { "https" } else { "http" }
    }

    /// Host and port of an origin, if its scheme is the one that is spoken there.
    fn origin_parts<'a>(&self, origin: &'a str) -> Option<(&'a str, Option<u16>)> {
        let (scheme, host) = origin.split_once("://")?;
        // u16::parse would take a plus sign, which no browser sends.
        let digits =
            host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
        let port = digits.and_then(|digits| digits.parse().ok());
        (scheme == self.scheme(port.unwrap_or(0))).then_some((host, port))
    }

    /// Whether an `Origin` may use the demo: the page that it asks, the demo's page, or the bench.
    pub fn is_allowed_origin(&self, origin: &str, host: &str) -> bool {
        self.is_own_origin(origin, host) || self.is_bench_origin(origin)
    }

    /// The origin of the demo's page for a browser that knows this machine under the name in `host` (a `Host` header's
    /// value, of the demo itself or of a side server).
    pub fn page_origin(&self, host: &str) -> String {
        let port = self.address.port();
        format!("{}://{}:{port}", self.scheme(port), Site::host_name(host))
    }

    /// Where a client on this machine finds the demo, front door first: for a demo that is its own client, too, since a
    /// browser can't send what the lesson wants to show.
    pub fn public_address(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let here = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { Ipv6Addr::LOCALHOST.into() };
            address.set_ip(here);
        }
        address
    }

    /// The public port of a side server; 0 when there is none of that name.
    pub fn side_port(&self, name: &str) -> u16 {
        self.side_ports.iter().find(|(other, _)| *other == name).map_or(0, |(_, port)| *port)
    }

    /// Where a client on this machine finds a side server.
    pub fn side_address(&self, name: &str) -> SocketAddr {
        SocketAddr::new(self.public_address().ip(), self.side_port(name))
    }
}

fn is_every_address(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site { bench_port: 9003, ..Site::new(([127, 0, 0, 1], 8003).into()) }
    }

    #[test]
    fn only_loopback_names_are_ours_unless_the_command_line_says_more() {
        for ours in ["localhost:8003", "127.0.0.1:8003", "[::1]:8003", "LOCALHOST", "127.0.0.1"] {
            assert!(site().is_own_host(ours), "{ours}");
        }
        for foreign in
            ["evil.example", "localhost.evil.example:8003", "127.0.0.1.evil.example", "", ":8003", "10.0.0.1"]
        {
            assert!(!site().is_own_host(foreign), "{foreign}");
        }
        let open = Site { host: Some("0.0.0.0".to_string()), ..site() };
        assert!(open.is_own_host("10.0.0.1:8003"));
        assert!(!open.is_own_host("evil.example:8003"));
    }

    #[test]
    fn an_origin_is_ours_when_it_is_the_host_that_was_asked() {
        assert!(site().is_own_origin("http://localhost:8003", "localhost:8003"));
        assert!(!site().is_own_origin("http://localhost:9000", "localhost:8003"));
        assert!(!site().is_own_origin("https://localhost:8003", "localhost:8003"));
        assert!(!site().is_own_origin("http://evil.example/localhost:8003", "localhost:8003"));
        assert!(!site().is_own_origin("null", "localhost:8003"));
    }

    #[test]
    fn a_port_that_speaks_tls_has_https_origins_and_no_others() {
        let site = Site { tls_ports: vec![8003], ..site() };
        assert!(site.is_own_origin("https://localhost:8003", "localhost:8003"));
        assert!(!site.is_own_origin("http://localhost:8003", "localhost:8003"));
        assert!(site.is_own_origin("http://localhost:8103", "localhost:8103"));
        assert!(site.is_bench_origin("https://127.0.0.1:8003") && site.is_bench_origin("http://127.0.0.1:9003"));
        assert!(!site.is_bench_origin("http://127.0.0.1:8003") && !site.is_bench_origin("https://127.0.0.1:9003"));
        assert_eq!(site.page_origin("localhost:8103"), "https://localhost:8003");
    }

    #[test]
    fn the_servers_of_one_demo_share_a_value_and_two_demos_do_not() {
        let (one, other) = (site(), site());
        one.shared.get::<Mutex<u32>>().lock().map(|mut value| *value = 7).unwrap();
        assert_eq!(*one.clone().shared.get::<Mutex<u32>>().lock().unwrap(), 7);
        assert_eq!(*other.shared.get::<Mutex<u32>>().lock().unwrap(), 0);
    }

    #[test]
    fn the_bench_is_for_the_demos_page_and_itself() {
        for ours in ["http://127.0.0.1:8003", "http://localhost:9003"] {
            assert!(site().is_bench_origin(ours), "{ours}");
        }
        for foreign in ["http://127.0.0.1:+8003", "http://127.0.0.1:8004", "http://evil.example:8003", "null"] {
            assert!(!site().is_bench_origin(foreign), "{foreign}");
        }
    }
}
