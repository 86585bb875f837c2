//! The tasks of long polling, and what an answer must do.

use std::time::{Duration, Instant};

use tests::task::{Candidate, Finding, SOON, Task};
use tests::{A_WHILE, Message, Wire, must};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "gather", a_burst_comes_in_one_answer),
    Task::server(2, 20, "limit", the_hundred_and_first_request_gets_503),
    Task::server(3, 20, "prefer", a_client_says_in_a_header_field_how_long_it_waits),
];

/// In some rounds the machine is slow, and messages come together by chance; not in all of them.
const ROUNDS: usize = 15;

/// An answer that comes sooner did not wait for the rest of the burst, in milliseconds.
const QUICK: f64 = 19.0;

fn a_burst_comes_in_one_answer(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut sayers: Vec<Wire> = (0..3).map(|_| server.get("/")).collect(); // they are connected before the burst
    sayers.iter_mut().for_each(|wire| drop(wire.answer()));
    let (mut soonest, mut most) = (f64::MAX, 0);
    for _ in 0..ROUNDS {
        let last = server.say("before").id;
        let mut waiting = server.get(&format!("/wait?after={last}"));
        must!(waiting.is_silent_for(A_WHILE), "GET /wait should be held until something is said.");
        let said = Instant::now();
        for (wire, text) in sayers.iter_mut().zip(["one", "two", "three"]) {
            wire.post("/say", &[], text); // nobody waits for the answers in between
        }
        let (_, news) = waiting.answer();
        soonest = soonest.min(said.elapsed().as_secs_f64() * 1_000.0);
        if soonest < QUICK {
            break; // one such answer is enough
        }
        most = most.max(Message::list(&news).len());
        sayers.iter_mut().for_each(|wire| drop(wire.answer()));
    }
    must!(
        soonest >= QUICK,
        "An answer came {soonest:.1} ms after the first message. It should wait 20 ms more: the rest of the burst may come."
    );
    must!(most > 1, "Three messages were said at once, and no answer had more than one of them.");
    Ok(())
}

fn the_hundred_and_first_request_gets_503(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let last = server.say("before").id;
    let mut wires: Vec<Wire> =
        (0..101).map(|_| server.get(&format!("/wait?after={last}&hold=30"))).collect();
    // Which of them came in last is not for the client to know. It is the one that is not held.
    let deadline = Instant::now() + 3 * SOON;
    let mut first = None;
    while first.is_none() && Instant::now() < deadline {
        first = wires.iter_mut().position(|wire| !wire.is_silent_for(Duration::from_millis(1)));
    }
    let Some(refused) = first.and_then(|first| wires.swap_remove(first).try_head(SOON)) else {
        return Err("The hundred-and-first request should get 503; it got no answer.".to_string());
    };
    let status = refused.status;
    must!(status == 503, "The hundred-and-first request should get 503; it got {status}.");
    let retry = refused.field("Retry-After").unwrap_or("missing");
    must!(retry == "1", "The 503 should say Retry-After: 1; the field is {retry}.");
    server.say("all of you can go now");
    for wire in &mut wires {
        wire.try_head(SOON);
    }
    let mut one_more = server.get(&format!("/wait?after={last}&hold=1"));
    let status = one_more.status();
    must!(
        status == 200,
        "When the hundred have their answers, a place should be free; the next request got {status}."
    );
    Ok(())
}

fn a_client_says_in_a_header_field_how_long_it_waits(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let last = server.say("before").id;
    let ask = |prefer: &str| {
        let mut wire = server.connect();
        wire.get_with(&format!("/wait?after={last}"), &[("Prefer", prefer)]);
        wire
    };
    let soon = SOON.as_secs() - 1;
    let Some(head) = ask("respond-async, wait=1").try_head(SOON - Duration::from_secs(1)) else {
        return Err(format!(
            "Prefer: respond-async, wait=1 should be answered after one second; {soon} s were not enough."
        ));
    };
    let status = head.status;
    must!(status == 200, "A request with Prefer: wait=1 should get 200; it got {status}.");
    let applied = head.field("Preference-Applied").unwrap_or("missing");
    must!(
        applied == "wait=1",
        "The answer should say Preference-Applied: wait=1; the field is {applied}."
    );
    let mut waiting = ask("wait=30");
    must!(
        waiting.is_silent_for(A_WHILE),
        "With Prefer: wait=30 and nothing said, the request should be held."
    );
    let mut too_long = ask("wait=3600");
    must!(
        too_long.is_silent_for(A_WHILE),
        "With Prefer: wait=3600 and nothing said, the request should be held."
    );
    let said = server.say("hello");
    let (_, news) = waiting.answer();
    must!(
        Message::list(&news) == [said],
        "What is said should end the wait; the answer is {news:?}."
    );
    let granted = too_long.head().field("Preference-Applied").map(str::to_string);
    must!(
        granted.is_none(),
        "An hour is more than the server grants, and it should not say that it did."
    );
    Ok(())
}
