//! "How it breaks", walked as the chapter on TLS and wss tells it.

use tests::browser::Browser;
use tests::page::{hears, messages, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    a_flipped_bit_ends_wss_and_passes_ws_unnoticed
}

/// Walks "One flipped bit." in wss.md.
fn a_flipped_bit_ends_wss_and_passes_ws_unnoticed(browser: &Browser) {
    let demo = start("wss");
    let tab = browser.visit(&demo);
    tab.until_said(0.0, "1 OPEN over wss:");
    press(&tab, "Garble", "garble");
    let since = tab.now();
    say(&tab, "hello");
    tab.until_said(since, "3 CLOSED with 1006");
    press(&tab, "Repair", "whole");
    hears(&tab, "hello");
    assert_eq!(messages(&tab), ["hello"], "said again over a sound connection, and once");
    let since = tab.now();
    tab.run("document.querySelector('[value=\"ws:\"]').click()", &[]);
    tab.until_said(since, "1 OPEN over ws:");
    press(&tab, "Garble", "garble");
    say(&tab, "hello again");
    demo.bench().feed().row(|row| row.text("mean").contains("hello agaio"));
    press(&tab, "Repair", "whole");
    let again = browser.visit(&demo);
    hears(&again, "hello agaio");
}
