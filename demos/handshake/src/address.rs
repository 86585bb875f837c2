//! Machinery: reads addresses like `ws://127.0.0.1:8011/echo`.

/// A `ws://` address, taken apart (RFC 6455, 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name and port as a `Host` header says them; no port when it is 80.
    pub host: String,
    /// Name and port to connect to.
    pub connect: String,
    /// Path and query, "/" at least.
    pub resource: String,
}

impl Address {
    /// Reads an address like `ws://127.0.0.1:8011/echo?x=1`.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn parse(address: &str) -> Result<Self, String> {
        let scheme = address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("ws://"));
        if !scheme {
            return Err(format!(
                "An address starts with ws://, and {address:?} does not. (wss:// is another lesson.)"
            ));
        }
        if address.contains('#') || address.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(
                "An address has no fragment, no space and nothing that is not ASCII.".to_string()
            );
        }
        let rest = &address[5..];
        let (host, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if host.is_empty() || host.contains('@') {
            return Err(format!("There is no host in {address:?}."));
        }
        Ok(Address {
            host: host.strip_suffix(":80").unwrap_or(host).to_string(),
            connect: if has_port { host.to_string() } else { format!("{host}:80") },
            resource: if resource.starts_with('/') {
                resource.to_string()
            } else {
                format!("/{resource}")
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_host_port_and_resource() {
        let address = |text| Address::parse(text).map(|a| (a.host, a.connect, a.resource));
        let parts = |a: &str, b: &str, c: &str| Ok((a.to_string(), b.to_string(), c.to_string()));
        assert_eq!(
            address("ws://127.0.0.1:8011/echo?x=1"),
            parts("127.0.0.1:8011", "127.0.0.1:8011", "/echo?x=1")
        );
        assert_eq!(address("WS://a"), parts("a", "a:80", "/"));
        assert_eq!(address("ws://a:80?x"), parts("a", "a:80", "/?x"));
        assert_eq!(address("ws://[::1]:8011/"), parts("[::1]:8011", "[::1]:8011", "/"));
        for bad in [
            "http://a/",
            "wss://a/",
            "ws://",
            "ws:///x",
            "ws://a/#top",
            "ws://a/\r\nX: y",
            "ws://me@a/",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
