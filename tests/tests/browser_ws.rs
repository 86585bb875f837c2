//! The pages of `handshake`, `frames` and `heartbeat` in real browsers.

use serde_json::json;
use tests::browser::{Browser, Tab};
use tests::{Server, in_both_browsers, start};

in_both_browsers! {
    handshake_walks_from_the_tabs_own_key_to_the_answer
    handshake_shows_what_is_sent_as_mere_bytes
    handshake_sends_every_wrong_head_and_shows_the_refusal
    what_is_said_in_one_tab_is_heard_in_the_other_as_it_was_typed
    over_resets_everything_is_heard_once_and_in_order
    frames_composes_right_and_wrong_frames_and_shows_the_answer
    frames_shows_the_browsers_own_websocket_live
    heartbeat_without_one_a_cut_cable_is_noticed_by_nobody
    heartbeat_with_one_both_sides_find_out_and_nothing_is_lost
}

fn say(tab: &Tab, text: &str) {
    tab.paste("#text", text);
    tab.click("#say button");
}

fn hears(tab: &Tab, text: &str) {
    let text = json!(text);
    tab.until(&format!("[...document.querySelectorAll('#messages li .text')].at(-1)?.textContent === {text}"));
}

fn messages(tab: &Tab) -> Vec<String> {
    tab.texts("#messages li .text")
}

/// Chooses from a list, as a person does.
fn choose(tab: &Tab, selector: &str, value: &str) {
    tab.run(
        "const list = document.querySelector(arguments[0]); list.value = arguments[1]; \
         list.dispatchEvent(new Event('input', { bubbles: true })); list.dispatchEvent(new Event('change', { bubbles: true }));",
        &[json!(selector), json!(value)],
    );
}

fn open_details(tab: &Tab, id: &str) {
    tab.run("document.getElementById(arguments[0]).open = true;", &[json!(id)]);
}

/// The value of each choice of a list.
fn choices(tab: &Tab, selector: &str) -> Vec<String> {
    tab.texts(&format!("{selector} option"))
}

// ---- handshake ----

fn handshake_walks_from_the_tabs_own_key_to_the_answer(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    tab.until_text("#same", "the same");
    assert_eq!(tab.texts("#accept"), tab.texts("#ours"));
    assert!(tab.texts("#joined")[0].ends_with("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    assert!(tab.texts("#request")[0].contains(&tab.texts("#key")[0]));
    tab.until_text("#protocol", "room.v1");
    tab.paste("#protocols", "nothing.known");
    tab.click("#open");
    // What comes of it differs: a browser whose offer is not taken may fail the connection (RFC 6455, 4.1) or accept it.
    tab.until("['none', 'room.v1'].includes(document.querySelector('#protocol').textContent)");
}

fn handshake_shows_what_is_sent_as_mere_bytes(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "open");
    say(&tab, "Hello");
    // FIN and text, masked, 5 bytes; the key is the browser's choice.
    tab.until("/^81 85( [0-9a-f]{2}){9}$/.test(document.querySelector('#messages li .text')?.textContent)");
    tab.click("#close");
    tab.until_words("#doing", "clos");
}

fn handshake_sends_every_wrong_head_and_shows_the_refusal(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    let mut seen = Vec::new();
    for fault in choices(&tab, "#fault") {
        choose(&tab, "#fault", &fault);
        tab.run("document.querySelector('#tried').textContent = '';", &[]);
        tab.click("#try");
        tab.until("/^\\d{3}: the server (agreed|refused)/.test(document.querySelector('#tried').textContent)");
        let status = tab.texts("#tried")[0][..3].to_string();
        assert!(tab.texts("#answer")[0].starts_with(&format!("HTTP/1.1 {status} ")), "{fault}");
        seen.push(status);
    }
    for status in ["101", "400", "403", "404", "405", "421", "426", "431"] {
        assert!(seen.iter().any(|one| one == status), "no fault gets {status}: {seen:?}");
    }
}

// ---- The room over a WebSocket ----

fn what_is_said_in_one_tab_is_heard_in_the_other_as_it_was_typed(browser: &Browser) {
    for name in ["frames", "heartbeat"] {
        let demo = start(name);
        let (one, other) = (browser.visit(&demo), browser.visit(&demo));
        one.until_words("#doing", "1 OPEN");
        say(&one, "<b>hello</b> \u{1f980}");
        hears(&other, "<b>hello</b> \u{1f980}");
        hears(&one, "<b>hello</b> \u{1f980}");
        say(&one, " ");
        one.until_words("#say .status", "empty");
        one.until_text("#unsaid", "0");
    }
}

fn over_resets_everything_is_heard_once_and_in_order(browser: &Browser) {
    for name in ["frames", "heartbeat"] {
        let demo = start(name);
        let (one, other) = (browser.visit(&demo), browser.visit(&demo));
        one.until_words("#doing", "1 OPEN");
        let texts: Vec<String> = (0..12).map(|n| format!("message {n}")).collect();
        for (n, text) in texts.iter().enumerate() {
            if n % 4 == 2 {
                demo.bench().cable("reset");
            }
            say(&one, text);
        }
        hears(&one, "message 11");
        hears(&other, "message 11");
        assert_eq!(messages(&one), texts);
        assert_eq!(messages(&other), texts);
    }
}

// ---- frames ----

fn frames_composes_right_and_wrong_frames_and_shows_the_answer(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    open_details(&tab, "composer");
    assert_eq!(tab.texts("#bytes"), ["81 85 37 fa 21 3d 7f 9f 4d 51 58"], "the example of RFC 6455, 5.7");
    assert_eq!(tab.texts("#bits"), ["10000001 10000101"]);
    for example in choices(&tab, "#example") {
        choose(&tab, "#example", &example);
        tab.run("document.querySelector('#composed').textContent = '';", &[]);
        tab.click("#send");
        tab.until("/^The (server|connection)/.test(document.querySelector('#composed').textContent)");
        let wrong = example.starts_with("wrong");
        let closed = tab.texts("#composed")[0].contains("closed the connection");
        assert_eq!(closed, wrong || example.starts_with("a close"), "{example}: {:?}", tab.texts("#composed"));
        if wrong {
            let code = tab.texts("#answer li").last().cloned().unwrap_or_default();
            assert!(
                ["close 1002", "close 1007", "close 1009"].iter().any(|one| code.starts_with(one)),
                "{example}: {code}"
            );
        }
    }
    // By hand: the same frame with RSV1 set.
    choose(&tab, "#example", &choices(&tab, "#example")[0]);
    tab.click("#frame [name=rsv1]");
    tab.until_text("#bits", "11000001 10000101");
    tab.click("#send");
    tab.until_words("#answer", "close 1002");
    // A frame in the row, another in the form: two fragments.
    tab.click("#frame [name=rsv1]");
    tab.click("#frame [name=fin]");
    tab.click("#add");
    choose(&tab, "#frame [name=opcode]", "0");
    tab.click("#frame [name=fin]");
    tab.click("#send");
    tab.until_words("#answer", "text, 10 bytes: \u{201c}HelloHello\u{201d}");
    tab.click("#clear");
    tab.until("document.querySelectorAll('#row li').length === 0");
    choose(&tab, "#frame [name=kind]", "hex");
    tab.until_words("#frame-fault", "Hexadecimal");
}

fn frames_shows_the_browsers_own_websocket_live(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    open_details(&tab, "api");
    tab.click("#api-open");
    tab.until_text("#api-ready", "1 OPEN");
    tab.until_text("#api-protocol", "\"echo\"");
    tab.click("#api-send-text");
    tab.until_words("#api-log", "message: a string, 5 characters: Hello");
    tab.click("#api-send-blob");
    tab.until_words("#api-log", "message: a Blob, 5 bytes");
    choose(&tab, "#api-type", "arraybuffer");
    tab.click("#api-send-buffer");
    tab.until_words("#api-log", "message: an ArrayBuffer, 5 bytes");
    tab.click("#api-send-many");
    tab.until_words("#api-log", "message: an ArrayBuffer, 1048576 bytes");
    tab.until_text("#api-buffered", "0");
    tab.run("document.querySelector('#api-code').value = '999';", &[]);
    tab.click("#api-close");
    tab.until_words("#api-log", "close throws InvalidAccessError");
    tab.run("document.querySelector('#api-code').value = '4001';", &[]);
    tab.click("#api-close");
    tab.until_words("#api-log", "close: code 4001");
    tab.until_text("#api-ready", "3 CLOSED");
}

// ---- heartbeat ----

/// Cuts the cable of the first tab's WebSocket. (A browser opens connections in advance, too: their numbers tell nothing.)
fn cut_the_first(demo: &Server) {
    let upgrade = demo.bench().feed().row(|row| row.text("mean").ends_with("asks for websocket"));
    demo.bench().cable_of(upgrade.number("conn"), "cut");
}

fn heartbeat_without_one_a_cut_cable_is_noticed_by_nobody(browser: &Browser) {
    let demo = start("heartbeat");
    let one = browser.visit(&demo);
    one.until("document.querySelectorAll('#peers tbody tr').length === 1");
    let other = browser.visit(&demo);
    other.until("document.querySelectorAll('#peers tbody tr').length === 2");
    cut_the_first(&demo);
    say(&other, "can you hear me?");
    hears(&other, "can you hear me?");
    one.until_words("#says", "No heartbeat: nothing was heard for");
    assert_eq!(one.texts("#doing"), ["1 OPEN"]);
    assert!(messages(&one).is_empty());
    assert!(other.texts("#peers tbody tr").iter().all(|row| row.contains("not asked")));
}

fn heartbeat_with_one_both_sides_find_out_and_nothing_is_lost(browser: &Browser) {
    let demo = start("heartbeat");
    let one = browser.visit(&demo);
    one.until("document.querySelectorAll('#peers tbody tr').length === 1");
    choose(&one, "#every", "0.5");
    choose(&one, "#patience", "2");
    one.click("#on");
    let other = browser.visit(&demo);
    other.until("/there/.test(document.querySelector('#peers tbody').textContent)");
    one.until("/ms/.test(document.querySelector('#round-trip').textContent)");
    say(&other, "before");
    hears(&one, "before");
    cut_the_first(&demo);
    say(&other, "meanwhile");
    other.until("/given up after 2\\.|its tab came back/.test(document.querySelector('#peers tbody').textContent)");
    hears(&one, "meanwhile");
    one.until_words("#doing", "1 OPEN");
    assert_eq!(messages(&one), ["before", "meanwhile"]);
    assert_ne!(one.texts("#reconnects"), ["0"]);
    one.click("#on");
    one.until_words("#says", "No heartbeat");
    other.until("/not asked.*not asked/s.test(document.querySelector('#peers tbody').textContent)");
}
