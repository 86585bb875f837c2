//! The names that this server goes by: what a `Host` and an `Origin` may say.
//!
//! A page of a foreign site may make a browser talk to this machine, by a name of its own that it lets point here (DNS
//! rebinding) or across origins. The first betrays itself in `Host`, the second in `Origin`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

/// The addresses of a running demo.
#[derive(Clone, Debug)]
pub struct Names {
    /// The demo's port.
    pub port: u16,
    /// The bench's port.
    pub bench_port: u16,
    /// What `--host` said, when it is not a loopback address.
    pub host: Option<String>,
    /// Name and port of the servers beside the demo.
    pub beside: Vec<(&'static str, u16)>,
    /// Where the demo listens for the public.
    pub address: SocketAddr,
    /// How long a request's head may take.
    pub head_timeout: Duration,
}

static NAMES: OnceLock<Names> = OnceLock::new();

/// Sets the names of this process, once.
pub fn set(names: Names) {
    let _ = NAMES.set(names);
}

/// The bench's port; 0 before the bench runs.
pub fn port() -> u16 {
    NAMES.get().map_or(0, |names| names.bench_port)
}

/// Name and port of the servers beside the demo.
pub fn beside() -> &'static [(&'static str, u16)] {
    NAMES.get().map_or(&[], |names| &names.beside)
}

/// Where a client on this machine finds the demo, front door first: for a demo that is its own client, too, since a
/// browser can't send what the lesson wants to show. `None` before the demo runs.
pub fn public_address() -> Option<SocketAddr> {
    let mut address = NAMES.get()?.address;
    if address.ip().is_unspecified() {
        let here = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
        address.set_ip(here);
    }
    Some(address)
}

/// How long a request's head may take: what `--head-timeout` said, for demos that read heads themselves.
pub fn head_timeout() -> Duration {
    NAMES.get().map_or(Duration::from_secs(10), |names| names.head_timeout)
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
pub fn host_is_ours(host: &str) -> bool {
    let name = host_name(host);
    if name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]" {
        return true;
    }
    let Some(open_to) = NAMES.get().and_then(|names| names.host.as_deref()) else { return false };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case(open_to) || (address.is_ok() && is_every_address(open_to))
}

/// Whether an `Origin` header's value is the origin of this demo's own page, as the browser sees it: the very name and
/// port that it asked in `Host`.
pub fn origin_is_ours(origin: &str, host: &str) -> bool {
    host_is_ours(host) && origin.strip_prefix("http://").is_some_and(|name| name.eq_ignore_ascii_case(host))
}

/// Whether an `Origin` may use the bench: the demo's page, or the bench itself.
pub fn may_use_bench(origin: &str) -> bool {
    let Some(names) = NAMES.get() else { return false };
    let Some((host, port)) = origin.strip_prefix("http://").and_then(|rest| rest.rsplit_once(':')) else {
        return false;
    };
    host_is_ours(host) && port.parse().is_ok_and(|port: u16| port == names.port || port == names.bench_port)
}

/// Whether an `Origin` may use anything here: the page that it asks, or the bench.
pub fn may_come_from(origin: &str, host: &str) -> bool {
    origin_is_ours(origin, host) || may_use_bench(origin)
}

fn is_every_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified() || address == Ipv6Addr::UNSPECIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_ours_unless_the_command_line_says_more() {
        for ours in ["localhost:8003", "127.0.0.1:8003", "[::1]:8003", "LOCALHOST", "127.0.0.1"] {
            assert!(host_is_ours(ours), "{ours}");
        }
        for foreign in
            ["evil.example", "localhost.evil.example:8003", "127.0.0.1.evil.example", "", ":8003", "10.0.0.1"]
        {
            assert!(!host_is_ours(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_origin_is_ours_when_it_is_the_host_that_was_asked() {
        assert!(origin_is_ours("http://localhost:8003", "localhost:8003"));
        assert!(!origin_is_ours("http://localhost:9000", "localhost:8003"));
        assert!(!origin_is_ours("https://localhost:8003", "localhost:8003"));
        assert!(!origin_is_ours("http://evil.example/localhost:8003", "localhost:8003"));
        assert!(!origin_is_ours("null", "localhost:8003"));
    }
}
