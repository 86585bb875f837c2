//! TCP's promises: the room for `nc`, writes that are no messages, a connection's life, UDP.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{
    A_WHILE, DEADLINE, End, PATIENCE, Random, Server, Setup, Wire, check_heard, needs_our_server,
    over_a_bad_cable, start, start_with,
};

const LF: u8 = b'\n';

// ---- The room -------------------------------------------------------------------------------------------------------

/// A connection to the room, with the welcome read.
fn enter(demo: &Server) -> Wire {
    enter_at(demo).0
}

/// The same, with the place that the welcome tells: `9f3c01d2-7`.
fn enter_at(demo: &Server) -> (Wire, String) {
    let mut wire = Wire::connect(&demo.beside("room"));
    let welcome = wire.message(LF);
    let place = welcome.strip_prefix("# You are in ").and_then(|rest| rest.split_once(". "));
    let place = place.unwrap_or_else(|| panic!("no place: {welcome}")).0.to_string();
    assert!(welcome.contains(&format!("/after {place} ")), "{welcome}");
    (wire, place)
}

/// The life in a place, and the number.
fn parts(place: &str) -> (&str, u64) {
    let (life, after) = place.split_once('-').unwrap_or_else(|| panic!("no place: {place}"));
    (life, after.parse().expect("a number"))
}

#[test]
fn a_line_is_a_message_for_everyone_on_every_wire() {
    let demo = start("tcp");
    let (mut one, mut other) = (enter(&demo), enter(&demo));
    let mut page = demo.get("/events?after=0");
    assert_eq!(page.status(), 200);
    one.send("hello from one\n");
    assert_eq!(one.message(LF), "1 hello from one");
    assert_eq!(other.message(LF), "1 hello from one");
    assert!(page.event("").data.expect("data").contains("\"text\":\"hello from one\""));
    demo.say("from the page");
    assert_eq!(other.message(LF), "2 from the page");
    assert_eq!(one.message(LF), "2 from the page");
    assert!(one.is_silent_for(A_WHILE), "nothing is told twice");
}

#[test]
fn lines_that_share_a_segment_and_lines_cut_to_bytes_are_the_same_lines() {
    let demo = start("tcp");
    let mut wire = enter(&demo);
    wire.send("one\ntwo\r\nthree\n");
    for (n, text) in ["one", "two", "three"].iter().enumerate() {
        assert_eq!(wire.message(LF), format!("{} {text}", n + 1));
    }
    for byte in "f\u{fc}nf \u{1f642}\n".bytes() {
        wire.send([byte]);
    }
    assert_eq!(wire.message(LF), "4 f\u{fc}nf \u{1f642}");
}

#[test]
fn a_line_feed_inside_a_message_does_not_end_it() {
    let demo = start("tcp");
    let mut wire = enter(&demo);
    demo.say("two\n99 lines\\n");
    assert_eq!(wire.message(LF), "1 two\\n99 lines\\\\n");
    wire.send("said\\nin two \\\\ lines\n");
    assert_eq!(wire.message(LF), "2 said\\nin two \\\\ lines");
    let mut page = demo.get("/events?after=1");
    assert_eq!(page.status(), 200);
    assert!(page.event("").data.expect("data").contains(r#""said\nin two \\ lines""#));
}

#[test]
fn after_repeats_what_was_missed_and_a_key_counts_once() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("tcp", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut wire = enter(&demo);
    wire.send("/after 8\n");
    assert_eq!(wire.message(LF), "9 9");
    assert_eq!(wire.message(LF), "10 10");
    wire.send("/after 4\n");
    assert!(wire.message(LF).starts_with("# 3 messages are gone"));
    assert_eq!(
        (wire.message(LF), wire.message(LF), wire.message(LF)),
        ("8 8".into(), "9 9".into(), "10 10".into())
    );
    wire.send("/key k once\n/key k once\n");
    let mut lines = [wire.message(LF), wire.message(LF), wire.message(LF)];
    lines.sort();
    assert_eq!(lines, ["11 once", "= 11 k", "= 11 k"]);
    wire.send("/after nonsense\n/key\n   \n");
    for _ in 0..3 {
        assert!(
            wire.message(LF).starts_with("! "),
            "a mistake is told, and the connection goes on"
        );
    }
    wire.send("still here\n");
    assert_eq!(wire.message(LF), "12 still here");
}

#[test]
fn hostile_bytes_are_answered_with_a_sentence_and_an_end() {
    let demo = start("tcp");
    let bad: [(Vec<u8>, &str); 2] =
        [(vec![b'x'; 9 * 1024], "8192 bytes"), (b"\xff\xfe\n".to_vec(), "UTF-8")];
    for (bytes, why) in bad {
        let mut wire = enter(&demo);
        wire.send(bytes);
        let answer = wire.message(LF);
        assert!(answer.starts_with("! ") && answer.contains(why), "{answer}");
        assert_eq!(wire.end(), End::Fin);
    }
    for n in 0..50 {
        let mut wire = Wire::connect(&demo.beside("room"));
        let _ = wire.try_send(&b"/after 0\nhalf a line"[..n % 20]);
        if n % 2 == 0 { wire.reset() } else { drop(wire) }
    }
    demo.lives_on();
}

#[test]
fn half_a_line_and_then_silence_is_ended_while_silence_alone_is_not() {
    let demo = start("tcp");
    let (mut silent, mut half) = (enter(&demo), enter(&demo));
    let began = Instant::now();
    half.send("hal");
    assert!(half.message(LF).contains("10 s"));
    assert!(began.elapsed() > Duration::from_secs(9), "a slow writer has 10 s");
    assert_eq!(half.end(), End::Fin);
    demo.say("still here?");
    assert_eq!(silent.message(LF), "1 still here?");
}

#[test]
fn over_a_bad_cable_no_message_is_lost_doubled_or_swapped() {
    needs_our_server!("our bench");
    let demo = start_with("tcp", &["--quiet"]);
    let address = demo.beside("room");
    let heard = over_a_bad_cable(&demo, |_, hear| {
        let mut last = 0;
        loop {
            let Ok(mut wire) = Wire::try_connect(&address) else { continue };
            if wire.try_send(format!("/after {last}\n")).is_err() {
                continue;
            }
            // What is said before the server has read `/after` comes first: it is kept until the older ones are there.
            let mut early = std::collections::BTreeMap::<u64, String>::new();
            while let Some(line) = wire.try_message(LF, PATIENCE) {
                let line = String::from_utf8(line).expect("UTF-8");
                let Some((id, text)) =
                    line.split_once(' ').and_then(|(id, text)| Some((id.parse().ok()?, text)))
                else {
                    continue;
                };
                early.insert(id, text.to_string());
                while let Some(text) = early.remove(&(last + 1)) {
                    last += 1;
                    if !hear(text) {
                        return;
                    }
                }
            }
        }
    });
    check_heard(&heard);
}

#[test]
fn what_is_said_again_after_each_reset_counts_once() {
    needs_our_server!("our bench");
    let demo = start_with("tcp", &["--quiet"]);
    let (address, bench, mut random) = (demo.beside("room"), demo.bench(), Random::seeded());
    let deadline = Instant::now() + 3 * DEADLINE;
    for n in 0..100 {
        let mut answered = false;
        while !answered {
            assert!(Instant::now() < deadline, "message {n} could not be said in all this time");
            let mut wire = Wire::connect(&address);
            let _ = wire.try_send(format!("/key key{n} message {n}\n"));
            if random.below(3) > 0 {
                std::thread::sleep(Duration::from_micros(random.below(1_500)));
                bench.cable("reset");
            }
            while let Some(line) = wire.try_message(LF, PATIENCE) {
                answered |= line.starts_with(b"= ");
                if answered {
                    break;
                }
            }
        }
    }
    let mut wire = enter(&demo);
    wire.send("/after 0\n");
    for n in 0..100 {
        assert_eq!(wire.message(LF), format!("{} message {n}", n + 1), "once each, in order");
    }
}

#[test]
fn a_client_that_comes_back_with_its_place_hears_what_it_missed() {
    let demo = start("tcp");
    let (mut wire, place) = enter_at(&demo);
    let (life, after) = parts(&place);
    assert_eq!((life.len(), after), (8, 0));
    wire.send("one\n");
    assert_eq!(wire.message(LF), "1 one");
    drop(wire);
    demo.say("two");
    let (mut wire, now) = enter_at(&demo);
    assert_eq!(now, format!("{life}-2"));
    wire.send(format!("/after {life}-1\n/after 1\n"));
    assert_eq!(
        (wire.message(LF), wire.message(LF)),
        ("2 two".into(), "2 two".into()),
        "a plain number is believed"
    );
}

#[test]
fn a_place_from_before_a_restart_is_told_so_whatever_its_number() {
    let demo = start("tcp");
    let (mut wire, place) = enter_at(&demo);
    let (life, _) = parts(&place);
    let other = if life.starts_with('1') {
        life.replacen('1', "2", 1)
    } else {
        life.replacen(&life[..1], "1", 1)
    };
    // The room is empty: the restart is told once, and then nothing comes.
    for place in ["57".to_string(), format!("{other}-0")] {
        wire.send(format!("/after {place}\n"));
        assert!(wire.message(LF).starts_with("# The server was started again"), "/after {place}");
    }
    assert!(wire.is_silent_for(A_WHILE));
    for text in ["one", "two"] {
        demo.say(text);
    }
    assert_eq!((wire.message(LF), wire.message(LF)), ("1 one".into(), "2 two".into()));
    wire.send(format!("/after {other}-1\n")); // message 2 of the old life may have been another one
    assert!(wire.message(LF).starts_with("# The server was started again"));
    assert_eq!((wire.message(LF), wire.message(LF)), ("1 one".into(), "2 two".into()));
}

#[test]
fn the_page_goes_on_after_the_last_event_id() {
    let demo = start("tcp");
    for text in ["one", "two", "three"] {
        demo.say(text);
    }
    let mut page = demo.connect();
    page.get_with("/events?after=0", &[("Last-Event-ID", "2")]);
    assert_eq!(page.status(), 200);
    let id = page.event("").id.expect("an id");
    assert_eq!(parts(&id).1, 3);
    demo.say("four");
    let mut page = demo.connect();
    page.get_with("/events?after=0", &[("Last-Event-ID", &id)]);
    assert_eq!(page.status(), 200);
    assert_eq!(page.event("").id, Some(id.replace("-3", "-4")));
}

#[test]
fn a_page_from_before_a_restart_is_told_so_once_also_in_an_empty_room() {
    let demo = start("tcp");
    for cursor in ["57", "00000001-0"] {
        let mut page = demo.get(&format!("/events?after={cursor}"));
        assert_eq!(page.status(), 200);
        let gap = page.event("gap");
        let place: Value = serde_json::from_str(&gap.data.expect("data")).expect("JSON");
        assert_eq!((&place["restarted"], &place["after"]), (&true.into(), &0.into()), "{place}");
        assert_eq!(gap.id, Some(format!("{}-0", place["life"].as_str().expect("a life"))));
        assert!(page.is_silent_for(A_WHILE), "it is told once");
    }
    demo.say("one");
    let mut page = demo.get("/events?after=00000001-1");
    assert_eq!(page.status(), 200);
    page.event("gap");
    assert_eq!(page.event("").id.map(|id| parts(&id).1), Some(1));
}

#[test]
fn a_page_that_was_away_too_long_is_told_how_much_is_gone() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("tcp", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let mut page = demo.get("/events?after=4");
    assert_eq!(page.status(), 200);
    let gap = page.event("gap");
    let place: Value = serde_json::from_str(&gap.data.expect("data")).expect("JSON");
    assert_eq!(
        (&place["missed"], parts(&gap.id.expect("an id")).1),
        (&3.into(), 7),
        "5, 6 and 7 are gone"
    );
    let ids: Vec<u64> = (0..3).map(|_| parts(&page.event("").id.expect("an id")).1).collect();
    assert_eq!(ids, [8, 9, 10]);
}

// ---- Writes and reads -----------------------------------------------------------------------------------------------

/// What the control port answers to a POST.
fn order(demo: &Server, path: &str) -> (u16, String) {
    let mut wire = Wire::connect(&demo.beside("control"));
    wire.post(path, &[], "");
    let (head, body) = wire.answer();
    (head.status, body)
}

/// A stream of what happens in the experiments of a tab.
fn watch(demo: &Server, tab: &str) -> Wire {
    let mut wire = Wire::connect(&demo.beside("control"));
    wire.get(&format!("/watch?tab={tab}"));
    assert_eq!(wire.status(), 200);
    wire
}

/// What the demo says of its UDP relay.
fn relay(demo: &Server) -> String {
    let mut wire = Wire::connect(&demo.beside("control"));
    wire.get("/relay");
    wire.answer().1
}

/// Runs an experiment; the answer as JSON.
fn run(demo: &Server, path: &str) -> Value {
    let (status, body) = order(demo, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

fn list<'a>(result: &'a Value, name: &str) -> Vec<&'a str> {
    let texts = result[name].as_array().unwrap_or_else(|| panic!("{name}: {result}")).iter();
    texts.map(|one| one.as_str().or(one["text"].as_str()).unwrap_or_default()).collect()
}

#[test]
fn without_framing_a_busy_server_takes_many_messages_for_one() {
    let demo = start("tcp");
    let result = run(&demo, "/writes?count=8&pause=0&framing=none&busy=100");
    assert_eq!(list(&result, "writes").len(), 8);
    assert!(
        list(&result, "reads").len() < 8,
        "written within a moment, read after 100 ms: {result}"
    );
    assert_ne!(list(&result, "messages"), list(&result, "writes"), "a read is no message");
    assert_eq!(
        list(&result, "reads").concat(),
        list(&result, "writes").concat(),
        "but every byte came, in order"
    );
    let result = run(&demo, "/writes?count=8&framing=none&buffer=5");
    assert!(
        list(&result, "reads").len() > 8,
        "eight bytes do not go into a read of five: {result}"
    );
}

#[test]
fn with_framing_the_messages_come_back_however_the_stream_was_cut() {
    let demo = start("tcp");
    for framing in ["lines", "lengths"] {
        for how in ["", "&nagle=on", "&busy=30&pause=0", "&buffer=1&pause=0", "&buffer=5&nagle=on"]
        {
            let result = run(&demo, &format!("/writes?count=10&framing={framing}{how}"));
            assert_eq!(
                list(&result, "messages"),
                list(&result, "writes"),
                "{framing}{how}: {result}"
            );
            assert_eq!(result["left"], 0);
        }
    }
    needs_our_server!("our bench");
    demo.bench().cable("drip 40"); // so slow that no two bytes wait for the reader
    let result = run(&demo, "/writes?count=3&framing=lengths&pause=0");
    assert_eq!(list(&result, "messages"), ["message1", "message2", "message3"]);
    assert!(list(&result, "reads").len() > 20, "36 bytes, and the cable drips: {result}");
}

#[test]
fn nagle_gathers_small_writes_into_one() {
    if !cfg!(target_os = "linux") {
        return tests::skipped("how long a kernel waits with an ACK is known here for Linux only");
    }
    let demo = start("tcp");
    // How the threads take turns has a say in it: a few tries.
    let reads: Vec<usize> = (0..5)
        .map(|_| list(&run(&demo, "/writes?count=8&pause=2&framing=lines&nagle=on"), "reads").len())
        .collect();
    assert!(
        reads.iter().any(|&reads| reads <= 4),
        "eight writes, and and in five tries this many reads: {reads:?}"
    );
}

#[test]
fn the_probe_server_answers_nonsense_with_a_sentence_and_reads_no_more_than_its_limits() {
    let demo = start("tcp");
    let ask = |bytes: &[u8]| {
        let mut wire = Wire::connect(&demo.beside("probe"));
        wire.send(bytes);
        wire.finish();
        String::from_utf8_lossy(&wire.rest()).into_owned()
    };
    for nonsense in [
        "hello\n",
        "writes\n",
        "writes xml 1 1\n",
        "writes none 0 1\n",
        "writes none 5000 1\n",
        "writes none 1 9999\n",
        "life nobody\n",
    ] {
        let answer = ask(nonsense.as_bytes());
        assert!(answer.starts_with("! "), "{nonsense:?}: {answer}");
    }
    assert_eq!(ask(b"half a line"), "");
    let report = ask(b"writes lines 16 0\none\ntwo\nthr");
    assert!(
        report.starts_with("ready\n") && report.contains(r#""messages":["one","two"]"#),
        "{report}"
    );
    assert!(report.contains(r#""left":3"#), "{report}");
    let huge = ask(b"writes lengths 64 0\n\xff\xff\xff\xff and some");
    assert!(huge.contains(r#""messages":[]"#), "a length of 4 GiB costs nothing: {huge}");
    let mut flood = Wire::connect(&demo.beside("probe"));
    flood.send("writes none 4096 0\n");
    while flood.try_send([b'x'; 4096]).is_ok() {}
    let (status, why) = order(&demo, "/writes?count=101");
    assert_eq!((status, why.contains("100 at most")), (400, true), "{why}");
    let mut foreign = Wire::connect(&demo.beside("control"));
    foreign.post("/writes", &[("Origin", "http://evil.example")], "");
    assert_eq!(foreign.status(), 403, "a page of another origin starts no experiment");
    demo.lives_on();
}

#[test]
fn an_experiment_that_falls_silent_is_ended() {
    let demo = start("tcp");
    let mut silent = Wire::connect(&demo.beside("probe"));
    let mut half = Wire::connect(&demo.beside("probe"));
    half.send("writes none 64 0\nsome bytes");
    assert_eq!(half.message(LF), "ready");
    assert!(half.message(LF).starts_with("! Nothing came for 10 s"));
    half.end();
    silent.end();
}

#[test]
fn the_wire_names_lines_and_lengths() {
    needs_our_server!("our bench");
    let demo = start("tcp");
    let mut wire = enter(&demo);
    wire.send("a line of its own\n");
    run(&demo, "/writes?count=2&framing=lengths");
    let mut feed = demo.bench().feed();
    for (mean, field) in [("a line of its own", "line feed"), ("message2", "length")] {
        let row = feed
            .row(|row| row.text("kind") == "message" && row.text("mean") == mean && row.whole());
        row.check_fields();
        let names: Vec<_> = row.json["fields"]
            .as_array()
            .expect("fields")
            .iter()
            .map(|one| one[2].clone())
            .collect();
        assert!(names.contains(&field.into()), "{mean}: {names:?}");
    }
}

// ---- A connection's life --------------------------------------------------------------------------------------------

/// Waits until the story of this tab's connection has such an entry; returns the story.
fn until(demo: &Server, tab: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + DEADLINE;
    let mut page = watch(demo, tab);
    loop {
        let life: Value =
            serde_json::from_str(&page.event("life").data.expect("data")).expect("JSON");
        let story = life["story"].as_array().cloned().unwrap_or_default();
        if story.iter().any(&fits) {
            return story;
        }
        assert!(Instant::now() < deadline, "{what} should be in the story by now: {life}");
    }
}

fn states<'a>(client: Option<&'a str>, server: Option<&'a str>) -> impl Fn(&Value) -> bool + 'a {
    move |entry| {
        entry["did"].is_null()
            && (entry["client"].as_str(), entry["server"].as_str()) == (client, server)
    }
}

#[test]
fn the_kernel_tells_each_state_of_a_connections_life() {
    if !cfg!(target_os = "linux") {
        return tests::skipped("only Linux has /proc/net/tcp");
    }
    let demo = start("tcp");
    let act = |what: &str| run(&demo, &format!("/life?tab=a&do={what}"));
    act("open");
    until(&demo, "a", "both ends established", states(Some("ESTABLISHED"), Some("ESTABLISHED")));
    act("client-fin");
    until(&demo, "a", "half-closed", states(Some("FIN-WAIT-2"), Some("CLOSE-WAIT")));
    act("server-says");
    until(&demo, "a", "the server's word", |entry| {
        entry["did"] == "the client reads \"the server speaks\""
    });
    act("client-says"); // after its FIN: the kernel refuses
    until(&demo, "a", "a refusal", |entry| {
        entry["did"].as_str().is_some_and(|did| did.starts_with("the client can't"))
    });
    act("server-fin");
    until(&demo, "a", "the one that finished first remembers", states(Some("TIME-WAIT"), None));
}

#[test]
fn a_reset_leaves_nothing_to_remember() {
    if !cfg!(target_os = "linux") {
        return tests::skipped("only Linux has /proc/net/tcp");
    }
    let demo = start("tcp");
    run(&demo, "/life?tab=b&do=open");
    until(&demo, "b", "both ends established", states(Some("ESTABLISHED"), Some("ESTABLISHED")));
    run(&demo, "/life?tab=b&do=reset");
    until(&demo, "b", "nothing", states(None, None));
    let (status, why) = order(&demo, "/life?tab=b&do=client-fin");
    assert_eq!((status, why.trim()), (400, "The client's end is closed."));
    run(&demo, "/life?tab=b&do=open"); // and again
    for bad in ["/life?do=open", "/life?tab=b&do=dance", "/life?tab=nobody&do=reset"] {
        assert_eq!(order(&demo, bad).0, 400, "{bad}");
    }
}

// ---- UDP ------------------------------------------------------------------------------------------------------------

#[test]
fn two_senders_reach_one_socket() {
    let demo = start("tcp");
    run(&demo, "/udp?fault=whole");
    let result = run(&demo, "/udp?count=8");
    assert_eq!(
        list(&result, "udp"),
        list(&result, "sent"),
        "over a good relay on one machine all arrive in order"
    );
    assert_eq!(list(&result, "tcp"), list(&result, "sent"));
    let arrived = result["udp"].as_array().expect("a list");
    let ports_of = |name: &str| -> Vec<&Value> {
        let of = arrived
            .iter()
            .filter(|one| one["text"].as_str().is_some_and(|text| text.starts_with(name)));
        of.map(|one| &one["port"]).collect()
    };
    let (a, b) = (ports_of("A"), ports_of("B"));
    assert!(
        a.iter().all(|port| *port == a[0]) && b.iter().all(|port| *port == b[0]) && a[0] != b[0],
        "{arrived:?}"
    );
}

#[test]
fn datagrams_get_lost_and_overtake_one_another_while_tcps_bytes_do_neither() {
    let demo = start("tcp");
    run(&demo, "/udp?fault=lose");
    let result = run(&demo, "/udp?count=50");
    let (sent, arrived) = (list(&result, "sent"), list(&result, "udp"));
    let lost = result["lost"].as_u64().expect("a number") as usize;
    assert!(lost > 0 && lost < 100, "three of ten: {lost} of 100");
    assert_eq!(arrived.len() + lost, sent.len(), "each one was lost or arrived");
    assert_eq!(list(&result, "tcp"), sent);

    run(&demo, "/udp?fault=reorder");
    let result = run(&demo, "/udp?count=20");
    let (sent, mut arrived) = (list(&result, "sent"), list(&result, "udp"));
    assert_ne!(arrived, sent, "held back for other times, they overtake one another");
    assert_eq!(list(&result, "tcp"), sent);
    let mut sorted = sent.clone();
    sorted.sort_unstable();
    arrived.sort_unstable();
    assert_eq!(arrived, sorted, "none is lost");

    run(&demo, "/udp?fault=cut");
    let result = run(&demo, "/udp?count=5");
    assert_eq!(
        (list(&result, "udp").len(), &result["lost"]),
        (0, &Value::from(10)),
        "what a cut swallows is not sent again"
    );
    assert_eq!(list(&result, "tcp"), list(&result, "sent"));
    assert_eq!(order(&demo, "/udp?fault=rain").0, 400);
}

#[test]
fn a_datagram_from_a_terminal_reaches_the_page() {
    let demo = start("tcp");
    let mut page = watch(&demo, "t");
    let state: Value = serde_json::from_str(&relay(&demo)).expect("JSON");
    let relay = state["relay"].as_str().expect("an address").to_string();
    let room = demo.beside("room");
    assert_eq!(
        relay.rsplit(':').next(),
        room.rsplit(':').next(),
        "one number, two ports: TCP's and UDP's"
    );
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for bytes in [&b"hello\n"[..], b"", b"\xff\xfe<b>", &[b'x'; 2000]] {
        socket.send_to(bytes, &relay).expect("UDP takes it");
    }
    let mut texts = Vec::new();
    while texts.len() < 4 {
        let datagram: Value =
            serde_json::from_str(&page.event("datagram").data.expect("data")).expect("JSON");
        texts.push(datagram["text"].as_str().unwrap_or_default().to_string());
    }
    assert_eq!(
        &texts[..3],
        ["hello", "", "\u{fffd}\u{fffd}<b>"],
        "a datagram has its boundaries, even an empty one"
    );
    assert_eq!(texts[3].len(), 60, "and no more is kept of it than is shown");
    demo.lives_on();
}

#[test]
fn when_files_run_out_the_servers_pause_and_then_go_on() {
    needs_our_server!("our way to take files away");
    let demo = Setup::new("tcp").open_files(160).start();
    for _ in 0..3 {
        let many: Vec<_> =
            (0..120).filter_map(|_| Wire::try_connect(&demo.beside("room")).ok()).collect();
        assert!(many.len() > 20, "{} connections only", many.len());
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut wire = Wire::connect(&demo.beside("room"));
        let _ = wire.try_send(b"/after 0\n");
        if wire.try_message(LF, PATIENCE).is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "the server takes no connection any more");
    }
}
