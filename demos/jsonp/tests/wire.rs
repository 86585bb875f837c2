//! JSONP's promises, one test each. Aim them at your own two servers:
//! `TARGET=http://127.0.0.1:9000 TARGET_DATA=http://127.0.0.1:9100 cargo test -p tests --test wire -- jsonp::`

use std::time::Duration;

use serde_json::Value;
use tests::{
    Head, Message, PATIENCE, Server, Wire, check_heard, needs_our_server, over_a_bad_cable, start,
    start_with,
};

/// An answer of the server with the data.
fn data(demo: &Server, path: &str, fields: &[(&str, &str)]) -> (Head, String) {
    let mut wire = Wire::connect(&demo.beside("data"));
    wire.get_with(path, fields);
    wire.answer()
}

/// What the call in this script passes on.
fn argument(script: &str, callback: &str) -> Value {
    let call = script.trim_start_matches("/**/").trim_end().trim_end_matches(';');
    let inner = call.strip_prefix(&format!("{callback}(")).and_then(|rest| rest.strip_suffix(')'));
    let json = inner.unwrap_or_else(|| {
        panic!("the script should call {callback} and do nothing else: {script:?}")
    });
    serde_json::from_str(json)
        .unwrap_or_else(|e| panic!("between the parentheses stands JSON ({e}): {script:?}"))
}

#[test]
fn the_answer_is_a_script_that_calls_the_function_it_was_told() {
    let demo = start("jsonp");
    let last = demo.say("before").id;
    let said = demo.say("hello");
    let (head, script) = data(&demo, &format!("/messages?after={last}&callback=jsonp_7"), &[]);
    assert_eq!(head.status, 200);
    let kind = head.field("Content-Type").unwrap_or_default();
    assert!(kind.starts_with("application/javascript"), "{kind}");
    assert_eq!(head.field("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(head.field("Cache-Control"), Some("no-store"));
    let news = argument(&script, "jsonp_7");
    assert_eq!(Message::list(&news.to_string()), [said]);
}

#[test]
fn the_first_bytes_of_the_answer_are_the_servers_own() {
    let demo = start("jsonp");
    let (_, script) = data(&demo, "/messages?callback=CWSMIKI0hCD0Up0IZUnnnnnnnn", &[]);
    assert!(
        script.starts_with("/**/"),
        "a name of letters and digits alone was once enough to make a Flash file of it"
    );
}

/// Names that attackers have tried, or might: whatever is not one plain name must be refused.
const PAYLOADS: &[&str] = &[
    "",
    "alert(1)",
    "alert(1)//",
    "alert`1`",
    "a;alert(1)",
    "a,alert",
    "a=alert",
    "a.b",
    "document.body.remove",
    "opener.document.body.firstElementChild.click",
    "a[0]",
    "a['b']",
    "3a",
    "-a",
    "a-b",
    "a+b",
    "a/b",
    "a*b",
    "a:b",
    "a?b",
    "a!",
    "a~",
    "a^b",
    "a|b",
    "(function(){})",
    "{}",
    "[]",
    "<script>alert(1)</script>",
    "a</script><script>alert(1)</script>",
    "a\"",
    "a'",
    "a\\",
    "\\u0061lert",
    "a%0aalert(1)",
    "a%0d%0aX-Injected:1",
    "%61lert",
    "a%00",
    "a+alert",
    "a%20b",
    "%EF%BB%BFa",
    "a%E2%80%A8",
    "$",
    "$.getJSON",
    "jQuery.globalEval",
    "%C3%A0",
    "a@b",
    "a#b",
    "javascript:alert",
    "data:text/html,x",
    // 41 letters: one too many. And the whole of a Flash file made of letters and digits, as far as it needs be told.
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "CWSMIKI0hCD0Up0IZUnnnnnnnnnnnnnnnnnnnUU5nnnnnn3Snn7iiudIbEAt333swW0ssG03",
];

#[test]
fn a_callback_is_one_plain_name_or_the_answer_is_400() {
    let demo = start("jsonp");
    for path in ["/messages", "/hostile"] {
        for payload in PAYLOADS {
            // What a browser would not send as it is, a raw client will.
            let mut wire = Wire::connect(&demo.beside("data"));
            wire.get(&format!("{path}?after=0&callback={payload}"));
            let (head, body) = wire.answer();
            if payload.contains('#') && head.status == 200 {
                assert!(
                    argument(&body, "a").is_object(),
                    "a server may cut a fragment off, but must not pass it on"
                );
                continue;
            }
            assert_eq!(head.status, 400, "callback={payload}: {body}");
            assert!(head.field("X-Injected").is_none());
            assert_eq!(
                head.field("Content-Type"),
                Some("text/plain; charset=utf-8"),
                "callback={payload}"
            );
            assert_eq!(head.field("X-Content-Type-Options"), Some("nosniff"));
            assert!(
                payload.is_empty() || payload.len() < 5 || !body.contains(payload),
                "it should not be told back: {body}"
            );
        }
    }
    for name in ["jsonp_1", "_", "callback", &"a".repeat(40)] {
        let (head, script) = data(&demo, &format!("/messages?callback={name}"), &[]);
        assert_eq!(head.status, 200, "{name} is a fine name");
        argument(&script, name);
    }
}

#[test]
fn what_people_say_stays_data() {
    let demo = start("jsonp");
    let mut last = demo.say("before").id;
    for text in [
        "</script><script>alert(1)</script>",
        "<!-- <script>",
        "line\u{2028}separator\u{2029}s",
        "\"});alert(1);({\"",
        "\\\"});alert(1)//",
        "*/alert(1)/*",
        "\u{feff}\u{0}\u{1f}",
        "grüße 🙂",
    ] {
        let said = demo.say(text);
        let (_, script) = data(&demo, &format!("/messages?after={last}&callback=cb"), &[]);
        for never in ["</", "<!", "\u{2028}", "\u{2029}"] {
            assert!(!script.contains(never), "{never:?} in {script:?}");
        }
        assert_eq!(Message::list(&argument(&script, "cb").to_string()), [said.clone()]);
        last = said.id;
    }
}

#[test]
fn without_a_callback_the_same_data_come_as_json_for_the_pages_origin_only() {
    let demo = start("jsonp");
    let last = demo.say("before").id;
    let said = demo.say("hello");
    let path = format!("/messages?after={last}");
    let page = format!("http://{}", demo.host());
    let (head, json) = data(&demo, &path, &[("Origin", &page)]);
    assert_eq!(head.field("Content-Type"), Some("application/json"));
    assert_eq!(head.field("Access-Control-Allow-Origin"), Some(page.as_str()));
    assert!(
        head.field("Vary").is_some_and(|vary| vary.contains("Origin")),
        "a cache must not give it to others"
    );
    assert_eq!(Message::list(&json), [said]);

    let own = format!("http://{}", demo.beside("data"));
    for origin in [
        "null",
        "http://evil.example",
        "http://127.0.0.1",
        &format!("{page}0"),
        &format!("{page}.evil.example"),
        &own,
    ] {
        let (head, body) = data(&demo, &path, &[("Origin", origin)]);
        let allowed = head.field("Access-Control-Allow-Origin");
        assert!(allowed.is_none(), "{origin} is allowed to read as {allowed:?}: {body}");
    }
    let (head, _) = data(&demo, &path, &[]);
    assert!(head.field("Access-Control-Allow-Origin").is_none(), "nobody asked across origins");
}

#[test]
fn the_hostile_server_does_no_harm_and_tells_the_truth() {
    needs_our_server!("our hostile server");
    let demo = start("jsonp");
    let said = demo.say("hello");
    let (head, script) = data(&demo, "/hostile?after=0&callback=jsonp_1", &[]);
    assert_eq!(head.status, 200);
    for never in
        ["fetch", "XMLHttpRequest", "cookie", "location", "storage", "import", "http", "eval"]
    {
        let code: String = script.lines().filter(|line| !line.starts_with("//")).collect();
        assert!(
            !code.contains(never),
            "the hostile script should send nothing and load nothing: {never}"
        );
    }
    let call = &script[script.rfind("/**/").expect("it calls back in the end")..];
    assert_eq!(Message::list(&argument(call, "jsonp_1").to_string()), [said]);
    let (_, text) = data(&demo, "/hostile?after=0", &[]);
    assert!(
        serde_json::from_str::<Value>(&text).is_err(),
        "to a fetch it is no JSON, and nothing runs"
    );
}

#[test]
fn the_two_servers_keep_to_their_own() {
    let demo = start("jsonp");
    assert_eq!(
        demo.get("/messages?after=0&callback=a").status(),
        404,
        "the page's origin has no data"
    );
    assert_eq!(data(&demo, "/", &[]).0.status, 404, "the data's origin has no page");
    let mut wire = Wire::connect(&demo.beside("data"));
    wire.post("/say", &[], "hello");
    assert_eq!(wire.status(), 404, "nobody says anything across origins");
    let mut wire = Wire::connect(&demo.beside("data"));
    wire.post("/messages", &[], "x");
    let (head, _) = wire.answer();
    assert_eq!((head.status, head.field("Allow")), (405, Some("GET, HEAD")));
}

#[test]
fn a_cursor_that_is_too_old_or_from_before_a_restart_is_told_so() {
    needs_our_server!("a room of three messages: --capacity 3");
    let demo = start_with("jsonp", &["--capacity", "3"]);
    for n in 1..=10 {
        demo.say(&n.to_string());
    }
    let news = argument(&data(&demo, "/messages?after=4&callback=cb", &[]).1, "cb");
    assert_eq!((&news["missed"], &news["messages"][0]["id"]), (&3.into(), &8.into()));
    for other_life in ["57", "1-9"] {
        let path = format!("/messages?after={other_life}&callback=cb");
        let news = argument(&data(&demo, &path, &[]).1, "cb");
        assert_eq!((&news["restarted"], &news["messages"][0]["id"]), (&true.into(), &8.into()));
    }
}

#[test]
fn half_a_question_and_then_silence_holds_up_nobody() {
    let demo = start("jsonp");
    let host = demo.beside("data");
    let _half: Vec<_> = (0..10)
        .map(|_| {
            let mut wire = Wire::connect(&host);
            wire.send(format!("GET /messages?callback=a HTTP/1.1\r\nHost: {host}\r\n"));
            wire
        })
        .collect();
    demo.lives_on();
    assert_eq!(data(&demo, "/messages?callback=a", &[]).0.status, 200);
    assert_eq!(
        data(&demo, &format!("/messages?callback={}", "a".repeat(5_000)), &[]).0.status,
        400
    );
}

#[test]
fn over_a_bad_cable_no_message_is_lost_doubled_or_swapped() {
    needs_our_server!("our bench");
    let demo = start_with("jsonp", &["--quiet"]);
    let heard = over_a_bad_cable(&demo, |demo, hear| {
        let host = demo.beside("data");
        let mut after = 0;
        for number in 0.. {
            let callback = format!("jsonp_{number}");
            let Ok(mut wire) = Wire::try_connect(&host) else { continue };
            if wire.try_get(&format!("/messages?after={after}&callback={callback}"), &[]).is_err() {
                continue;
            }
            let Some((_, script)) =
                wire.try_answer(PATIENCE).filter(|(head, _)| head.status == 200)
            else {
                continue;
            };
            for message in Message::list(&argument(&script, &callback).to_string()) {
                after = message.id;
                if !hear(message.text) {
                    return;
                }
            }
            wire.is_silent_for(Duration::from_millis(5)); // polls leave a pause
        }
    });
    check_heard(&heard);
}
