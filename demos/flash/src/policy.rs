//! The socket policy file: by which a TCP server told Flash whose movies may connect to it.
//!
//! Flash asked before each connection (`<policy-file-request/>` and a zero byte), read the XML, and refused to connect
//! when the movie's own host was not in it. So the *player* protected the server. No browser has that player any more:
//! here the bridge asks and compares in its place.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};



/// What the player sends to get the policy file.
pub const REQUEST: &str = "<policy-file-request/>";

/// The policy allows nobody: a switch on the page.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// The names under which this demo's page was asked for: its movies come from there.
static NAMES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// So many names are remembered. More than one there are only with `--host 0.0.0.0`.
const MAX_NAMES: usize = 16;

/// Opens or closes the socket server to all movies.
pub fn set_closed(closed: bool) {
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Whether it is closed to all movies.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// The page was asked for with this `Host`, which is ours: its movie is welcome.
pub fn welcome(host: &str) {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if bench::host_is_ours(host) && names.len() < MAX_NAMES {
        names.insert(bench::host_name(host).to_ascii_lowercase());
    }
}

// ANCHOR: policy
/// The policy file of a socket server on this port.
pub fn file(port: u16) -> String {
    let mut file = String::from("<?xml version=\"1.0\"?>\n<cross-domain-policy>\n");
    if !is_closed() {
        for name in NAMES.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            file += &format!("  <allow-access-from domain=\"{name}\" to-ports=\"{port}\"/>\n");
        }
    }
    file + "</cross-domain-policy>\n"
}

/// Whether a policy file lets movies of this host connect to this port: some `allow-access-from` names both.
pub fn allows(file: &str, host: &str, port: u16) -> bool {
    file.split('<').filter(|tag| tag.starts_with("allow-access-from")).any(|tag| {
        let domain = attribute(tag, "domain").unwrap_or("");
        let ports = attribute(tag, "to-ports").unwrap_or("");
        is_of(domain, host) && ports.split(',').any(|range| has(range.trim(), port))
    })
}
// ANCHOR_END: policy

/// `*` is everybody, `*.foo.com` is foo.com and every name below it.
fn is_of(domain: &str, host: &str) -> bool {
    let same = |name: &str| host.eq_ignore_ascii_case(name);
    match domain.strip_prefix("*.") {
        Some(parent) => {
            let below = host.len() > parent.len() && host.as_bytes()[host.len() - parent.len() - 1] == b'.';
            same(parent)
                || (below && host.get(host.len() - parent.len()..).is_some_and(|end| end.eq_ignore_ascii_case(parent)))
        }
        None => domain == "*" || same(domain),
    }
}

/// `507`, `516-523` or `*`.
fn has(range: &str, port: u16) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&port),
        _ => range == "*",
    }
}

/// The value of an attribute. Enough for policy files; no XML parser.
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
