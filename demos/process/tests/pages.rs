//! What the page of the demo on processes promises, in real browsers.

use tests::browser::{Browser, key};
use tests::page::{hears, messages, number, say};
use tests::{in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    each_page_has_a_program_of_its_own_and_is_told_how_it_ended
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::these_are_kept(
        browser,
        "process",
        &[promises::no_serious_fault_of_accessibility_is_found],
    );
}

fn each_page_has_a_program_of_its_own_and_is_told_how_it_ended(browser: &Browser) {
    let demo = start("process");
    let (one, other) = (browser.visit(&demo), browser.visit(&demo));
    for tab in [&one, &other] {
        tab.until_text("#doing", "a program runs for this page alone");
        tab.until("document.querySelectorAll('#messages li').length === 2");
    }
    let opened = one.now();
    say(&one, "<b>only</b> here");
    hears(&one, "<B>ONLY</B> HERE");
    assert_eq!(messages(&other).len(), 2, "the other page has another program");
    assert_eq!((number(&one, "sent"), number(&one, "received")), (1, 3));
    one.click("#text");
    one.type_keys(&key::UP.to_string());
    assert_eq!(
        one.value("document.querySelector('#text').value"),
        "<b>only</b> here",
        "earlier lines come back"
    );

    let width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    one.resize(500, 900);
    one.until("innerWidth <= 520");
    assert_eq!(one.value(width), 0, "the page should not scroll sideways on a narrow screen");
    one.resize(1280, 900);

    say(&one, "exit 3");
    one.until_said(opened, "over: 4003 ");
    assert_eq!(one.texts("#code"), ["4003"]);
    say(&one, "too late");
    one.until_words("#say .status", "press Connect");
    one.click("#connect");
    one.until_text("#doing", "a program runs for this page alone");
    one.click("#disconnect");
    one.until_said(opened, "over: 1000");
    say(&other, "still here");
    hears(&other, "STILL HERE");
}
