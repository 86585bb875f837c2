//! What the page of the Flash socket promises, in real browsers; most of it where Ruffle is.

use tests::browser::{self, Browser, Kind, Tab};
use tests::page::{hears, say};
use tests::{Server, Setup, Wire, in_both_browsers, needs_our_server, promises, workspace};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    the_room_ticks_through_the_movie
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "flash");
}

/// The page with a connected movie, where the emulator is; `make ruffle` fetches it, and `make test` has it.
pub fn connected(browser: &Browser) -> Option<(Server, Tab<'_>)> {
    if !workspace().join("demos/flash/node_modules/@ruffle-rs/ruffle/ruffle.js").is_file() {
        let required = std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "Ruffle is missing, and this run must not skip the test: `make ruffle` fetches it"
        );
        tests::skipped("Ruffle is not here: `make ruffle` fetches it");
        return None;
    }
    let demo = Setup::new("flash").on_a_port_of_its_own().start();
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "connected: TCP");
    Some((demo, tab))
}

/// The text of the next message that the socket server tells a bare TCP client.
fn next_text(wire: &mut Wire) -> String {
    loop {
        let line = wire.message(0);
        if let ["message", _, _, text] = line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            return text.to_string();
        }
    }
}

/// A bare TCP client that hears what comes after this message.
fn listener(demo: &Server, after: u64) -> Wire {
    let mut wire = Wire::connect(&demo.beside("xmlsocket"));
    wire.send(format!("after {after}\0"));
    wire
}

/// Walks "Policy: let no movie in." in flash.md.
fn the_room_ticks_through_the_movie(browser: &Browser) {
    let Some((demo, tab)) = connected(browser) else { return };
    // From the room, by another way than the movie, to the page.
    demo.say("from the room <b>as typed</b>");
    hears(&tab, "from the room <b>as typed</b>");
    // From the page through the movie to a bare TCP client.
    let mut client = listener(&demo, 1);
    say(&tab, "from the page");
    assert_eq!(next_text(&mut client), "from the page");
    hears(&tab, "from the page");
    tab.until("document.querySelector('#unsaid').textContent === '0'");
    assert_eq!(tab.value("document.querySelector('#heard').textContent"), "2");
    let mut feed = demo.bench().feed();
    feed.row(|row| row.text("kind") == "message" && row.text("mean").ends_with("from the page"));

    // A reset loses nothing: the page comes back with its cursor, and with what was not acknowledged.
    demo.bench().cable("reset");
    demo.say("while the movie was away");
    hears(&tab, "while the movie was away");
    tab.until("document.querySelector('#opened').textContent === '2'");
    say(&tab, "after the reset");
    hears(&tab, "after the reset");
    // What the room does not take is told in words, and is there to be mended.
    tab.click("#say button");
    tab.until_words("#say .status", "empty");
    tab.paste("#text", &"x".repeat(1_001));
    tab.click("#say button");
    tab.until_words("#say .status", "1001 characters");
    tab.until("document.querySelector('#text').value.length === 1001");
    tab.paste("#text", "");
    let all = [
        "from the room <b>as typed</b>",
        "from the page",
        "while the movie was away",
        "after the reset",
    ];
    assert_eq!(tab.texts("#messages li .text"), all);

    // A policy file that lets no movie in: a connection that is open stays, a new one is refused.
    tab.click("#policy");
    tab.until("document.querySelector('#policy').getAttribute('aria-pressed') === 'true'");
    demo.bench().cable("reset");
    tab.until_words("#doing", "no connection");
    tab.click("#policy");
    tab.until_words("#doing", "connected: TCP");
    tab.click("#socket");
    tab.until_words("#doing", "closed");
    say(&tab, "said while closed");
    tab.until("document.querySelector('#unsaid').textContent === '1'");
    tab.click("#socket");
    hears(&tab, "said while closed");
}

#[test]
fn without_the_emulator_the_page_says_what_to_do_and_still_explains() {
    needs_our_server!("our own page");
    let Some(browser) = browser::start(Kind::Chromium) else { return };
    let demo = Setup::new("flash").env("RUFFLE", "/nonexistent").start();
    let tab = browser.visit(&demo);
    tab.until_words("#stage", "make ruffle");
    assert!(
        tab.texts("details").join(" ").contains("12 January 2021"),
        "what is re-enacted is told"
    );
    say(&tab, "by HTTP");
    assert_eq!(next_text(&mut listener(&demo, 0)), "by HTTP");
}
