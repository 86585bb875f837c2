//! The heartbeat's promises: a client that is there is not given up, one that is gone is, and in time.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::websocket::{PING, PONG, TEXT, frame};
use tests::{DEADLINE, Server, Wire, start};

fn event(event: Value) -> Vec<u8> {
    frame(TEXT, event.to_string())
}

/// A WebSocket that stands in the server's table. (A connection gets its number there after its 101: of two that open one
/// after the other, the second may be number 1.)
fn join(demo: &Server, path: &str) -> Wire {
    let mut wire = demo.websocket(path);
    wire.told("peers");
    wire
}

/// The row of the server's table with this id.
fn row(demo: &Server, id: u64) -> Value {
    let (_, table) = demo.get("/peers").answer();
    let table: Value = serde_json::from_str(&table).unwrap();
    let rows = table["peers"].as_array().unwrap();
    rows.iter()
        .find(|row| row["id"] == id)
        .cloned()
        .unwrap_or_else(|| panic!("no row {id} in {table}"))
}

/// Waits until the row of the table says this. Whoever is in the room is told the table when it has changed: `watcher` is
/// somebody who does nothing but listen.
fn wait_for(watcher: &mut Wire, id: u64, what: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let table = watcher.told("peers");
        let rows = table["peers"].as_array().unwrap();
        if rows.iter().any(|row| row["id"] == id && what(row)) {
            return;
        }
        assert!(Instant::now() < deadline, "row {id} should say something else by now: {table}");
    }
}

/// The payload of the next ping.
fn ping(wire: &mut Wire) -> Vec<u8> {
    loop {
        if let (PING, payload) = wire.frame() {
            return payload;
        }
    }
}

/// Answers the next pings, so many of them.
fn answer_pings(wire: &mut Wire, count: usize) {
    for _ in 0..count {
        let payload = ping(wire);
        wire.send(frame(PONG, payload));
    }
}

#[test]
fn the_server_pings_as_often_as_it_is_told_and_shows_the_round_trip() {
    let demo = start("heartbeat");
    let began = Instant::now();
    let mut often = join(&demo, "/?every=0.2&patience=60");
    let mut seldom = demo.websocket("/?every=1&patience=60");
    answer_pings(&mut seldom, 4); // at once, and after each second
    often.send(event(json!({ "type": "beat", "sent": 1 })));
    let mut pings = 0;
    loop {
        match often.frame() {
            (PING, _) => pings += 1,
            (_, event) if serde_json::from_slice::<Value>(&event).unwrap()["type"] == "beat" => {
                break;
            }
            _ => {}
        }
    }
    let most = began.elapsed().as_millis() / 200 + 1;
    assert!((6..=most).contains(&pings), "{pings} pings, one each 0.2 s in {:?}", began.elapsed());
    tests::until("the table tells a round trip", || {
        answer_pings(&mut often, 1); // a pong that comes after the next ping tells no time
        let row = row(&demo, 1);
        row["verdict"] == "there" && row["roundTrip"].as_f64().is_some_and(|time| time < 1_000.0)
    });
}

#[test]
fn a_silent_client_is_late_and_then_given_up_in_time() {
    let demo = start("heartbeat");
    let mut watcher = join(&demo, "/");
    let start = Instant::now();
    let mut wire = demo.websocket("/?every=0.4&patience=6");
    wait_for(&mut watcher, 2, |row| row["verdict"] == "late");
    wire.end();
    assert!(start.elapsed() >= Duration::from_secs(6), "given up after {:?}", start.elapsed());
    // In time by the server's own clock: a busy machine may tell the test later.
    let row = row(&demo, 2);
    let verdict = row["verdict"].as_str().unwrap();
    let silence = verdict.strip_prefix("given up after ").and_then(|rest| rest.split(' ').next());
    let silence: f64 = silence.unwrap_or_default().parse().expect("a number of seconds");
    assert!((6.0..13.0).contains(&silence), "{verdict}");
}

#[test]
fn without_a_heartbeat_a_pulled_cable_is_not_noticed() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/?tab=a");
    wire.told("peers");
    demo.bench().cable_of(demo.bench().number_of(&wire), "cut");
    assert!(wire.is_silent_for(Duration::from_secs(3)));
    let row = row(&demo, 1);
    assert_eq!((&row["open"], &row["verdict"]), (&json!(true), &json!("not asked")));
}

#[test]
fn with_one_it_is_noticed_in_time_and_its_threads_and_sockets_are_freed() {
    let demo = start("heartbeat");
    let mut watcher = join(&demo, "/?every=0.2&patience=60");
    demo.bench().number_of(&watcher); // the bench, too, has threads that stay once they are there
    let before = threads_and_files(&demo);
    for attempt in 1..=5 {
        let mut wire = demo.websocket("/?every=0.3&patience=5");
        answer_pings(&mut wire, 2);
        demo.bench().cable_of(demo.bench().number_of(&wire), "cut");
        let cut = Instant::now();
        wait_for(&mut watcher, 1 + attempt, |row| row["open"] == false);
        assert!(cut.elapsed() < Duration::from_secs(20), "noticed after {:?}", cut.elapsed());
        demo.bench().cable("repair");
        wire.end();
    }
    // No system tells when another process has one thread less, so this looks again at each ping of the server.
    let deadline = Instant::now() + DEADLINE;
    loop {
        let now = threads_and_files(&demo);
        if now.zip(before).is_none_or(|(now, before)| now.0 <= before.0 && now.1 <= before.1) {
            return;
        }
        assert!(Instant::now() < deadline, "{now:?} threads and files, {before:?} before");
        ping(&mut watcher);
    }
}

/// Threads and open files of the server, where the system tells (Linux).
fn threads_and_files(demo: &Server) -> Option<(usize, usize)> {
    let count = |what: &str| {
        fs::read_dir(format!("/proc/{}/{what}", demo.process()?)).ok().map(Iterator::count)
    };
    Some((count("task")?, count("fd")?))
}

#[test]
fn a_pong_without_a_ping_is_a_sign_of_life_and_nothing_else() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/?every=0.5&patience=6");
    for _ in 0..14 {
        ping(&mut wire); // one each half second: fourteen of them take longer than the server's patience
        wire.send(frame(PONG, "still here"));
    }
    let row = row(&demo, 1);
    assert_eq!((&row["open"], &row["roundTrip"]), (&json!(true), &Value::Null), "{row}");
}

#[test]
fn the_heartbeat_can_be_changed_on_an_open_connection() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/");
    let own = 1;
    wire.send(event(json!({ "type": "heartbeat", "every": 3, "patience": 0.1 })));
    let told = wire.told("heartbeat");
    assert_eq!(
        (&told["every"], &told["patience"]),
        (&json!(3.0), &json!(6.0)),
        "two beats at least"
    );
    answer_pings(&mut wire, 2);
    wire.send(event(json!({ "type": "heartbeat", "every": 0, "patience": 0 })));
    wire.told("heartbeat");
    wait_for(&mut wire, own, |row| row["verdict"] == "not asked");
    // Another one, which is watched, is given up for its silence; this one is not.
    demo.websocket("/?every=1&patience=2").end();
    assert_eq!(row(&demo, own)["open"], true);
}

/// An interval of 60 s becomes one of 1 s: the first ping of the new one must not wait for the old one's time.
#[test]
fn a_shorter_interval_asks_before_it_gives_up() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/?every=60&patience=120");
    answer_pings(&mut wire, 1);
    wire.send(event(json!({ "type": "heartbeat", "every": 1, "patience": 6 })));
    answer_pings(&mut wire, 8); // which takes 7 s at least: longer than the patience
    assert_eq!(row(&demo, 1)["open"], true);
}

#[test]
fn a_pages_own_beat_is_answered_with_what_it_said() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/");
    wire.send(event(json!({ "type": "beat", "sent": 12345 })));
    assert_eq!(wire.told("beat")["sent"], 12345);
}

#[test]
fn a_tab_that_comes_back_gets_what_it_missed_once_and_its_old_connection_is_closed() {
    let demo = start("heartbeat");
    let mut talker = join(&demo, "/");
    let mut cut = join(&demo, "/?tab=a");
    talker.send(event(json!({ "type": "say", "text": "one" })));
    assert_eq!(cut.told("message")["text"], "one");
    demo.bench().cable_of(demo.bench().number_of(&cut), "cut");
    for text in ["two", "three"] {
        talker.send(event(json!({ "type": "say", "text": text })));
        talker.told("said");
    }
    let mut back = demo.websocket("/?tab=a&after=1");
    assert_eq!(back.told("message")["text"], "two");
    assert_eq!(back.told("message")["text"], "three");
    assert_eq!(row(&demo, 2)["verdict"], "its tab came back on another connection");
    talker.send(event(json!({ "type": "say", "text": "four" })));
    assert_eq!(back.told("message")["text"], "four", "nothing came twice in between");
}

/// Its answers pile up, and the thread that tells the news waits in a write: the one that listens must notice all the same.
#[test]
fn a_client_that_takes_nothing_is_given_up_in_time_too() {
    let demo = start("heartbeat");
    let cut = join(&demo, "/?every=0.4&patience=5");
    demo.bench().cable_of(demo.bench().number_of(&cut), "cut");
    let start = Instant::now();
    let mut talker = demo.websocket("/");
    let text = "\u{1f980}".repeat(1_000); // as much as a message may be: 4 kB
    let mut said = 0;
    while row(&demo, 1)["open"] == true {
        for _ in 0..50 {
            talker.send(event(json!({ "type": "say", "text": text })));
            said += 1;
        }
        for _ in 0..50 {
            talker.told("said");
        }
        assert!(start.elapsed() < Duration::from_secs(40), "still there after {said} messages");
    }
}

#[test]
fn every_tab_is_told_the_table_and_which_row_is_its_own() {
    let demo = start("heartbeat");
    let (mut one, mut other) = (join(&demo, "/"), demo.websocket("/"));
    let own = |table: &Value| {
        let rows = table["peers"].as_array().unwrap();
        rows.iter()
            .filter(|row| row["yours"] == true)
            .map(|row| row["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(own(&one.told("peers")), [1], "it is told again, for there is another one now");
    assert_eq!(own(&other.told("peers")), [2]);
}
