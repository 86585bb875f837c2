//! The chapter on what lies between, "Run it": two pages behind a balancer that ends what is silent.

use tests::browser::Browser;
use tests::page::{hears, messages, press, set};
use tests::{DEADLINE, in_both_browsers, start};

in_both_browsers! {
    an_event_stream_that_is_torn_down_again_and_again_loses_nothing
    a_websocket_stays_when_the_heartbeat_is_on
}

fn an_event_stream_that_is_torn_down_again_and_again_loses_nothing(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("idle 1");
    tab.until("Number(document.querySelector('#reconnects').textContent) >= 2");
    press(&tab, "Repair", "whole");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "after"], "each once");
}

fn a_websocket_stays_when_the_heartbeat_is_on(browser: &Browser) {
    let demo = start("heartbeat");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("idle 1");
    tab.until("Number(document.querySelector('#reconnects').textContent) >= 1");
    press(&tab, "Repair", "whole");
    tab.until_words("#doing", "1 OPEN");
    set(&tab, "#every", "0.2");
    set(&tab, "#patience", "60");
    tab.click("#on");
    tab.until("/ms/.test(document.querySelector('#round-trip').textContent)");
    let reconnects = tab.texts("#reconnects");
    let bench = demo.bench();
    bench.cable("idle 5");
    // A connection that is silent, and is told when the five seconds are over.
    let mut silent = demo.get("/nowhere");
    assert!(silent.ends_within(DEADLINE));
    assert_eq!(tab.texts("#reconnects"), reconnects, "the heartbeat keeps it open");
    assert_eq!(tab.texts("#doing"), ["1 OPEN"]);
}
