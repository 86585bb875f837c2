//! The tasks of TLS and wss, and what an answer must do.

use serde_json::json;
use tests::task::{Candidate, Finding, Task};
use tests::tls::rustls::version::{TLS12, TLS13};
use tests::tls::{Client, authority};
use tests::websocket::{TEXT, frame};
use tests::{Random, Wire, must, start};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "version", only_the_newest_version),
    Task::server(2, 20, "redirect", plain_http_is_sent_to_https),
    Task::program(3, 60, "eavesdropper", the_eavesdropper_tells_what_was_said),
];

fn only_the_newest_version(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let pem = authority(&server);
    let shakes = |version| {
        let client = Client::new(&pem, &[version], &["http/1.1"]);
        client.try_connect(server.sealed_host(), "localhost").map(drop)
    };
    must!(shakes(&TLS13).is_ok(), "A client of TLS 1.3 should be served; it is refused.");
    let old = shakes(&TLS12).err().map(|error| error.to_string());
    must!(old.is_some(), "A client that knows TLS 1.2 only should be refused; it is served.");
    let old = old.unwrap_or_default();
    must!(
        old.contains("ProtocolVersion"),
        "The client should be told with the alert protocol_version; it is told: {old}."
    );
    Ok(())
}

fn plain_http_is_sent_to_https(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let host = server.sealed_host();
    let ask = |name: &str, path: &str| {
        let mut wire = Wire::connect(host);
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: {name}\r\n\r\n"));
        wire.head()
    };
    let head = ask(host, "/a/page?of=mine");
    must!(
        head.status == 308,
        "A plain GET should get 308 (Permanent Redirect); it got {}.",
        head.status
    );
    let (location, wanted) = (head.field("Location"), format!("https://{host}/a/page?of=mine"));
    must!(location == Some(wanted.as_str()), "Location should be {wanted}; it is {location:?}.");
    let head = ask("evil.example", "/");
    must!(
        head.field("Location").is_none(),
        "A request for evil.example should be sent nowhere; it is sent to {:?}.",
        head.field("Location")
    );
    let client = Client::of(&server);
    client.websocket(&server, "/").told("here");
    Ok(())
}

fn the_eavesdropper_tells_what_was_said(candidate: &Candidate) -> Finding {
    let demo = start("wss");
    let mut words = ["yes", "perhaps", "never mind"];
    let bench = demo.bench().host().to_string();
    let program = candidate.run(&[&bench, words[0], words[1], words[2]])?;
    let mut random = Random::seeded();
    words.swap(0, random.below(3) as usize);
    words.swap(1, 1 + random.below(2) as usize);
    let mut wire = Client::of(&demo).websocket(&demo, "/");
    for (n, word) in words.iter().enumerate() {
        // As the page says it: a key of 24 letters.
        let event = json!({ "type": "say", "text": word, "key": format!("{n:024x}") });
        wire.send(frame(TEXT, event.to_string()));
        wire.told("said");
        let heard = program.says(word);
        must!(heard.is_some(), "After {word:?} was said, the program should print it.");
    }
    let wrote = program.runs_to_its_end()?;
    let lines: Vec<&str> = wrote.lines().collect();
    must!(
        lines == words,
        "These words were said: {words:?}. The program should print a line for each and end; it printed {lines:?}."
    );
    Ok(())
}
