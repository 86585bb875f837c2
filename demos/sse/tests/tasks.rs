//! The answers to the tasks of Server-Sent Events do what the chapter says.

use tests::start;

#[test]
fn events_with_a_retry_of_their_own() {
    let answer = start("sse/apart");
    let retry = || {
        let mut wire = answer.get("/events");
        wire.head();
        wire.chunk()
    };
    let times: Vec<Vec<u8>> = (0..8).map(|_| retry()).collect();
    for time in &times {
        let text = String::from_utf8_lossy(time);
        let millis: u64 =
            text.trim().strip_prefix("retry: ").and_then(|number| number.parse().ok()).unwrap_or(0);
        assert!((1_000..=3_000).contains(&millis), "{text:?}");
    }
    assert!(
        times.iter().any(|time| time != &times[0]),
        "eight streams, and all have the same time: {:?}",
        times[0]
    );
}

#[test]
fn events_of_the_newest_twenty() {
    let answer = start("sse/recent");
    for number in 1..=25 {
        answer.say(&number.to_string());
    }
    let mut wire = answer.get("/events");
    wire.head();
    let gap = wire.event("gap");
    assert_eq!(gap.data.as_deref(), Some("{\"missed\":5}"));
    assert!(gap.id.is_some_and(|id| id.ends_with("-5")), "the gap moves the cursor on");
    assert_eq!(wire.event("").data.as_deref(), Some("6"));
}
