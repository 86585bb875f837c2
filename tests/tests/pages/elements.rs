//! The wire view, whatever demo it stands beside.

use serde_json::json;
use tests::browser::Browser;
use tests::page::{hears, say};
use tests::{in_both_browsers, start, start_with};

in_both_browsers! {
    the_wire_can_be_paused_and_cleared
    the_ladder_holds_a_window_of_rows_and_not_all_of_them
}

fn the_wire_can_be_paused_and_cleared(browser: &Browser) {
    let demo = start("longpoll");
    let tab = browser.visit(&demo);
    say(&tab, "before the pause");
    hears(&tab, "before the pause");
    let button = |name: &str| {
        let name = json!(name);
        tab.until(&format!(
            "[...document.querySelectorAll('wire-view .tools button')].some((one) => one.textContent === {name})"
        ));
        tab.run(
            "[...document.querySelectorAll('wire-view .tools button')].find((one) => one.textContent === arguments[0]).click()",
            &[name],
        );
    };
    button("Pause");
    tab.until_words("wire-view .stage .status", "Paused");
    demo.say("during the pause");
    hears(&tab, "during the pause");
    tab.until_words("wire-view .stage .status", "wait");
    let shown = |words: &str| tab.texts("wire-view .row:not([hidden]) .mean").iter().any(|mean| mean.contains(words));
    assert!(!shown("during the pause"), "the room goes on, the picture stands still");
    button("Go on");
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].some((row) => row.textContent.includes('during the pause'))");
    button("Clear");
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].every((row) => !row.textContent.includes('the pause'))");
    demo.say("after it was cleared");
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].some((row) => row.textContent.includes('after it was cleared'))");
}

fn the_ladder_holds_a_window_of_rows_and_not_all_of_them(browser: &Browser) {
    let demo = start_with("polling", &["--quiet"]);
    let tab = browser.visit(&demo);
    let mut wire = demo.connect();
    for n in 0..600 {
        wire.get(&format!("/messages?after={n}"));
        wire.answer();
    }
    tab.until("[...document.querySelectorAll('wire-view .row:not([hidden])')].some((row) => row.textContent.includes('after=599'))");
    let rows = tab.value("document.querySelectorAll('wire-view .row').length").as_u64().unwrap_or_default();
    assert!(
        (5..150).contains(&rows),
        "1,800 rows went by; the document should hold those that can be seen, and holds {rows}"
    );
}
