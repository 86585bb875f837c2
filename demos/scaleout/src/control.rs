//! Machinery: the control port, where the page sees the servers and stops them. It lies past tap and cable.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use demo::{SideServer, Site, Speaks};
use http::{Answer, Endless};
use room::Room;
use tiny_http::Request;

use crate::fleet::Fleet;

/// The control port: the wire view does not show it, and the cable does not act on it.
pub const CONTROL: SideServer =
    SideServer { name: "control", port: 8120, speaks: Speaks::Http, shown: false, serve };

/// The page is told this often what is new.
const INTERVAL: Duration = Duration::from_millis(50);

/// On a silent stream a comment goes out this often: its failure tells that the page has gone.
const BEAT: Duration = Duration::from_secs(5);

/// Serves the control port: `POST /orders/stop?server=a`, `GET /servers`, and `GET /watch`, a stream.
fn serve(listener: TcpListener, _room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let fleet = site.shared.get::<Fleet>();
    http::serve(listener, &site, move |request| match http::path(&request) {
        "/servers" => http::get(request, |request| tell(request, 200, fleet.json().to_string())),
        "/watch" => http::get(request, |request| drop(watch(request, &fleet))),
        path if path.starts_with("/orders/") => {
            http::post(request, |request| obey(request, &fleet));
        }
        _ => http::not_found(request),
    })
}

fn obey(request: Request, fleet: &Arc<Fleet>) {
    let order = http::path(&request).trim_start_matches("/orders/").to_string();
    let server = http::query_text(&request, "server").unwrap_or("").to_string();
    match fleet.obey(&order, &server) {
        Ok(()) => tell(request, 200, fleet.json().to_string()),
        Err(why) => tell(request, 400, format!("{why}\n")),
    }
}

fn tell(request: Request, status: u16, body: String) {
    let kind = if status == 200 { "application/json" } else { "text/plain; charset=utf-8" };
    let origin = origin(&request);
    Answer::new(status).field("Access-Control-Allow-Origin", origin).send(request, kind, body);
}

/// Tells the servers' state now and at each change, until the page has gone.
fn watch(request: Request, fleet: &Fleet) -> io::Result<()> {
    let origin = origin(&request);
    let fields = [("Access-Control-Allow-Origin", origin.as_str())];
    let mut out = Endless::begin(request, "text/event-stream", &fields)?;
    let (mut told, mut last_write) = (String::new(), Instant::now());
    loop {
        let state = fleet.json().to_string();
        if state != told {
            out.send(format!("data: {state}\n\n"))?;
            (told, last_write) = (state, Instant::now());
        } else if last_write.elapsed() >= BEAT {
            out.send(": beat\n\n")?;
            last_write = Instant::now();
        }
        fleet.wait(INTERVAL);
    }
}

/// The origin that may read an answer: the one that asks. [`http::serve`] has let in no other than the demo's own.
fn origin(request: &Request) -> String {
    http::header(request, "Origin").unwrap_or("null").to_string()
}
