//! "How it breaks", walked as the chapter on the chat tells it.

use tests::browser::Browser;
use tests::page::{hears, press, say, set};
use tests::{in_both_browsers, start};

in_both_browsers! {
    a_private_message_on_a_broken_connection_is_not_repeated
}

/// Walks "A private message into a cut cable." in chat.md.
fn a_private_message_on_a_broken_connection_is_not_repeated(browser: &Browser) {
    let demo = start("chat");
    let (ann, bob) = (browser.visit(&demo), browser.visit(&demo));
    for (tab, name) in [(&ann, "ann"), (&bob, "bob")] {
        tab.until_words("#doing", "1 OPEN");
        set(tab, "#name", name);
        tab.click("#place button");
        tab.until_words("#doing", &format!("you are {name} in"));
    }
    ann.until("[...document.querySelector('#to').options].some((one) => one.value === 'bob')");
    set(&ann, "#to", "bob");
    press(&ann, "Cut", "cut");
    say(&ann, "psst");
    ann.until(tests::page::STUCK);
    press(&ann, "Reset", "cut");
    press(&ann, "Repair", "whole");
    ann.until_said(0.0, "your private message has arrived, or it has not");
    ann.until_words("#doing", "1 OPEN");
    set(&ann, "#to", "");
    say(&ann, "aloud");
    hears(&bob, "aloud");
    assert!(tests::page::messages(&bob).iter().all(|text| text != "psst"));
}
