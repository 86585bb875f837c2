//! What `make bench` and `make bench-ws` wrote, read for the text: delay, memory, builds. None of these numbers is typed.
//!
//! ```text
//! {{#measured delay longpoll 100 p50}}   from said to heard, with 100 clients; also p99
//! {{#measured memory longpoll}}          resident KiB for an idle client
//! {{#measured threads longpoll}}         threads for an idle client
//! {{#measured build longpoll}}           seconds of a first build; also `axum`
//! {{#measured echo frames 16}}           WebSocket messages of 16 bytes a second, there and back, on one connection
//! {{#measured chat npm-ws 1 p99}}        from said to heard in rooms of the chat: 1 of 500 members, or 10 of 50; also p50
//! {{#measured echo frames 16 500 1}}     ... on 500 connections, with one message in flight on each
//! {{#measured echo_cost frames 16 500 1}} ... the server's processor time for each
//! {{#measured crowd eventloop each}}     memory for an idle WebSocket; also `threads`, and `all`: the whole process
//! {{#measured scaleout redis 2 p50}}     one room on this log and as many servers; also p99, `said` and `heard` a second
//! {{#measured paper 100000 servers}}     what that many clients need; also `said`, `heard`, `memory`, `logs`
//! {{#measured machine}}                  on which machine
//! {{#ways delay}}                        a table that compares all techniques; also `bytes` and `silence`
//! ```
//!
//! A number that was not measured fails the build, with the command that measures it.

use std::fmt::Write;
use std::fs;

use serde_json::Value;

use crate::recording::grouped;
use crate::{demos, root};

const BENCH: &str = "tests/bench/results.json";
const CHAT: &str = "tests/bench/chat.json";
const SCALEOUT: &str = "tests/bench/scaleout.json";
const BENCH_WS: &str = "tests/peers/ws-bench/results.json";

/// The number that these words ask for, as in a sentence.
///
/// # Errors
/// A sentence that says what was not measured, and what measures it.
pub fn figure(words: &[&str]) -> Result<String, String> {
    match words {
        ["delay", server, clients, p @ ("p50" | "p99")] => {
            let results = read(BENCH)?;
            let row = find(&results, "said_to_heard", &[("server", server), ("clients", clients)])?;
            Ok(milliseconds(number(row, &format!("{p}_us"))?))
        }
        ["memory", demo] => {
            Ok(format!("{:.0}\u{a0}KiB", number(find(&read(BENCH)?, "idle", &[("demo", demo)])?, "kib")?))
        }
        ["threads", demo] => Ok(format!("{:.0}", number(find(&read(BENCH)?, "idle", &[("demo", demo)])?, "threads")?)),
        ["build", what] => Ok(format!("{:.0}\u{a0}s", number(&read(BENCH)?["cold_build"], &format!("{what}_s"))?)),
        ["echo", peer, payload] => figure(&["echo", peer, payload, "1", "1"]),
        ["echo", peer, payload, connections, in_flight] => {
            let rate = echo(peer, payload, connections, in_flight, "messages_per_second")?;
            Ok(grouped(rate as u64))
        }
        ["echo_cost", peer, payload, connections, in_flight] => {
            let cost = echo(peer, payload, connections, in_flight, "server_processor_microseconds_per_message")?;
            Ok(format!("{cost:.1}\u{a0}µs"))
        }
        ["crowd", peer, what @ ("each" | "threads" | "all")] => {
            let results = read(BENCH_WS)?;
            let row = find(&results, "idle", &[("peer", peer)])?;
            Ok(match *what {
                "each" => format!("{:.1}\u{a0}KiB", number(row, "kib_each")?),
                "threads" => grouped(number(row, "threads")? as u64),
                _ => format!("{:.0}\u{a0}MiB", number(row, "mib")?),
            })
        }
        ["chat", server, rooms, p @ ("p50" | "p99")] => {
            let results = read(CHAT)?;
            let row = find(&results, "rooms", &[("server", &server.replace('-', " ")), ("rooms", rooms)])?;
            Ok(milliseconds(number(row, &format!("{p}_us"))?))
        }
        ["scaleout", "machine"] => {
            Ok(read(SCALEOUT)?["machine"].as_str().ok_or_else(|| missing("machine"))?.to_string())
        }
        ["scaleout", log, servers, p @ ("p50" | "p99")] => {
            Ok(milliseconds(scaleout(log, servers, &format!("{p}_us"))?))
        }
        ["scaleout", log, servers, what @ ("said" | "heard")] => {
            Ok(grouped(scaleout(log, servers, &format!("{what}_per_second"))? as u64))
        }
        ["paper", clients, what] => paper(clients.parse().map_err(|_| format!("{clients} is no number"))?, what),
        ["machine"] => Ok(read(BENCH)?["machine"].as_str().ok_or_else(|| missing("machine"))?.to_string()),
        _ => Err(format!("nobody measured {words:?}")),
    }
}

/// What was measured of a room on this log and as many servers.
fn scaleout(log: &str, servers: &str, what: &str) -> Result<f64, String> {
    let results = read(SCALEOUT)?;
    let row = find(&results, "runs", &[("log", log), ("servers", servers)]);
    let row = row.map_err(|why| format!("{why}; for this one: make bench-scaleout"))?;
    number(row, what)
}

/// What this number of clients needs, when each of them is in one room of 100 members and says something once a minute.
fn paper(clients: f64, what: &str) -> Result<String, String> {
    let (said, heard) = (clients / 60.0, clients / 60.0 * 100.0);
    Ok(match what {
        "said" => grouped(said as u64),
        "heard" => grouped(heard as u64),
        "memory" => {
            let each = number(find(&read(BENCH_WS)?, "idle", &[("peer", "eventloop")])?, "kib_each")?;
            let mib = clients * each / 1024.0;
            if mib < 1024.0 { format!("{mib:.0}\u{a0}MiB") } else { format!("{:.1}\u{a0}GiB", mib / 1024.0) }
        }
        // One write for each message and client, as in a room that is not busy.
        "servers" => grouped((heard / echo("eventloop", "16", "500", "1", "messages_per_second")?).ceil() as u64),
        "logs" => grouped((said / scaleout("redis", "2", "said_per_second")?).ceil() as u64),
        _ => return Err(format!("no paper says {what}")),
    })
}

/// What one peer was measured at in one case of `make bench-ws`.
fn echo(peer: &str, payload: &str, connections: &str, in_flight: &str, what: &str) -> Result<f64, String> {
    let results = read(BENCH_WS)?;
    let case = [("payload", payload), ("connections", connections), ("in_flight", in_flight)];
    number(find(find(&results, "cases", &case)?, "peers", &[("peer", peer)])?, what)
}

/// One of the tables that compare all techniques, in the order of the book.
///
/// # Errors
/// A sentence that says what was not measured, and what measures it.
pub fn ways(which: &str) -> Result<String, String> {
    ways_of(&read(BENCH)?, which)
}

fn ways_of(results: &Value, which: &str) -> Result<String, String> {
    let measured = results["ways"].as_array().ok_or_else(|| missing("ways"))?;
    let columns: &[(&str, &str)] = match which {
        "delay" => &[
            ("1 client: half within", "p50_us_1"),
            ("99 of 100 within", "p99_us_1"),
            ("100 clients: half within", "p50_us_100"),
            ("99 of 100 within", "p99_us_100"),
        ],
        "bytes" => &[("down", "down_bytes"), ("up, to get it", "up_bytes"), ("up, to say it", "say_bytes")],
        "silence" => {
            &[("requests", "idle_requests_per_minute"), ("bytes", "idle_bytes_per_minute"), ("why", "when_idle")]
        }
        _ => return Err(format!("there is no table of ways {which}: delay, bytes or silence")),
    };
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let lines: String = columns.iter().map(|(_, name)| if *name == "when_idle" { "|---" } else { "|---:" }).collect();
    let mut table = format!("| technique | {} |\n|---{lines}|\n", heads.join(" | "));
    let mut rows = 0;
    for demo in demos::all() {
        let Some(way) = measured.iter().find(|way| way["demo"] == demo.name.as_str()) else { continue };
        let cells = columns.iter().map(|(_, column)| cell(way, column).map_err(|why| format!("{}: {why}", demo.name)));
        let cells = cells.collect::<Result<Vec<_>, String>>()?;
        let _ = writeln!(table, "| [{}]({}.md) | {} |", demo.title, demo.name, cells.join(" | "));
        rows += 1;
    }
    if rows < measured.len() {
        return Err(format!("{BENCH}: some way in \"ways\" is no demo's name: {measured:?}"));
    }
    Ok(table)
}

/// `up_bytes` as 1,234, `p50_us_1` as 0.15 ms, `idle_requests_per_minute` as 2.4, `when_idle` as it is.
fn cell(way: &Value, column: &str) -> Result<String, String> {
    if let Some(words) = way[column].as_str() {
        return Ok(words.to_string());
    }
    let value = number(way, column)?;
    Ok(match column {
        "idle_requests_per_minute" => format!("{}", (value * 10.0).round() / 10.0),
        _ if column.contains("_us") => milliseconds(value),
        _ => grouped(value.round() as u64),
    })
}

/// What `make bench` wrote.
pub(crate) fn read_bench() -> Result<Value, String> {
    read(BENCH)
}

fn read(path: &str) -> Result<Value, String> {
    let text =
        fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}; make bench writes it"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}

/// The entry of a list in which all these have these values.
fn find<'a>(results: &'a Value, list: &str, wanted: &[(&str, &str)]) -> Result<&'a Value, String> {
    let entries = results[list].as_array().ok_or_else(|| missing(list))?;
    let is = |value: &Value, text: &str| {
        value.as_str() == Some(text) || text.parse::<u64>().is_ok_and(|text| value.as_u64() == Some(text))
    };
    let fits = |entry: &&Value| wanted.iter().all(|(name, text)| is(&entry[*name], text));
    entries.iter().find(fits).ok_or_else(|| missing(&format!("{list} for {wanted:?}")))
}

pub(crate) fn number(entry: &Value, name: &str) -> Result<f64, String> {
    entry[name].as_f64().ok_or_else(|| missing(name))
}

fn missing(what: &str) -> String {
    format!("the benchmark's results do not have {what}: make bench measures it and writes {BENCH}")
}

/// 152.3 → `0.15 ms`; 2169.7 → `2.2 ms`; 500242 → `500 ms`; a line does not end before the unit.
pub(crate) fn milliseconds(micros: f64) -> String {
    let ms = micros / 1_000.0;
    match ms {
        ..1.0 => format!("{ms:.2}\u{a0}ms"),
        ..100.0 => format!("{ms:.1}\u{a0}ms"),
        _ => format!("{ms:.0}\u{a0}ms"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_measured_is_found_and_what_was_not_names_the_command() {
        assert!(figure(&["delay", "longpoll", "100", "p50"]).unwrap().ends_with("\u{a0}ms"));
        assert!(figure(&["memory", "longpoll"]).unwrap().ends_with("\u{a0}KiB"));
        assert!(figure(&["echo", "tungstenite", "16"]).unwrap().contains(','));
        assert!(figure(&["echo", "eventloop", "16", "500", "1"]).unwrap().contains(','));
        assert!(figure(&["echo_cost", "frames", "16", "500", "1"]).unwrap().ends_with("\u{a0}µs"));
        assert!(figure(&["crowd", "eventloop", "each"]).unwrap().ends_with("\u{a0}KiB"));
        assert!(figure(&["scaleout", "redis", "2", "p99"]).unwrap().ends_with("\u{a0}ms"));
        assert!(figure(&["scaleout", "memory", "1", "said"]).unwrap().contains(','));
        assert_eq!(figure(&["paper", "100000", "said"]).unwrap(), "1,666");
        assert!(figure(&["paper", "10000000", "memory"]).unwrap().ends_with("iB"));
        assert!(figure(&["scaleout", "redis", "3", "p99"]).unwrap_err().contains("make bench-scaleout"));
        for words in [&["delay", "longpoll", "7", "p50"][..], &["memory", "nobody"], &["build", "nobody"]] {
            assert!(figure(words).unwrap_err().contains("make bench"), "{words:?}");
        }
    }

    #[test]
    fn the_ways_stand_in_the_order_of_the_book_and_none_is_left_out() {
        let way = |demo: &str| {
            json!({ "demo": demo, "p50_us_1": 152.3, "p99_us_1": 2169.7, "p50_us_100": 500_242.0, "p99_us_100": 1.0,
                    "up_bytes": 412.4, "down_bytes": 1234, "say_bytes": 620, "idle_requests_per_minute": 2.41,
                    "idle_bytes_per_minute": 0, "when_idle": "is silent" })
        };
        let both = json!({ "ways": [way("sse"), way("polling")] });
        let table = ways_of(&both, "delay").unwrap();
        assert!(
            table.ends_with(
                "| [Short polling](polling.md) | 0.15\u{a0}ms | 2.2\u{a0}ms | 500\u{a0}ms | 0.00\u{a0}ms |\n\
                 | [Server-Sent Events](sse.md) | 0.15\u{a0}ms | 2.2\u{a0}ms | 500\u{a0}ms | 0.00\u{a0}ms |\n"
            ),
            "{table}"
        );
        assert!(ways_of(&both, "bytes").unwrap().contains("| 1,234 | 412 | 620 |"));
        assert!(ways_of(&both, "silence").unwrap().contains("| 2.4 | 0 | is silent |"));
        assert!(ways_of(&json!({ "ways": [way("nobody")] }), "delay").unwrap_err().contains("nobody"));
        assert!(ways_of(&json!({ "ways": [{ "demo": "sse" }] }), "delay").unwrap_err().contains("p50_us_1"));
        assert!(ways_of(&json!({}), "delay").unwrap_err().contains("make bench"));
    }
}
