//! What the page of fetch streaming promises, in real browsers.

use tests::browser::{Browser, Kind};
use tests::page::{hears, messages, number};
use tests::{in_both_browsers, promises, start, start_with};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    lines_and_characters_are_put_together
    a_slow_reader_slows_the_server_down
    an_aborted_stream_goes_on_from_its_cursor
    the_page_says_what_this_browser_can_do_upwards
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "stream");
}

/// Walks "Drip." in stream.md.
fn lines_and_characters_are_put_together(browser: &Browser) {
    let demo = start_with("stream", &["--quiet"]);
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("drip 20");
    let said = "grüße 🙂, two\nlines, and \u{2028} a third";
    demo.say(said);
    hears(&tab, said);
    assert!(number(&tab, "cut-lines") >= 10, "byte by byte, most reads end inside of a line");
    // ü and ß have two bytes, the emoji has four, U+2028 three: 1 + 1 + 3 + 2 places to cut, if no two bytes came at once.
    let cut = number(&tab, "cut-characters");
    assert!((1..=7).contains(&cut), "{cut} reads ended inside of a character");
}

fn a_slow_reader_slows_the_server_down(browser: &Browser) {
    let demo = start_with("stream", &["--quiet"]);
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    let before = demo.memory();
    tab.click("#slow");
    tab.click("#filler");
    // Firefox reads on into its own memory, whatever the page does: the server never hears of it, and the page says so.
    if browser.kind() == Kind::Firefox {
        tab.until_words("#messages .note", "into its own memory");
        let stuck = tab.value("parseFloat(document.querySelector('#stuck').textContent)").as_f64();
        assert!(stuck < Some(1.0), "the server's write never waits: {stuck:?} s");
        tab.until("!filler.checked");
        demo.say("after");
        return hears(&tab, "after");
    }
    tab.until("parseFloat(document.querySelector('#stuck').textContent) >= 1");
    let between = tab
        .value("parseFloat(document.querySelector('#between').textContent)")
        .as_f64()
        .unwrap_or_default();
    assert!(between >= 1.0, "{between} MiB wait between server and page");
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        println!(
            "{between} MiB wait on the way; the server's memory: {before} KiB before, {after} KiB after"
        );
        assert!(after < before + 32 * 1024, "memory grew from {before} to {after} KiB");
    }
    demo.say("while it is stuck");
    tab.click("#slow");
    hears(&tab, "while it is stuck");
    tab.until("parseFloat(document.querySelector('#between').textContent) < 1");
    tab.click("#filler");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "while it is stuck", "after"]);
}

fn an_aborted_stream_goes_on_from_its_cursor(browser: &Browser) {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    tab.click("#listening");
    tab.until_words("#doing", "aborted");
    let mut feed = demo.bench().feed();
    feed.row(|row| row.text("dir") == "up" && ["fin", "reset"].contains(&row.text("kind")));
    demo.say("while nobody listened");
    assert_eq!(messages(&tab), ["before"]);
    tab.click("#listening");
    hears(&tab, "while nobody listened");
    assert_eq!(messages(&tab), ["before", "while nobody listened"]);
}

fn the_page_says_what_this_browser_can_do_upwards(browser: &Browser) {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    tab.click("summary");
    tab.click("#try");
    tab.until("document.querySelector('#upload').textContent !== ''");
    let said = tab.texts("#upload")[0].clone();
    println!("{:?}: {said}", browser.kind());
    // A browser that learns it some day may say that the server answered: then the page's sentence is to be looked at again.
    let known = [
        "it knows them, and refuses over HTTP/1.1.",
        "it does not know streams as bodies of requests.",
    ];
    assert!(known.contains(&said.as_str()), "{said}");
}
