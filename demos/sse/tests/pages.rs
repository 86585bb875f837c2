//! What the page of Server-Sent Events promises, in real browsers.

use tests::browser::Browser;
use tests::page::{hears, messages, say};
use tests::{in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    of_seven_streams_the_seventh_waits
    the_stream_stops_with_204_and_listens_again
    a_message_of_several_lines_and_the_ids_it_resumes_from_are_shown
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "sse");
}

/// Walks "The seventh tab." in sse.md.
fn of_seven_streams_the_seventh_waits(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    tab.click("#seven");
    // Six connections for each host: that many open, and no more.
    tab.until("document.querySelectorAll('#tabs .streams li.open').length === 6");
    assert_eq!(tab.value("document.querySelectorAll('#tabs .streams li.waiting').length"), 1);
    tab.until_text("#listeners", "6");
    tab.click("#seven");
    say(&tab, "there is room again");
    hears(&tab, "there is room again");
}

fn the_stream_stops_with_204_and_listens_again(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.run(
        "const retry = document.querySelector('#retry'); retry.value = 500; \
         retry.dispatchEvent(new Event('change', { bubbles: true }));",
        &[],
    );
    tab.until_words("#doing", "1 OPEN");
    tab.click("#stop");
    tab.until_words("#doing", "204");
    assert!(tab.texts("#doing")[0].contains("2 CLOSED"), "readyState says that it is over");
    demo.say("not heard");
    assert_eq!(messages(&tab).len(), 0, "nobody listens");
    tab.click("#stop");
    hears(&tab, "not heard"); // nothing is lost: the cursor is where it was
}

/// Walks "Reset." in sse.md.
fn a_message_of_several_lines_and_the_ids_it_resumes_from_are_shown(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    demo.say("one\ntwo\n\nfour");
    hears(&tab, "one\ntwo\n\nfour");
    tab.until_words("#last", "-1");
    tab.run(
        "const retry = document.querySelector('#retry'); retry.value = 500; \
         retry.dispatchEvent(new Event('change', { bubbles: true }));",
        &[],
    );
    tab.until_words("#doing", "1 OPEN");
    demo.say("five");
    hears(&tab, "five");
    demo.bench().cable("reset");
    demo.say("six");
    hears(&tab, "six");
    tab.until("Number(document.querySelector('#reconnects').textContent) >= 1");
    // The browser asked for what follows message 2, by itself.
    let mut feed = demo.bench().feed();
    feed.row(|row| {
        let head = String::from_utf8_lossy(&row.bytes()).to_ascii_lowercase();
        let id = head.split("last-event-id: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        id.is_some_and(|id| id.len() == 10 && id.ends_with("-2"))
    });
}
