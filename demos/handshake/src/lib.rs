//! The WebSocket opening handshake, by hand: how a connection that speaks HTTP becomes one that does not.
//!
//! Run    `cargo run -p handshake`, then open <http://127.0.0.1:8010>
//! Read   this file top to bottom, then `request.rs` (how a head is read) and `client.rs` (the other half)
//! Wire   `GET /socket`, `Upgrade: websocket`, `Sec-WebSocket-Key` ... `101`, `Sec-WebSocket-Accept` ... bytes
//! Book   `book/src/handshake.md`
//!
//! Left out: extensions, cookies, logins, and what the bytes after 101 mean: the next lesson, `frames`, can read them.
//! Source: RFC 6455, sections 1.3 and 4.

pub mod address;
pub mod client;
pub mod fields;
pub mod page_server;
pub mod refusal;
pub mod request;
mod target;
mod walkthrough;

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use demo::{Demo, Site, Speaks};
use room::Room;
use sha1_smol::Sha1;

use crate::fields::{Accepted, check_host_and_origin, check_no_body, check_version, choose, key};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::walkthrough::Walkthrough;

/// The demo, as the README, the book and the tests know it.
pub const DEMO: Demo = Demo {
    name: "handshake",
    port: 8010,
    title: "The WebSocket handshake",
    promise: "One HTTP request asks to speak something else from now on; one answer agrees, and proves that it understood.",
    first: "open the page, follow the key to its answer, then send a handshake with one thing wrong",
    page: demo::page!("attempt.js", "handshake.css"),
    speaks: Speaks::Upgrades,
    serve,
    side_servers: &[],
};

/// Serves HTTP and WebSocket on one port: the first request of a connection says which it is.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let page = Walkthrough::new(&DEMO, room, site.clone());
    page_server::each_request(&listener, site.clone(), move |stream, request, rest| {
        if !request.asks_for_websocket() {
            return page.answer(&stream, &request, rest);
        }
        if request.path() != "/socket" {
            return page_server::refuse(&stream, Refusal::new(404, "The socket is at /socket."));
        }
        let Some(accepted) = upgrade(&stream, &request, &site, &["room.v2", "room.v1"])? else {
            return Ok(());
        };
        page.remember(&request, &accepted.key, GUID, &switching_protocols(&accepted));
        page.show_bytes(&stream, &rest)
    })
}

/// Answers a handshake with 101, and from then on the connection is a WebSocket; or refuses it, and
/// then the result is `None`. An error means that the client has gone.
pub fn upgrade(
    mut stream: &TcpStream,
    request: &Request,
    site: &Site,
    known: &[&str], // the subprotocols that this server speaks
) -> io::Result<Option<Accepted>> {
    match check(request, site, known) {
        Ok(accepted) => {
            stream.write_all(switching_protocols(&accepted).as_bytes())?;
            stream.set_read_timeout(None)?; // a WebSocket may be silent without a limit
            Ok(Some(accepted))
        }
        Err(refusal) => page_server::refuse(stream, refusal).map(|()| None),
    }
}

// ANCHOR: check
/// Checks a handshake against RFC 6455, 4.2.1; the numbers are that list's own.
///
/// # Errors
/// The refusal to answer with: one sentence for each fault.
pub fn check(request: &Request, site: &Site, known: &[&str]) -> Result<Accepted, Refusal> {
    let bad = |why: &str| Refusal::new(400, why);
    // 1. An HTTP/1.1 GET. An Upgrade in HTTP/1.0 must be ignored (RFC 9110, 7.8).
    if request.method != "GET" {
        return Err(Refusal::new(405, "A WebSocket handshake is a GET.").with("Allow", "GET"));
    }
    if request.version != "HTTP/1.1" {
        return Err(bad("A WebSocket handshake needs HTTP/1.1."));
    }
    // 2. and 7. The server's own name, and a page of its own.
    check_host_and_origin(request, site)?;
    // 3. and 4. Both, since Upgrade alone may have passed a proxy that does not know what it means.
    if !request.lists("Upgrade", "websocket") {
        return Err(bad("Upgrade: websocket is missing."));
    }
    if !request.lists("Connection", "Upgrade") {
        return Err(bad("Connection does not list Upgrade."));
    }
    // 6. The version before the key: another version may have other rules for keys.
    check_version(request)?;
    // 5. The key. Its 16 bytes are random, so their number is all that can be checked.
    let key = key(request)?;
    check_no_body(request)?;
    // 8. The subprotocols. 9. Extensions stay unread: this server takes none, so it answers none.
    Ok(Accepted { key, protocol: choose(request, known)? })
}
// ANCHOR_END: check

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

// ANCHOR: accept-key
/// What is added to the key before the hash (RFC 6455, 1.3). It is no secret. It is only used
/// nowhere else.
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The answer to a key: base64 of the SHA-1 of the key and the GUID (RFC 6455, 4.2.2, item 5.4).
/// It proves that the server understood a handshake. It proves nothing about the client.
pub fn accept_key(key: &str) -> String {
    let sha1 = Sha1::from(format!("{key}{GUID}")).digest().bytes(); // 20 bytes
    STANDARD.encode(sha1) // 28 characters
}
// ANCHOR_END: accept-key

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

    fn site() -> Site {
        Site::new(([127, 0, 0, 1], 8010).into())
    }

    /// A good handshake but for the fields given: they replace those of the same name; an empty value takes it away.
    fn with(changed: &[(&str, &str)]) -> Request {
        let kept = GOOD.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let fields = kept.chain(changed.iter().filter(|(_, value)| !value.is_empty()));
        Request {
            method: "GET".to_string(),
            target: "/socket".to_string(),
            version: "HTTP/1.1".to_string(),
            fields: fields.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            ..Request::default()
        }
    }

    fn refused(changed: &[(&str, &str)]) -> u16 {
        check(&with(changed), &site(), &[]).expect_err("this handshake should be refused").status
    }

    #[test]
    fn the_accept_key_of_rfc_6455_section_1_3() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_good_handshake_is_answered_with_the_key_hashed() {
        let accepted = check(&with(&[]), &site(), &["room"]).unwrap();
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
            check(&post, &site(), &[]).unwrap_err(),
            Refusal::new(405, "A WebSocket handshake is a GET.").with("Allow", "GET")
        );
    }

    #[test]
    fn a_field_that_must_not_be_there_twice_is_refused() {
        for (name, value) in [
            ("Host", "127.0.0.1:8010"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", GOOD[3].1),
        ] {
            let mut twice = with(&[]);
            twice.fields.push((name.to_string(), value.to_string()));
            assert_eq!(check(&twice, &site(), &[]).unwrap_err().status, 400, "{name}");
        }
    }

    #[test]
    fn another_version_is_told_which_one_is_spoken_here() {
        let refusal = check(&with(&[("Sec-WebSocket-Version", "25")]), &site(), &[]).unwrap_err();
        assert!(refusal.fields.contains(&("Sec-WebSocket-Version", "13".to_string())));
        assert!(refusal.fields.contains(&("Upgrade", "websocket".to_string())));
    }

    #[test]
    fn an_origin_that_contains_our_name_is_foreign_all_the_same() {
        for foreign in [
            "http://127.0.0.1:8010.evil.example",
            "http://127.0.0.1.evil.example",
            "http://evil.example/?127.0.0.1:8010",
            "http://127.0.0.1:80100",
        ] {
            assert_eq!(refused(&[("Origin", foreign)]), 403, "{foreign}");
        }
        assert!(check(&with(&[("Origin", "http://127.0.0.1:8010")]), &site(), &[]).is_ok());
    }

    #[test]
    fn the_subprotocol_is_the_first_of_the_clients_list_that_we_know() {
        let chosen = |list| {
            check(&with(&[("Sec-WebSocket-Protocol", list)]), &site(), &["room.v1", "room.v2"])
                .unwrap()
                .protocol
        };
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
        assert!(check(&request, &site(), &[]).is_ok());
    }
}
