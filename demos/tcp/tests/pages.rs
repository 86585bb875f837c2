//! What the page of TCP promises, in real browsers.

use std::time::Instant;

use tests::browser::{Browser, key};
use tests::{DEADLINE, Wire, in_both_browsers, promises, start};

const LF: u8 = b'\n';

in_both_browsers! {
    the_promises_of_every_page_are_kept
    every_panel_works
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "tcp");
}

/// Walks "Busy." in tcp.md.
fn every_panel_works(browser: &Browser) {
    let demo = start("tcp");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "listening");
    let mut terminal = Wire::connect(&demo.beside("room"));
    assert!(terminal.message(LF).starts_with("# You are in "));
    terminal.send("from a <b>terminal</b>\n");
    tab.until("[...document.querySelectorAll('#messages .text')].at(-1)?.textContent === 'from a <b>terminal</b>'");
    tab.keys("#text", "from the page");
    tab.click("#say button");
    assert_eq!(terminal.message(LF), "1 from a <b>terminal</b>");
    assert_eq!(terminal.message(LF), "2 from the page");

    // Panels by keyboard: arrows move along the tabs.
    tab.click("#tab-room");
    tab.type_keys(&key::RIGHT.to_string());
    tab.until(
        "document.activeElement.id === 'tab-writes' && !document.querySelector('#writes').hidden",
    );
    tab.run("document.querySelector('#reader').value = '64 20'", &[]);
    tab.click("#write");
    let wrong = tab.until_words("#verdict", "supposed messages: wrong");
    assert!(wrong.starts_with("8 writes, "), "{wrong}");
    tab.run("document.querySelector('#framing').value = 'lengths'", &[]);
    tab.click("#write");
    tab.until_words("#verdict", "all 8 messages right");
    assert_eq!(tab.texts("#taken li").len(), 8);

    if cfg!(target_os = "linux") {
        tab.click("#tab-life");
        // The answer to the click comes later than the news from the kernel, as it may on a busy machine.
        tab.run(
            "const fetch = window.fetch; const now = document.querySelector('#now'); \
             const established = () => new Promise((done) => { \
                 const look = () => now.textContent.includes('Client: ESTABLISHED') && done(); \
                 new MutationObserver(look).observe(now, { childList: true, characterData: true, subtree: true }); \
                 look(); \
             }); \
             window.fetch = async (...what) => { \
                 const answer = await fetch(...what); \
                 if (!what[0].includes('do=open')) return answer; \
                 const story = await answer.json(); \
                 answer.json = async () => { \
                     await established(); \
                     setTimeout(() => { document.body.dataset.answered = 'yes' }); \
                     return story; \
                 }; \
                 return answer; \
             };",
            &[],
        );
        tab.click("[data-do=open]");
        tab.until("document.body.dataset.answered === 'yes'");
        tab.until_words("#now", "Client: ESTABLISHED");
        tab.click("[data-do=client-fin]");
        tab.until_words("#now", "Server: CLOSE-WAIT");
        tab.click("[data-do=server-fin]");
        tab.until_words("#now", "Client: TIME-WAIT");
    }

    tab.click("#tab-udp");
    tab.run(
        "const fault = document.querySelector('#fault'); fault.value = 'cut'; fault.dispatchEvent(new Event('change'))",
        &[],
    );
    let deadline = Instant::now() + DEADLINE;
    let fault = || {
        let mut wire = Wire::connect(&demo.beside("control"));
        wire.get("/relay");
        wire.answer().1
    };
    while !fault().contains("\"cut\"") {
        assert!(Instant::now() < deadline, "the relay was never told");
    }
    tab.click("#send");
    tab.until_words("#outcome", "16 sent, 16 lost, 0 overtaken. TCP: 16 arrived, all in order");

    // A dripping cable drips into the experiment, and not into the telling of it.
    demo.bench().cable("drip 20");
    tab.click("#tab-writes");
    tab.run("document.querySelector('#reader').value = '64 0'", &[]);
    tab.click("#write");
    tab.until("Number(document.querySelector('#read-count').textContent) > 40"); // of 96 bytes, most in reads of their own
    tab.until_words("#verdict", "all 8 messages right");
    demo.bench().cable("repair");

    // A reset cable: the stream comes back by itself, with its cursor.
    demo.bench().cable("reset");
    demo.say("while it was away");
    tab.click("#tab-room");
    tab.until("[...document.querySelectorAll('#messages .text')].at(-1)?.textContent === 'while it was away'");
    assert_eq!(
        tab.texts("#messages .text"),
        ["from a <b>terminal</b>", "from the page", "while it was away"]
    );
}
