//! The header lines that a browser sends: those of Chromium in the book's recordings (`book/src/wire`), but for the order,
//! which changes no size. They are most of what a small message costs.

/// What a request is for: a browser sends other lines with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// None but `Host`: what a program needs.
    Bare,
    /// `fetch()` in a page of the same origin.
    Fetch,
    /// The same with a text to say.
    Say,
    /// A `<script>` from another port.
    Script,
    /// An `<iframe>`.
    Frame,
    /// An `EventSource`.
    Events,
    /// A `WebSocket`.
    Socket,
}

const USER_AGENT: &str =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

const LANGUAGES: &str = "Accept-Encoding: gzip, deflate, br, zstd\nAccept-Language: en-US,en;q=0.9";

/// Sent with everything but a WebSocket's handshake.
const ALWAYS: &str = "\
Connection: keep-alive
sec-ch-ua: \"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"
sec-ch-ua-mobile: ?0
sec-ch-ua-platform: \"Linux\"
Referer: PAGE/";

const FETCH: &str = "\
Accept: */*
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty";

/// As `FETCH`; `Content-Length` and `Idempotency-Key` come to it, which differ from one text to the next.
const SAY: &str = "\
Accept: */*
Content-Type: text/plain;charset=UTF-8
Origin: PAGE
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty";

const SCRIPT: &str = "\
Accept: */*
Sec-Fetch-Site: same-site
Sec-Fetch-Mode: no-cors
Sec-Fetch-Dest: script";

const FRAME: &str = "\
Upgrade-Insecure-Requests: 1
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,image/avif,image/webp,image/apng,*/*;q=0.8,\
application/signed-exchange;v=b3;q=0.7
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: navigate
Sec-Fetch-Dest: iframe";

const EVENTS: &str = "\
Pragma: no-cache
Cache-Control: no-cache
Accept: text/event-stream
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty";

const SOCKET: &str = "\
Connection: Upgrade
Pragma: no-cache
Cache-Control: no-cache
Upgrade: websocket
Origin: PAGE
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
Sec-WebSocket-Protocol: room";

impl Head {
    /// The lines besides `Host`, each with its end, as sent by the page at this address.
    pub fn lines(self, page: &str) -> String {
        let (always, own) = match self {
            Head::Bare => return String::new(),
            Head::Fetch => (ALWAYS, FETCH),
            Head::Say => (ALWAYS, SAY),
            Head::Script => (ALWAYS, SCRIPT),
            Head::Frame => (ALWAYS, FRAME),
            Head::Events => (ALWAYS, EVENTS),
            Head::Socket => ("", SOCKET),
        };
        let lines = [USER_AGENT, LANGUAGES, always, own].into_iter().flat_map(str::lines);
        lines.map(|line| line.replace("PAGE", &format!("http://{page}")) + "\r\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Head;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// The header lines of the request in a recording that starts like this.
    fn recorded(demo: &str, start: &str) -> BTreeSet<String> {
        let path = format!("{}/../../../book/src/wire/{demo}.json", env!("CARGO_MANIFEST_DIR"));
        let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let rows = recording["rows"].as_array().unwrap().iter().map(|row| {
            let hex = row["hex"].as_str().unwrap().as_bytes();
            let bytes = hex.chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap());
            String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).to_string()
        });
        let head = rows.into_iter().find(|text| text.starts_with(start)).unwrap();
        let differ = ["Host", "Content-Length", "Idempotency-Key"];
        let lines = head.trim_end().split("\r\n").skip(1);
        lines.filter(|line| !differ.contains(&line.split(':').next().unwrap())).map(str::to_string).collect()
    }

    #[test]
    fn the_lines_are_those_that_were_recorded() {
        for (head, demo, start, page) in [
            (Head::Fetch, "polling", "GET /messages", "127.0.0.1:8001"),
            (Head::Say, "polling", "POST /say", "127.0.0.1:8001"),
            (Head::Script, "jsonp", "GET /messages", "127.0.0.1:8002"),
            (Head::Fetch, "longpoll", "GET /wait", "127.0.0.1:8003"),
            (Head::Frame, "iframe", "GET /frame", "127.0.0.1:8004"),
            (Head::Fetch, "multipart", "GET /parts", "127.0.0.1:8005"),
            (Head::Fetch, "stream", "GET /stream", "127.0.0.1:8006"),
            (Head::Events, "sse", "GET /events", "127.0.0.1:8008"),
            (Head::Socket, "frames", "GET /?", "127.0.0.1:8011"),
        ] {
            let lines: BTreeSet<String> = head.lines(page).lines().map(str::to_string).collect();
            assert_eq!(lines, recorded(demo, start), "{head:?} of {demo}");
        }
    }
}
