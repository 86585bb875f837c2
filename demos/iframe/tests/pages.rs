//! What the page of the forever iframe promises, in real browsers.

use tests::browser::Browser;
use tests::page::{hears, messages, number, set};
use tests::{in_both_browsers, promises, start, start_with};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    the_frame_is_recycled_and_nothing_is_lost
    a_dead_frame_is_noticed
}

/// Walks "A script in a message." in iframe.md.
fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "iframe");
}

fn the_frame_is_recycled_and_nothing_is_lost(browser: &Browser) {
    let demo = start_with("iframe", &["--quiet"]);
    let tab = browser.visit(&demo);
    set(&tab, "#most", "5");
    let evil = "</script><script>parent.document.title = 'taken'</script><!--";
    let mut said: Vec<String> = (0..40).map(|n| format!("message {n}")).collect();
    said.push(evil.to_string());
    demo.say_all(&said);
    hears(&tab, evil);
    assert_eq!(messages(&tab), said, "once each, in order");
    assert!(
        number(&tab, "frames") >= 9,
        "41 messages, 5 scripts a frame: {} frames",
        number(&tab, "frames")
    );
    assert!(
        number(&tab, "scripts") <= 6,
        "a document should not grow beyond its 5 scripts and the last"
    );
    assert_eq!(
        tab.value("document.querySelectorAll('iframe').length"),
        1,
        "old frames are thrown away"
    );
    assert_eq!(tab.value("document.title"), "Forever iframe");
}

/// Walks "Cut." in iframe.md.
fn a_dead_frame_is_noticed(browser: &Browser) {
    let demo = start("iframe");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("cut");
    tab.until_said(0.0, "8 s of silence");
    demo.bench().cable("repair");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "after"]);
    assert_eq!(tab.value("document.querySelectorAll('iframe').length"), 1);
}
