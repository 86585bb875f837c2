//! Answers of the front door and of the bench port: their heads, and the error answers.

use std::fmt;
use std::time::SystemTime;

/// Stands for a status code where a TLS alert is the answer.
const TLS_ALERT: u16 = 0;

/// Why the front door does not let a request in: the status code to answer with and a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The status code.
    pub status: u16,
    /// What is wrong and, where it helps, what to do.
    pub why: String,
}

impl ErrorAnswer {
    /// A refusal with this status code and sentence.
    pub fn new(status: u16, why: impl Into<String>) -> Self {
        ErrorAnswer { status, why: why.into() }
    }

    /// The refusal of a client that speaks TLS to a plain port: it reads no HTTP.
    pub fn to_tls() -> Self {
        ErrorAnswer::new(TLS_ALERT, "This port speaks plain HTTP, and this was TLS: ask with http:// or ws://.")
    }

    /// The answer as it goes over the wire, the last one of its connection.
    pub fn answer(&self) -> Vec<u8> {
        if self.status == TLS_ALERT {
            return vec![21, 3, 1, 0, 2, 2, 10]; // a record of the type alert: fatal, unexpected_message (RFC 8446, 6.2)
        }
        let more = match self.status {
            204 => "Allow: GET, HEAD, POST, OPTIONS\r\n",
            503 => "Retry-After: 5\r\n",
            _ => "",
        };
        let body = if self.status == 204 { String::new() } else { format!("{}\n", self.why) };
        let fields = format!("Content-Type: text/plain; charset=utf-8\r\n{more}Connection: close\r\n");
        response(self.status, &fields, body.as_bytes())
    }
}

impl fmt::Display for ErrorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.status {
            TLS_ALERT => write!(f, "with an alert: {}", self.why),
            status => write!(f, "{status}: {}", self.why),
        }
    }
}

/// A whole response. `fields` are header lines, each with its line end.
pub fn response(status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
    // A 204 has no content, and says so by having no length (RFC 9110, 8.6).
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let mut response = format!("{}{length}{fields}\r\n", head(status)).into_bytes();
    response.extend_from_slice(body);
    response
}

/// The status line and the fields of every response: its time (RFC 9110, 6.6.1), and that its type is not to be guessed.
pub fn head(status: u16) -> String {
    let reason = match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Refused",
    };
    let date = httpdate::fmt_http_date(SystemTime::now());
    format!("HTTP/1.1 {status} {reason}\r\nDate: {date}\r\nX-Content-Type-Options: nosniff\r\n")
}
