//! What Socket.IO promises on the wire: what the protocol's own test suites ask for, in other words, and what they leave out.
//! Aim it at your own server: `TARGET=http://127.0.0.1:9000 cargo test -p tests --test wire -- socketio::`

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tests::websocket::{BINARY, CLOSE, TEXT, frame, handshake};
use tests::{DEADLINE, Server, Wire, needs_our_server, skipped, start, start_with, workspace};

const ECHO: &str = "/engine.io/?EIO=4";
const SOCKETS: &str = "/socket.io/?EIO=4";
const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD: &str = r#"{"code":3,"message":"Bad request"}"#;

/// A session over long polling.
struct Polls<'a> {
    demo: &'a Server,
    path: String,
}

impl<'a> Polls<'a> {
    fn open(demo: &'a Server, path: &str) -> Self {
        let (head, body) = demo.get(&format!("{path}&transport=polling")).answer();
        assert_eq!((head.status, &body[..1]), (200, "0"), "{body}");
        let open: Value = serde_json::from_str(&body[1..]).expect("JSON");
        let sid = open["sid"].as_str().expect("an id");
        Polls { demo, path: format!("{path}&transport=polling&sid={sid}") }
    }

    fn get(&self) -> (u16, String) {
        let (head, body) = self.demo.get(&self.path).answer();
        (head.status, body)
    }

    fn post(&self, body: &str) -> (u16, String) {
        let (head, body) = self.demo.post(&self.path, body).answer();
        (head.status, body)
    }

    fn ok(&self, body: &str) {
        assert_eq!(self.post(body), (200, "ok".to_string()), "{body}");
    }

    fn is_over(&self) {
        assert_eq!(self.get(), (400, UNKNOWN.to_string()));
    }

    fn upgrade(&self) -> Wire {
        self.demo.websocket(&self.path.replace("polling", "websocket"))
    }
}

fn read(wire: &mut Wire) -> String {
    let (first, payload) = wire.frame();
    assert_eq!(first, TEXT, "a text should have come: {payload:02x?}");
    String::from_utf8(payload).expect("UTF-8")
}

fn send(wire: &mut Wire, packet: &str) {
    wire.send(frame(TEXT, packet));
}

/// A WebSocket of its own, behind its open packet.
fn websocket(demo: &Server, path: &str) -> Wire {
    let mut wire = demo.websocket(&format!("{path}&transport=websocket"));
    assert!(read(&mut wire).starts_with(r#"0{"sid":""#));
    wire
}

/// Waits for the Close frame, whatever comes in front of it.
fn until_closed(wire: &mut Wire) {
    while let Some((first, _)) = wire.try_frame(DEADLINE) {
        if first == CLOSE {
            wire.send(frame(CLOSE, ""));
            wire.end();
            return;
        }
    }
    assert!(wire.ends_within(DEADLINE), "the server should close this connection");
}

/// A socket in a namespace; `here` is the JSON of its CONNECT packet.
fn join(demo: &Server, namespace: &str, auth: &Value) -> (Wire, Value) {
    let mut wire = websocket(demo, SOCKETS);
    send(&mut wire, &format!("40{namespace}{auth}"));
    let packet = read(&mut wire);
    let answer =
        packet.strip_prefix(&format!("40{namespace}")).unwrap_or_else(|| panic!("{packet}"));
    (wire, serde_json::from_str(answer).expect("JSON"))
}

/// A socket in the room, behind its `here`, of which this is the offset.
fn room(demo: &Server, auth: &Value) -> (Wire, Value, String) {
    let (mut wire, here) = join(demo, "/room,", auth);
    let place = event(&mut wire, "here");
    (wire, here, place[2].as_str().expect("an offset").to_string())
}

/// The next event in the room, which has this name.
fn event(wire: &mut Wire, name: &str) -> Value {
    let packet = read(wire);
    let at = packet.find('[').unwrap_or_else(|| panic!("an event should have come: {packet}"));
    let event: Value = serde_json::from_str(&packet[at..]).expect("JSON");
    assert_eq!(event[0], name, "{packet}");
    event
}

// ---- Engine.IO ------------------------------------------------------------------------------------------------------------

#[test]
fn a_session_begins_with_an_open_packet_over_either_transport() {
    let demo = start("socketio");
    for path in [ECHO, SOCKETS] {
        let (head, body) = demo.get(&format!("{path}&transport=polling")).answer();
        assert_eq!(head.field("Content-Type"), Some("text/plain; charset=UTF-8"));
        let mut wire = demo.websocket(&format!("{path}&transport=websocket"));
        for (packet, upgrades) in [(body, json!(["websocket"])), (read(&mut wire), json!([]))] {
            let open: Value =
                serde_json::from_str(packet.strip_prefix('0').expect("0")).expect("JSON");
            let keys: Vec<&String> = open.as_object().expect("an object").keys().collect();
            assert_eq!(keys, ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
            assert_eq!(open["upgrades"], upgrades);
            assert_eq!(
                (&open["pingInterval"], &open["pingTimeout"]),
                (&json!(25_000), &json!(20_000))
            );
            assert_eq!(open["maxPayload"], 1_000_000);
        }
    }
}

#[test]
fn packets_come_back_over_either_transport_text_and_bytes() {
    let demo = start("socketio");
    let polls = Polls::open(&demo, ECHO);
    for body in ["4hello", "4one\u{1e}4two\u{1e}4", "4text\u{1e}bAQIDBA==\u{1e}4\u{1f980}"] {
        polls.ok(body);
        assert_eq!(polls.get(), (200, body.to_string()));
    }
    let mut wire = websocket(&demo, ECHO);
    send(&mut wire, "4hello");
    wire.send(frame(BINARY, [1, 2, 3, 4]));
    assert_eq!(read(&mut wire), "4hello");
    assert_eq!(wire.frame(), (BINARY, vec![1, 2, 3, 4]));
}

#[test]
fn what_belongs_to_no_session_is_refused_with_the_codes_of_the_official_server() {
    let demo = start_with("socketio", &["--no-bench"]);
    let answer = |method: &str, path: &str, fields: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", demo.host());
        let (head, body) = demo.send(head).answer();
        let json: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
        assert_eq!(
            head.field("Access-Control-Allow-Origin"),
            None,
            "no page of another origin may read this"
        );
        (
            head.status,
            json["code"].as_u64().expect("a code"),
            json["message"].as_str().expect("words").to_string(),
        )
    };
    let (transport, none) = ("Transport unknown", "");
    for (method, path, fields, status, code, words) in [
        ("GET", "/socket.io/?EIO=4", none, 400, 0, transport),
        ("GET", "/socket.io/?EIO=4&transport=webtransport", none, 400, 0, transport),
        ("GET", "/socket.io/?EIO=4&transport=polling&sid=x", none, 400, 1, "Session ID unknown"),
        (
            "POST",
            "/socket.io/?EIO=4&transport=polling&sid=x",
            "Content-Length: 0\r\n",
            400,
            1,
            "Session ID unknown",
        ),
        (
            "POST",
            "/socket.io/?EIO=4&transport=polling",
            "Content-Length: 0\r\n",
            400,
            2,
            "Bad handshake method",
        ),
        ("OPTIONS", "/socket.io/?EIO=4&transport=polling", none, 400, 2, "Bad handshake method"),
        ("GET", "/socket.io/?EIO=4&transport=websocket", none, 400, 3, "Bad request"),
        ("GET", "/socket.io/?transport=polling", none, 400, 5, "Unsupported protocol version"),
        (
            "GET",
            "/socket.io/?EIO=3&transport=polling",
            none,
            400,
            5,
            "Unsupported protocol version",
        ),
        (
            "GET",
            "/socket.io/?EIO=4&transport=polling",
            "Origin: http://evil.example\r\n",
            403,
            4,
            "Forbidden",
        ),
    ] {
        assert_eq!(
            answer(method, path, fields),
            (status, code, words.to_string()),
            "{method} {path} {fields}"
        );
    }
    let mut refused =
        demo.send(handshake(demo.host(), "/socket.io/?EIO=4&transport=websocket&sid=x"));
    assert_eq!(refused.answer().1, UNKNOWN);
    let foreign = handshake(demo.host(), "/socket.io/?EIO=4&transport=websocket").replacen(
        "\r\n\r\n",
        "\r\nOrigin: http://evil.example\r\n\r\n",
        1,
    );
    assert_eq!(demo.send(foreign).status(), 403);
}

#[test]
fn two_polls_at_once_end_the_session() {
    let demo = start("socketio");
    let polls = Polls::open(&demo, SOCKETS);
    let both = [demo.get(&polls.path), demo.get(&polls.path)]; // which of the two is first is chance
    let mut answers = both.map(|mut wire| {
        let (head, body) = wire.answer();
        (head.status, body)
    });
    answers.sort();
    assert_eq!(answers, [(200, "1".to_string()), (400, BAD.to_string())]);
    polls.is_over();
}

#[test]
fn two_posts_at_once_end_the_session_and_so_does_one_that_breaks_off() {
    let demo = start_with("socketio", &["--no-bench"]);
    let head = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n\r\n4he", demo.host())
    };
    let polls = Polls::open(&demo, SOCKETS);
    let mut half = demo.send(head(&polls.path)); // its body does not come whole
    tests::until("the second POST comes while the first one is read", || {
        let (status, body) = polls.post("");
        assert_eq!(status, 400, "{body}");
        body == BAD || body == UNKNOWN
    });
    polls.is_over();
    half.send("ll");
    assert_eq!(half.status(), 400);

    let polls = Polls::open(&demo, SOCKETS);
    let mut half = demo.send(head(&polls.path));
    half.finish();
    assert_eq!(half.status(), 400);
    polls.is_over();
}

#[test]
fn a_request_that_a_browser_repeats_ends_the_session_and_is_not_obeyed_twice() {
    let demo = start("socketio");
    let polls = Polls::open(&demo, ECHO);
    let marked = |mark: &str| format!("{}&t={mark}", polls.path);
    assert_eq!(demo.post(&marked("1"), "4hello").answer().1, "ok");
    assert_eq!(demo.post(&marked("2"), "4hello").answer().1, "ok", "another mark, another request");
    assert_eq!(demo.post(&marked("2"), "4hello").answer().1, BAD);
    polls.is_over();

    let polls = Polls::open(&demo, ECHO);
    let path = format!("{}&t=1", polls.path);
    polls.ok("4hello");
    assert_eq!(demo.get(&path).answer().1, "4hello", "this answer may have been lost");
    assert_eq!(demo.get(&path).answer().1, BAD, "what comes next would hide that");
    polls.is_over();
}

#[test]
fn a_poll_whose_client_has_left_ends_the_session() {
    let demo = start_with("socketio", &["--no-bench"]);
    let polls = Polls::open(&demo, SOCKETS);
    drop(demo.get(&polls.path));
    tests::until("the session is over", || polls.post("").1 == UNKNOWN);
}

#[test]
fn a_probe_and_an_upgrade_packet_make_the_websocket_the_transport() {
    let demo = start("socketio");
    let polls = Polls::open(&demo, ECHO);
    let mut waiting = demo.get(&polls.path);
    let mut wire = polls.upgrade();
    send(&mut wire, "2probe");
    assert_eq!(read(&mut wire), "3probe");
    assert_eq!(waiting.answer().1, "6", "the poll that waits is ended");
    polls.ok("4before"); // its answer must not get lost
    send(&mut wire, "5");
    assert_eq!(read(&mut wire), "4before");
    send(&mut wire, "4behind");
    assert_eq!(read(&mut wire), "4behind");
    assert_eq!(polls.get(), (400, BAD.to_string()), "the session has left long polling");
    assert_eq!(polls.post("4x"), (400, BAD.to_string()));
    until_closed(&mut polls.upgrade()); // a second WebSocket is not taken
    send(&mut wire, "4still here");
    assert_eq!(read(&mut wire), "4still here");
}

#[test]
fn an_upgrade_that_goes_wrong_leaves_the_session_where_it_was() {
    let demo = start_with("socketio", &["--upgrade-timeout", "50"]);
    let polls = Polls::open(&demo, ECHO);
    for wrong in [&["4hello"][..], &["5"], &["2probe", "4hello"], &["2probes"], &[]] {
        let mut wire = polls.upgrade();
        wrong.iter().for_each(|packet| send(&mut wire, packet));
        until_closed(&mut wire); // without a word from us, after the time for it
        polls.ok("4hello");
        assert_eq!(polls.get(), (200, "4hello".to_string()), "{wrong:?}");
    }
}

#[test]
fn the_end_of_a_session_is_told_to_whom_it_concerns() {
    let demo = start("socketio");
    let polls = Polls::open(&demo, ECHO);
    let mut waiting = demo.get(&polls.path);
    polls.ok("1");
    assert_eq!(waiting.answer().1, "6");
    polls.is_over();
    let mut wire = websocket(&demo, ECHO);
    send(&mut wire, "1");
    until_closed(&mut wire);
}

#[test]
fn the_server_asks_and_a_client_that_does_not_answer_is_given_up() {
    needs_our_server!("short heartbeats");
    let demo = start_with("socketio", &["--ping-interval", "50", "--ping-timeout", "60000"]);
    let (polls, mut wire) = (Polls::open(&demo, ECHO), websocket(&demo, ECHO));
    for _ in 0..3 {
        assert_eq!(polls.get(), (200, "2".to_string()));
        polls.ok("3");
        assert_eq!(read(&mut wire), "2");
        send(&mut wire, "3");
    }
    let demo = start_with("socketio", &["--ping-interval", "50", "--ping-timeout", "50"]);
    let (polls, mut wire) = (Polls::open(&demo, ECHO), websocket(&demo, ECHO));
    until_closed(&mut wire);
    tests::until("the session is over", || polls.post("4x").1 == UNKNOWN);
    tests::until("a poll that waits is told", || {
        let (status, body) = Polls::open(&demo, ECHO).get();
        status == 400 || body.starts_with('2') || body == "1"
    });
}

/// Walks "Two polls at once, a session that is over, a message that is no packet." in socketio.md.
#[test]
fn what_is_no_packet_ends_the_session() {
    let demo = start("socketio");
    // A wrong separator is no separator: "2:40" is what version 3 had, and a ping is the server's to send.
    for body in
        ["abc", "", "7", "4a\u{1e}", "4a\u{1e}\u{1e}4b", "b%%%", "2", "2:40", "0{}", "\u{e9}"]
    {
        let polls = Polls::open(&demo, ECHO);
        assert_eq!(polls.post(body), (400, BAD.to_string()), "{body:?}");
        polls.is_over();
    }
    for packet in ["abc", "", "7", "bAQIDBA==", "2", "0{}", "\u{e9}"] {
        let mut wire = websocket(&demo, ECHO);
        send(&mut wire, packet);
        until_closed(&mut wire);
    }
    let polls = Polls::open(&demo, ECHO);
    let mut wire = demo.connect();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n",
        polls.path,
        demo.host()
    );
    wire.send([head.as_bytes(), b"4\xff"].concat());
    assert_eq!(wire.status(), 400, "text is UTF-8");
    polls.is_over();
}

#[test]
fn what_is_longer_than_max_payload_is_refused_before_it_is_read() {
    let demo = start("socketio");
    let polls = Polls::open(&demo, ECHO);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000001\r\n\r\n",
        polls.path,
        demo.host()
    );
    assert_eq!(demo.send(head).status(), 413);
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        polls.path,
        demo.host()
    );
    assert_eq!(demo.send(chunked).status(), 411, "how long it is must be known first");
    polls.ok("4still here");
    assert_eq!(polls.get().1, "4still here");
    let mut wire = websocket(&demo, ECHO);
    wire.send(b"\x81\xff\0\0\0\0\0\x0f\x42\x41\0\0\0\0"); // 1,000,001 bytes, says the head
    assert_eq!(wire.closed_with(), 1009);
}

#[test]
fn a_client_that_reads_nothing_costs_a_limit_and_then_its_session() {
    needs_our_server!("a limit for what waits");
    let demo = start_with("socketio", &["--no-bench"]);
    let polls = Polls::open(&demo, ECHO);
    let long = format!("4{}", "x".repeat(400_000));
    let taken =
        std::iter::repeat_with(|| polls.post(&long).0).take_while(|status| *status == 200).count();
    assert_eq!(
        taken, 5,
        "2 MB may wait; the POST that makes it more is answered, and its session is over"
    );
    polls.is_over();
    assert_eq!(Polls::open(&demo, ECHO).post("4x").0, 200, "the others go on");
}

// ---- Socket.IO ------------------------------------------------------------------------------------------------------------

#[test]
fn a_client_joins_the_namespaces_that_there_are() {
    let demo = start("socketio");
    for namespace in ["", "/custom,"] {
        for auth in [json!({}), json!({ "token": "123" })] {
            let (mut wire, here) = join(&demo, namespace, &auth);
            assert_eq!(
                here.as_object().map(|here| here.keys().collect::<Vec<_>>()),
                Some(vec![&"sid".to_string()])
            );
            assert_eq!(read(&mut wire), format!(r#"42{namespace}["auth",{auth}]"#));
        }
    }
    let mut wire = websocket(&demo, SOCKETS);
    send(&mut wire, "40/random");
    assert_eq!(read(&mut wire), r#"44/random,{"message":"Invalid namespace"}"#);
    send(&mut wire, "40");
    assert!(read(&mut wire).starts_with("40{"), "one connection, and another namespace on it");
}

#[test]
fn leaving_one_namespace_leaves_the_others() {
    let demo = start("socketio");
    let (mut wire, _) = join(&demo, "", &json!({}));
    read(&mut wire);
    send(&mut wire, "40/custom,");
    assert!(read(&mut wire).starts_with("40/custom,{"));
    read(&mut wire);
    send(&mut wire, "41/custom,");
    send(&mut wire, r#"42["message","still in /"]"#);
    assert_eq!(read(&mut wire), r#"42["message-back","still in /"]"#);
    send(&mut wire, r#"42/custom,["message","not in it any more"]"#);
    until_closed(&mut wire);
}

#[test]
fn events_come_back_with_all_their_arguments_and_acknowledgements_have_their_number() {
    let demo = start("socketio");
    let (mut wire, _) = join(&demo, "", &json!({}));
    read(&mut wire);
    send(&mut wire, r#"42["message",1,"2",{"3":[true,null]}]"#);
    assert_eq!(read(&mut wire), r#"42["message-back",1,"2",{"3":[true,null]}]"#);
    send(&mut wire, r#"42456["message-with-ack",1,{"2":false}]"#);
    assert_eq!(read(&mut wire), r#"43456[1,{"2":false}]"#);
    for (up, down) in [
        (
            r#"452-["message",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]"#,
            "452-[\"message-back\",",
        ),
        (
            r#"452-7["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
            "462-7[",
        ),
    ] {
        send(&mut wire, up);
        wire.send(frame(BINARY, [1, 2, 3]));
        wire.send(frame(BINARY, []));
        assert!(read(&mut wire).starts_with(down), "{up}");
        assert_eq!(wire.frame(), (BINARY, vec![1, 2, 3]));
        assert_eq!(wire.frame(), (BINARY, vec![]));
    }
    let polls = Polls::open(&demo, SOCKETS);
    polls.ok("40");
    polls.get();
    polls.ok("451-[\"message\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID");
    assert_eq!(
        polls.get().1,
        "451-[\"message-back\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID"
    );
}

#[test]
fn what_breaks_a_rule_of_socket_io_ends_the_connection() {
    let demo = start("socketio");
    for packet in ["4abc", "49", "4", r#"42["before the first CONNECT"]"#, r#"40["auth"]"#] {
        let mut wire = websocket(&demo, SOCKETS);
        send(&mut wire, packet);
        until_closed(&mut wire);
    }
    for packet in [
        "4abc",
        "42{}",
        "42[]",
        "42",
        "42[7]",
        r#"42["disconnect"]"#,
        r#"42abc["message"]"#,
        "43[]",
        "44{}",
        r#"42["message",{"_placeholder":true,"num":0}]"#,
        r#"4511-["message"]"#,
        r#"4599999999999-["message"]"#,
        r#"42/custom,["message"]"#,
    ] {
        let (mut wire, _) = join(&demo, "", &json!({}));
        send(&mut wire, packet);
        until_closed(&mut wire);
    }
    let (mut wire, _) = join(&demo, "", &json!({}));
    wire.send(frame(BINARY, "no packet in front of it"));
    until_closed(&mut wire);
    let (mut wire, _) = join(&demo, "", &json!({}));
    send(
        &mut wire,
        r#"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
    );
    wire.send(frame(BINARY, "one"));
    send(&mut wire, r#"42["message","in between"]"#);
    until_closed(&mut wire);
}

#[test]
fn attachments_that_never_come_and_a_client_that_joins_nothing_are_given_up() {
    needs_our_server!("short times");
    let demo = start_with("socketio", &["--attachments", "50"]);
    let (mut wire, _) = join(&demo, "", &json!({}));
    send(&mut wire, r#"451-["message",{"_placeholder":true,"num":0}]"#);
    until_closed(&mut wire);
    let demo = start_with("socketio", &["--connect-timeout", "50"]);
    until_closed(&mut websocket(&demo, SOCKETS));
}

// ---- The room -------------------------------------------------------------------------------------------------------------

#[test]
fn what_is_said_is_answered_to_one_and_heard_by_all_once_for_each_key() {
    let demo = start("socketio");
    let (mut ann, _, _) = room(&demo, &json!({}));
    let (mut bob, _, _) = room(&demo, &json!({}));
    send(&mut ann, r#"42/room,7["say","<b>hello</b>","k1"]"#);
    send(&mut ann, r#"42/room,8["say","<b>hello</b>","k1"]"#);
    let mut seen = [read(&mut ann), read(&mut ann), read(&mut ann)];
    seen.sort();
    assert!(
        seen[0].starts_with(r#"42/room,["message",{"#)
            && seen[0].contains(r#""text":"<b>hello</b>""#),
        "{seen:?}"
    );
    assert_eq!(seen[1..], [r#"43/room,7[{"id":1}]"#, r#"43/room,8[{"id":1}]"#]);
    let message = event(&mut bob, "message");
    assert_eq!((&message[1]["id"], &message[1]["text"]), (&json!(1), &json!("<b>hello</b>")));
    send(&mut ann, &format!(r#"42/room,9["say","{}"]"#, "x".repeat(1_001)));
    assert!(read(&mut ann).starts_with(r#"43/room,9[{"error":"This message has 1001 characters"#));
    let said = demo.say("by HTTP");
    assert_eq!(event(&mut bob, "message")[1]["id"], said.id);
}

#[test]
fn a_shout_is_heard_in_its_room_by_all_but_the_one_who_shouts() {
    let demo = start("socketio");
    let mut all: Vec<Wire> = (0..3).map(|_| room(&demo, &json!({})).0).collect();
    for (n, wire) in all[..2].iter_mut().enumerate() {
        send(wire, r#"42/room,1["join","red"]"#);
        assert_eq!(read(wire), r#"43/room,1[["red"]]"#, "socket {n}");
    }
    send(&mut all[0], r#"42/room,2["shout","red","hey"]"#);
    assert_eq!(read(&mut all[0]), "43/room,2[1]", "one has heard it");
    assert_eq!(event(&mut all[1], "shouted")[1]["text"], "hey");
    send(&mut all[1], r#"42/room,3["leave","red"]"#);
    assert_eq!(read(&mut all[1]), "43/room,3[[]]");
    send(&mut all[0], r#"42/room,4["shout","red","anyone?"]"#);
    assert_eq!(read(&mut all[0]), "43/room,4[0]");
    send(&mut all[2], r#"42/room,5["shout","red","from outside"]"#); // not taken, and not answered
    demo.say("the end");
    for wire in &mut all {
        assert_eq!(event(wire, "message")[1]["text"], "the end", "nothing else came");
    }
}

#[test]
fn a_roll_call_ends_when_all_have_answered_or_its_time_is_over() {
    let demo = start("socketio");
    let (mut ann, _, _) = room(&demo, &json!({}));
    let (mut bob, _, _) = room(&demo, &json!({}));
    for (silent, expected) in [
        (false, r#"43/room,7[{"here":["ann","bob"],"silent":0}]"#),
        (true, r#"43/room,7[{"here":["ann"],"silent":1}]"#),
    ] {
        send(&mut ann, r#"42/room,7["roll-call"]"#);
        let answer = |wire: &mut Wire, name: &str, answers: bool| {
            let asked = read(wire);
            let number = asked
                .strip_prefix("42/room,")
                .and_then(|rest| rest.split('[').next())
                .expect("a number");
            if answers {
                send(wire, &format!(r#"43/room,{number}["{name}"]"#));
                send(wire, &format!(r#"43/room,{number}["{name} again"]"#)); // the first answer counts
            }
        };
        answer(&mut ann, "ann", true);
        if !silent {
            send(&mut ann, r#"42/room,1["join","x"]"#);
            assert_eq!(
                read(&mut ann),
                r#"43/room,1[["x"]]"#,
                "ann's answer has arrived in front of this"
            );
        }
        answer(&mut bob, "bob", !silent);
        assert_eq!(read(&mut ann), expected);
    }
}

#[test]
fn a_volatile_event_is_dropped_for_a_client_that_is_not_waiting() {
    let demo = start("socketio");
    let (mut ann, _, _) = room(&demo, &json!({}));
    let polls = Polls::open(&demo, SOCKETS);
    polls.ok("40/room,");
    polls.get(); // CONNECT and here
    send(&mut ann, r#"42/room,["typing"]"#);
    send(&mut ann, r#"42/room,1["join","x"]"#);
    assert_eq!(
        read(&mut ann),
        r#"43/room,1[["x"]]"#,
        "the event in front of it is done, and ann hears nothing of it"
    );
    demo.say("later");
    let (_, heard) = polls.get();
    assert!(
        heard.starts_with(r#"42/room,["message""#),
        "the hint was for a client that waited: {heard}"
    );
    let mut waiting = demo.get(&polls.path);
    assert!(waiting.is_silent_for(tests::A_WHILE));
    send(&mut ann, r#"42/room,["typing"]"#);
    assert!(waiting.answer().1.starts_with(r#"42/room,["typing","#));
}

#[test]
fn the_server_may_send_a_client_away() {
    let demo = start("socketio");
    let (mut ann, _, _) = room(&demo, &json!({}));
    send(&mut ann, r#"42/room,["send me away"]"#);
    while read(&mut ann) != "41/room," {}
    send(&mut ann, "40/room,");
    assert!(read(&mut ann).starts_with("40/room,{"), "the connection goes on");
}

// ---- Connection state recovery ----------------------------------------------------------------------------------------------

#[test]
fn a_socket_that_lost_its_connection_comes_back_with_its_id_its_rooms_and_what_it_missed() {
    let demo = start("socketio");
    let (mut ann, here, _) = room(&demo, &json!({}));
    send(&mut ann, r#"42/room,1["join","red"]"#);
    read(&mut ann);
    demo.say("heard");
    let offset = event(&mut ann, "message")[2].clone();
    ann.reset();
    for text in ["missed", "missed, too"] {
        demo.say(text);
    }
    let auth = json!({ "pid": here["pid"], "offset": offset });
    let (mut ann, back) = join(&demo, "/room,", &auth);
    assert_eq!(back, here, "the same socket");
    for text in ["missed", "missed, too"] {
        assert_eq!(event(&mut ann, "message")[1]["text"], text);
    }
    send(&mut ann, r#"42/room,2["shout","red","am I in it?"]"#);
    assert_eq!(read(&mut ann), "43/room,2[0]", "it is in its room");
    // The server may not have noticed that the old connection is dead: the new one takes its place.
    let (_newer, back) = join(&demo, "/room,", &json!({ "pid": here["pid"], "offset": offset }));
    assert_eq!(back, here);
    until_closed(&mut ann);
}

#[test]
fn a_socket_that_cannot_come_back_is_a_new_one_and_is_told_what_is_missing() {
    let demo = start_with("socketio", &["--capacity", "3"]);
    let (ann, here, _) = room(&demo, &json!({}));
    ann.reset();
    for n in 1..=5 {
        demo.say(&n.to_string());
    }
    let (life, _) = {
        let (_, _, offset) = room(&demo, &json!({}));
        offset
            .split_once('-')
            .map(|(life, after)| (life.to_string(), after.to_string()))
            .expect("a cursor")
    };
    let auth = |pid: &Value, offset: &str| json!({ "pid": pid, "offset": offset, "after": offset });
    for (auth, expected) in [
        (auth(&here["pid"], &format!("{life}-1")), json!({ "missed": 1 })), // gone from the log
        (auth(&here["pid"], "deadbeef-1"), json!({ "restarted": true })), // another life of the room
        (auth(&json!("0123"), &format!("{life}-5")), json!({})),          // no session has this key
        (auth(&json!(7), &format!("{life}-5")), json!({})),
        (json!({ "pid": here["pid"], "after": format!("{life}-5") }), json!({})), // no offset
    ] {
        let (mut wire, new) = join(&demo, "/room,", &auth);
        assert_ne!(new["sid"], here["sid"], "{auth}");
        let place = event(&mut wire, "here")[1].clone();
        for name in ["missed", "restarted"] {
            assert_eq!(place.get(name), expected.get(name), "{auth}");
        }
    }
}

#[test]
fn after_its_time_a_lost_socket_is_forgotten() {
    needs_our_server!("a short memory");
    let demo = start_with("socketio", &["--recovery", "0"]);
    let (ann, here, offset) = room(&demo, &json!({}));
    ann.reset();
    let (_, new) = join(&demo, "/room,", &json!({ "pid": here["pid"], "offset": offset }));
    assert_ne!(new["sid"], here["sid"]);
}

/// Between every two messages the connection is reset, now over polling, now over a WebSocket.
#[test]
fn over_broken_connections_nothing_is_missed_and_nothing_doubled() {
    let demo = start("socketio");
    let (mut heard, mut auth, mut recovered) = (Vec::new(), json!({}), 0);
    for n in 0..12 {
        let text = format!("text {n}");
        let (mut ann, here) = join(&demo, "/room,", &auth);
        recovered += u32::from(here["pid"] == auth["pid"]);
        auth["pid"] = here["pid"].clone();
        if n % 3 == 0 {
            demo.say(&text);
        } else {
            send(&mut ann, &format!(r#"42/room,{n}["say","{text}","{text}"]"#));
            send(&mut ann, &format!(r#"42/room,{n}["say","{text}","{text}"]"#));
        }
        while heard.last() != Some(&text) {
            let packet = read(&mut ann);
            let Some(at) = packet.find("[\"") else { continue };
            let event: Value = serde_json::from_str(&packet[at..]).expect("JSON");
            if let Some(offset) = event[2].as_str() {
                (auth["offset"], auth["after"]) = (json!(offset), json!(offset));
            }
            heard.extend(event[1]["text"].as_str().map(str::to_string));
        }
        ann.reset();
    }
    assert_eq!(heard, (0..12).map(|n| format!("text {n}")).collect::<Vec<_>>());
    assert_eq!(recovered, 11, "each time but the first");
}

// ---- Clients that other people wrote ----------------------------------------------------------------------------------------

/// Whether something was fetched. In a run that must not skip anything it has to be.
fn fetched(file: &Path, target: &str) -> bool {
    let there = file.exists();
    let required = std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1");
    assert!(
        there || !required,
        "{} is not here, and this run must not skip anything: {target}",
        file.display()
    );
    if !there {
        skipped(&format!("{} is not here; {target}", file.display()));
    }
    there
}

/// Runs a client's script against the demo; it says how many promises it has seen kept.
fn is_content(mut command: Command, said: &str) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(out.trim(), said, "{errors}");
}

#[test]
fn the_official_client_can_not_tell_the_difference() {
    needs_our_server!("the bench");
    let package = workspace().join("demos/socketio/package.json");
    if !fetched(
        &package.with_file_name("node_modules/socket.io-client/package.json"),
        "`make socketio` fetches it",
    ) {
        return;
    }
    let demo = start("socketio");
    let mut node = Command::new("node");
    node.arg(workspace().join("tests/clients/socketio.mjs"))
        .args([demo.url(), demo.bench().host()])
        .arg(package);
    is_content(node, "socket.io-client is content");
}

#[test]
fn python_socketio_can_not_tell_the_difference() {
    let modules = workspace().join("tests/python_modules");
    if !fetched(&modules.join("socketio/client.py"), "`make clients` fetches it") {
        return;
    }
    // Its disconnect waits for the end of the poll: the next ping.
    let demo = start_with("socketio", &["--ping-interval", "500", "--ping-timeout", "60000"]);
    let mut python = Command::new("python3");
    python
        .arg(workspace().join("tests/clients/socketio_client.py"))
        .arg(demo.url())
        .env("PYTHONPATH", modules);
    is_content(python, "python-socketio is content");
}
