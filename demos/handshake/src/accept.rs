//! The server's half of the opening handshake (RFC 6455, 4.2): read the request, refuse it or answer 101.
//!
//! ```text
//! GET /socket HTTP/1.1                                 HTTP/1.1 101 Switching Protocols
//! Host: 127.0.0.1:8010                                 Upgrade: websocket
//! Upgrade: websocket                                   Connection: Upgrade
//! Connection: Upgrade                                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//! Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
//! Sec-WebSocket-Version: 13
//! Origin: http://127.0.0.1:8010
//! ```

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1_smol::Sha1;

use crate::request::{Refusal, Request, is_token};

/// What a server adds to the key before it hashes (RFC 6455, 1.3). It is no secret: it is a number that nobody would use
/// by chance, so that only a server which means WebSocket computes the right answer.
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The protocol's version (RFC 6455, 4.1). There has been no other since 2011.
pub const VERSION: &str = "13";

// ANCHOR: accept-key
/// The answer to a key: base64 of the SHA-1 of key and GUID, one behind the other (RFC 6455, 4.2.2, item 5.4).
///
/// It proves that the server understood a WebSocket handshake. It proves nothing about the client, and keeps no secret.
pub fn accept_key(key: &str) -> String {
    let sha1 = Sha1::from(format!("{key}{GUID}")).digest().bytes(); // 20 bytes
    STANDARD.encode(sha1) // 28 characters
}
// ANCHOR_END: accept-key

/// Whether this is the base64 of 16 bytes (RFC 6455, 4.2.1, item 5): 22 characters that mean something and `==`.
pub fn is_key(key: &str) -> bool {
    // The last character carries 2 bits of the key and 4 that mean nothing. The RFC's own example in 4.1 sets one of
    // them, which a strict decoder refuses.
    const LOOSE: GeneralPurpose =
        GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
    LOOSE.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// A handshake that may be answered with 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The client's `Sec-WebSocket-Key`.
    pub key: String,
    /// The subprotocol that both sides know, if any.
    pub protocol: Option<String>,
}

// ANCHOR: check
/// Checks a handshake against RFC 6455, 4.2.1. `known` are the subprotocols that this server speaks.
///
/// # Errors
/// The refusal to answer with; each fault has its own sentence, and its own status code where the RFC knows one.
pub fn check(request: &Request, known: &[&str]) -> Result<Accepted, Refusal> {
    let bad = |why: &str| Refusal::new(400, why);

    // 1. An HTTP/1.1 GET. What HTTP/1.0 says about upgrades is to be ignored (RFC 9110, 7.8), so it can't be one.
    if request.method != "GET" {
        return Err(Refusal::new(405, "A WebSocket handshake is a GET.").with("Allow", "GET"));
    }
    if request.version != "HTTP/1.1" {
        return Err(bad("A WebSocket handshake needs HTTP/1.1."));
    }
    // 2. and 7. The server's own name, and a page of its own: a browser says truly where a script came from.
    check_host_and_origin(request)?;
    // 3. and 4. Both, since Upgrade alone could have come through a proxy that does not know what it means.
    if !request.lists("Upgrade", "websocket") {
        return Err(bad("Upgrade: websocket is missing."));
    }
    if !request.lists("Connection", "Upgrade") {
        return Err(bad("Connection does not list Upgrade."));
    }
    // 6. The version before the key: another version may have other rules for keys.
    match request.only("Sec-WebSocket-Version") {
        Some(VERSION) => {}
        Some(other) if !other.is_empty() && other.bytes().all(|byte| byte.is_ascii_digit()) => {
            let refusal = Refusal::new(426, format!("This server speaks WebSocket version {VERSION}, not {other}."));
            return Err(upgrade_required(refusal));
        }
        _ => {
            return Err(
                bad("There must be one Sec-WebSocket-Version, a number.").with("Sec-WebSocket-Version", VERSION)
            );
        }
    }
    // 5. The key. That it is 16 bytes is all that can be checked: they are random.
    let key = request.only("Sec-WebSocket-Key").ok_or_else(|| bad("There must be one Sec-WebSocket-Key."))?;
    if !is_key(key) {
        return Err(bad("Sec-WebSocket-Key is not the base64 of 16 bytes."));
    }
    // A client must wait for the answer (4.1), so the request has no body.
    if request.all("Content-Length").any(|length| length != "0") || request.all("Transfer-Encoding").next().is_some() {
        return Err(bad("A WebSocket handshake has no body."));
    }
    // 8. Extensions (9.) stay unread: this server takes none, and says so by not answering.
    Ok(Accepted { key: key.to_string(), protocol: choose(request, known)? })
}
// ANCHOR_END: check

// ANCHOR: subprotocol
/// The first subprotocol of the client's list that this server knows (RFC 6455, 4.2.2): the client's order is its
/// preference. None in common is no fault: the answer then names none, and the client decides what that means.
fn choose(request: &Request, known: &[&str]) -> Result<Option<String>, Refusal> {
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
// ANCHOR_END: subprotocol

/// Refuses a request under another name than the server's own (421, a rebound DNS name for one), and one that a page from
/// elsewhere sends (403). Not only handshakes: a foreign page must not make the composer send bytes either.
///
/// # Errors
/// 400, 403 or 421.
pub fn check_host_and_origin(request: &Request) -> Result<(), Refusal> {
    let host = request.only("Host").ok_or_else(|| Refusal::new(400, "There must be one Host."))?;
    if !shared::bench::host_is_ours(host) {
        return Err(Refusal::new(421, format!("This server is not {host}.")));
    }
    if request.all("Origin").any(|origin| !shared::bench::origin_is_ours(origin, host)) {
        return Err(Refusal::new(403, "This page comes from elsewhere, and this server talks to its own pages only."));
    }
    Ok(())
}

/// Whether a request wants to be a WebSocket handshake, a faulty one perhaps. Any other is an ordinary request.
pub fn is_meant(request: &Request) -> bool {
    request.lists("Upgrade", "websocket") || request.fields.iter().any(|(name, _)| is_websocket_field(name))
}

fn is_websocket_field(name: &str) -> bool {
    name.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("Sec-WebSocket-"))
}

/// The refusal as a 426: it names the protocol to change to (RFC 9110, 15.5.22) and its version (RFC 6455, 4.4).
pub fn upgrade_required(refusal: Refusal) -> Refusal {
    refusal.with("Upgrade", "websocket").with("Sec-WebSocket-Version", VERSION)
}

// ANCHOR: switching
/// The head of the answer that ends HTTP on this connection (RFC 6455, 4.2.2, item 5).
pub fn switching_protocols(accepted: &Accepted) -> String {
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        accept_key(&accepted.key)
    );
    if let Some(protocol) = &accepted.protocol {
        head += &format!("Sec-WebSocket-Protocol: {protocol}\r\n");
    }
    head + "\r\n"
}
// ANCHOR_END: switching

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &str)] = &[
        ("Host", "127.0.0.1:8010"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ];

    /// A good handshake but for the fields given: they replace those of the same name; an empty value takes it away.
    fn with(changed: &[(&str, &str)]) -> Request {
        let kept = GOOD.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let fields = kept.chain(changed.iter().filter(|(_, value)| !value.is_empty()));
        Request {
            method: "GET".to_string(),
            target: "/socket".to_string(),
            version: "HTTP/1.1".to_string(),
            fields: fields.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            raw: String::new(),
        }
    }

    fn refused(changed: &[(&str, &str)]) -> u16 {
        check(&with(changed), &[]).expect_err("this handshake should be refused").status
    }

    #[test]
    fn the_accept_key_of_rfc_6455_section_1_3() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_the_base64_of_16_bytes() {
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_key("AQIDBAUGBwgJCgsMDQ4PEC=="), "the example of RFC 6455, 4.1");
        for no in
            ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub24=", "\u{e9}\u{e9}=="]
        {
            assert!(!is_key(no), "{no:?}");
        }
    }

    #[test]
    fn a_good_handshake_is_answered_with_the_key_hashed() {
        let accepted = check(&with(&[]), &["room"]).unwrap();
        assert_eq!(
            switching_protocols(&accepted),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        );
    }

    #[test]
    fn every_fault_is_refused() {
        assert_eq!(refused(&[("Host", "")]), 400);
        assert_eq!(refused(&[("Host", "evil.example")]), 421);
        assert_eq!(refused(&[("Upgrade", "")]), 400);
        assert_eq!(refused(&[("Upgrade", "h2c")]), 400);
        assert_eq!(refused(&[("Connection", "")]), 400);
        assert_eq!(refused(&[("Connection", "keep-alive")]), 400);
        assert_eq!(refused(&[("Sec-WebSocket-Key", "")]), 400);
        assert_eq!(refused(&[("Sec-WebSocket-Key", "c2hvcnQ=")]), 400);
        assert_eq!(refused(&[("Sec-WebSocket-Version", "")]), 400);
        assert_eq!(refused(&[("Sec-WebSocket-Version", "13, 8")]), 400);
        assert_eq!(refused(&[("Sec-WebSocket-Version", "8")]), 426);
        assert_eq!(refused(&[("Origin", "http://evil.example")]), 403);
        assert_eq!(refused(&[("Origin", "null")]), 403);
        assert_eq!(refused(&[("Content-Length", "5")]), 400);
        let mut post = with(&[]);
        post.method = "POST".to_string();
        assert_eq!(
            check(&post, &[]).unwrap_err(),
            Refusal::new(405, "A WebSocket handshake is a GET.").with("Allow", "GET")
        );
    }

    #[test]
    fn a_field_that_must_not_be_there_twice_is_refused() {
        for (name, value) in
            [("Host", "127.0.0.1:8010"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", GOOD[3].1)]
        {
            let mut twice = with(&[]);
            twice.fields.push((name.to_string(), value.to_string()));
            assert_eq!(check(&twice, &[]).unwrap_err().status, 400, "{name}");
        }
    }

    #[test]
    fn another_version_is_told_which_one_is_spoken_here() {
        let refusal = check(&with(&[("Sec-WebSocket-Version", "25")]), &[]).unwrap_err();
        assert!(refusal.fields.contains(&("Sec-WebSocket-Version", "13".to_string())));
        assert!(refusal.fields.contains(&("Upgrade", "websocket".to_string())));
    }

    #[test]
    fn an_origin_that_contains_our_name_is_foreign_all_the_same() {
        for foreign in
            ["http://127.0.0.1:8010.evil.example", "http://evil.example/?127.0.0.1:8010", "http://127.0.0.1:80100"]
        {
            assert_eq!(refused(&[("Origin", foreign)]), 403, "{foreign}");
        }
        assert!(check(&with(&[("Origin", "http://127.0.0.1:8010")]), &[]).is_ok());
    }

    #[test]
    fn the_subprotocol_is_the_first_of_the_clients_list_that_we_know() {
        let chosen =
            |list| check(&with(&[("Sec-WebSocket-Protocol", list)]), &["room.v1", "room.v2"]).unwrap().protocol;
        assert_eq!(chosen("x, room.v2, room.v1"), Some("room.v2".to_string()));
        assert_eq!(chosen("x, ROOM.V1"), None);
        assert_eq!(refused(&[("Sec-WebSocket-Protocol", "room.v1, room.v1")]), 400);
        assert_eq!(refused(&[("Sec-WebSocket-Protocol", "a b")]), 400);
        assert_eq!(refused(&[("Sec-WebSocket-Protocol", ",")]), 400);
    }

    #[test]
    fn the_same_field_in_another_case_is_the_same_field() {
        let mut request = with(&[]);
        for (name, value) in &mut request.fields {
            *name = name.to_uppercase();
            if ["UPGRADE", "CONNECTION"].contains(&name.as_str()) {
                *value = value.to_uppercase();
            }
        }
        assert!(check(&request, &[]).is_ok());
    }
}
