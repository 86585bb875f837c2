//! "How it breaks", walked as the chapter on processes tells it.

use tests::browser::Browser;
use tests::page::{hears, press, say};
use tests::{Setup, in_both_browsers, start};

in_both_browsers! {
    cut_lines_wait_and_after_a_reset_the_program_is_another_one
}

/// Walks "Cut." in process.md.
/// Walks "Reset." in process.md.
/// Walks "Restart." in process.md.
fn cut_lines_wait_and_after_a_reset_the_program_is_another_one(browser: &Browser) {
    let mut demo = start("process");
    let tab = browser.visit(&demo);
    tab.until("document.querySelectorAll('#messages li').length === 2");
    press(&tab, "Cut", "cut");
    say(&tab, "into the cut cable");
    tab.until(tests::page::STUCK);
    assert_eq!(
        tab.texts("#doing"),
        ["a program runs for this page alone"],
        "the page knows nothing of the cut"
    );
    press(&tab, "Repair", "whole");
    hears(&tab, "INTO THE CUT CABLE");

    let before = tab.now();
    demo.bench().cable("reset");
    tab.until_said(before, "over: 1006");
    tab.click("#connect");
    tab.until_said(before, "a program runs for this page alone");
    say(&tab, "another program");
    hears(&tab, "ANOTHER PROGRAM");

    let before = tab.now();
    demo.kill();
    tab.until_said(before, "over: 1006");
    let again = Setup::new("process").env("PORT", &demo.address().port().to_string()).start();
    tab.click("#connect");
    tab.until_said(before, "a program runs for this page alone");
    drop(again);
}
