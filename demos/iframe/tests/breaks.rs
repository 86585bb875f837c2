//! "How it breaks", walked as the chapter on the forever iframe tells it.

use tests::browser::{Browser, Kind};
use tests::page::{Walk, hears, listen_for_faults, messages, press, until_fault};
use tests::{in_both_browsers, start};

in_both_browsers! {
    what_is_silent_is_given_up_after_some_seconds
}

/// Two walks whose pages wait at the same time.
fn what_is_silent_is_given_up_after_some_seconds(browser: &Browser) {
    let walks = [reset_is_noticed_and_another_frame_comes, held_the_page_hears_nothing];
    let second_halves = walks.map(|first_half| first_half(browser));
    for see in second_halves {
        see();
    }
}

/// Walks "Reset." in iframe.md.
fn reset_is_noticed_and_another_frame_comes(browser: &Browser) -> Walk<'_> {
    let demo = start("iframe");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    demo.bench().cable("reset"); // the button does the same, and does not show when it is done
    Box::new(move || {
        let _runs_until_here = &demo;
        let why = until_fault(&tab, "a new frame in");
        if browser.kind() == Kind::Chromium {
            assert!(why.contains("8 s of silence"), "a torn page loads for ever: {why}");
        }
        demo.say("after");
        hears(&tab, "after");
        assert_eq!(messages(&tab), ["before", "after"]);
    })
}

/// Walks "Hold." in iframe.md.
fn held_the_page_hears_nothing(browser: &Browser) -> Walk<'_> {
    let demo = start("iframe");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    press(&tab, "Hold", "hold");
    demo.say("held back");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&tab, "8 s of silence");
        assert_eq!(messages(&tab), ["before"], "nothing arrives");
        press(&tab, "Repair", "whole");
        hears(&tab, "held back");
    })
}
