//! What the page of the opening handshake promises, in real browsers.

use tests::browser::Browser;
use tests::page::{choices, say, set};
use tests::{in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    nothing_moves_under_the_pointer_when_a_socket_opens_or_closes
    the_page_walks_from_the_tabs_own_key_to_the_answer
    what_is_sent_is_shown_as_mere_bytes
    every_wrong_head_is_sent_and_its_refusal_shown
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::these_are_kept(
        browser,
        "handshake",
        &[promises::no_serious_fault_of_accessibility_is_found],
    );
}

/// The promises of a room's page are not for this one: what is said arrives as bytes.
fn nothing_moves_under_the_pointer_when_a_socket_opens_or_closes(browser: &Browser) {
    let demo = start("handshake");
    demo.bench().cable("delay 300"); // time to look before the first socket is open
    for size in [promises::wide, promises::narrow] {
        let tab = browser.visit(&demo);
        size(&tab);
        tab.run("document.querySelector('#text').focus()", &[]); // which may scroll the page
        promises::watch_the_button(&tab);
        tab.until_text("#same", "the same");
        demo.bench().cable("repair");
        demo.bench().cable("reset");
        tab.until_words("#doing", "closed, 1006");
        tab.run("document.querySelector('#say').requestSubmit()", &[]);
        tab.until_words("#say .status", "Open a socket first.");
        promises::the_button_stayed("handshake", &tab);
        demo.bench().cable("delay 300");
    }
}

fn the_page_walks_from_the_tabs_own_key_to_the_answer(browser: &Browser) {
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

fn what_is_sent_is_shown_as_mere_bytes(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "open");
    say(&tab, "Hello");
    // FIN and text, masked, 5 bytes; the key is the browser's choice.
    tab.until("/^81 85( [0-9a-f]{2}){9}$/.test(document.querySelector('#messages li .text')?.textContent)");
    tab.click("#close");
    tab.until_words("#doing", "clos");
}

/// Walks "Refused." in handshake.md.
/// Walks "A foreign page." in handshake.md.
fn every_wrong_head_is_sent_and_its_refusal_shown(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    let mut seen = Vec::new();
    for fault in choices(&tab, "#fault") {
        set(&tab, "#fault", &fault);
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
