//! Stage machinery: not the lesson. Serves the page, the movie, and the button that closes the policy.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use demo::{Page, Site};
use http::Answer;
use room::Room;
use tiny_http::Request;

use crate::{DEMO, movie, policy};

/// The page. It may load what Ruffle needs.
pub const PAGE: Page = Page {
    policy: &[
        ("script-src", "'unsafe-eval'"), // WebAssembly, and a script's functions by their names
        ("style-src", "'unsafe-inline'"), // the player's style sheet
        ("worker-src", "blob:"),         // the player's audio
        ("connect-src", "ws://{{bridge}}"), // the socket
    ],
    ..demo::page!("controls.js", "flash.css", "stage.js")
};

/// Serves the page and the movie.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, room: Arc<Room>, site: Arc<Site>) -> io::Result<()> {
    let swf = movie::swf();
    http::serve(listener, &site.clone(), move |request| match http::path(&request) {
        "/room.swf" => http::get(request, |request| {
            Answer::new(200).send(request, "application/x-shockwave-flash", &swf[..]);
        }),
        "/policy" => http::post(request, |request| set_policy(request, &site)),
        _ => http::common(request, &DEMO, &site, &room),
    })
}

/// `POST /policy` with `open` lets this demo's movies in, with `closed` no movie.
fn set_policy(mut request: Request, site: &Site) {
    let body = http::body(&mut request);
    match body.as_deref() {
        Ok(word @ (b"open" | b"closed")) => {
            policy::set_closed(site, word == b"closed");
            http::text(request, 200, "The policy file says so from now on.");
        }
        _ => http::text(request, 400, "The policy takes one of two words: open, closed."),
    }
}
