//! "How it breaks", walked as the chapter on processes tells it.

use std::process::Command;
use std::time::Instant;

use tests::browser::Browser;
use tests::page::{hears, messages, press, say};
use tests::{DEADLINE, Setup, in_both_browsers, start};

in_both_browsers! {
    cut_lines_wait_and_after_a_reset_the_program_is_another_one
    what_a_program_started_ends_with_it_and_a_line_without_an_end_is_refused
}

/// Walks "Cut." in process.md.
/// Walks "Reset." in process.md.
/// Walks "Restart." in process.md.
fn cut_lines_wait_and_after_a_reset_the_program_is_another_one(browser: &Browser) {
    let mut demo = Setup::new("process").on_a_port_of_its_own().start();
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
    demo.start_again();
    tab.click("#connect");
    tab.until_said(before, "a program runs for this page alone");
}

/// Walks "A program that never ends." in process.md.
/// Walks "A program that prints too much." in process.md.
fn what_a_program_started_ends_with_it_and_a_line_without_an_end_is_refused(browser: &Browser) {
    let demo = start("process");
    let tab = browser.visit(&demo);
    tab.until("document.querySelectorAll('#messages li').length === 2");
    say(&tab, "child");
    tab.until("/^started \\d+$/.test([...document.querySelectorAll('#messages .text')].at(-1).textContent)");
    let said = messages(&tab).pop().expect("the last line");
    let child = said.strip_prefix("started ").expect("its number");
    let before = tab.now();
    tab.click("#disconnect");
    tab.until_said(before, "over: 1000");
    if cfg!(unix) {
        let deadline = Instant::now() + DEADLINE;
        while Command::new("ps").args(["-p", child]).output().expect("there is ps").status.success()
        {
            assert!(Instant::now() < deadline, "what the program started runs on");
        }
    }
    tab.click("#connect");
    tab.until_said(before, "a program runs for this page alone");
    say(&tab, "long");
    tab.until_said(before, "over: 1009");
}
