//! What the page of short polling promises, in real browsers.

use tests::browser::Browser;
use tests::page::{hears, say};
use tests::{in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    empty_answers_are_counted_and_a_slow_one_is_overtaken
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "polling");
}

fn empty_answers_are_counted_and_a_slow_one_is_overtaken(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    tab.until("Number(document.querySelector('#empty').textContent) >= 2");
    tab.run(
        "const interval = document.querySelector('#interval'); interval.value = 200; \
         interval.dispatchEvent(new Event('input', { bubbles: true })); document.querySelector('#slow').click();",
        &[],
    );
    // By the clock, questions overtake each other; in a chain they can't.
    tab.until("Number(document.querySelector('#overtaken').textContent) >= 1");
    tab.click("input[value=chain]");
    say(&tab, "heard in a chain, too");
    hears(&tab, "heard in a chain, too");
}
