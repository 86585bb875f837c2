//! "How it breaks", walked as the chapter on scaling out tells it.

use tests::browser::{Browser, Tab};
use tests::in_both_browsers;
use tests::page::{hears, messages, press, say};

use super::pages::machines::start_with_redis;

in_both_browsers! {
    servers_and_redis_are_killed_and_nothing_is_lost_and_nothing_comes_twice
    without_the_log_the_listeners_are_in_different_rooms
    a_session_of_socketio_needs_a_sticky_balancer
}

/// Waits until each listener of the tab is on a server.
fn until_seated(tab: &Tab) {
    tab.until("['sse', 'longpoll', 'frames'].every((one) => /^[a-z]$/.test(document.getElementById(`${one}-server`)?.textContent))");
}

/// Waits until each listener of the tab has heard that many messages; none may be lost, none may come twice.
fn until_all_heard(tab: &Tab, count: usize) {
    tab.until(&format!(
        "['sse', 'longpoll', 'frames'].every((one) => document.getElementById(one + '-heard').textContent === '{count}')"
    ));
    let faults = tab.texts("#listeners [id$=\"-lost\"], #listeners [id$=\"-twice\"]");
    assert!(faults.iter().all(|number| number == "0"), "lost, twice: {faults:?}");
}

/// Presses a button of a box.
fn press_in(tab: &Tab, element: &str, button: &str) {
    tab.until(&format!(
        "[...document.querySelectorAll('#{element} button')].some((one) => one.textContent === '{button}')"
    ));
    tab.run(
        "[...document.querySelectorAll(`#${arguments[0]} button`)].find((one) => one.textContent === arguments[1]).click()",
        &[element.into(), button.into()],
    );
}

/// Walks "A server is killed." in scaleout.md.
/// Walks "Redis is killed." in scaleout.md.
/// Walks "A server is split from the log." in scaleout.md.
/// Walks "Cut." in scaleout.md.
/// Walks "Reset." in scaleout.md.
fn servers_and_redis_are_killed_and_nothing_is_lost_and_nothing_comes_twice(browser: &Browser) {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let tab = browser.visit(&demo);
    until_seated(&tab);
    say(&tab, "before");
    until_all_heard(&tab, 1);

    press_in(&tab, "server-a", "Stop");
    tab.until_text("#server-a .words", "killed");
    tab.until("['sse', 'longpoll', 'frames'].every((one) => document.getElementById(`${one}-server`).textContent === 'b')");
    say(&tab, "said to server b");
    until_all_heard(&tab, 2);
    press_in(&tab, "server-a", "Start");
    tab.until_words("#server-a .words", "up (process");

    press_in(&tab, "redis", "Stop");
    tab.until_words("#redis .words", "killed");
    control.until("both have noticed", |state| {
        state["servers"].as_array().expect("servers").iter().all(|server| server["link"] == false)
    });
    let refused = tab.now();
    say(&tab, "said while Redis was dead");
    tab.until_said(refused, "The room's log does not answer now. Saying it again in");
    assert_eq!(messages(&tab).len(), 2, "what was refused is not heard");
    press_in(&tab, "redis", "Start");
    hears(&tab, "said while Redis was dead");
    until_all_heard(&tab, 3);

    control.until("both have the log again", |state| {
        state["servers"].as_array().expect("servers").iter().all(|server| server["link"] == true)
    });
    press_in(&tab, "server-b", "Split");
    tab.until_text("#server-b .words", "split from its log");
    tab.until("['sse', 'longpoll', 'frames'].every((one) => document.getElementById(`${one}-server`).textContent === 'a')");
    say(&tab, "said while b was split");
    until_all_heard(&tab, 4);
    press_in(&tab, "server-b", "Join");
    tab.until_words("#server-b .words", "up (process");

    press(&tab, "Cut", "cut");
    say(&tab, "into the cut cable");
    tab.until(tests::page::STUCK);
    press(&tab, "Repair", "whole");
    until_all_heard(&tab, 5);
    demo.bench().cable("reset");
    say(&tab, "after the reset");
    until_all_heard(&tab, 6);
}

/// Walks "Without the log." in scaleout.md.
fn without_the_log_the_listeners_are_in_different_rooms(browser: &Browser) {
    let Some((demo, _control)) = start_with_redis(&[]) else { return };
    let tab = browser.visit(&demo);
    until_seated(&tab);
    say(&tab, "with the log");
    until_all_heard(&tab, 1);
    tab.click("#alone");
    tab.until_text("#server-a .words", "up, with a room of its own");
    tab.until_text("#server-b .words", "up, with a room of its own");
    tab.until_said(0.0, "started again");
    let alone = tab.now();
    tab.click("#alone");
    tab.until_words("#server-a .words", "up (process");
    tab.until_words("#server-b .words", "up (process");
    // The log has kept what was said there: the page is told that it is in another life, and gets it again.
    tab.until_said(alone, "started again");
    hears(&tab, "with the log");
}

/// Walks "Not sticky." in scaleout.md.
fn a_session_of_socketio_needs_a_sticky_balancer(browser: &Browser) {
    let Some((demo, control)) = start_with_redis(&[]) else { return };
    let tab = browser.visit(&demo);
    until_seated(&tab);
    let turns = tab.now();
    tab.click("#socketio");
    tab.until_said(turns, "Session ID unknown");
    tab.click("#sticky");
    tab.until_said(turns, "socketio: listening");
    say(&tab, "to a session");
    tab.until("document.getElementById('socketio-heard').textContent === '1'");
    let server = control.only_server_of("socketio");
    tab.until_text("#socketio-server", &server); // the page is told of it later than of the message
    press_in(&tab, &format!("server-{server}"), "Stop");
    tab.until("Number(document.getElementById('socketio-reconnects').textContent) >= 2");
    say(&tab, "to the next session");
    tab.until("document.getElementById('socketio-heard').textContent === '2'");
    assert_eq!(tab.texts("#socketio-lost, #socketio-twice"), ["0", "0"]);
}
