//! The pages, in real browsers: every test runs in Chromium and in Firefox.
//!
//! Without a browser on the machine a test says so and passes; `make test` installs them and skips nothing.

use serde_json::json;
use tests::browser::{Browser, Tab, key};
use tests::{Server, in_both_browsers, start, start_with};

in_both_browsers! {
    what_is_said_in_one_tab_is_heard_in_the_other
    markup_and_emoji_arrive_as_they_were_typed
    an_empty_and_an_over_long_message_are_told_in_words
    the_wire_shows_the_true_bytes_of_what_was_said
    a_message_said_into_a_cut_cable_arrives_once_when_it_is_repaired
    a_reset_cable_loses_nothing
    nothing_moves_under_the_pointer_whatever_happens_on_the_wire
    everything_can_be_done_by_keyboard
    the_wire_can_be_paused_and_cleared
    the_ladder_holds_a_window_of_rows_and_not_all_of_them
    polling_counts_its_empty_answers_and_lets_a_slow_one_be_overtaken
    longpoll_comes_back_when_the_server_comes_back
    sse_of_seven_streams_the_seventh_waits
    sse_stops_with_204_and_listens_again
    sse_shows_a_message_of_several_lines_and_the_ids_it_resumes_from
    a_gap_is_told_in_the_page
    the_page_fits_a_narrow_screen
}

const DEMOS: [&str; 7] = ["polling", "jsonp", "longpoll", "iframe", "multipart", "stream", "sse"];

/// Types into the form as a person does, and sends it.
fn say(tab: &Tab, text: &str) {
    tab.keys("#text", text);
    tab.click("#say button");
}

/// Waits until the newest message shown is this.
fn hears(tab: &Tab, text: &str) {
    let text = json!(text);
    tab.until(&format!("[...document.querySelectorAll('#messages li .text')].at(-1)?.textContent === {text}"));
}

/// The messages shown, without remarks.
fn messages(tab: &Tab) -> Vec<String> {
    tab.texts("#messages li .text")
}

/// Presses a button of the cable and waits until the cable is so.
fn cable(tab: &Tab, button: &str, state: &str) {
    let name = json!(button);
    tab.until(&format!("[...document.querySelectorAll('cable-box button')].some((one) => one.textContent === {name})"));
    tab.run(
        "[...document.querySelectorAll('cable-box button')].find((one) => one.textContent === arguments[0]).click()",
        &[name],
    );
    tab.until(&format!("document.querySelector('cable-box').dataset.state === {}", json!(state)));
}

fn what_is_said_in_one_tab_is_heard_in_the_other(browser: &Browser) {
    for name in DEMOS {
        let demo = start(name);
        let (one, other) = (browser.visit(&demo), browser.visit(&demo));
        say(&one, "hello from one");
        hears(&other, "hello from one");
        say(&other, "hello from the other");
        hears(&one, "hello from the other");
        hears(&other, "hello from the other");
        assert_eq!(messages(&one), messages(&other), "{name}: both tabs hear everything, their own words too");
        assert_eq!(messages(&one), ["hello from one", "hello from the other"]);
        one.close();
        other.run("window.stop()", &[]);
    }
}

fn markup_and_emoji_arrive_as_they_were_typed(browser: &Browser) {
    for name in DEMOS {
        let demo = start(name);
        let (one, other) = (browser.visit(&demo), browser.visit(&demo));
        say(&one, "<b>bold</b> & <img src=x onerror=alert(1)>");
        hears(&other, "<b>bold</b> & <img src=x onerror=alert(1)>");
        assert_eq!(other.value("document.querySelectorAll('#messages b, #messages img').length"), 0, "{name}");
        one.paste("#text", "emoji \u{1f642} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}, e\u{301}, \u{4e2d}\u{6587}");
        one.click("#say button");
        hears(&other, "emoji \u{1f642} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}, e\u{301}, \u{4e2d}\u{6587}");
    }
}

fn an_empty_and_an_over_long_message_are_told_in_words(browser: &Browser) {
    for name in DEMOS {
        let demo = start(name);
        let tab = browser.visit(&demo);
        tab.click("#say button");
        tab.until_words("#say .status", "empty");
        tab.paste("#text", &"x".repeat(1_001));
        tab.click("#say button");
        let words = tab.until_words("#say .status", "1001");
        assert!(words.ends_with('.'), "{name}: a sentence: {words:?}");
        let kept = tab.until("document.querySelector('#text').value.length");
        assert_eq!(kept, 1_001, "{name}: what was refused is still there, to be mended");
        tab.paste("#text", &"x".repeat(1_000));
        tab.click("#say button");
        hears(&tab, &"x".repeat(1_000));
        assert_eq!(messages(&tab).len(), 1, "{name}: what was refused is not shown");
    }
}

fn the_wire_shows_the_true_bytes_of_what_was_said(browser: &Browser) {
    for name in DEMOS {
        let demo = start(name);
        let tab = browser.visit(&demo);
        say(&tab, "bytes <b>of</b> this");
        hears(&tab, "bytes <b>of</b> this");
        // Upwards it is the body of a POST: the row with these words, opened, shows these bytes and no others.
        open_row(&tab, "up", "bytes <b>of</b> this");
        let hex =
            tab.value("[...document.querySelectorAll('wire-view .dump .hex')].map((one) => one.textContent).join(' ')");
        let bytes: Vec<u8> = hex
            .as_str()
            .unwrap_or_default()
            .split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("{name}: no hex: {hex}")))
            .collect();
        assert_eq!(String::from_utf8_lossy(&bytes), "bytes <b>of</b> this", "{name}: the bytes of the body");
        // Downwards it is what this demo's technique makes of it.
        open_row(&tab, "down", "bytes <b>of</b> this");
        let named = tab.texts("wire-view .fields .name");
        assert!(!named.is_empty(), "{name}: the fields have names");
        let counted = tab.value("document.querySelector('wire-view .counters .up dd').textContent");
        assert_ne!(counted, "0 B", "{name}: the counters count");
    }
}

/// Clicks the newest row of this direction with these words in it, and waits for its bytes.
fn open_row(tab: &Tab, dir: &str, words: &str) {
    let rows = format!(
        "[...document.querySelectorAll('wire-view .row.{dir}:not([hidden])')].filter((row) => row.textContent.includes({}))",
        json!(words)
    );
    tab.until(&format!("{rows}.length > 0"));
    tab.run(&format!("{rows}.at(-1).click()"), &[]);
    let heading = json!(words);
    tab.until(&format!(
        "document.querySelector('wire-view .detail h3')?.textContent.includes({heading}) && \
         document.querySelector('wire-view .detail header').classList.contains('{dir}')"
    ));
}

fn a_message_said_into_a_cut_cable_arrives_once_when_it_is_repaired(browser: &Browser) {
    for name in DEMOS {
        let demo = start(name);
        let (one, other) = (browser.visit(&demo), browser.visit(&demo));
        say(&one, "before");
        hears(&other, "before");
        cable(&one, "Cut", "cut");
        say(&one, "into the cut cable");
        one.until("document.querySelector('wire-view .row.stuck') !== null");
        assert_eq!(messages(&other), ["before"], "{name}: nothing comes through a cut cable");
        cable(&one, "Repair", "whole");
        hears(&other, "into the cut cable");
        hears(&one, "into the cut cable");
        say(&one, "after");
        for tab in [&one, &other] {
            hears(tab, "after");
            assert_eq!(messages(tab), ["before", "into the cut cable", "after"], "{name}: once each, in order");
        }
    }
}

fn a_reset_cable_loses_nothing(browser: &Browser) {
    for name in DEMOS {
        let demo = start(name);
        let (one, other) = (browser.visit(&demo), browser.visit(&demo));
        if name == "sse" {
            for tab in [&one, &other] {
                tab.run(
                    "const retry = document.querySelector('#retry'); retry.value = 200; \
                         retry.dispatchEvent(new Event('change', { bubbles: true }));",
                    &[],
                );
            }
        }
        let mut all = Vec::new();
        for n in 1..=3 {
            say(&one, &format!("message {n}"));
            all.push(format!("message {n}"));
            hears(&other, &format!("message {n}"));
            demo.bench().cable("reset");
            let said = format!("while it comes back {n}");
            demo.say(&said);
            all.push(said);
        }
        for tab in [&one, &other] {
            hears(tab, "while it comes back 3");
            assert_eq!(messages(tab), all, "{name}: once each, in order");
        }
    }
}

fn nothing_moves_under_the_pointer_whatever_happens_on_the_wire(browser: &Browser) {
    for name in DEMOS {
        let mut demo = start(name);
        let tab = browser.visit(&demo);
        say(&tab, "hello");
        hears(&tab, "hello");
        tab.run(
            "const button = document.querySelector('#say button'); window.places = new Set(); \
             const look = () => { const { x, y } = button.getBoundingClientRect(); places.add(`${x}, ${y}`); }; \
             look(); \
             new MutationObserver(look).observe(document.body, \
                 { subtree: true, childList: true, characterData: true, attributes: true });",
            &[],
        );
        let heard = |n| format!("document.querySelectorAll('#messages li .text').length === {n}");
        demo.bench().cable("reset");
        demo.say("after a reset");
        tab.until(&heard(2));
        demo.kill();
        tab.until("document.querySelector('#doing.fault') !== null");
        assert_eq!(
            tab.value("[...places].join(' and ')").as_str().unwrap_or_default().split(" and ").count(),
            1,
            "{name}: the button was seen at more than one place: {}",
            tab.value("[...places].join(' and ')")
        );
    }
}

fn everything_can_be_done_by_keyboard(browser: &Browser) {
    for name in DEMOS {
        let demo = start(name);
        let tab = browser.visit(&demo);
        tab.until("document.querySelector('wire-view .row') !== null");
        // Say something.
        reach(&tab, "document.activeElement.id === 'text'", "the field for a message");
        tab.type_keys("by keyboard");
        match name {
            "sse" => tab.chord(key::CONTROL, key::ENTER),
            _ => tab.type_keys(&key::ENTER.to_string()),
        }
        hears(&tab, "by keyboard");
        // Cut the cable, repair it.
        reach(
            &tab,
            "document.activeElement.textContent === 'Cut' && document.activeElement.closest('cable-box')",
            "Cut",
        );
        tab.type_keys(&key::SPACE.to_string());
        tab.until("document.querySelector('cable-box').dataset.state === 'cut'");
        reach(
            &tab,
            "document.activeElement.textContent === 'Repair' && document.activeElement.closest('cable-box')",
            "Repair",
        );
        tab.type_keys(&key::ENTER.to_string());
        tab.until("document.querySelector('cable-box').dataset.state === 'whole'");
        // Walk the ladder, open a row's bytes, close them.
        reach(&tab, "document.activeElement.matches('wire-view .ladder')", "the ladder");
        tab.type_keys(&key::HOME.to_string());
        tab.type_keys(&format!("{}{}", key::DOWN, key::ENTER));
        tab.until("document.querySelector('wire-view .detail:not([hidden]) .dump') !== null");
        tab.type_keys(&key::ESCAPE.to_string());
        tab.until("document.querySelector('wire-view .detail').hidden");
        assert_eq!(
            tab.value("document.activeElement.matches('wire-view .ladder')"),
            true,
            "{name}: the focus comes back"
        );
        // The focus can be seen wherever it is.
        let seen = "(() => { const style = getComputedStyle(document.activeElement); \
                     return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; })()";
        assert_eq!(tab.value(seen), true, "{name}: the focus should be visible");
    }
}

/// Presses Tab until the focus is there.
fn reach(tab: &Tab, there: &str, what: &str) {
    for _ in 0..80 {
        if tab.value(&format!("Boolean({there})")) == true {
            return;
        }
        tab.type_keys(&key::TAB.to_string());
    }
    panic!("the Tab key does not lead to {what}");
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

fn polling_counts_its_empty_answers_and_lets_a_slow_one_be_overtaken(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    tab.until("Number(document.querySelector('#empty').textContent) >= 2");
    tab.run(
        "const interval = document.querySelector('#interval'); interval.value = 200; \
         interval.dispatchEvent(new Event('input', { bubbles: true })); document.querySelector('#slow').click();",
        &[],
    );
    // By the clock, questions overtake each other; in a chain they can't.
    tab.until("Number(document.querySelector('#overtaken').textContent) >= 1");
    tab.click("input[value=chain]");
    say(&tab, "heard in a chain, too");
    hears(&tab, "heard in a chain, too");
}

fn longpoll_comes_back_when_the_server_comes_back(browser: &Browser) {
    let mut demo = start("longpoll");
    let port = demo.address().port().to_string();
    let tab = browser.visit(&demo);
    // Not said in the page: were the server killed before its 201 is there, the page would say it again, to the new one.
    for text in ["before", "just before"] {
        demo.say(text);
        hears(&tab, text);
    }
    demo.kill();
    tab.until_words("#doing", "retrying in");
    let again = tests::Setup::new("longpoll").env("PORT", &port).start();
    again.say("a new life");
    hears(&tab, "a new life");
    assert!(
        tab.texts("#messages .note").iter().any(|note| note.contains("started again")),
        "the page says what happened"
    );
    say(&tab, "back again");
    hears(&tab, "back again");
}

fn sse_of_seven_streams_the_seventh_waits(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    tab.click("#seven");
    // Six connections for each host: that many open, and no more.
    tab.until("document.querySelectorAll('#tabs .streams li.open').length === 6");
    assert_eq!(tab.value("document.querySelectorAll('#tabs .streams li.waiting').length"), 1);
    tab.until_text("#listeners", "6");
    tab.click("#seven");
    say(&tab, "there is room again");
    hears(&tab, "there is room again");
}

fn sse_stops_with_204_and_listens_again(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.run(
        "const retry = document.querySelector('#retry'); retry.value = 200; \
         retry.dispatchEvent(new Event('change', { bubbles: true }));",
        &[],
    );
    tab.until_words("#doing", "1 OPEN");
    tab.click("#stop");
    tab.until_words("#doing", "204");
    assert!(tab.texts("#doing")[0].contains("2 CLOSED"), "readyState says that it is over");
    demo.say("not heard");
    assert_eq!(messages(&tab).len(), 0, "nobody listens");
    tab.click("#stop");
    hears(&tab, "not heard"); // nothing is lost: the cursor is where it was
}

fn sse_shows_a_message_of_several_lines_and_the_ids_it_resumes_from(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    demo.say("one\ntwo\n\nfour");
    hears(&tab, "one\ntwo\n\nfour");
    tab.until_text("#last", "1");
    tab.run(
        "const retry = document.querySelector('#retry'); retry.value = 200; \
         retry.dispatchEvent(new Event('change', { bubbles: true }));",
        &[],
    );
    tab.until_words("#doing", "1 OPEN");
    demo.say("five");
    hears(&tab, "five");
    demo.bench().cable("reset");
    demo.say("six");
    hears(&tab, "six");
    tab.until("Number(document.querySelector('#reconnects').textContent) >= 1");
    // The browser asked for what follows message 2, by itself.
    let mut feed = demo.bench().feed();
    feed.row(|row| String::from_utf8_lossy(&row.bytes()).to_ascii_lowercase().contains("last-event-id: 2\r\n"));
}

fn a_gap_is_told_in_the_page(browser: &Browser) {
    for name in DEMOS {
        let demo: Server = start_with(name, &["--capacity", "3"]);
        demo.say("0");
        let tab = browser.visit(&demo);
        hears(&tab, "0");
        cable(&tab, "Cut", "cut");
        let bench = demo.bench();
        let mut speaker = demo.connect();
        let waiting = |wire: &mut tests::Wire, n: u32| wire.post("/say", &[], &n.to_string());
        waiting(&mut speaker, 1);
        // The speaker's own cable is whole again as soon as the bench knows it.
        let deadline = std::time::Instant::now() + tests::DEADLINE;
        while bench.connection(speaker.name()).is_none() {
            assert!(std::time::Instant::now() < deadline);
        }
        bench.cable_of(bench.number_of(&speaker), "repair");
        assert_eq!(speaker.answer().0.status, 201);
        for n in 2..=9 {
            waiting(&mut speaker, n);
            assert_eq!(speaker.answer().0.status, 201);
        }
        bench.cable("reset"); // what waits in the cable is lost; the page asks again
        cable(&tab, "Repair", "whole");
        hears(&tab, "9");
        tab.until(
            "[...document.querySelectorAll('#messages .note')].some((note) => note.textContent.includes('are gone'))",
        );
        assert!(!tab.value("document.body.innerText").as_str().unwrap_or_default().contains("undefined"), "{name}");
    }
}

fn the_page_fits_a_narrow_screen(browser: &Browser) {
    for name in DEMOS.into_iter().chain(["tcp", "frames", "heartbeat"]) {
        let demo = start(name);
        let tab = browser.visit(&demo);
        for n in 1..=4 {
            say(&tab, &n.to_string());
        }
        hears(&tab, "4");
        say(&tab, &"a-word-without-an-end-".repeat(20));
        tab.until("document.querySelector('#messages li .text') !== null");
        tab.resize(500, 900);
        tab.until("innerWidth <= 520");
        let width = tab.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(width, 0, "{name}: the page should not scroll sideways on a narrow screen");
        let end = |selector: &str, side: &str| {
            tab.value(&format!("document.querySelector('{selector}').getBoundingClientRect().{side}")).as_f64()
        };
        assert!(end("#messages", "bottom") <= end("main footer", "top"), "{name}: nothing lies over something else");
        assert!(end("main", "bottom") <= end("aside", "top"), "{name}: the wire stands below the lesson");
        tab.resize(1280, 900);
        assert!(tab.screenshot().len() > 10_000, "a picture can be taken");
    }
}
