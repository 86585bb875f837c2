//! "How it breaks", walked as the chapter on Socket.IO tells it.

use tests::browser::Browser;
use tests::page::{hears, messages, press, say};
use tests::{Setup, in_both_browsers, skipped, start, workspace};

in_both_browsers! {
    after_a_reset_the_socket_is_the_same_and_after_a_restart_it_is_another
    a_cut_cable_is_noticed_by_the_missing_ping
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
    let mut demo = start("socketio");
    let tab = browser.visit(&demo);
    tab.until_said(0.0, "connected over websocket");
    let id = tab.texts("#socket");
    demo.bench().cable("reset");
    tab.until("document.querySelector('#recovered').textContent === '1'");
    assert_eq!(tab.texts("#socket"), id, "the same socket");
    say(&tab, "after the reset");
    hears(&tab, "after the reset");

    demo.kill();
    let again = Setup::new("socketio").env("PORT", &demo.address().port().to_string()).start();
    tab.until("document.querySelector('#fresh').textContent === '2'");
    again.say("a new life");
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
