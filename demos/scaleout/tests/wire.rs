//! What two servers on one log promise, on the wire: real processes, a real Redis, and a HAProxy or the demo's own balancer.

#[cfg(unix)]
use std::fs;
use std::io;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::websocket::{TEXT, frame};
use tests::{Server, Setup, Wire};

#[path = "crowd.rs"]
mod crowd;

use super::cursor::machines::{self, Control, is_installed, start_with_redis};
use crowd::{ALL, Pace, Stream, hears_all_once};

/// Says something to any of the servers: the status and the answer.
fn say(demo: &Server, key: &str, text: &str) -> (u16, String) {
    let mut wire = demo.connect();
    wire.post("/sse/say", &[("Idempotency-Key", key)], text);
    let (head, answer) = wire.answer();
    (head.status, answer)
}

/// Says something and returns its number.
fn said(demo: &Server, text: &str) -> u64 {
    let (status, answer) = say(demo, text, text);
    assert_eq!(status, 201, "{answer}");
    serde_json::from_str::<Value>(&answer).expect("a message")["id"].as_u64().expect("a number")
}

/// What is new behind a cursor, at any of the servers.
fn news(demo: &Server, after: &str) -> Value {
    let (head, answer) = demo.get(&format!("/longpoll/wait?after={after}&hold=30")).answer();
    assert_eq!(head.status, 200, "{answer}");
    serde_json::from_str(&answer).expect("news")
}

fn texts(news: &Value) -> Vec<&str> {
    news["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .filter_map(|one| one["text"].as_str())
        .collect()
}

/// Kills servers and Redis while the crowd talks, and starts them again. `started` is told of each server that was.
fn kill_and_start(pace: &Pace, control: &Control, started: impl Fn(&Value)) {
    let part = ALL / 5;
    let start = |name: &str| {
        control.start(name);
        started(&control.server(name));
    };
    pace.allow(part);
    pace.until_heard(part / 4);
    control.order("stop", "a");
    pace.until_heard(part);
    start("a");

    pace.allow(part);
    pace.until_heard(part + part / 4);
    control.order("stop-redis", "");
    pace.allow(part); // so there is a client that is refused
    pace.until_refused();
    control.order("start-redis", "");
    pace.until_heard(3 * part);

    pace.allow(part);
    pace.until_heard(3 * part + part / 4);
    control.order("stop", "b");
    control.order("stop-redis", "");
    pace.allow(part);
    pace.until_refused();
    control.order("start-redis", "");
    start("b");
}

/// The crowd behind a HAProxy.
#[cfg(unix)]
fn behind_haproxy(technique: &str) {
    if !is_installed("haproxy") {
        return;
    }
    let Some((_demo, control)) = start_with_redis(&["--capacity", "2000", "--quiet"]) else {
        return;
    };
    let haproxy = machines::HaProxy::in_front_of(&control);
    let connect = || -> io::Result<Box<dyn Stream>> {
        let stream = haproxy.connect()?;
        stream.set_read_timeout(Some(tests::DEADLINE))?;
        Ok(Box::new(stream))
    };
    hears_all_once(technique, &connect, |pace| {
        kill_and_start(pace, &control, |server| haproxy.lead_to(server))
    });
}

/// `TMPDIR` is where it makes a folder for the data of its Redis.
#[cfg(unix)]
#[test]
fn a_demo_that_is_killed_leaves_no_folder_behind() {
    if !is_installed("redis-server") {
        return;
    }
    let name = format!("scaleout-killed-{}", std::process::id());
    let place = std::env::temp_dir().join(name);
    fs::create_dir_all(&place).expect("a folder");
    let inside = || fs::read_dir(&place).expect("it is there").count();
    for _ in 0..5 {
        let mut demo = Setup::new("scaleout").env("TMPDIR", &place.display().to_string()).start();
        Control::of(&demo).until("Redis runs", |state| state["redis"] == "up");
        assert_eq!(inside(), 1);
        demo.kill();
        tests::until("the folder is gone", || inside() == 0);
    }
    fs::remove_dir(&place).expect("it is empty");
}

#[cfg(unix)]
#[test]
fn of_1000_server_sent_events_each_arrives_once_and_in_order_while_servers_and_redis_are_killed() {
    behind_haproxy("sse");
}

#[cfg(unix)]
#[test]
fn of_1000_long_polled_messages_each_arrives_once_and_in_order_while_servers_and_redis_are_killed()
{
    behind_haproxy("longpoll");
}

#[cfg(unix)]
#[test]
fn of_1000_websocket_messages_each_arrives_once_and_in_order_while_servers_and_redis_are_killed() {
    behind_haproxy("frames");
}

#[cfg(unix)]
#[test]
fn of_1000_socketio_events_each_arrives_once_and_in_order_while_servers_and_redis_are_killed() {
    behind_haproxy("socketio");
}

#[test]
fn a_session_of_socketio_over_long_polling_is_known_to_one_server_only() {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let path = "/socketio/socket.io/?EIO=4&transport=polling&tab=k1";
    let session = || {
        let (head, open) = demo.get(path).answer();
        assert_eq!(head.status, 200, "{open}");
        let open: Value = serde_json::from_str(&open[1..]).expect("0{\"sid\":...}");
        format!("{path}&sid={}", open["sid"].as_str().expect("a session"))
    };
    // In turns, the second request reaches the other server.
    let (head, why) = demo.post(&session(), "40/room,").answer();
    assert_eq!(head.status, 400, "{why}");
    assert!(why.contains("Session ID unknown"), "{why}");
    control.order("sticky", "");
    let session = session();
    assert_eq!(demo.post(&session, "40/room,").answer().1, "ok");
    let (_, packets) = demo.get(&session).answer();
    assert!(packets.starts_with("40/room,"), "{packets}");
}

#[test]
fn the_demos_own_balancer_keeps_the_same_promise() {
    let Some((demo, control)) = start_with_redis(&["--capacity", "2000", "--quiet"]) else {
        return;
    };
    let address = demo.address();
    let connect = || -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(tests::DEADLINE))?;
        Ok(Box::new(stream))
    };
    hears_all_once("sse", &connect, |pace| kill_and_start(pace, &control, |_| {}));
}

#[test]
fn a_message_that_was_acknowledged_is_there_after_redis_was_killed_and_what_was_not_is_refused() {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let first = said(&demo, "acknowledged");
    control.order("stop-redis", "");
    // The first server that notices sends its clients to the other one: that is not the story here.
    control.until("both have noticed", |state| {
        state["servers"].as_array().expect("servers").iter().all(|server| server["link"] == false)
    });
    let mut wire = demo.connect();
    wire.post("/sse/say", &[("Idempotency-Key", "k2")], "refused, and said again");
    let (head, answer) = wire.answer();
    assert_eq!((head.status, head.field("Retry-After")), (503, Some("1")), "{answer}");
    assert!(answer.trim_end().ends_with('.'), "a sentence: {answer}");
    control.order("start-redis", "");
    let second = say(&demo, "k2", "refused, and said again");
    assert_eq!(second.0, 201, "{}", second.1);
    assert_eq!(
        say(&demo, "k2", "refused, and said again"),
        second,
        "the same key is the same message"
    );
    assert_eq!(said(&demo, "the next"), first + 2);
    let mut heard = Vec::new();
    let mut after = "0".to_string();
    while heard.len() < 3 {
        let news = news(&demo, &after);
        heard.extend(texts(&news).into_iter().map(str::to_string));
        after = format!("{}-{}", news["life"].as_str().expect("a life"), news["after"]);
    }
    assert_eq!(heard, ["acknowledged", "refused, and said again", "the next"]);
}

/// A stream at any of the servers, of the listener with this name.
fn listen(demo: &Server, tab: &str) -> Wire {
    let mut wire = demo.get(&format!("/sse/events?tab={tab}"));
    assert_eq!(wire.status(), 200);
    wire
}

/// The listeners on each server, by the servers' names.
fn seats(control: &Control) -> Vec<(String, Vec<String>)> {
    let state = control.state();
    let tabs = |server: &Value| {
        let tabs = server["tabs"].as_array().expect("tabs").iter();
        tabs.map(|one| one["tab"].as_str().expect("a tab").to_string()).collect()
    };
    let servers = state["servers"].as_array().expect("servers").iter();
    servers
        .map(|server| (server["name"].as_str().expect("a name").to_string(), tabs(server)))
        .collect()
}

#[test]
fn requests_take_turns_and_a_sticky_tab_stays_with_its_server_until_that_is_killed() {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let six: Vec<Wire> = (0..6).map(|_| listen(&demo, "k1")).collect();
    assert!(seats(&control).iter().all(|(_, tabs)| tabs.len() == 3), "{:?}", seats(&control));
    drop(six);
    control.order("sticky", "");
    let six: Vec<Wire> = (0..6).map(|_| listen(&demo, "k2")).collect();
    let seats_of_k2 = |control: &Control| -> Vec<(String, usize)> {
        let count = |tabs: Vec<String>| tabs.iter().filter(|tab| *tab == "k2").count();
        seats(control)
            .into_iter()
            .map(|(name, tabs)| (name, count(tabs)))
            .filter(|(_, count)| *count > 0)
            .collect()
    };
    let before = seats_of_k2(&control);
    assert_eq!(
        before.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        [6],
        "all on one server"
    );
    control.order("stop", &before[0].0);
    for mut wire in six {
        wire.rest(); // the stream ends
    }
    let _stays = listen(&demo, "k2");
    tests::until("the seats at the stopped server are given back", || {
        seats_of_k2(&control).iter().all(|(name, _)| *name != before[0].0)
    });
    let after = seats_of_k2(&control);
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].0, before[0].0, "another server");
}

#[test]
fn a_server_that_is_split_from_its_log_loses_its_listeners_to_the_other_and_gets_new_ones_when_it_is_back()
 {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let mut both = [listen(&demo, "k1"), listen(&demo, "k2")];
    said(&demo, "to both");
    both.iter_mut().for_each(|one| assert_eq!(one.event("").data.as_deref(), Some("to both")));
    control.order("split", "a");
    control.until("a has lost its log", |_| control.server("a")["link"] == false);
    control.until("a has no listener", |_| seats(&control)[0].1.is_empty());
    for _ in 0..4 {
        listen(&demo, "k3");
        said(&demo, "taken by b");
    }
    control.order("join", "a");
    control.until("a has its log again", |_| control.server("a")["link"] == true);
}

#[test]
fn without_the_log_each_server_is_a_room_of_its_own_and_a_cursor_of_the_other_one_is_noticed() {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    control.order("alone", "");
    control.until("both serve again", |state| {
        state["servers"].as_array().expect("servers").iter().all(|server| server["phase"] == "up")
    });
    let port = |name: &str, technique: &str| {
        format!("127.0.0.1:{}", control.server(name)["ports"][technique])
    };
    let mut to_a = Wire::connect(&port("a", "sse"));
    to_a.post("/say", &[], "to a only");
    assert_eq!(to_a.status(), 201);
    let ask = |name: &str, after: &str, hold: &str| -> Value {
        let mut wire = Wire::connect(&port(name, "longpoll"));
        wire.get(&format!("/wait?after={after}&hold={hold}"));
        serde_json::from_str(&wire.answer().1).expect("news")
    };
    let at_a = ask("a", "0", "30");
    assert_eq!(texts(&at_a), ["to a only"]);
    assert!(texts(&ask("b", "0", "0.2")).is_empty(), "b has not heard it");
    let cursor = format!("{}-1", at_a["life"].as_str().expect("a life"));
    assert_eq!(ask("b", &cursor, "30")["restarted"], true);
    control.order("together", "");
    control.until("both have a log again", |state| {
        state["servers"].as_array().expect("servers").iter().all(|server| server["link"] == true)
    });
    drop(demo);
}

#[test]
fn a_reader_is_told_how_many_messages_the_room_has_forgotten() {
    let Some((demo, _control)) = start_with_redis(&["--capacity", "3"]) else { return };
    for n in 1..=10 {
        said(&demo, &n.to_string());
    }
    let heard = |news: &Value| texts(news).last().is_some_and(|text| *text == "10");
    let mut last = news(&demo, "4");
    tests::until("both servers have all", || {
        last = news(&demo, "4");
        heard(&last)
    });
    assert_eq!((last["missed"].as_u64(), texts(&last)), (Some(3), vec!["8", "9", "10"]));
}

#[test]
fn when_the_demo_is_killed_no_server_and_no_redis_is_left_behind() {
    let Some((mut demo, control)) = start_with_redis(&[]) else { return };
    let state = control.state();
    let own = demo.process().expect("it runs here").to_string();
    let mut processes: Vec<String> = state["servers"]
        .as_array()
        .expect("servers")
        .iter()
        .map(|server| server["process"].to_string())
        .collect();
    // The guard of Redis is a child of the demo, and Redis is a child of the guard.
    let ps = Command::new("ps").args(["-e", "-o", "ppid=,pid="]).output().expect("there is ps");
    let table = String::from_utf8_lossy(&ps.stdout).into_owned();
    let children = |of: &str| -> Vec<String> {
        let pairs = table.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
        pairs
            .filter(|(parent, _)| *parent == of)
            .map(|(_, child)| child.trim().to_string())
            .collect()
    };
    let guards: Vec<String> =
        children(&own).into_iter().filter(|child| !processes.contains(child)).collect();
    assert_eq!(guards.len(), 1, "{table}");
    processes.extend(children(&guards[0]));
    processes.extend(guards);
    assert_eq!(processes.len(), 4, "two servers, the guard and Redis");
    demo.kill();
    tests::until("no process is left", || {
        let runs = |process: &String| {
            let ps = Command::new("ps")
                .args(["-o", "stat=", "-p", process])
                .stderr(Stdio::null())
                .output();
            let stat = ps
                .map(|ps| String::from_utf8_lossy(&ps.stdout).trim().to_string())
                .unwrap_or_default();
            !stat.is_empty() && !stat.starts_with('Z') // a zombie has ended
        };
        !processes.iter().any(runs)
    });
}

#[test]
fn without_any_server_a_request_is_answered_with_503() {
    let Some((demo, control)) = start_with_redis(&["--servers", "1"]) else { return };
    control.order("stop", "a");
    let (head, answer) = demo.get("/longpoll/wait").answer();
    assert_eq!((head.status, head.field("Retry-After")), (503, Some("1")), "{answer}");
    control.start("a");
    said(&demo, "it is back");
}

#[test]
fn a_redis_that_is_not_there_is_told_and_the_servers_wait_for_it() {
    // Nothing answers on this port: this test has it, and hangs up.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let redis = format!("redis://:secret@{}", taken.local_addr().expect("an address"));
    std::thread::spawn(move || taken.incoming().for_each(drop));
    let demo = Setup::new("scaleout").args(&["--redis", &redis]).start();
    let log = demo.prints("has no log: ");
    assert!(!log.contains("secret"), "{log}");
    let (head, _) = demo.get("/longpoll/wait").answer();
    assert_eq!(head.status, 503);
}

#[test]
fn orders_are_taken_from_the_demos_own_page_only_and_wrong_ones_are_refused_in_words() {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let mut wire = Wire::connect(&demo.beside("control"));
    wire.post("/orders/stop?server=a", &[("Origin", "http://evil.example")], "");
    assert_eq!(wire.answer().0.status, 403);
    assert_eq!(control.server("a")["phase"], "up");
    let mut foreign = demo.connect();
    foreign.post("/sse/say", &[("Origin", "http://evil.example")], "from a foreign page");
    assert_eq!(foreign.answer().0.status, 403);
    for (order, server) in [("stop", "z"), ("stop", ""), ("dance", "a")] {
        let (status, why) = control.try_order(order, server);
        assert!(status == 400 && why.trim_end().ends_with('.'), "{order} {server}: {status} {why}");
    }
    let (status, output) = Setup::new("scaleout").args(&["--redis", "http://x"]).run_to_its_end();
    assert!(!status.success() && output.contains("--help"), "{output}");
}

#[test]
fn a_listener_may_be_silent_for_longer_than_a_head_may_take() {
    let Some((demo, _control)) = start_with_redis(&["--head-timeout", "2"]) else { return };
    let mut socket = demo.websocket("/frames/?tab=k1");
    socket.told("here");
    assert!(
        socket.is_silent_for(Duration::from_secs(3)),
        "nothing comes, and the connection stays"
    );
    said(&demo, "after a silence");
    assert_eq!(socket.told("message")["text"], "after a silence");
}

#[test]
fn a_websocket_hears_what_was_said_to_another_server() {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let mut sockets = [demo.websocket("/frames/?tab=k1"), demo.websocket("/frames/?tab=k2")];
    assert!(seats(&control).iter().all(|(_, tabs)| tabs.len() == 1), "{:?}", seats(&control));
    for (n, key) in ["k1", "k2"].into_iter().enumerate() {
        let say = format!(r#"{{"type":"say","text":"by {key}","key":"{key}"}}"#);
        sockets[n].send(frame(TEXT, say));
        for socket in &mut sockets {
            assert_eq!(socket.told("message")["text"], format!("by {key}"));
        }
    }
}
