//! "How it breaks", walked as the chapter on JSONP polling tells it.

use tests::browser::Browser;
use tests::page::{faults, hears, listen_for_faults, messages, number, press, say};
use tests::{in_both_browsers, start};

in_both_browsers! {
    a_cut_request_times_out_and_its_late_script_does_nothing
    what_is_sent_as_json_is_not_run_as_a_script
}

/// Walks "Cut." in jsonp.md.
fn a_cut_request_times_out_and_its_late_script_does_nothing(browser: &Browser) {
    let demo = start("jsonp");
    let tab = browser.visit(&demo);
    tab.until("Number(document.querySelector('#answers').textContent) >= 1");
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    tab.until("Number(document.querySelector('#time-outs').textContent) >= 1");
    assert_eq!(
        (number(&tab, "scripts"), number(&tab, "globals")),
        (0, 0),
        "script and function are removed"
    );
    listen_for_faults(&tab); // from here on
    let answers = number(&tab, "answers");
    press(&tab, "Repair", "whole");
    tab.until(&format!(
        "Number(document.querySelector('#answers').textContent) >= {}",
        answers + 3
    ));
    let thrown = faults(&tab);
    assert!(!thrown.contains("jsonp_"), "a late script missed its function: {thrown}");
    say(&tab, "after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["after"]);
}

/// What the security box of jsonp.md says of JSON.
fn what_is_sent_as_json_is_not_run_as_a_script(browser: &Browser) {
    let demo = start("jsonp");
    let tab = browser.visit(&demo);
    let ends = |query: &str| {
        tab.run(
            "const script = document.createElement('script'); \
             script.src = arguments[0]; \
             delete document.body.dataset.end; \
             for (const end of ['load', 'error']) \
               script.addEventListener(end, () => (document.body.dataset.end = end)); \
             document.head.append(script);",
            &[format!("http://{}/messages?{query}", demo.beside("data")).into()],
        );
        tab.until("document.body.dataset.end !== undefined");
        tab.value("document.body.dataset.end")
    };
    assert_eq!(ends("after=0&callback=Number"), "load", "a script of another origin is run");
    assert_eq!(ends("after=0"), "error", "JSON with nosniff is refused");
}
