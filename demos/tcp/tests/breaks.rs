//! "How it breaks", walked as the chapter on TCP tells it.

use tests::browser::Browser;
use tests::page::{meanwhile, press, set};
use tests::{in_both_browsers, start};

in_both_browsers! {
    dripping_makes_a_message_of_nearly_every_byte_without_framing
    cut_and_reset_in_a_connections_life
}

/// Walks "Drip." in tcp.md.
fn dripping_makes_a_message_of_nearly_every_byte_without_framing(browser: &Browser) {
    let demo = start("tcp");
    let tab = browser.visit(&demo);
    tab.click("#tab-writes");
    press(&tab, "Drip", "drip");
    tab.click("#write");
    tab.until("Number(document.querySelector('#read-count').textContent) > 20");
    tab.until_words("#verdict", "wrong");
    for framing in ["lines", "lengths"] {
        set(&tab, "#framing", framing);
        let written = tab.now();
        tab.click("#write");
        tab.until_said(written, "all 8 messages right");
    }
}

/// Walks "Cut." in tcp.md.
/// Walks "Reset." in tcp.md.
fn cut_and_reset_in_a_connections_life(browser: &Browser) {
    if !cfg!(target_os = "linux") {
        return tests::skipped("only Linux tells of both ends of a connection in /proc");
    }
    let demo = start("tcp");
    let tab = browser.visit(&demo);
    tab.click("#tab-life");
    tab.click("[data-do=open]");
    tab.until_words("#now", "Server: ESTABLISHED");
    press(&tab, "Cut", "cut");
    tab.click("[data-do=client-says]");
    meanwhile(&tab, 2_000);
    let now = tab.texts("#now")[0].clone();
    assert!(
        now.contains("Client: ESTABLISHED") && now.contains("Server: ESTABLISHED"),
        "they stay so: {now}"
    );
    press(&tab, "Reset", "cut");
    tab.until("!document.querySelector('#now').textContent.includes('ESTABLISHED')");
}
