//! Machinery: the port at which the page orders experiments and hears how they went. It bypasses the tap and the cable; on
//! a cut cable the page could not be told what a cut cable does.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use demo::Site;
use http::{Answer, Endless};
use room::Room;
use serde_json::Value;
use tiny_http::{Method, Request};

use crate::more::life::Lives;
use crate::more::udp::Relay;
use crate::more::writes;

/// The page is told this often what is new in the experiments.
const GLANCE: Duration = Duration::from_millis(50);

/// On a silent stream a comment goes out this often, so that a page that has gone is noticed.
const BEAT: Duration = Duration::from_secs(5);

/// Serves the control port.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site.clone(), move |request| {
        let is_post = *request.method() == Method::Post;
        match http::path(&request) {
            "/writes" => http::post(request, |request| {
                answer(request, |request| writes::ordered(request, &site))
            }),
            "/life" => http::post(request, |request| {
                answer(request, |request| site.shared.get::<Lives>().ordered(request, &site));
            }),
            "/udp" if is_post => {
                answer(request, |request| site.shared.get::<Relay>().ordered(request, &site))
            }
            "/udp" => http::get(request, |request| {
                answer(request, |_| Ok(site.shared.get::<Relay>().json(&site)))
            }),
            "/watch" => http::get(request, |request| watch(request, &site)),
            _ => http::not_found(request),
        }
    })
}

/// Runs an experiment and answers with its result, or with a sentence that says why there is none.
fn answer(request: Request, experiment: impl FnOnce(&Request) -> Result<Value, String>) {
    let result = experiment(&request);
    // The control port is another origin than the page, so the browser wants this field before the page may read the
    // answer. Foreign origins were refused before.
    let origin = origin(&request);
    let answer = |status| Answer::new(status).field("Access-Control-Allow-Origin", &origin);
    match result {
        Ok(result) => answer(200).send(request, "application/json", result.to_string()),
        Err(why) => answer(400).send(request, "text/plain; charset=utf-8", format!("{why}\n")),
    }
}

fn origin(request: &Request) -> String {
    http::header(request, "Origin").unwrap_or("null").to_string()
}

/// `GET /watch?tab=KEY`: what happens in this tab's experiments, and all datagrams from now on.
fn watch(request: Request, site: &Site) {
    let tab = http::query_text(&request, "tab").unwrap_or("").to_string();
    let fields = [("Access-Control-Allow-Origin", origin(&request))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    // A page that closed its stream is the ordinary end of it.
    let _ = Endless::begin(request, "text/event-stream", &fields)
        .and_then(|out| stream(out, &tab, site));
}

fn stream(mut out: Endless, tab: &str, site: &Site) -> io::Result<()> {
    let (lives, relay) = (site.shared.get::<Lives>(), site.shared.get::<Relay>());
    let (mut seen_life, mut seen_datagrams) = (Value::Null, relay.received());
    let mut written = Instant::now();
    out.send("retry: 1000\n\n")?;
    loop {
        thread::sleep(GLANCE);
        let mut events = String::new();
        let life = lives.story(tab);
        if life != seen_life {
            events += &format!("event: life\ndata: {life}\n\n");
            seen_life = life;
        }
        for datagram in relay.since(seen_datagrams) {
            seen_datagrams = datagram.number;
            events += &format!("event: datagram\ndata: {}\n\n", datagram.json());
        }
        if events.is_empty() && written.elapsed() >= BEAT {
            events += ": beat\n\n";
        }
        if !events.is_empty() {
            out.send(events)?;
            written = Instant::now();
        }
    }
}
