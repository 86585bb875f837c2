//! "How it breaks", walked as the chapter on Server-Sent Events tells it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use tests::browser::{Browser, Kind};
use tests::page::{STUCK, faults, hears, listen_for_faults, meanwhile, messages, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    cut_the_stream_stays_open_for_ever
    held_the_message_stays_in_the_proxy
    dripping_the_event_comes_whole
    any_answer_but_200_with_an_event_stream_is_the_end
}

/// Walks "Cut." in sse.md.
fn cut_the_stream_stays_open_for_ever(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    meanwhile(&tab, 5_000);
    assert!(tab.texts("#doing")[0].contains("1 OPEN"), "{:?}", tab.texts("#doing"));
    assert_eq!(faults(&tab), "");
}

/// Walks "Hold." in sse.md.
fn held_the_message_stays_in_the_proxy(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    press(&tab, "Hold", "hold");
    demo.say("held back");
    tab.until(STUCK); // it has left the server
    meanwhile(&tab, 1_000);
    assert_eq!(messages(&tab).len(), 0, "and does not arrive");
    press(&tab, "Repair", "whole");
    hears(&tab, "held back");
}

/// Walks "Drip." in sse.md.
fn dripping_the_event_comes_whole(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("drip 4");
    say(&tab, "whole");
    hears(&tab, "whole");
}

/// Walks "One `502`." in sse.md. The table of answers in that chapter is this test's list.
fn any_answer_but_200_with_an_event_stream_is_the_end(browser: &Browser) {
    let tab = browser.open(&answers());
    let state = |path: &str, wanted: u8| {
        tab.run(
            "(window.streams ??= {})[arguments[0]] = Object.assign(new EventSource(arguments[0]), \
             { seen: '', onopen() { this.seen += 'open ' }, onerror() { this.seen += 'error ' } }); \
             const seen = () => (document.body.dataset.now = performance.now()); \
             for (const name of ['open', 'error']) streams[arguments[0]].addEventListener(name, seen);",
            &[json!(path)],
        );
        tab.until(&format!("streams['{path}'].readyState === {wanted}"));
        path.to_string()
    };
    let close = |path: String| tab.run("streams[arguments[0]].close()", &[json!(path)]);
    for path in
        ["/status/204", "/status/404", "/status/429", "/status/500", "/status/502", "/plain"]
    {
        state(path, 2);
    }
    for redirect in ["/status/301", "/status/307"] {
        close(state(redirect, 1)); // it is followed
    }
    // An answer that ends: the browser asks again. Then a proxy says 502, once.
    state("/deployed", 2);
    assert_eq!(tab.value("streams['/deployed'].seen"), "open error error ");
    // A name that can't be looked up: Firefox gives up, Chromium goes on.
    let unknown = "http://nothing.invalid/";
    if browser.kind() == Kind::Firefox {
        state(unknown, 2);
    } else {
        let path = state(unknown, 0);
        tab.until(&format!("streams['{path}'].seen === 'error '"));
        assert_eq!(tab.value(&format!("streams['{path}'].readyState")), 0, "it goes on");
        close(path);
    }
}

/// A server of answers that an EventSource may get. Returns the address of its page.
fn answers() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let asked = Arc::new(Mutex::new(HashMap::<String, u32>::new()));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let asked = asked.clone();
            thread::spawn(move || answer(&mut stream, &asked));
        }
    });
    format!("http://{address}/")
}

/// Answers one request, and closes.
fn answer(stream: &mut TcpStream, asked: &Mutex<HashMap<String, u32>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or("/").to_string();
    let times = {
        let mut asked = asked.lock().expect("no test has failed in it");
        let times = asked.entry(path.clone()).or_insert(0);
        *times += 1;
        *times
    };
    let with = |status: &str, kind: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nLocation: /open\r\nConnection: close\r\n\r\n{body}"
        )
    };
    let events = "retry: 500\n\ndata: hello\n\n";
    let answer = match (path.as_str(), path.strip_prefix("/status/")) {
        ("/", _) => with("200", "text/html", "<!doctype html><title>answers</title>"),
        ("/plain", _) => with("200", "text/plain", events),
        ("/deployed", _) if times > 1 => with("502", "text/html", "Bad Gateway"),
        ("/open" | "/deployed", _) => with("200", "text/event-stream", events),
        (_, Some(status)) => with(status, "text/event-stream", ""),
        _ => with("404", "text/plain", ""),
    };
    stream.write_all(answer.as_bytes())?;
    if path == "/open" {
        stream.read_exact(&mut [0])?; // the stream stays open until the page has closed it
    }
    Ok(())
}
