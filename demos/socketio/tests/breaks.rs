//! "How it breaks", walked as the chapter on Socket.IO tells it.

use tests::browser::Browser;
use tests::page::{hears, messages, press, say, set};
use tests::writer::{Way, Writer};
use tests::{Setup, in_both_browsers, skipped, start, workspace};

in_both_browsers! {
    after_a_reset_the_socket_is_the_same_and_after_a_restart_it_is_another
    a_cut_cable_is_noticed_by_the_missing_ping
    what_was_answered_into_a_cut_cable_is_told_again
}

fn client_is_here() -> bool {
    let there =
        workspace().join("demos/socketio/node_modules/socket.io-client/package.json").exists();
    if !there {
        skipped("socket.io-client is not here; `make socketio` fetches it");
    }
    there
}

/// Walks "Reset." in socketio.md.
/// Walks "Restart." in socketio.md.
fn after_a_reset_the_socket_is_the_same_and_after_a_restart_it_is_another(browser: &Browser) {
    if !client_is_here() {
        return;
    }
    let mut demo = Setup::new("socketio").on_a_port_of_its_own().start();
    let tab = browser.visit(&demo);
    tab.until_said(0.0, "connected over websocket");
    let id = tab.texts("#socket");
    demo.bench().cable("reset");
    tab.until("document.querySelector('#recovered').textContent === '1'");
    assert_eq!(tab.texts("#socket"), id, "the same socket");
    say(&tab, "after the reset");
    hears(&tab, "after the reset");

    demo.start_again();
    tab.until("document.querySelector('#fresh').textContent === '2'");
    demo.say("a new life");
    hears(&tab, "a new life");
    let notes = tab.texts("#messages .note");
    assert!(notes.iter().any(|note| note.contains("started again")), "{notes:?}");
    assert_ne!(tab.texts("#socket"), id, "another socket");
}

/// Walks "Cut." in socketio.md, with shorter times.
fn a_cut_cable_is_noticed_by_the_missing_ping(browser: &Browser) {
    if !client_is_here() {
        return;
    }
    let demo =
        Setup::new("socketio").args(&["--ping-interval", "500", "--ping-timeout", "4000"]).start();
    let tab = browser.visit(&demo);
    tab.until_said(0.0, "connected over websocket");
    let before = tab.now();
    press(&tab, "Cut", "cut");
    say(&tab, "into the cut cable");
    tab.until_said(before, "disconnected: "); // by the missing ping
    press(&tab, "Repair", "whole");
    hears(&tab, "into the cut cable");
    say(&tab, "afterwards");
    hears(&tab, "afterwards");
    assert_eq!(messages(&tab), ["into the cut cable", "afterwards"], "once each");
}

/// Walks "Reset, over long polling." in socketio.md.
fn what_was_answered_into_a_cut_cable_is_told_again(browser: &Browser) {
    if !client_is_here() {
        return;
    }
    let demo = start("socketio");
    let tab = browser.visit(&demo);
    tab.until_said(0.0, "connected over");
    let before = tab.now();
    set(&tab, "#transports", "polling");
    tab.until_said(before, "connected over polling");
    demo.say("over polling");
    hears(&tab, "over polling");
    press(&tab, "Cut", "cut");
    let mut feed = demo.bench().feed();
    Writer::past_a_cut_cable(&demo, Way::Http).say("into the cut cable");
    feed.row(|row| {
        row.text("dir") == "down" && row.json.to_string().contains("into the cut cable")
    });
    demo.bench().cable("reset");
    press(&tab, "Repair", "whole");
    demo.say("afterwards");
    hears(&tab, "afterwards");
    assert_eq!(messages(&tab), ["over polling", "into the cut cable", "afterwards"]);
}
