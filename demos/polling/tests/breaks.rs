//! "How it breaks", walked as the chapter on short polling tells it.

use tests::browser::{Browser, Kind};
use tests::page::{
    faults, hears, listen_for_faults, meanwhile, messages, number, press, say, set, until_at_least,
};
use tests::{in_both_browsers, start};

in_both_browsers! {
    without_no_store_one_question_is_in_the_cable_and_the_others_wait_for_it
    cut_the_questions_by_the_clock_pile_up_and_those_of_the_chain_do_not
    reset_between_two_questions_shows_no_fault
    held_changes_nothing
}

/// Walks "Cut." in polling.md.
fn cut_the_questions_by_the_clock_pile_up_and_those_of_the_chain_do_not(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    set(&tab, "#interval", "300");
    press(&tab, "Cut", "cut");
    // A browser opens six connections to one server: six questions are in the cable, the others are
    // inside the browser.
    let in_the_cable = "[...document.querySelectorAll('wire-view .row.stuck')]\
                        .filter((row) => row.textContent.includes('GET /messages')).length";
    // One question after the other goes out. Behind the browser's cache the second one would wait
    // for 20 s, while more than 60 are asked.
    let open = "parseInt(document.querySelector('#doing').textContent)";
    let open = tab.until(&format!("{in_the_cable} === 6 && {open}"));
    assert!(open.as_u64() <= Some(30), "{open} questions are open, and only now six in the cable");
    tab.until("parseInt(document.querySelector('#doing').textContent) >= 12");
    assert_eq!(tab.value(in_the_cable), 6, "a seventh question is in the cable");
    let asked = number(&tab, "requests");
    press(&tab, "Repair", "whole");
    tab.until(&format!("Number(document.querySelector('#empty').textContent) >= {asked}"));
    assert_eq!(messages(&tab).len(), 0, "each answer was asked for and paid, and all are empty");

    tab.click("input[value=chain]");
    tab.until_text("#doing", "waiting for the next turn");
    press(&tab, "Cut", "cut");
    tab.until(&format!("{in_the_cable} === 1")); // and no answer is under way any more
    let asked = number(&tab, "requests");
    meanwhile(&tab, 1_500);
    assert_eq!(
        (number(&tab, "requests"), tab.texts("#doing")[0].as_str()),
        (asked, "1 question open")
    );
    press(&tab, "Repair", "whole");
    tab.until(&format!("Number(document.querySelector('#empty').textContent) >= {asked}"));
}

/// Walks "The cache." in polling.md.
fn without_no_store_one_question_is_in_the_cable_and_the_others_wait_for_it(browser: &Browser) {
    if browser.kind() != Kind::Chromium {
        return; // Firefox holds back only questions for an address that it has not asked before
    }
    let demo = start("polling");
    let tab = browser.visit(&demo);
    tab.run(
        "const real = fetch; window.fetch = (where, how) => real(where, { ...how, cache: 'default' });",
        &[],
    );
    set(&tab, "#interval", "300");
    until_at_least(&tab, "empty", number(&tab, "empty") + 3); // the questions before that had no-store
    let cut = tab.now();
    press(&tab, "Cut", "cut");
    tab.until_said(cut, "5 questions open");
    let rows = "[...document.querySelectorAll('wire-view .row.stuck')]";
    let asks = "(row) => row.textContent.includes('GET /messages')";
    let in_the_cable = tab.until(&format!("{rows}.filter({asks}).length"));
    assert_eq!(in_the_cable, 1);
}

/// Walks "Reset." in polling.md.
fn reset_between_two_questions_shows_no_fault(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    tab.until("Number(document.querySelector('#empty').textContent) >= 1");
    set(&tab, "#interval", "3000"); // from now on, so nothing is asked for three seconds
    listen_for_faults(&tab);
    let answers = number(&tab, "empty");
    demo.bench().cable("reset");
    tab.until(&format!("Number(document.querySelector('#empty').textContent) > {answers}"));
    assert_eq!(faults(&tab), "");
    say(&tab, "nothing was lost");
    hears(&tab, "nothing was lost");
}

/// Walks "Hold." in polling.md.
fn held_changes_nothing(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    press(&tab, "Hold", "hold");
    listen_for_faults(&tab);
    say(&tab, "complete answers pass");
    hears(&tab, "complete answers pass");
    assert_eq!(faults(&tab), "");
}
