//! What the page of multipart streaming promises, in real browsers.

use tests::browser::{Browser, Kind};
use tests::page::{hears, messages, number, until_at_least};
use tests::{in_both_browsers, promises, start_with};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    parts_are_taken_apart_wherever_they_are_cut
    the_clock_is_shown_and_found_again
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "multipart");
}

/// Walks "Drip." in multipart.md.
fn parts_are_taken_apart_wherever_they_are_cut(browser: &Browser) {
    let demo = start_with("multipart", &["--quiet"]);
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "reading");
    let boundary = tab.texts("#doing")[0].rsplit(' ').next().unwrap_or_default().to_string();
    tab.click("#borrow");
    tab.click("#say button");
    hears(&tab, &format!("--{boundary}--"));
    demo.bench().cable("drip 1");
    let mut said = vec![format!("--{boundary}--")];
    for text in [
        format!("grüße 🙂\n--{boundary}\nId: 99"),
        "\n\n".to_string() + "two empty lines in front",
        "é".to_string(),
    ] {
        demo.say(&text);
        said.push(text);
    }
    hears(&tab, "é");
    assert_eq!(messages(&tab), said);
    assert!(number(&tab, "inside") >= 10, "byte by byte, most reads end inside of a part");
}

fn the_clock_is_shown_and_found_again(browser: &Browser) {
    let demo = start_with("multipart", &["--quiet"]);
    let tab = browser.visit(&demo);
    tab.click("#clock");
    let shows = "document.querySelector('#picture img:not(.old)')?.naturalWidth === 256 && loads.textContent";
    tab.until(shows);
    if browser.kind() == Kind::Firefox {
        until_at_least(&tab, "loads", 3); // one for each picture
    }
    tab.run("document.querySelector('#picture img').className = 'old'", &[]);
    demo.bench().cable("reset");
    tab.until(shows);
    tab.click("#clock");
    assert_eq!(tab.value("document.querySelectorAll('#picture img').length"), 0);
}
