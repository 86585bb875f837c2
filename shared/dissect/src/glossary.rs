//! What names and numbers on the wire mean: one short sentence each, and where it stands.

/// The purpose of a header field, or an empty string for one that is not in the table.
pub(crate) fn header(name: &str) -> &'static str {
    HEADERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or_else(|| prefix(name), |(_, note)| note)
}

fn prefix(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    if name.starts_with("sec-ch-") {
        "A client hint: a fact about the browser; most are sent only to a server that asked (RFC 8942)."
    } else if name.starts_with("sec-") {
        "Set by the browser alone: scripts of a page cannot set a name with Sec- (Fetch)."
    } else if name.starts_with("access-control-") {
        "A rule of CORS: what pages of another origin may do (Fetch)."
    } else {
        ""
    }
}

/// Header field names and what they are for.
const HEADERS: &[(&str, &str)] = &[
    // The WebSocket handshake.
    ("Upgrade", "The protocol to speak from here on, instead of HTTP (RFC 9110, 7.8)."),
    ("Connection", "Options for this one connection, such as keep-alive, close, or Upgrade (RFC 9110, 7.6.1)."),
    ("Sec-WebSocket-Key", "16 random bytes in base64: the answer must show that it has read them (RFC 6455, 4.1)."),
    ("Sec-WebSocket-Version", "The version of the WebSocket protocol: 13 is the only one (RFC 6455, 4.1)."),
    (
        "Sec-WebSocket-Accept",
        "base64 of the SHA-1 of key and GUID: proof that a WebSocket server answers (RFC 6455, 4.2.2).",
    ),
    ("Sec-WebSocket-Protocol", "Subprotocols: the browser offers a list, the server names one of it (RFC 6455, 1.9)."),
    (
        "Sec-WebSocket-Extensions",
        "Extensions such as compression: offered by the browser, chosen by the server (RFC 6455, 9.1).",
    ),
    (
        "Origin",
        "The origin of the page that asks: scheme, host, port. No script can change it, so a server can check it (RFC 6454, 7).",
    ),
    ("Host", "Which site is meant: one address can serve many (RFC 9110, 7.2)."),
    // What browsers send.
    ("User-Agent", "The program that asks (RFC 9110, 10.1.5)."),
    (
        "Accept",
        "The kinds of content that the browser takes; q= weighs them, their order means nothing (RFC 9110, 12.5.1).",
    ),
    ("Accept-Encoding", "The compressions that the browser can undo; q= weighs them (RFC 9110, 12.5.3)."),
    ("Accept-Language", "The languages that the reader understands; q= weighs them (RFC 9110, 12.5.4)."),
    ("Accept-Charset", "The character encodings wanted; out of use, as all texts are UTF-8 (RFC 9110, 12.5.2)."),
    ("Referer", "The page from which this request comes (RFC 9110, 10.1.3)."),
    ("Cookie", "What the server asked the browser to remember (RFC 6265, 5.4)."),
    ("Cache-Control", "Who may keep a copy, and for how long (RFC 9111, 5.2)."),
    ("Pragma", "no-cache for caches from before HTTP/1.1 (RFC 9111, 5.4)."),
    ("DNT", "Do not track: a wish without a standard behind it."),
    ("Sec-GPC", "The reader does not want to be sold or shared (Global Privacy Control)."),
    ("Upgrade-Insecure-Requests", "The browser would rather have https (Upgrade Insecure Requests)."),
    ("Priority", "How urgent the answer is (RFC 9218)."),
    ("Sec-Fetch-Dest", "What asks: a document, script, image; empty for fetch() and EventSource (Fetch Metadata)."),
    ("Sec-Fetch-Mode", "The mode of the request: navigate, cors, no-cors, same-origin, websocket (Fetch Metadata)."),
    (
        "Sec-Fetch-Site",
        "How page and server belong together: same-origin, same-site, cross-site, or none (Fetch Metadata).",
    ),
    ("Sec-Fetch-User", "?1: a person clicked or typed (Fetch Metadata)."),
    ("Sec-Fetch-Storage-Access", "Whether this request carries cookies in a foreign page (Storage Access)."),
    ("Sec-Purpose", "The browser fetches ahead of time (Fetch)."),
    ("If-None-Match", "Only if it has changed: the browser has the copy of this ETag (RFC 9110, 13.1.2)."),
    ("If-Modified-Since", "Only if it has changed since that date (RFC 9110, 13.1.3)."),
    ("Range", "Only a part is wanted (RFC 9110, 14.2)."),
    ("TE", "Transfer codings that the browser takes (RFC 9110, 10.1.4)."),
    ("Expect", "100-continue: a short answer is wanted before the body is sent (RFC 9110, 10.1.1)."),
    ("Authorization", "Who asks, and the proof of it (RFC 9110, 11.6.2)."),
    ("HTTP2-Settings", "First settings, should the server change to HTTP/2 (RFC 7540, 3.2.1)."),
    ("Last-Event-ID", "The cursor: the id of the last event that came; the stream goes on behind it (HTML, 9.2)."),
    ("Idempotency-Key", "The same key twice is the same request twice: the server acts once (an IETF draft)."),
    ("Purpose", "The browser fetches ahead of time."),
    // What servers send.
    ("Content-Length", "The size of the body, in bytes (RFC 9110, 8.6)."),
    ("Content-Type", "What the body is (RFC 9110, 8.3)."),
    ("Content-Encoding", "How the body is compressed (RFC 9110, 8.4)."),
    (
        "Transfer-Encoding",
        "chunked: the body comes in pieces, each with its size; the sum is not known ahead (RFC 9112, 7.1).",
    ),
    ("Trailer", "The header fields that come behind the last chunk (RFC 9110, 6.6.2)."),
    ("Date", "When the server made this answer (RFC 9110, 6.6.1)."),
    ("Server", "The program that answers (RFC 9110, 10.2.4)."),
    ("Keep-Alive", "How long the connection may stay open without a request (RFC 2068, 19.7.1)."),
    ("Retry-After", "Ask again after this number of seconds, or at that date (RFC 9110, 10.2.3)."),
    ("Allow", "The methods that this resource knows (RFC 9110, 10.2.1)."),
    ("Location", "Where to look instead (RFC 9110, 10.2.2)."),
    ("Vary", "The request's header fields that this answer depends on (RFC 9110, 12.5.5)."),
    ("ETag", "A name for this version of the content (RFC 9110, 8.8.3)."),
    ("Last-Modified", "When the content last changed (RFC 9110, 8.8.2)."),
    ("Expires", "Until when a copy is good (RFC 9111, 5.3)."),
    ("Age", "For how many seconds this answer has lain in a cache (RFC 9111, 5.1)."),
    ("Set-Cookie", "A cookie for the browser to remember and send back (RFC 6265, 4.1)."),
    ("Accept-Ranges", "Whether parts can be asked for (RFC 9110, 14.3)."),
    ("Via", "The proxies on the way (RFC 9110, 7.6.3)."),
    ("Forwarded", "What a proxy says of the client behind it (RFC 7239)."),
    ("X-Forwarded-For", "The client's address, as a proxy gives it; any client can write one, too."),
    (
        "X-Accel-Buffering",
        "no: the proxy nginx passes each piece on at once and collects nothing (nginx, proxy_buffering).",
    ),
    ("X-Content-Type-Options", "nosniff: the browser must take Content-Type at its word (Fetch)."),
    ("X-Frame-Options", "Whether other pages may put this one into a frame (HTML)."),
    (
        "Content-Security-Policy",
        "What the page may load, run and connect to, and which pages may frame it (Content Security Policy).",
    ),
    ("Referrer-Policy", "How much of its address a page gives in Referer (Referrer Policy)."),
    ("Strict-Transport-Security", "Only https from now on (RFC 6797)."),
    ("Permissions-Policy", "The browser's features that the page may use (Permissions Policy)."),
    ("Cross-Origin-Resource-Policy", "Whether pages of other sites or origins may load this (Fetch)."),
    ("Cross-Origin-Opener-Policy", "Whether other windows may hold on to this one (HTML)."),
    ("Cross-Origin-Embedder-Policy", "Whether all that the page loads must agree to it (HTML)."),
    ("Timing-Allow-Origin", "The origins whose pages may see exact times (Resource Timing)."),
    ("Access-Control-Allow-Origin", "Pages of this origin may read the answer (Fetch, CORS)."),
    ("Access-Control-Allow-Methods", "The methods that pages of another origin may use (Fetch, CORS)."),
    ("Access-Control-Allow-Headers", "The header fields that pages of another origin may set (Fetch, CORS)."),
    ("Access-Control-Expose-Headers", "The header fields of the answer that a foreign page may read (Fetch, CORS)."),
    ("Access-Control-Allow-Credentials", "Whether a request from another origin may carry cookies (Fetch, CORS)."),
    ("Access-Control-Max-Age", "For how many seconds the browser need not ask again (Fetch, CORS)."),
    ("Access-Control-Request-Method", "The browser asks ahead whether a page may use this method (Fetch, CORS)."),
    ("Access-Control-Request-Headers", "The browser asks ahead whether a page may set these fields (Fetch, CORS)."),
    ("Alt-Svc", "The same site can be had by another protocol or port (RFC 7838)."),
    ("WWW-Authenticate", "How to prove who you are (RFC 9110, 11.6.1)."),
];

/// What a method asks for.
pub(crate) fn method(name: &str) -> &'static str {
    match name {
        "GET" => "Give me this (RFC 9110, 9.3.1).",
        "HEAD" => "Give me only the head of what GET would give (RFC 9110, 9.3.2).",
        "POST" => "Take this and act on it (RFC 9110, 9.3.3).",
        "PUT" => "Store this here (RFC 9110, 9.3.4).",
        "DELETE" => "Remove this (RFC 9110, 9.3.5).",
        "CONNECT" => "Open a tunnel to there (RFC 9110, 9.3.6).",
        "OPTIONS" => "What may I do here? (RFC 9110, 9.3.7; a browser asks it ahead of a foreign request: CORS)",
        "TRACE" => "Send back what you got (RFC 9110, 9.3.8).",
        "PATCH" => "Change this in part (RFC 5789).",
        _ => "A method of its own.",
    }
}

/// What a request's target is for.
pub(crate) fn target(target: &str) -> &'static str {
    match target.split_once('?') {
        None => "The resource that is asked for (RFC 9112, 3.2).",
        Some((_, query)) if query.split('&').filter_map(|pair| pair.strip_prefix("after=")).any(is_cursor) => {
            "The resource; after= is the cursor: the life of the room, a hyphen, the id of the last message had."
        }
        Some(_) => "The resource, with a query behind the question mark (RFC 9112, 3.2).",
    }
}

/// A cursor that names the life of its room: `9f3c01d2-7`.
fn is_cursor(text: &str) -> bool {
    let is_hex = |life: &str| !life.is_empty() && life.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(life, id)| is_hex(life) && is_id(id))
}

/// What a field of a server-sent event is for (HTML, 9.2.6): its name, or what kind of line it is, and a note.
pub(crate) fn event_field(name: &[u8], value: &str) -> (&'static str, &'static str) {
    match name {
        b"" => ("comment", "Browsers pass over it; it keeps the connection from falling asleep."),
        b"data" => ("data", "A line of the message; several lines are joined by line feeds."),
        b"event" => ("event", "The type of the event: which listeners of the page are called."),
        b"id" if is_cursor(value) => {
            ("id", "The cursor: the life of the room, a hyphen, the message's id. It comes back in Last-Event-ID.")
        }
        b"id" => ("id", "After a break the browser asks for what follows this, in Last-Event-ID."),
        b"retry" => ("retry", "How long the browser waits before it connects again, in milliseconds."),
        _ => ("unknown field", "Browsers ignore it."),
    }
}

/// What white space is for that is all there is of a chunk of JSON.
pub(crate) const SIGN_OF_LIFE: &str =
    "JSON may have white space in front (RFC 8259, 2): the answer has begun, and the connection is not silent.";

/// The name of an opcode (RFC 6455, 5.2).
pub(crate) fn opcode(opcode: u8) -> &'static str {
    match opcode {
        0 => "continuation",
        1 => "text",
        2 => "binary",
        8 => "close",
        9 => "ping",
        10 => "pong",
        _ => "reserved",
    }
}

/// A close code's name (RFC 6455, 7.4.1 and 11.7, and the IANA registry), and whether it may be sent.
pub(crate) fn close_code(code: u16) -> (&'static str, bool) {
    match code {
        1000 => ("normal closure", true),
        1001 => ("going away", true),
        1002 => ("protocol error", true),
        1003 => ("unsupported data", true),
        1004 => ("reserved", false),
        1005 => ("no status received", false),
        1006 => ("abnormal closure", false),
        1007 => ("invalid frame payload data", true),
        1008 => ("policy violation", true),
        1009 => ("message too big", true),
        1010 => ("mandatory extension", true),
        1011 => ("internal error", true),
        1012 => ("service restart", true),
        1013 => ("try again later", true),
        1014 => ("bad gateway", true),
        1015 => ("TLS handshake", false),
        3000..=3999 => ("of a library or framework", true),
        4000..=4999 => ("of this application", true),
        _ => ("not a close code", false),
    }
}

/// What a status says.
pub(crate) fn status(code: u16) -> &'static str {
    match code {
        100 => "Go on; the answer comes later (RFC 9110, 15.2.1).",
        101 => "Agreed: behind this head we speak the protocol named in Upgrade (RFC 9110, 15.2.2).",
        103 => "What the page will need, ahead of the answer (RFC 8297).",
        200 => "It worked (RFC 9110, 15.3.1).",
        201 => "It worked, and something new is there (RFC 9110, 15.3.2).",
        204 => "It worked, and there is nothing to say; no body follows (RFC 9110, 15.3.5).",
        304 => "Your copy is still good; no body follows (RFC 9110, 15.4.5).",
        400 => "The request is wrong in form (RFC 9110, 15.5.1).",
        403 => "Understood and refused (RFC 9110, 15.5.4).",
        404 => "Nothing is here (RFC 9110, 15.5.5).",
        405 => "This method is not for this resource; Allow names those that are (RFC 9110, 15.5.6).",
        408 => "The request took too long to arrive (RFC 9110, 15.5.9).",
        413 => "The body is too large (RFC 9110, 15.5.14).",
        414 => "The target is too long (RFC 9110, 15.5.15).",
        421 => "This server does not answer for that Host (RFC 9110, 15.5.20).",
        426 => "Ask again with the protocol in Upgrade (RFC 9110, 15.5.22).",
        429 => "Too many requests; wait (RFC 6585, 4).",
        431 => "The header fields are too long (RFC 6585, 5).",
        500 => "The server failed (RFC 9110, 15.6.1).",
        501 => "The server cannot do this (RFC 9110, 15.6.2).",
        503 => "The server has too much to do now; Retry-After may say when to ask again (RFC 9110, 15.6.4).",
        505 => "Not this version of HTTP (RFC 9110, 15.6.6).",
        _ => match code / 100 {
            1 => "The answer comes later (RFC 9110, 15.2).",
            2 => "It worked (RFC 9110, 15.3).",
            3 => "Look elsewhere (RFC 9110, 15.4).",
            4 => "The request is at fault (RFC 9110, 15.5).",
            5 => "The server is at fault (RFC 9110, 15.6).",
            _ => "",
        },
    }
}

/// What a `Content-Type` is called in a meaning line.
pub(crate) fn media(content_type: &str) -> String {
    let essence = essence(content_type);
    let known = match essence.as_str() {
        "text/event-stream" => "event stream",
        "text/html" => "HTML",
        "text/css" => "style sheet",
        "text/plain" => "text",
        "text/javascript" | "application/javascript" => "JavaScript",
        "image/svg+xml" => "SVG",
        "application/x-ndjson" | "application/jsonl" | "application/ndjson" => "JSON lines",
        "application/x-www-form-urlencoded" => "form",
        "application/octet-stream" => "bytes",
        "multipart/x-mixed-replace" => "parts, each in place of the last",
        json if json == "application/json" || json.ends_with("+json") => "JSON",
        _ => return essence,
    };
    known.to_string()
}

/// A `Content-Type` without its parameters, in lower case.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// A parameter of a `Content-Type`, without its quotation marks; empty when there is none.
pub(crate) fn parameter<'a>(content_type: &'a str, name: &str) -> &'a str {
    let mut parameters = content_type.split(';').skip(1).filter_map(|one| one.split_once('='));
    let found = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_of_the_websocket_handshake_has_its_purpose() {
        for name in [
            "Upgrade",
            "connection",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Version",
            "SEC-WEBSOCKET-ACCEPT",
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
            "Origin",
            "Host",
        ] {
            assert!(header(name).contains("(RFC"), "{name} has no purpose");
        }
        assert_eq!(header("X-Unheard-Of"), "");
    }

    #[test]
    fn a_cursor_is_named_wherever_it_stands() {
        assert!(target("/wait?after=9f3c01d2-7").contains("the cursor"));
        assert!(event_field(b"id", "9f3c01d2-8").1.contains("the life of the room"));
        for other in ["/wait?after=7", "/wait?after=-7", "/wait?before=9f3c01d2-7", "/wait"] {
            assert!(!target(other).contains("the cursor"), "{other}");
        }
    }

    #[test]
    fn every_close_code_of_the_registry_has_its_name() {
        for code in 1000..=1015 {
            let (name, may_be_sent) = close_code(code);
            assert_ne!(name, "not a close code", "{code}");
            assert_eq!(may_be_sent, ![1004, 1005, 1006, 1015].contains(&code), "{code}");
        }
    }

    #[test]
    fn no_header_stands_twice_in_the_table() {
        for (at, (name, _)) in HEADERS.iter().enumerate() {
            assert!(!HEADERS[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)), "{name}");
        }
    }
}
