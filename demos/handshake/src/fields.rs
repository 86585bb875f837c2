//! Header fields of a handshake that have rules of their own: whose page asks, the key, the subprotocols.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use demo::Site;

use crate::refusal::Refusal;
use crate::request::{Request, is_token};

/// The protocol's version (RFC 6455, 4.1). There has been no other since 2011.
pub const VERSION: &str = "13";

impl Request {
    /// Whether this wants to be a handshake, perhaps a faulty one. Any other is an ordinary request.
    pub fn asks_for_websocket(&self) -> bool {
        let websocket_field = |name: &str| {
            name.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("Sec-WebSocket-"))
        };
        let asks = self.lists("Upgrade", "websocket")
            || self.fields.iter().any(|(name, _)| websocket_field(name));
        asks && self.method != "HEAD"
    }

    /// The server's name as the client wrote it: in the target, or in the only `Host` field.
    pub fn host(&self) -> Option<&str> {
        let field = self.only("Host");
        self.host.as_deref().filter(|_| field.is_some()).or(field)
    }
}

/// A handshake that may be answered with 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The client's `Sec-WebSocket-Key`.
    pub key: String,
    /// The subprotocol that both sides know, if any.
    pub protocol: Option<String>,
}

// ANCHOR: origin
/// Refuses a request under another name than the server's own: the name may have been pointed at
/// this machine by a foreign site (DNS rebinding). And refuses a request of a foreign page: a
/// browser does not keep one from opening a WebSocket, it only says in `Origin` whose page it is
/// (10.2).
///
/// # Errors
/// 400, 403 or 421.
pub fn check_host_and_origin(request: &Request, site: &Site) -> Result<(), Refusal> {
    let Some(host) = request.host() else {
        return Err(Refusal::new(400, "There must be one Host."));
    };
    if !site.is_own_host(host) {
        return Err(Refusal::new(421, format!("This server is not {host}.")));
    }
    if request.all("Origin").any(|origin| !site.is_allowed_origin(origin, host)) {
        return Err(Refusal::new(403, "A page from another origin may not use this server."));
    }
    Ok(())
}
// ANCHOR_END: origin

/// Checks the version (RFC 6455, 4.2.1, item 6; 4.4).
///
/// # Errors
/// 426 for another version than ours, 400 for none or no number.
pub fn check_version(request: &Request) -> Result<(), Refusal> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match request.only("Sec-WebSocket-Version") {
        Some(VERSION) => Ok(()),
        Some(other) if is_number(other) => {
            let why = format!("This server speaks WebSocket version {VERSION}, not {other}.");
            Err(upgrade_required(Refusal::new(426, why)))
        }
        _ => {
            let refusal = Refusal::new(400, "There must be one Sec-WebSocket-Version, a number.");
            Err(refusal.with("Sec-WebSocket-Version", VERSION))
        }
    }
}

/// A client must wait for the answer (RFC 6455, 4.1), so a handshake has no body.
///
/// # Errors
/// 400 when it has one.
pub fn check_no_body(request: &Request) -> Result<(), Refusal> {
    let empty = request.all("Content-Length").all(|length| length == "0");
    if empty && request.all("Transfer-Encoding").next().is_none() {
        return Ok(());
    }
    Err(Refusal::new(400, "A WebSocket handshake has no body."))
}

/// The only key (RFC 6455, 4.2.1, item 5).
///
/// # Errors
/// 400 when there is none, more than one, or one that is no key.
pub fn key(request: &Request) -> Result<String, Refusal> {
    match request.only("Sec-WebSocket-Key") {
        Some(key) if is_key(key) => Ok(key.to_string()),
        Some(_) => Err(Refusal::new(400, "Sec-WebSocket-Key is not the base64 of 16 bytes.")),
        None => Err(Refusal::new(400, "There must be one Sec-WebSocket-Key.")),
    }
}

/// Whether this is the base64 of 16 bytes (RFC 6455, 4.2.1, item 5): 22 characters and `==`.
pub fn is_key(key: &str) -> bool {
    // The last character carries 2 bits of the key and 4 that mean nothing. The RFC's own example in 4.1 sets one of
    // these, which a strict decoder refuses.
    const LOOSE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    LOOSE.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// The first subprotocol of the client's list that this server knows (RFC 6455, 4.2.2): the
/// client's order is its preference. None in common is no fault here: the answer then names none. A
/// browser that offered some must fail such a connection (WHATWG WebSockets); Chromium does.
///
/// # Errors
/// 400 when the list is no list of tokens, or names one twice.
pub fn choose(request: &Request, known: &[&str]) -> Result<Option<String>, Refusal> {
    let offered: Vec<&str> = request.list("Sec-WebSocket-Protocol").collect();
    let named = request.all("Sec-WebSocket-Protocol").next().is_some();
    if (named && offered.is_empty()) || !offered.iter().all(|one| is_token(one)) {
        return Err(Refusal::new(400, "Sec-WebSocket-Protocol is not a list of tokens."));
    }
    if (1..offered.len()).any(|at| offered[..at].contains(&offered[at])) {
        return Err(Refusal::new(400, "Sec-WebSocket-Protocol names a subprotocol twice."));
    }
    Ok(offered.into_iter().find(|one| known.contains(one)).map(str::to_string))
}

/// The refusal as a 426: it names the protocol to change to (RFC 9110, 15.5.22) and its version (RFC 6455, 4.4).
pub fn upgrade_required(refusal: Refusal) -> Refusal {
    refusal.with("Upgrade", "websocket").with("Sec-WebSocket-Version", VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_base64_of_16_bytes() {
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_key("AQIDBAUGBwgJCgsMDQ4PEC=="), "the example of RFC 6455, 4.1");
        for no in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub24=",
            "\u{e9}\u{e9}==",
        ] {
            assert!(!is_key(no), "{no:?}");
        }
    }

    #[test]
    fn the_host_in_an_absolute_target_counts_instead_of_the_field() {
        let host = |head: &str| {
            let request = Request::parse(head.as_bytes()).unwrap();
            check_host_and_origin(&request, &Site::new(([127, 0, 0, 1], 8010).into()))
                .map_err(|refusal| refusal.status)
        };
        assert_eq!(
            host("GET http://127.0.0.1:8010/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
            Ok(())
        );
        assert_eq!(
            host("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n"),
            Err(421)
        );
        assert_eq!(
            host("GET http://127.0.0.1:8010/ HTTP/1.1\r\n\r\n"),
            Err(400),
            "a Host field must be there (3.2)"
        );
    }
}
