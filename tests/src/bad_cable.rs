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
        let listener = scope.spawn(|| {
            let mut heard = Vec::new();
            listen(demo, &mut |text| {
                heard.push(text);
                heard.len() < MESSAGES && Instant::now() < deadline
            });
            heard
        });
        scope.spawn(move || torment(&bench, &mut random, &is_done));
        for n in 0..MESSAGES {
            // A lost answer does not say whether the message arrived: it is said again, under its key.
            while !said(demo, n) {
                assert!(Instant::now() < deadline, "message {n} could not be said in all this time");
            }
        }
        drop(done); // the cable is repaired
        listener.join().expect("the listener's own message says what went wrong")
    })
}

fn said(demo: &Server, n: usize) -> bool {
    let Ok(mut wire) = Wire::try_connect(demo.host()) else { return false };
    let key = format!("message {n} of this test");
    if wire.try_post("/say", &[("Idempotency-Key", &key)], &text(n)).is_err() {
        return false;
    }
    wire.try_answer(PATIENCE).is_some_and(|(head, _)| head.status == 201)
}

fn text(n: usize) -> String {
    format!("message {n}: {}", "🙂".repeat(n % 7))
}

/// Cuts, resets, drips, delays and repairs by chance until the test is done, then repairs.
fn torment(bench: &Bench, random: &mut Random, is_done: &Receiver<()>) {
    let mut log = String::new();
    loop {
        let order = match random.below(8) {
            0 | 1 => "cut".to_string(),
            2 | 3 => "reset".to_string(),
            4 => format!("drip {}", 1 + random.below(2)),
            5 => format!("delay {}", 1 + random.below(40)),
            6 => "hold".to_string(),
            _ => "repair".to_string(),
        };
        bench.cable(&order);
        log += &format!("{order}, ");
        let time = Duration::from_millis(1 + random.below(40));
        if is_done.recv_timeout(time) != Err(RecvTimeoutError::Timeout) {
            bench.cable("repair");
            let _ = writeln!(std::io::stdout(), "the cable was told: {log}repair");
            return;
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
