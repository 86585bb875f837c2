//! No answer of a demo may be kept: a browser that waits for the answer to one `GET` before it sends an equal one would make a
//! second tab wait for the first (the chapter on long polling tells how long).

use tests::{Wire, needs_our_server, start, workspace};

/// What a page asks for by `GET`, besides itself: the demo, the server beside it, and the path.
const ASKED: &[(&str, &str, &str)] = &[
    ("polling", "", "/messages?after=0"),
    ("jsonp", "data", "/messages?after=0&callback=hear"),
    ("jsonp", "data", "/messages?after=0"),
    ("longpoll", "", "/wait?after=0&hold=0.1"),
    ("longpoll", "", "/wait?after=0&hold=1&beat=0.1"),
    ("iframe", "", "/frame?after=0"),
    ("multipart", "", "/parts?after=0"),
    ("multipart", "", "/clock"),
    ("stream", "", "/stream?after=0"),
    ("sse", "", "/events?after=0"),
    ("tcp", "", "/events?after=0"),
];

#[test]
fn no_answer_may_be_kept() {
    needs_our_server!("all of our demos");
    let asks = |demo: &str, host: &str, path: &str| {
        let mut wire = Wire::connect(host);
        wire.get(path);
        let head = wire.head();
        assert_eq!(head.status, 200, "{demo}: GET {path}");
        let kept = head.field("Cache-Control").is_none_or(|cache| !cache.contains("no-store"));
        assert!(!kept, "{demo}: GET {path} is answered without no-store: {head:?}");
    };
    for demo in demo::index::all(workspace()) {
        let server = start(&demo.name);
        if server.url().starts_with("https:") {
            continue; // this client speaks no TLS
        }
        asks(&demo.name, server.host(), "/");
        for (_, beside, path) in ASKED.iter().filter(|(name, _, _)| *name == demo.name) {
            let host = if beside.is_empty() { server.host().to_string() } else { server.beside(beside) };
            asks(&demo.name, &host, path);
        }
    }
}
