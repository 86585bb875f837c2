//! The socket policy file: a TCP server's list of the hosts whose movies may connect to it.
//!
//! Flash Player asked for it before it opened a socket: first on port 843, then on the port that the movie wanted
//! (`<policy-file-request/>` and a zero byte). It refused to connect when the movie's host, where the SWF was loaded from,
//! was not in the file. So the player protected the servers that its user's machine can reach, those of an intranet for
//! one, from foreign movies, as CORS does with foreign scripts. A program without a player need not ask.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the player sends to get the policy file.
pub const REQUEST: &str = "<policy-file-request/>";

/// The number of hosts that are remembered. There is more than one only with `--host 0.0.0.0`.
const MAX_HOSTS: usize = 16;

/// Whom the socket server lets in.
#[derive(Default)]
pub struct Policy(Mutex<State>);

#[derive(Default)]
struct State {
    /// A switch on the page: no movie may connect.
    closed: bool,
    /// The hosts under which the movie was loaded.
    hosts: BTreeSet<String>,
}

impl Policy {
    /// Closes the socket server to all movies, or opens it again to those of this demo.
    pub fn set_closed(&self, closed: bool) {
        self.state().closed = closed;
    }

    /// The movie was loaded from this host, a name of this server: it may connect.
    pub fn welcome(&self, host: &str) {
        let mut state = self.state();
        if state.hosts.len() < MAX_HOSTS {
            state.hosts.insert(host.to_ascii_lowercase());
        }
    }

    // ANCHOR: policy
    /// The policy file of a socket server on this port.
    pub fn file(&self, port: u16) -> String {
        let state = self.state();
        let mut file = String::from("<?xml version=\"1.0\"?>\n<cross-domain-policy>\n");
        for host in state.hosts.iter().filter(|_| !state.closed) {
            file += &format!("  <allow-access-from domain=\"{host}\" to-ports=\"{port}\"/>\n");
        }
        file + "</cross-domain-policy>\n"
    }
    // ANCHOR_END: policy

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// ANCHOR: allows
/// The player's half: whether a policy file lets movies of this host connect to this port. One of its
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
        for file in
            ["", "<allow-access-from", "<allow-access-from domain=\"*\"/>", "<x domain=\"*\" to-ports=\"*\"/>", "é"]
        {
            assert!(!allows(file, "é.foo.com", 507), "{file}");
        }
    }
}
