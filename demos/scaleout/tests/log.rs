//! The room on a real Redis: what the log promises to servers that come and go. Without Redis each test says so and passes.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use room::{Cursor, Gap, Room};
use scaleout::guard::OwnRedis;
use scaleout::link::{Link, RedisAddress};
use scaleout::log;

/// The longest wait for anything: only a test that fails takes it.
const DEADLINE: Duration = Duration::from_secs(120);

const STREAM: &str = "room:{lobby}";

/// A Redis for one test. As in the demo, what it acknowledged is on the disk when it is killed.
fn redis() -> Option<OwnRedis> {
    redis_that_writes("always")
}

/// The same with this `appendfsync`. `everysec` is quicker; a kill may lose the newest.
fn redis_that_writes(fsync: &'static str) -> Option<OwnRedis> {
    if !OwnRedis::is_installed() {
        let must = std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1");
        assert!(
            !must,
            "redis-server is not here, and this run must not skip anything: tests/setup.sh installs it"
        );
        eprintln!("skipped: redis-server is not here; tests/setup.sh installs it");
        return None;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_scaleout"));
    Some(OwnRedis::start(program, fsync).expect("Redis starts"))
}

/// A room on it, as each server has one.
fn join(address: &RedisAddress, capacity: usize) -> Arc<Room> {
    log::join(address.clone(), capacity, |_| {})
}

/// The texts behind a cursor, when there are that many.
fn texts(room: &Arc<Room>, cursor: impl Into<Cursor>, count: usize) -> Vec<String> {
    let (mut reader, mut texts) = (room.reader(cursor), Vec::new());
    while texts.len() < count {
        let news = reader.wait(DEADLINE);
        assert!(!news.is_empty(), "only {texts:?}");
        texts.extend(news.messages.iter().map(|message| message.text.to_string()));
    }
    texts
}

#[test]
fn two_rooms_on_one_log_have_one_life_and_one_order_and_a_key_is_good_for_one_message() {
    let Some(redis) = redis() else { return };
    let (a, b) = (join(&redis.address(), 100), join(&redis.address(), 100));
    assert_eq!(a.life(), b.life());
    let first = a.say_by("ann", "k1", "said to a").unwrap();
    assert_eq!((first.id, &*first.by), (1, "ann"));
    assert_eq!(
        b.say_by("ann", "k1", "said to a").unwrap(),
        first,
        "the same key at the other room"
    );
    assert_eq!(b.say("said to b").unwrap().id, 2);
    assert_eq!(b.say("said to b").unwrap().id, 3, "without a key it is another message");
    for room in [&a, &b] {
        assert_eq!(texts(room, 0, 3), ["said to a", "said to b", "said to b"]);
        assert_eq!(room.since(0).messages[0], first, "with its name and its time");
    }
    let late = join(&redis.address(), 100);
    assert_eq!(
        (late.life(), texts(&late, 0, 3).len()),
        (a.life(), 3),
        "a server that comes later has all"
    );
}

#[test]
fn what_redis_had_acknowledged_is_there_after_it_was_killed_and_the_room_goes_on() {
    let Some(mut redis) = redis() else { return };
    let room = join(&redis.address(), 100);
    let life = room.life();
    for round in 1..=3 {
        room.say(&format!("before kill {round}")).unwrap();
        redis.kill();
        assert_eq!(room.say("to a dead log"), Err(room::Refused::Away));
        redis.resume().expect("Redis starts again");
    }
    assert_eq!(room.say("after").unwrap().id, 4);
    assert_eq!(texts(&room, 0, 4), ["before kill 1", "before kill 2", "before kill 3", "after"]);
    assert_eq!(room.life(), life);
}

#[test]
fn a_log_that_was_restored_from_older_data_begins_a_new_life() {
    let Some(mut redis) = redis() else { return };
    let room = join(&redis.address(), 100);
    let old = room.life();
    (1..=3).for_each(|n| assert_eq!(room.say(&n.to_string()).unwrap().id, n));
    assert_eq!(texts(&room, 0, 3), ["1", "2", "3"]);
    let mut link = Link::open(&redis.address()).unwrap();
    link.call(&["DEL", STREAM]).unwrap();
    link.call(&["XADD", STREAM, &format!("{old}-1"), "text", "1", "by", "", "at", "1"]).unwrap();
    redis.kill(); // the room comes back to it, and compares
    redis.resume().expect("Redis starts again");
    let mut reader = room.reader(Cursor { life: old, after: 3 });
    let news = reader.wait(DEADLINE);
    assert_eq!(news.gap, Gap::Restarted);
    assert!(room.life() > old, "a later one: {} and {old}", room.life());
    assert_eq!(room.say("the first of a new life").unwrap().id, 1);
}

#[test]
fn a_log_that_was_emptied_begins_a_new_life() {
    let Some(mut redis) = redis() else { return };
    let room = join(&redis.address(), 100);
    let old = room.life();
    room.say("forgotten").unwrap();
    assert_eq!(texts(&room, 0, 1), ["forgotten"]);
    Link::open(&redis.address()).unwrap().call(&["FLUSHALL"]).unwrap();
    redis.kill();
    redis.resume().expect("Redis starts again");
    assert_eq!(room.reader(Cursor { life: old, after: 1 }).wait(DEADLINE).gap, Gap::Restarted);
}

#[test]
fn a_log_that_was_trimmed_tells_how_much_is_missing() {
    let Some(redis) = redis_that_writes("everysec") else { return };
    let room = join(&redis.address(), 100);
    for n in 1..=400 {
        room.say(&n.to_string()).unwrap();
    }
    let late = join(&redis.address(), 1_000);
    assert_eq!(texts(&late, Cursor { life: late.life(), after: 399 }, 1), ["400"]);
    let news = late.since(0);
    let first = news.messages[0].id;
    assert!(
        (2..=301).contains(&first),
        "about 100 are kept, in whole blocks of Redis: from {first} on"
    );
    assert_eq!(news.gap, Gap::Missed(first - 1));
}

#[test]
fn redis_lets_in_who_knows_the_password_only() {
    let Some(redis) = redis() else { return };
    let wrong = RedisAddress { password: "guessed".to_string(), ..redis.address() };
    assert!(Link::open(&wrong).is_err());
    let none = RedisAddress { password: String::new(), ..redis.address() };
    let answer = Link::open(&none).and_then(|mut link| link.call(&["XLEN", STREAM]));
    assert!(answer.unwrap_err().to_string().contains("NOAUTH"));
}

/// A Redis that speaks TLS only.
struct TlsRedis {
    folder: PathBuf,
    child: Child,
    port: u16,
}

impl TlsRedis {
    fn start() -> TlsRedis {
        let folder = std::env::temp_dir().join(format!("scaleout-tls-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
        fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        // A port may be taken between two lines; then Redis ends, and another port is tried.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut redis = Command::new("redis-server");
            redis.arg("-").stdin(Stdio::piped()).stdout(Stdio::null());
            let mut child = redis.spawn().unwrap();
            let config = format!(
                "port 0\ntls-port {port}\nbind 127.0.0.1\nrequirepass secret\nsave \"\"\ntls-auth-clients no\n\
                 tls-cert-file {folder}/cert.pem\ntls-key-file {folder}/key.pem\ntls-ca-cert-file {folder}/cert.pem\n",
                folder = folder.display()
            );
            child.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
            let mut redis = TlsRedis { folder: folder.clone(), child, port };
            while matches!(redis.child.try_wait(), Ok(None)) {
                if Link::open(&redis.address("cert.pem")).is_ok() {
                    return redis;
                }
            }
            std::mem::forget(redis); // it has ended, and its folder is needed
        }
        panic!("no Redis with TLS starts");
    }

    fn address(&self, ca: &str) -> RedisAddress {
        let address: RedisAddress =
            format!("rediss://:secret@localhost:{}", self.port).parse().unwrap();
        RedisAddress { ca: self.folder.join(ca), ..address }
    }
}

impl Drop for TlsRedis {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn over_tls_the_room_is_the_same_and_a_certificate_that_is_not_trusted_is_refused() {
    let Some(_installed) = redis() else { return };
    let redis = TlsRedis::start();
    let (a, b) = (join(&redis.address("cert.pem"), 100), join(&redis.address("cert.pem"), 100));
    a.say("over TLS").unwrap();
    assert_eq!(texts(&b, 0, 1), ["over TLS"]);
    let other = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    fs::write(redis.folder.join("other.pem"), other.cert.pem()).unwrap();
    assert!(
        Link::open(&redis.address("other.pem")).is_err(),
        "another certificate is trusted, not this one"
    );
    let plain = RedisAddress { tls: false, ..redis.address("cert.pem") };
    assert!(Link::open(&plain).is_err(), "without TLS");
}
