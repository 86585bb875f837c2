//! Machinery: the control port, where the page starts experiments and hears of them.
//!
//! It is a port of its own, past tap and cable. Otherwise a cut cable would also cut off the report
//! of what a cut cable does.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use demo::{SideServer, Site, Speaks};
use http::Answer;
use room::Room;
use serde_json::Value;
use tiny_http::Request;

use super::life::{self, Lives};
use super::udp::Datagrams;
use super::{events, probe};
use crate::writes;

/// The control port: the wire view does not show it, and the cable does not act on it.
pub const SERVER: SideServer =
    SideServer { name: "control", port: 8309, speaks: Speaks::Http, shown: false, serve };

/// The page is told this often what is new.
const INTERVAL: Duration = Duration::from_millis(50);

/// Serves the control port.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let datagrams = Datagrams::of(&site);
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/writes" => {
            http::post(request, |request| answer(request, |request| writes(request, &site)))
        }
        "/life" => http::post(request, |request| answer(request, |request| life(request, &site))),
        "/udp" => http::post(request, |request| {
            answer(request, |request| udp(request, &site, &datagrams))
        }),
        "/relay" => http::get(request, |request| answer(request, |_| Ok(datagrams.state()))),
        "/watch" => http::get(request, |request| watch(request, &site, &datagrams)),
        _ => http::not_found(request),
    })
}

/// Runs an experiment and answers with its result, or with a sentence that says why there is none.
fn answer(request: Request, experiment: impl Fn(&Request) -> Result<Value, String>) {
    let (status, kind, body) = match experiment(&request) {
        Ok(result) => (200, "application/json", result.to_string()),
        Err(why) => (400, "text/plain; charset=utf-8", format!("{why}\n")),
    };
    let origin = events::origin(&request);
    Answer::new(status).field("Access-Control-Allow-Origin", origin).send(request, kind, body);
}

/// `POST /writes?count=8&pause=2&nagle=off&framing=none&buffer=64&busy=0`: `pause` and `busy` are
/// milliseconds, `buffer` is bytes.
fn writes(request: &Request, site: &Site) -> Result<Value, String> {
    let word = |name, default| http::query_text(request, name).unwrap_or(default);
    let number = |name, default, most| {
        let number = word(name, default).parse::<u64>().ok().filter(|number| *number <= most);
        number.ok_or_else(|| format!("{name} is a number, {most} at most."))
    };
    let (count, pause) =
        (number("count", "8", 100)?, Duration::from_millis(number("pause", "2", 200)?));
    let setup = probe::setup(word("framing", "none"), word("buffer", "64"), word("busy", "0"))?;
    let messages: Vec<String> = (1..=count).map(|n| format!("message{n}")).collect();
    let result = writes::run(site, &messages, &setup, word("nagle", "off") == "on", pause);
    result.map_err(|error| format!("The experiment failed: {error}"))
}

/// `POST /life?tab=KEY&do=WHAT`: `open`, then `client-says`, `server-says`, `client-fin`,
/// `server-fin`, `reset`.
fn life(request: &Request, site: &Site) -> Result<Value, String> {
    let tab = http::query_text(request, "tab").filter(|tab| (1..=40).contains(&tab.len()));
    let tab = tab.ok_or("tab is the key of a tab, 40 characters at most.")?;
    let lives = site.shared.get::<Lives>();
    match http::query_text(request, "do").unwrap_or("") {
        "open" => life::open(&lives, tab, site.side_address("probe"))
            .map_err(|error| format!("The connection does not open: {error}"))?,
        what => lives.act(tab, what)?,
    }
    Ok(lives.story(tab))
}

/// `POST /udp?fault=lose` sets what the relay does. `POST /udp?count=8` lets two senders send 8
/// datagrams each, and the same texts over TCP.
fn udp(request: &Request, site: &Site, datagrams: &Datagrams) -> Result<Value, String> {
    if let Some(fault) = http::query_text(request, "fault") {
        return datagrams.set_fault(fault);
    }
    let count = http::query(request, "count").filter(|count| (1..=50).contains(count)).unwrap_or(8);
    datagrams.experiment(site, count)
}

/// `GET /watch?tab=KEY`: what happens in this tab's experiments, and all datagrams from now on.
fn watch(request: Request, site: &Site, datagrams: &Datagrams) {
    let tab = http::query_text(&request, "tab").unwrap_or("").to_string();
    let lives = site.shared.get::<Lives>();
    let (mut seen_life, mut seen_datagrams) = (Value::Null, datagrams.count());
    events::stream(request, move |events| {
        thread::sleep(INTERVAL);
        let life = lives.story(&tab);
        if life != seen_life {
            *events += &format!("event: life\ndata: {life}\n\n");
            seen_life = life;
        }
        for datagram in datagrams.since(seen_datagrams) {
            seen_datagrams = datagram.number;
            *events += &format!("event: datagram\ndata: {}\n\n", datagram.json());
        }
    });
}
