//! Five hundred messages over the worst cable there is.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Bench, DEADLINE, Random, Server, Wire};

const MESSAGES: usize = 500;

/// A client gives up a connection on which nothing came for so long.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Says the messages, each until the room has taken it, while another thread does its worst to the cable. Returns what
/// `listen` heard.
pub fn over_a_bad_cable(demo: &Server, listen: impl Fn(&Server, &mut dyn FnMut(String) -> bool) + Sync) -> Vec<String> {
    let mut random = Random::seeded();
    let (done, is_done) = channel::<()>();
    let bench = demo.bench();
    let deadline = Instant::now() + 6 * DEADLINE;
    thread::scope(|scope| {
        let (ends, has_ended) = channel::<()>();
        let listen = &listen;
        let listener = scope.spawn(move || {
            let _ends = ends; // dropped when the listener ends, however that is
            let mut heard = Vec::new();
            listen(demo, &mut |text| {
                let more = text != THE_END && heard.len() < 2 * MESSAGES;
                if more {
                    heard.push(text);
                }
                more
            });
            heard
        });
        scope.spawn(move || torment(&bench, &mut random, &is_done));
        // A lost answer does not say whether the message arrived: it is said again, under its key.
        let unsaid = (0..MESSAGES).find(|&n| !said(demo, &key(n), &text(n), deadline));
        drop(done); // the cable is repaired
        // The listener ends when it hears the end, which it does however many messages it has missed.
        for n in 0.. {
            let told = said(demo, &format!("the end, {n}"), THE_END, Instant::now() + DEADLINE);
            if has_ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            if !told || n > 20 {
                eprintln!("the server can't be told the end, or the listener does not hear it: there is no way on");
                std::process::exit(101);
            }
        }
        assert_eq!(unsaid, None, "this message could not be said in all this time");
        listener.join().expect("the listener's own message says what went wrong")
    })
}

/// Said when everything was said, so that the listener knows.
const THE_END: &str = "that was all";

/// Says something again and again until the room has taken it; false when it did not in time.
fn said(demo: &Server, key: &str, text: &str, deadline: Instant) -> bool {
    let say_once = || {
        let mut wire = Wire::try_connect(demo.host()).ok()?;
        wire.try_post("/say", &[("Idempotency-Key", key)], text).ok()?;
        wire.try_answer(PATIENCE).filter(|(head, _)| head.status == 201)
    };
    while say_once().is_none() {
        if Instant::now() > deadline {
            return false;
        }
    }
    true
}

fn key(n: usize) -> String {
    format!("message {n} of this test")
}

fn text(n: usize) -> String {
    format!("message {n}: {}", "🙂".repeat(n % 7))
}

/// Cuts, resets, drips, delays and repairs by chance until the test is done, then repairs.
fn torment(bench: &Bench, random: &mut Random, is_done: &Receiver<()>) {
    let mut log = String::new();
    loop {
        let delay = 5 + random.below(30);
        let order = match random.below(8) {
            0 | 1 => "cut".to_string(),
            2 | 3 => "reset".to_string(),
            4 => format!("drip {}", 1 + random.below(2)),
            5 | 6 => format!("delay {delay}"),
            7 if random.below(2) == 0 => "hold".to_string(),
            _ => "repair".to_string(),
        };
        bench.cable(&order);
        log += &format!("{order}, ");
        // With a delay: until an answer is under way, and then it is torn off. Its message was taken, and nobody was told.
        let tear = order.starts_with("delay");
        let time = Duration::from_millis(if tear { delay * 3 / 2 } else { 1 + random.below(40) });
        if is_done.recv_timeout(time) != Err(RecvTimeoutError::Timeout) {
            bench.cable("repair");
            let _ = writeln!(std::io::stdout(), "the cable was told: {log}repair");
            return;
        }
        if tear {
            bench.cable("reset");
            log += "reset, ";
        }
        if random.below(2) == 0 {
            bench.cable("repair");
            let _ = is_done.recv_timeout(Duration::from_millis(random.below(20)));
        }
    }
}

/// Fails unless every message was heard once and in order.
pub fn check_heard(heard: &[String]) {
    for (n, heard) in heard.iter().enumerate() {
        assert_eq!(*heard, text(n), "this was heard as message {n}: one was lost, or came twice, or too early");
    }
    assert_eq!(heard.len(), MESSAGES, "the last messages were never heard");
}
