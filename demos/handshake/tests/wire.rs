//! The opening handshake's promises (RFC 6455, 4.2).

use std::time::{Duration, Instant};

use tests::websocket::{ACCEPT, KEY, handshake};
use tests::{Server, start, start_with};

/// A good handshake with one piece of its head replaced; and the answer.
fn answer_to(demo: &Server, from: &str, to: &str) -> (u16, Option<String>) {
    let good = handshake(demo.host(), "/socket");
    assert!(good.contains(from), "{from:?} is no part of {good:?}");
    let mut wire = demo.send(good.replacen(from, to, 1));
    let head = wire.any_head();
    (head.status, head.field("Sec-WebSocket-Version").map(str::to_string))
}

#[test]
fn the_key_of_the_rfc_gets_the_answer_of_the_rfc() {
    let demo = start("handshake");
    let mut wire = demo.send(handshake(demo.host(), "/socket"));
    let head = wire.any_head();
    assert_eq!(head.status, 101);
    assert_eq!(head.field("Sec-WebSocket-Accept"), Some(ACCEPT));
    assert_eq!(head.field("Upgrade"), Some("websocket"));
    assert_eq!(head.field("Connection"), Some("Upgrade"));
    assert_eq!(head.field("Sec-WebSocket-Protocol"), None, "none was offered");
    assert_eq!(head.field("Sec-WebSocket-Extensions"), None, "none was offered");
    assert!(
        wire.is_silent_for(tests::A_WHILE),
        "a server that knows no frames says nothing after 101"
    );
}

#[test]
fn every_fault_has_its_own_refusal() {
    let demo = start("handshake");
    let host = format!("Host: {}", demo.host());
    let key = format!("Sec-WebSocket-Key: {KEY}");
    let version = "Sec-WebSocket-Version: 13";
    for (from, to, status) in [
        ("GET", "POST", 405),
        ("GET", "get", 405),
        ("HTTP/1.1", "HTTP/1.0", 400),
        ("HTTP/1.1", "HTTP/3.0", 505),
        ("/socket", "/elsewhere", 404),
        (host.as_str(), "X: y", 400),
        (host.as_str(), "Host: evil.example", 421),
        ("/socket", "http://evil.example/socket", 421),
        (version, "Sec-WebSocket-Version: 13\r\nX: \x07", 400),
        ("Upgrade: websocket", "Upgrade: h2c", 400),
        ("Upgrade: websocket", "X: y", 400),
        ("Connection: Upgrade", "Connection: keep-alive", 400),
        ("Connection: Upgrade", "X: y", 400),
        (key.as_str(), "X: y", 400),
        (key.as_str(), "Sec-WebSocket-Key: c2hvcnQ=", 400),
        (key.as_str(), "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==", 400),
        (version, "X: y", 400),
        (version, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13", 400),
        (version, "Sec-WebSocket-Version: 13\r\nOrigin: http://evil.example", 403),
        (version, "Sec-WebSocket-Version: 13\r\nOrigin: null", 403),
        (version, "Sec-WebSocket-Version: 13\r\nContent-Length: 5", 400),
        (version, "Sec-WebSocket-Version: 13\r\nno colon", 400),
        (version, "Sec-WebSocket-Version: 13\r\nX : y", 400),
    ] {
        assert_eq!(answer_to(&demo, from, to).0, status, "{from:?} -> {to:?}");
    }
    assert_eq!(
        answer_to(&demo, version, "Sec-WebSocket-Version: 8"),
        (426, Some("13".to_string()))
    );
    demo.websocket("/socket"); // and after all that it still takes a good one
}

#[test]
fn names_and_tokens_are_read_in_any_case() {
    let demo = start("handshake");
    let absolute = format!("http://{}/socket", demo.host());
    for (from, to) in [
        ("Upgrade: websocket", "uPGRADE: WebSocket"),
        ("Connection: Upgrade", "CONNECTION: keep-alive,\tupgrade"),
        ("Connection: Upgrade", "Connection: close, foo\r\nconnection: UPGRADE"),
        ("Sec-WebSocket-Key", "sec-websocket-key"),
        ("/socket", absolute.as_str()),
        ("GET", "\r\nGET"),
    ] {
        assert_eq!(answer_to(&demo, from, to).0, 101, "{from:?} -> {to:?}");
    }
}

#[test]
fn the_subprotocol_is_the_first_of_the_clients_that_the_server_knows() {
    let demo = start("handshake");
    for (offered, chosen) in [
        ("x, room.v1, room.v2", Some("room.v1")),
        ("room.v2,room.v1", Some("room.v2")),
        ("x", None),
    ] {
        let more = format!("\r\nSec-WebSocket-Protocol: {offered}\r\n\r\n");
        let mut wire = demo.send(handshake(demo.host(), "/socket").replace("\r\n\r\n", &more));
        let head = wire.any_head();
        assert_eq!((head.status, head.field("Sec-WebSocket-Protocol")), (101, chosen), "{offered}");
    }
}

#[test]
fn the_page_is_served_on_the_same_port() {
    let demo = start("handshake");
    let (head, page) = demo.get("/").answer();
    assert_eq!(head.status, 200);
    assert!(page.contains("<h1>The WebSocket handshake</h1>"));
    let refused = demo.get("/socket").head();
    assert_eq!((refused.status, refused.field("Upgrade")), (426, Some("websocket")));
    assert_eq!(demo.post("/", "").head().field("Allow"), Some("GET, HEAD"));
    assert_eq!(demo.get("/elsewhere").status(), 404);
}

#[test]
fn a_head_without_end_is_refused_and_so_is_one_that_does_not_come() {
    let demo = start("handshake");
    let mut endless = demo.send(handshake(demo.host(), "/socket").trim_end());
    let _ = endless.try_send(format!("\r\nX: {}", "x".repeat(20_000)));
    assert_eq!(endless.status(), 431);
    assert_eq!(demo.send(format!("GET /{}", "x".repeat(20_000))).status(), 414);
    let demo = start_with("handshake", &["--head-timeout", "3"]);
    assert_eq!(demo.send("GET /socket HTTP/1.1\r\nHost: ").status(), 408);

    // A byte now and then does not buy more time: the limit is for the whole head.
    let start = Instant::now();
    let mut slow = demo.connect();
    while slow.try_send("x").is_ok()
        && start.elapsed() < Duration::from_secs(60)
        && slow.is_silent_for(Duration::from_millis(50))
    {}
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "still listening after {:?}",
        start.elapsed()
    );
    demo.websocket("/socket");
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let demo = start("handshake");
    let mut wire = demo.connect();
    for byte in handshake(demo.host(), "/socket").bytes() {
        wire.send([byte]);
    }
    assert_eq!(wire.any_head().status, 101);
}

#[test]
fn the_bytes_after_101_are_shown_as_mere_bytes() {
    let demo = start("handshake");
    let mut wire = demo.websocket("/socket?tab=t1");
    wire.send(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    let (_, news) = demo.get("/wait?after=0").answer();
    assert!(news.contains("81 85 37 fa 21 3d 7f 9f 4d 51 58"), "{news}");
    let (_, steps) = demo.get("/walk?tab=t1").answer();
    assert!(
        steps.contains(ACCEPT) && steps.contains("b37a4f2cc0624f1690f64606cf385945b2bec4ea"),
        "{steps}"
    );
}

#[test]
fn bytes_that_come_with_the_head_are_not_lost() {
    let demo = start("handshake");
    let _wire = demo.send([handshake(demo.host(), "/socket").as_bytes(), b"\x01\x02\x03"].concat());
    let (_, news) = demo.get("/wait?after=0").answer();
    assert!(news.contains("01 02 03"), "{news}");
}

#[test]
fn an_attempt_from_the_page_shows_both_heads() {
    let demo = start("handshake");
    let head = handshake(demo.host(), "/socket")
        .replace("Version: 13", "Version: 12")
        .replace("\r\n", "\n");
    let (answer, text) = demo.post("/try", &head).answer();
    assert_eq!(answer.status, 200, "{text}");
    assert!(
        text.contains("HTTP/1.1 426 Upgrade Required") && text.contains("Version: 12"),
        "{text}"
    );

    let mut foreign = demo.connect();
    foreign.post("/try", &[("Origin", "http://evil.example")], &head);
    assert_eq!(
        foreign.status(),
        403,
        "a page from elsewhere must not make the server send anything"
    );
}

/// RFC 9110, 6.6.1 and 9.3.2; RFC 9112, 3.2.2.
#[test]
fn ordinary_answers_keep_the_rules_of_http() {
    let demo = start("handshake");
    let (head, page) = demo.get("/").answer();
    assert!(head.field("Date").is_some_and(|date| date.ends_with(" GMT")), "{head:?}");
    assert_eq!(head.field("X-Content-Type-Options"), Some("nosniff"));
    let policy = head.field("Content-Security-Policy").expect("the page says what it loads");
    let nonce =
        policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert!(page.contains(&format!("<script type=\"module\" nonce=\"{nonce}\">")), "{policy}");

    let host = demo.host();
    let mut head_only = demo.send(format!("HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(head_only.any_head().field("Content-Length"), Some(page.len().to_string().as_str()));
    assert_eq!(head_only.rest(), b"", "a HEAD is answered without a body");

    let loaded_by_a_foreign_page = |mode: &str| {
        let fields = format!("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}");
        demo.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n\r\n")).any_head().status
    };
    assert_eq!(
        (loaded_by_a_foreign_page("no-cors"), loaded_by_a_foreign_page("navigate")),
        (403, 200)
    );

    let absolute = |target: &str, field: &str| {
        demo.send(format!("GET http://{target}/ HTTP/1.1\r\nHost: {field}\r\n\r\n"))
            .any_head()
            .status
    };
    assert_eq!(absolute(host, "evil.example"), 200, "the host of the target counts, not the field");
    assert_eq!(absolute("evil.example", host), 421);
}
