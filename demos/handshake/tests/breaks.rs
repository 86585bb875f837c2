//! "How it breaks", walked as the chapter on the opening handshake tells it.

use tests::browser::Browser;
use tests::page::{meanwhile, press};
use tests::{in_both_browsers, start};

in_both_browsers! {
    dripping_it_opens_and_cut_it_stays_connecting
}

/// Walks "Drip." in handshake.md.
/// Walks "Cut." in handshake.md.
fn dripping_it_opens_and_cut_it_stays_connecting(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "open");
    // A browser's head has more than 500 bytes: byte by byte, every 20 ms, it takes longer than the server's ten seconds.
    press(&tab, "Drip", "drip");
    tab.click("#open");
    tab.until_words("#doing", "asking for an upgrade");
    tab.until_words("#doing", "closed, 1006");
    demo.bench().cable("drip 5");
    tab.click("#open");
    tab.until_words("#doing", "asking for an upgrade");
    tab.until_words("#doing", "open: this connection does not speak HTTP");
    press(&tab, "Repair", "whole");
    press(&tab, "Cut", "cut");
    tab.click("#open");
    tab.until_words("#doing", "asking for an upgrade");
    meanwhile(&tab, 2_000);
    tab.until_words("#doing", "asking for an upgrade");
    press(&tab, "Repair", "whole");
    tab.until_words("#doing", "open: this connection does not speak HTTP");
}
