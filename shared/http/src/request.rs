//! What a request says.

use room::Cursor;
use tiny_http::Request;

/// The longest request body a demo reads, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The path of the request's target, without its query. A target in absolute form (`http://HOST/PATH`, RFC 9112, 3.2.2)
/// has one, too.
pub fn path(request: &Request) -> &str {
    let target = request.url().split('?').next().unwrap_or("");
    match target.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("http://") => {
            target[7..].find('/').map_or("/", |at| &target[7 + at..])
        }
        _ => target,
    }
}

/// A value of the query in the request's target, if it is there and can be read as a `T`.
pub fn query<T: std::str::FromStr>(request: &Request, name: &str) -> Option<T> {
    query_text(request, name)?.parse().ok()
}

/// The same as text, as it stands in the target: nothing is percent-decoded.
pub fn query_text<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let (_, query) = request.url().split_once('?')?;
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

/// Where the reader is that asks: `Last-Event-ID`, or `?after=`; the start of the room when it does not say.
pub fn cursor(request: &Request) -> Cursor {
    let last_event_id = header(request, "Last-Event-ID").and_then(|id| id.parse().ok());
    last_event_id.or_else(|| query(request, "after")).unwrap_or(Cursor::START)
}

/// The value of a request header.
pub fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}

/// The whole body.
///
/// # Errors
/// A status code and a sentence: when the body is longer than [`MAX_BODY`], when it ended before its `Content-Length`
/// (RFC 9112, 8: it must not be taken for complete), or when it has no `Content-Length`. Through the front door every body
/// has one; without it, tiny_http would not tell a chunked body that was cut off from a whole one.
pub fn body(request: &mut Request) -> Result<Vec<u8>, (u16, &'static str)> {
    let length = match header(request, "Content-Length") {
        Some(length) => length.parse().map_err(|_| (400, "Content-Length is not one whole number."))?,
        None if header(request, "Transfer-Encoding").is_some() => {
            return Err((411, "A body has a Content-Length here."));
        }
        None => 0,
    };
    if length > MAX_BODY {
        return Err((413, "A request's body has 64 KiB at most."));
    }
    let mut body = vec![0; length];
    match request.as_reader().read_exact(&mut body) {
        Ok(()) => Ok(body),
        Err(_) => Err((400, "The body ended before its Content-Length.")),
    }
}
