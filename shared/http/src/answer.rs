//! Answers whose length is known.

use std::io::Read;

use demo::{Demo, Site};
use serde_json::Value;
use tiny_http::{Header, Request, Response, StatusCode};

use crate::header;

/// An answer in the making: what is not said is 200, without further header fields.
pub struct Answer {
    status: u16,
    fields: Vec<(&'static str, String)>,
}

impl Answer {
    /// An answer with this status code.
    pub fn new(status: u16) -> Self {
        let always = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")];
        Answer { status, fields: always.map(|(name, value)| (name, value.to_string())).to_vec() }
    }

    /// Sets a header field; it takes the place of one with the same name.
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.fields.push((name, value.into()));
        self
    }

    /// Sends it with this content.
    pub fn send(self, request: Request, kind: &str, content: impl Into<Vec<u8>>) {
        self.respond(request, kind, Response::from_data(content));
    }

    /// Sends it with what this response brings: a file, say.
    pub fn respond<R: Read>(self, request: Request, kind: &str, response: Response<R>) {
        let mut response = response.with_status_code(StatusCode(self.status));
        let kind = [("Content-Type", kind.to_string())];
        for (name, value) in kind.into_iter().chain(self.fields) {
            if let Ok(header) = Header::from_bytes(name, value) {
                response.add_header(header);
            }
        }
        // An error means that the client left before its answer: there is nothing more to do.
        let _ = request.respond(response);
    }
}

/// Answers with a JSON value.
pub fn json(request: Request, status: u16, value: &Value) {
    Answer::new(status).send(request, "application/json", value.to_string());
}

/// Answers with a line of plain text; also the way to tell an error.
pub fn text(request: Request, status: u16, line: &str) {
    Answer::new(status).send(request, "text/plain; charset=utf-8", format!("{line}\n"));
}

/// Answers 405 with the methods that this path does take (RFC 9110, 15.5.6).
pub fn method_not_allowed(request: Request, allow: &str) {
    let line = format!("This path takes {allow} only.\n");
    Answer::new(405).field("Allow", allow).send(request, "text/plain; charset=utf-8", line);
}

/// Answers 404.
pub fn not_found(request: Request) {
    text(request, 404, "There is nothing under this path.");
}

/// Answers with the demo's page.
pub(crate) fn page(request: Request, demo: &Demo, site: &Site) {
    let html = demo.page.html(header(&request, "Host").unwrap_or("127.0.0.1"), site);
    let answer = Answer::new(200).field("Content-Security-Policy", html.policy);
    answer.send(request, "text/html; charset=utf-8", html.text);
}
