//! What the page of JSONP polling promises, in real browsers.

use std::net::TcpListener;

use std::thread;

use tests::browser::Browser;
use tests::page::{hears, messages, number, until_at_least};
use tests::{Setup, in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    no_script_and_no_global_stays_behind
    the_page_says_what_to_do_when_its_data_have_moved
    jsonp_runs_what_a_hostile_server_sends_and_fetch_does_not
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "jsonp");
}

fn no_script_and_no_global_stays_behind(browser: &Browser) {
    let demo = start("jsonp");
    let tab = browser.visit(&demo);
    tab.run(
        "window.faults = []; addEventListener('error', (event) => faults.push(event.message));",
        &[],
    );
    demo.say("before");
    hears(&tab, "before");
    // The answer comes after the time-out: the script must not run, nor miss its function.
    demo.bench().cable("delay 3000");
    until_at_least(&tab, "time-outs", 1);
    demo.bench().cable("repair");
    demo.say("after");
    hears(&tab, "after");
    until_at_least(&tab, "answers", number(&tab, "answers") + 3);
    assert_eq!(tab.value("faults.join()"), "", "a late script ran");
    assert_eq!((number(&tab, "scripts"), number(&tab, "globals")), (0, 0));
    assert_eq!(messages(&tab), ["before", "after"]);
}

fn the_page_says_what_to_do_when_its_data_have_moved(browser: &Browser) {
    let mut demo = Setup::new("jsonp").on_a_port_of_its_own().start();
    let tab = browser.visit(&demo);
    demo.say("one");
    hears(&tab, "one");
    let data = demo.beside("data");
    demo.kill();
    // Somebody else has the port of the data now, and hangs up on everybody.
    let taken = TcpListener::bind(&data).expect("the port is free");
    thread::spawn(move || taken.incoming().for_each(drop));
    demo.start_again();
    assert_ne!(demo.beside("data"), data);
    tab.until_words("#messages", "reload this page");
    tab.reload();
    demo.say("a new life");
    hears(&tab, "a new life");
}

/// Walks "A hostile server." in jsonp.md.
fn jsonp_runs_what_a_hostile_server_sends_and_fetch_does_not(browser: &Browser) {
    let demo = start("jsonp");
    let tab = browser.visit(&demo);
    tab.paste("#text", "my secret");
    tab.click("#hostile");
    tab.until_text("h1", "Repainted by the other server");
    tab.until_words("#doing", "my secret");
    demo.say("heard through a hostile server");
    hears(&tab, "heard through a hostile server");

    tab.click("input[value=fetch]");
    tab.until_words("#doing", "it was not run");
    assert_eq!(
        tab.texts("h1"),
        ["JSONP polling"],
        "the paint is washed off, and does not come back"
    );
    assert_eq!(tab.value("document.documentElement.style.length"), 0);
    demo.say("said meanwhile");
    tab.click("#hostile");
    hears(&tab, "said meanwhile");
    tab.until_words("#doing", "its answer was read");
    assert_eq!(messages(&tab), ["heard through a hostile server", "said meanwhile"]);
}
