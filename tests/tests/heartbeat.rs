//! The heartbeat's promises: who is there is not given up, who is gone is, and in time.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::websocket::{PING, PONG, TEXT, frame};
use tests::{DEADLINE, Server, Wire, start};

fn event(event: Value) -> Vec<u8> {
    frame(TEXT, event.to_string())
}

/// The row of the server's table with this id.
fn row(demo: &Server, id: u64) -> Value {
    let (_, table) = demo.get("/peers").answer();
    let table: Value = serde_json::from_str(&table).unwrap();
    let rows = table["peers"].as_array().unwrap();
    rows.iter().find(|row| row["id"] == id).cloned().unwrap_or_else(|| panic!("no row {id} in {table}"))
}

/// Waits until the row says this, and returns it.
fn wait_for(demo: &Server, id: u64, what: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let row = row(demo, id);
        if what(&row) {
            return row;
        }
        assert!(Instant::now() < deadline, "the table should say something else by now: {row}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Answers pings for a while.
fn answer_pings(wire: &mut Wire, time: Duration) -> usize {
    let (deadline, mut pings) = (Instant::now() + time, 0);
    while Instant::now() < deadline {
        if let Some((PING, payload)) = wire.try_frame(Duration::from_millis(50)) {
            wire.send(frame(PONG, payload));
            pings += 1;
        }
    }
    pings
}

#[test]
fn the_server_pings_as_often_as_it_is_told_and_shows_the_round_trip() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/?every=0.2&patience=2");
    let pings = answer_pings(&mut wire, Duration::from_secs(3));
    assert!((8..=17).contains(&pings), "{pings} pings in 3 s, one each 0.2 s");
    let row = row(&demo, 1);
    assert_eq!(row["verdict"], "there");
    assert!(row["roundTrip"].as_f64().is_some_and(|time| time < 1_000.0), "{row}");
}

#[test]
fn who_is_silent_is_late_and_then_given_up_in_time() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/?every=0.4&patience=2");
    let start = Instant::now();
    wait_for(&demo, 1, |row| row["verdict"] == "late");
    assert!(start.elapsed() < Duration::from_millis(1_900));
    wire.end();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(1_900) && took < Duration::from_secs(4), "given up after {took:?}");
    assert!(row(&demo, 1)["verdict"].as_str().unwrap().starts_with("given up after 2."));
}

#[test]
fn without_a_heartbeat_a_pulled_cable_is_noticed_by_nobody() {
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
    let mut before = None;
    for attempt in 1..=3 {
        let mut wire = demo.websocket("/?every=0.3&patience=1");
        answer_pings(&mut wire, Duration::from_millis(700));
        demo.bench().cable_of(demo.bench().number_of(&wire), "cut");
        let cut = Instant::now();
        wait_for(&demo, attempt, |row| row["open"] == false);
        assert!(cut.elapsed() < Duration::from_secs(3), "noticed after {:?}", cut.elapsed());
        demo.bench().cable("repair");
        wire.end();
        drop(wire);
        let used = settled(&demo);
        assert!(before.is_none_or(|before| used <= before), "{used:?} threads and files, {before:?} before");
        before.get_or_insert(used);
    }
}

/// Threads and open files of the server, once they do not change any more.
fn settled(demo: &Server) -> Option<(usize, usize)> {
    let count = |what: &str| fs::read_dir(format!("/proc/{}/{what}", demo.process()?)).ok().map(Iterator::count);
    let now = || Some((count("task")?, count("fd")?));
    let deadline = Instant::now() + Duration::from_secs(10);
    let (mut last, mut since) = (now(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
        if now() != last {
            (last, since) = (now(), Instant::now());
        }
    }
    last
}

#[test]
fn a_pong_that_nobody_asked_for_is_a_sign_of_life_and_nothing_else() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/?every=0.5&patience=1.5");
    for _ in 0..12 {
        wire.send(frame(PONG, "still here"));
        std::thread::sleep(Duration::from_millis(250));
    }
    let row = row(&demo, 1);
    assert_eq!((&row["open"], &row["roundTrip"]), (&json!(true), &Value::Null), "{row}");
}

#[test]
fn the_heartbeat_can_be_changed_on_an_open_connection() {
    let demo = start("heartbeat");
    let mut wire = demo.websocket("/");
    wire.send(event(json!({ "type": "heartbeat", "every": 0.3, "patience": 0.1 })));
    let told = wire.told("heartbeat");
    assert_eq!((&told["every"], &told["patience"]), (&json!(0.3), &json!(0.6)), "two beats at least");
    assert!(answer_pings(&mut wire, Duration::from_secs(1)) >= 2);
    wire.send(event(json!({ "type": "heartbeat", "every": 0, "patience": 0 })));
    wire.told("heartbeat");
    wait_for(&demo, 1, |row| row["verdict"] == "not asked");
    std::thread::sleep(Duration::from_millis(1_000));
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
fn a_tab_that_comes_back_gets_what_it_missed_once_and_its_ghost_goes() {
    let demo = start("heartbeat");
    let mut talker = demo.websocket("/");
    let mut cut = demo.websocket("/?tab=a");
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
fn who_takes_nothing_is_given_up_in_time_too() {
    let demo = start("heartbeat");
    let mut cut = demo.websocket("/?every=0.4&patience=2");
    cut.told("peers");
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
        assert!(start.elapsed() < Duration::from_secs(8), "still there after {said} messages");
    }
}

#[test]
fn every_tab_is_told_the_table_and_which_row_is_its_own() {
    let demo = start("heartbeat");
    let (mut one, mut other) = (demo.websocket("/"), demo.websocket("/"));
    let own = |table: &Value| {
        let rows = table["peers"].as_array().unwrap();
        rows.iter().filter(|row| row["yours"] == true).map(|row| row["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(own(&one.told("peers")), [1]);
    assert_eq!(own(&other.told("peers")), [2]);
}
