//! "How it breaks", walked as the chapter on multipart streaming tells it.

use tests::browser::{Browser, Kind};
use tests::page::{hears, listen_for_faults, meanwhile, messages, press, say, until_fault};
use tests::{in_both_browsers, start};

in_both_browsers! {
    cut_the_picture_stops_and_the_page_asks_again
    held_the_page_hears_nothing_until_16_kib_have_come_together
}

/// Walks "Cut." in multipart.md.
fn cut_the_picture_stops_and_the_page_asks_again(browser: &Browser) {
    let demo = start("multipart");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "reading");
    tab.click("#clock");
    tab.until("document.querySelector('#picture img')?.naturalWidth === 256");
    let tells_of_each = browser.kind() == Kind::Firefox;
    if tells_of_each {
        tab.until("Number(document.querySelector('#loads').textContent) >= 3");
    }
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    until_fault(&tab, "12 s of silence");
    if tells_of_each {
        tab.until("document.querySelector('#picture img')?.naturalWidth !== 256"); // another one was asked for
    } else {
        let stands = "document.querySelector('#picture img').naturalWidth";
        assert_eq!(tab.value(stands), 256, "the picture stands still without a word");
    }
    press(&tab, "Repair", "whole");
    say(&tab, "after");
    hears(&tab, "after");
}

/// Walks "Hold." in multipart.md.
fn held_the_page_hears_nothing_until_16_kib_have_come_together(browser: &Browser) {
    let demo = start("multipart");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "reading");
    press(&tab, "Hold", "hold");
    demo.say("first");
    meanwhile(&tab, 1_000);
    assert_eq!(messages(&tab).len(), 0, "one message stays with the proxy");
    for _ in 0..18 {
        demo.say(&"x".repeat(1_000));
    }
    tab.until("document.querySelector('#messages li .text')?.textContent === 'first'");
}
