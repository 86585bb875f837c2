//! What the page of deflate promises, in real browsers.

use tests::browser::Browser;
use tests::page::{hears, open_details, say, set};
use tests::promises::{self, Promise};
use tests::{in_both_browsers, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    every_message_is_shown_with_its_bytes_before_and_after
    a_secret_is_guessed_by_a_button_and_not_when_it_is_masked
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    let promises: &[Promise] = &[
        promises::what_is_said_in_one_tab_is_heard_in_the_other,
        promises::markup_and_emoji_arrive_as_they_were_typed,
        promises::over_resets_everything_is_heard_once_and_in_order,
        promises::the_other_tab_leaves,
        promises::no_serious_fault_of_accessibility_is_found,
        promises::an_empty_and_an_over_long_message_are_told_in_words,
        promises::the_page_fits_a_narrow_screen,
    ];
    promises::these_are_kept(browser, "deflate", promises);
}

/// The row of the table with these words, newest first: before, payload and frame.
fn costs(words: &str) -> String {
    format!(
        "[...document.querySelectorAll('#costs tbody tr.down')].filter((row) => row.textContent.includes('{words}')) \
         .map((row) => [1, 2, 3].map((at) => Number(row.cells[at].textContent)))"
    )
}

fn every_message_is_shown_with_its_bytes_before_and_after(browser: &Browser) {
    let demo = start("deflate");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN, compressed");
    let sentence = "the same words twice";
    say(&tab, sentence);
    hears(&tab, sentence);
    tab.until(&format!("{}.length === 1", costs(sentence)));
    tab.run("document.querySelector('#messages').replaceChildren()", &[]);
    say(&tab, sentence);
    hears(&tab, sentence);
    tab.until(&format!("{}.length === 2", costs(sentence)));
    let rows = tab.value(&costs(sentence));
    let [second, first] = [0, 1].map(|at| [0, 1, 2].map(|cell| rows[at][cell].as_u64().unwrap()));
    assert!(first[1] < first[0], "compressed: {rows}");
    assert!(second[1] + 10 < first[1], "by the window of the first: {rows}");
    assert_eq!(second[2], second[1] + 2, "a frame's head is two bytes: {rows}");
    // Without compression the same page gets the bytes as they are.
    tab.click("#compress");
    tab.until_words("#doing", "1 OPEN, not compressed");
    tab.run("document.querySelector('#messages').replaceChildren()", &[]);
    say(&tab, "as it is");
    hears(&tab, "as it is");
    tab.until(&format!("{}.length === 1", costs("as it is")));
    let rows = tab.value(&costs("as it is"));
    assert_eq!(rows[0][0], rows[0][1], "{rows}");
    tab.until_words("#agreed", "no extension");
    tab.until_words("#memory", "0 KiB");
    tab.click("#compress");
    tab.click("#takeover");
    set(&tab, "#bits", "9");
    let answer = "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9";
    tab.until_words("#agreed", answer);
    tab.until_words("#memory", "0 KiB");
    tab.click("#takeover");
    tab.until_words("#memory", "282 KiB");
}

fn a_secret_is_guessed_by_a_button_and_not_when_it_is_masked(browser: &Browser) {
    let demo = start("deflate");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    open_details(&tab, "guess");
    tab.click("#attack");
    let words = tab.until_words("#guessed", "Found");
    let token = words.split(' ').nth(1).unwrap().trim_end_matches(',').to_string();
    assert_eq!(token.len(), 12, "{words}");
    assert!(words.ends_with(&format!("the token is {token}.")), "{words}");
    assert_eq!(tab.texts("#digits li").len(), 12);
    set(&tab, "#defence", "off");
    tab.click("#attack");
    tab.until_words("#guessed", "Nothing found, after 64 searches");
    set(&tab, "#defence", "mask");
    tab.click("#attack");
    let words = tab.until_words("#guessed", "the token is");
    assert!(!words.starts_with("Found"), "{words}");
}
