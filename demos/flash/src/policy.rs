//! The socket policy file: a TCP server's list of the hosts whose movies may connect to it.
//!
//! Flash Player asked for it before it opened a socket: first on port 843, then on the port that the movie wanted
//! (`<policy-file-request/>` and a zero byte). It refused to connect when the movie's host, where the SWF was loaded from,
//! was not in the file. So the player protected the servers that its user's machine can reach, those of an intranet for
//! one, from foreign movies, as CORS does with foreign scripts. A program without a player need not ask.

use std::sync::atomic::{AtomicBool, Ordering};

use demo::Site;

/// What the player sends to get the policy file.
pub const REQUEST: &str = "<policy-file-request/>";

/// A switch on the page: closed, the socket server lets no movie in.
#[derive(Default)]
struct Closed(AtomicBool);

/// Closes the socket server to all movies, or opens it again to those of this demo.
pub fn set_closed(site: &Site, closed: bool) {
    site.shared.get::<Closed>().0.store(closed, Ordering::Relaxed);
}

// ANCHOR: policy
/// The policy file. It lets in the movies that were loaded from this demo's own hosts.
pub fn file(site: &Site) -> String {
    let closed = site.shared.get::<Closed>().0.load(Ordering::Relaxed);
    let port = site.side_port("xmlsocket");
    let mut file = String::from("<?xml version=\"1.0\"?>\n<cross-domain-policy>\n");
    for host in own_hosts(site).filter(|_| !closed) {
        file += &format!("  <allow-access-from domain=\"{host}\" to-ports=\"{port}\"/>\n");
    }
    file + "</cross-domain-policy>\n"
}
// ANCHOR_END: policy

/// The names by which a browser may have asked for the movie. With `--host 0.0.0.0` it is any address of this machine, and
/// `*` lets in the movies of every host: then the bridge alone keeps foreign pages out, by their `Origin`.
fn own_hosts(site: &Site) -> impl Iterator<Item = &str> {
    let every = site.address.ip().is_unspecified().then_some("*");
    let some = ["127.0.0.1", "localhost", "[::1]"].into_iter().chain(site.host.as_deref());
    every.into_iter().chain(some.filter(move |_| every.is_none()))
}

// ANCHOR: allows
/// The player's half: whether a policy file lets movies of this host connect to this port. One
/// `allow-access-from` has to name both.
pub fn allows(file: &str, host: &str, port: u16) -> bool {
    file.split('<').filter(|tag| tag.starts_with("allow-access-from")).any(|tag| {
        let domain = attribute(tag, "domain").unwrap_or("");
        let ports = attribute(tag, "to-ports").unwrap_or("");
        names_host(domain, host) && ports.split(',').any(|range| holds_port(range.trim(), port))
    })
}
// ANCHOR_END: allows

/// `*` names every host, `*.foo.com` names foo.com and every host below it.
fn names_host(domain: &str, host: &str) -> bool {
    let (domain, host) = (domain.to_ascii_lowercase(), host.to_ascii_lowercase());
    match domain.strip_prefix("*.") {
        Some(parent) => host == parent || host.ends_with(&format!(".{parent}")),
        None => domain == "*" || domain == host,
    }
}

/// `507`, `516-523` or `*`.
fn holds_port(range: &str, port: u16) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&port),
        _ => range == "*",
    }
}

/// The value of an attribute. This is enough for policy files; it is no XML parser.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::allows;

    /// The kinds of entry that Macromedia's reference of `loadPolicyFile` shows.
    const FILE: &str = r#"<cross-domain-policy>
        <allow-access-from domain="*" to-ports="507" />
        <allow-access-from domain="*.foo.com" to-ports="507,516" />
        <allow-access-from domain="*.bar.com" to-ports="516-523" />
        <allow-access-from domain="www.bar.com" to-ports="*" />
    </cross-domain-policy>"#;

    #[test]
    fn an_entry_has_to_name_both_host_and_port() {
        assert!(allows(FILE, "anywhere.example", 507));
        assert!(!allows(FILE, "anywhere.example", 516));
        assert!(allows(FILE, "a.foo.com", 516));
        assert!(allows(FILE, "foo.com", 516));
        assert!(!allows(FILE, "badfoo.com", 516));
        assert!(allows(FILE, "WWW.bar.com", 520) && !allows(FILE, "b.bar.com", 524));
        assert!(allows(FILE, "www.bar.com", 9999));
    }

    #[test]
    fn what_is_no_policy_allows_nothing() {
        for file in [
            "",
            "<allow-access-from",
            "<allow-access-from domain=\"*\"/>",
            "<x domain=\"*\" to-ports=\"*\"/>",
            "é",
        ] {
            assert!(!allows(file, "é.foo.com", 507), "{file}");
        }
    }
}
