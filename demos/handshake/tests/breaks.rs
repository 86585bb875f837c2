//! "How it breaks", walked as the chapter on the opening handshake tells it.

use tests::browser::{Browser, Kind};
use tests::page::{meanwhile, press, set};
use tests::{in_both_browsers, start};

in_both_browsers! {
    dripping_it_opens_and_cut_it_stays_connecting
    with_no_subprotocol_in_common_chromium_closes_and_firefox_opens
}

/// Walks "Drip." in handshake.md.
/// Walks "Cut." in handshake.md.
fn dripping_it_opens_and_cut_it_stays_connecting(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "open");
    // A browser's head has more than 500 bytes: byte by byte, every 20 ms, it takes longer than the server's ten seconds.
    press(&tab, "Drip", "drip");
    let open = || {
        let asked = tab.now();
        tab.click("#open");
        tab.until_said(asked, "asking for an upgrade");
        asked
    };
    tab.until_said(open(), "closed, 1006");
    demo.bench().cable("drip 2"); // far from ten seconds, however slow the machine
    tab.until_said(open(), "open: this connection does not speak HTTP");
    press(&tab, "Repair", "whole");
    press(&tab, "Cut", "cut");
    let asked = open();
    meanwhile(&tab, 2_000);
    assert_eq!(tab.texts("#doing"), ["asking for an upgrade"], "it waits");
    press(&tab, "Repair", "whole");
    tab.until_said(asked, "open: this connection does not speak HTTP");
}

/// Walks "No subprotocol in common." in handshake.md.
fn with_no_subprotocol_in_common_chromium_closes_and_firefox_opens(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "open");
    set(&tab, "#protocols", "nothing.known");
    let asked = tab.now();
    tab.click("#open");
    if browser.kind() == Kind::Firefox {
        tab.until_said(asked, "open: this connection does not speak HTTP");
        return tab.until_text("#protocol", "none");
    }
    tab.until_said(asked, "closed, 1006");
    // The server has agreed, all the same.
    let agreed = |row: &tests::Row| {
        row.text("dir") == "down"
            && row.text("mean").starts_with("101")
            && !String::from_utf8_lossy(&row.bytes()).contains("Sec-WebSocket-Protocol")
    };
    demo.bench().feed().row(agreed);
}
