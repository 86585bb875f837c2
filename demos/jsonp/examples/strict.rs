//! An answer to the tasks of the chapter: one kind of callback name, and no questions from foreign
//! sites.
//!
//! Run    `cargo run -p jsonp --example strict`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, SideServer, Site};
use http::Answer;
use room::Room;
use tiny_http::Request;

const DEMO: Demo =
    Demo { side_servers: &[SideServer { serve: serve_data, ..jsonp::DATA }], ..jsonp::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve_data(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| match http::path(&request) {
        "/messages" => http::get(request, |request| answer(request, &room)),
        _ => http::not_found(request),
    })
}

// ANCHOR: name
/// `jsonp_` and one to ten digits. A request can't make this server say anything that looks like
/// code. One attack is left: a page that may run our scripts still reads what they carry.
fn is_a_number(name: &str) -> bool {
    let number = name.strip_prefix("jsonp_").unwrap_or("");
    (1..=10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}
// ANCHOR_END: name

// ANCHOR: answer
/// Browsers send `Sec-Fetch-Site` to servers on https and on their own machine, and to no others,
/// and no script can change it. Another port of this machine is `same-site`; a page from elsewhere
/// is `cross-site`. A program that is no browser does not send it, and is let in.
fn answer(request: Request, room: &Room) {
    if http::header(&request, "Sec-Fetch-Site") == Some("cross-site") {
        return http::text(request, 403, "This data is for pages of this site.");
    }
    let name = http::query_text(&request, "callback").unwrap_or("").to_string();
    if !is_a_number(&name) {
        return http::text(request, 400, "A callback is called jsonp_ and a number.");
    }
    let news = room.since(http::cursor(&request)).json().to_string().replace('<', "\\u003c");
    Answer::new(200).send(request, "text/javascript", format!("/**/{name}({news});\n"));
}
// ANCHOR_END: answer
