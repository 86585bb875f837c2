//! An answer to the tasks of the chapter: one kind of callback name, and no questions from foreign sites.
//!
//! Run    `cargo run -p jsonp --example strict`

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Demo, SideServer, Site, Speaks};
use room::Room;
use tiny_http::{Header, Method, Request, Response};

const DEMO: Demo =
    Demo { side_servers: &[SideServer { name: "data", port: 8102, speaks: Speaks::Http, serve: serve_data }], ..jsonp::DEMO };

fn main() {
    bench::run(&DEMO);
}

fn serve_data(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    http::serve(listener, &site, move |request| {
        let path = request.url().split('?').next().unwrap_or("").to_string();
        match (request.method(), path.as_str()) {
            (Method::Get, "/messages") => answer(request, &room),
            _ => http::not_found(request),
        }
    })
}

// ANCHOR: answer
/// `jsonp_` and one to ten digits. Nobody can make this server say anything that looks like code. What is left: whoever
/// may run our scripts still reads what they carry.
fn is_a_number(name: &str) -> bool {
    name.strip_prefix("jsonp_")
        .is_some_and(|number| (1..=10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn answer(request: Request, room: &Room) {
    // Browsers say this with every request and no script can change it. Another port of this machine is `same-site`;
    // a page from elsewhere is `cross-site`. A program that is no browser says nothing, and is let in.
    if http::header(&request, "Sec-Fetch-Site") == Some("cross-site") {
        return http::text(request, 403, "This data is for pages of this site.");
    }
    let after = http::query(&request, "after").unwrap_or(0);
    let name = http::query_text(&request, "callback").unwrap_or("");
    if !is_a_number(name) {
        return http::text(request, 400, "A callback is called jsonp_ and a number.");
    }
    let json = room.since(after).json().to_string().replace('<', "\\u003c");
    let mut response = Response::from_string(format!("/**/{name}({json});\n"));
    for (name, value) in [("Content-Type", "text/javascript"), ("X-Content-Type-Options", "nosniff")] {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    let _ = request.respond(response);
}
// ANCHOR_END: answer
