//! What the page of every demo promises, whatever its technique: a room is a room. A demo's `tests/pages.rs` has one line for it:
//! `promises::are_kept(browser, "longpoll")`.
//!
//! All promises are tried one after the other on one server and the same two tabs: a page takes a second to open, and twenty
//! demos have two browsers each.

use serde_json::json;

use crate::axe;
use crate::browser::{Browser, Kind, Tab, key};
use crate::page::{hears, messages, press, press_say, say, set, type_and_say};
use crate::writer::{Way, Writer};
use crate::{Server, Setup};

/// A demo, with its page open in two tabs.
pub struct Stage<'a> {
    name: &'static str,
    demo: Server,
    way: Way,
    /// How often the cable is reset where once would not be enough to see much.
    resets: usize,
    one: Tab<'a>,
    other: Tab<'a>,
}

impl Stage<'_> {
    /// Says something past the two tabs.
    fn elsewhere(&self, text: &str) {
        Writer::open(&self.demo, self.way).say(text);
    }
}

/// Tries one promise.
pub type Promise = fn(&mut Stage);

/// How many messages the room keeps here: few, so that it forgets some.
const CAPACITY: usize = 20;

/// Fails unless the page of this demo keeps every promise.
pub fn are_kept(browser: &Browser, name: &'static str) {
    these_are_kept(
        browser,
        name,
        &[
            what_is_said_in_one_tab_is_heard_in_the_other,
            markup_and_emoji_arrive_as_they_were_typed,
            a_message_said_into_a_cut_cable_arrives_once_when_it_is_repaired,
            a_reset_cable_loses_nothing,
            over_resets_everything_is_heard_once_and_in_order,
            a_server_that_was_started_again_is_told_of,
            the_other_tab_leaves,
            no_serious_fault_of_accessibility_is_found,
            an_empty_and_an_over_long_message_are_told_in_words,
            a_gap_is_told_in_the_page,
            the_page_fits_a_narrow_screen,
            everything_can_be_done_by_keyboard,
            the_wire_shows_the_true_bytes_of_what_was_said,
            nothing_moves_under_the_pointer_whatever_happens_on_the_wire,
        ],
    );
}

/// The same with some of the promises, for a page that has reasons not to give the others.
pub fn these_are_kept(browser: &Browser, name: &'static str, promises: &[Promise]) {
    let setup = Setup::new(name).args(&["--capacity", &CAPACITY.to_string()]);
    let demo = setup.on_a_port_of_its_own().start();
    let one = browser.visit(&demo);
    let other = browser.visit(&demo);
    // A page that can wait less does: each message, or each reset, would cost seconds.
    for (control, shortest) in [("#retry", "500"), ("#interval", "200")] {
        for tab in [&one, &other] {
            if tab.value(&format!("document.querySelector('{control}') !== null")) == true {
                set(tab, control, shortest);
            }
        }
    }
    // In Chromium, only 8 s of silence tell the forever iframe of a reset.
    let resets = if name == "iframe" { 1 } else { 3 };
    let way = Way::of(&demo);
    let mut stage = Stage { name, demo, way, resets, one, other };
    for promise in promises {
        promise(&mut stage);
    }
}

/// The last `count` messages shown.
fn newest(tab: &Tab, count: usize) -> Vec<String> {
    let mut all = messages(tab);
    all.split_off(all.len().saturating_sub(count))
}

/// No promise: what comes behind this needs one tab only, and each message costs each page its drawing.
pub fn the_other_tab_leaves(stage: &mut Stage) {
    stage.other.go("about:blank");
}

/// By axe-core, which is the same in every browser: one is enough. It comes behind a promise that shows messages: lists are
/// judged by what is in them.
pub fn no_serious_fault_of_accessibility_is_found(stage: &mut Stage) {
    let Stage { name, one: tab, .. } = stage;
    let Some(axe) = (tab.kind() == Kind::Chromium).then(axe::script).flatten() else { return };
    tab.until("document.querySelector('wire-view .row') !== null");
    let faults = axe::faults(tab, &axe);
    assert!(faults.is_empty(), "{name}: {} serious faults:\n{}", faults.len(), faults.join("\n"));
}

/// Both tabs hear everything, their own words too.
pub fn what_is_said_in_one_tab_is_heard_in_the_other(stage: &mut Stage) {
    let Stage { name, one, other, .. } = stage;
    type_and_say(one, "hello from one");
    hears(other, "hello from one");
    type_and_say(other, "hello from the other");
    hears(one, "hello from the other");
    hears(other, "hello from the other");
    assert_eq!(messages(one), ["hello from one", "hello from the other"], "{name}");
    assert_eq!(messages(one), messages(other), "{name}");
}

/// What came over the network is text, whatever it looks like.
pub fn markup_and_emoji_arrive_as_they_were_typed(stage: &mut Stage) {
    let Stage { name, one, other, .. } = stage;
    type_and_say(one, "<b>bold</b> & <img src=x onerror=alert(1)>");
    hears(other, "<b>bold</b> & <img src=x onerror=alert(1)>");
    assert_eq!(other.value("document.querySelectorAll('#messages b, #messages img').length"), 0, "{name}");
    let emoji = "emoji \u{1f642} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}, e\u{301}, \u{4e2d}\u{6587}";
    say(one, emoji);
    hears(other, emoji);
    hears(one, emoji);
}

/// And what was refused is still there, to be mended.
pub fn an_empty_and_an_over_long_message_are_told_in_words(stage: &mut Stage) {
    let Stage { name, one: tab, .. } = stage;
    let before = messages(tab).len();
    press_say(tab);
    tab.until_words("#say .status", "empty");
    say(tab, &"x".repeat(1_001));
    let words = tab.until_words("#say .status", "1001");
    assert!(words.ends_with('.'), "{name}: a sentence: {words:?}");
    let kept = tab.until("document.querySelector('#text').value.length");
    assert_eq!(kept, 1_001, "{name}: what was refused is still there, to be mended");
    say(tab, &"x".repeat(1_000));
    hears(tab, &"x".repeat(1_000));
    assert_eq!(messages(tab).len(), before + 1, "{name}: what was refused is not shown");
}

/// Upwards it is the body of a POST; downwards what this technique makes of it.
pub fn the_wire_shows_the_true_bytes_of_what_was_said(stage: &mut Stage) {
    let Stage { name, one: tab, .. } = stage;
    // The promise before this one may have left the ladder at an old row: now it goes on with the newest ones.
    tab.run("document.querySelector('wire-view .newest').click()", &[]);
    let text = "bytes <b>of</b> this";
    say(tab, text);
    hears(tab, text);
    open_row(tab, "up", text);
    let masked = tab.value("document.querySelector('wire-view .detail').textContent.includes('masked')") == true;
    if masked {
        open_row(tab, "down", text); // what a browser sends over a WebSocket can't be read (RFC 6455, 5.3)
        assert!(bytes_shown(tab).contains(text), "{name}: the bytes of the message");
    } else {
        assert!(bytes_shown(tab).trim_end_matches('\0').ends_with(text), "{name}: the bytes of the body");
        open_row(tab, "down", text);
    }
    assert!(!tab.texts("wire-view .fields .name").is_empty(), "{name}: the fields have names");
    let counted = tab.value("document.querySelector('wire-view .counters .up dd').textContent");
    assert_ne!(counted, "0 B", "{name}: the counters count");
}

/// The bytes of the row that is open, read as text.
fn bytes_shown(tab: &Tab) -> String {
    let hex =
        tab.value("[...document.querySelectorAll('wire-view .dump .hex')].map((one) => one.textContent).join(' ')");
    let byte = |byte| u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("this is no hex: {hex}"));
    let bytes: Vec<u8> = hex.as_str().unwrap_or_default().split_whitespace().map(byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Clicks the newest row of this direction with these words in it, and waits for its bytes.
fn open_row(tab: &Tab, dir: &str, words: &str) {
    let words = json!(words);
    let rows = format!(
        "[...document.querySelectorAll('wire-view .row.{dir}:not([hidden])')].filter((row) => row.textContent.includes({words}))"
    );
    // The document holds the rows that can be seen and a few more: where many connections tell much, the row has left them by
    // now. So the ladder is walked, upwards from where it is and then from its end; the row is found and clicked at once.
    tab.until(&format!(
        "(() => {{ \
             const row = {rows}.at(-1); \
             if (row) {{ row.click(); return true; }} \
             const ladder = document.querySelector('wire-view .ladder'); \
             const up = ladder.scrollTop - ladder.clientHeight / 2; \
             ladder.scrollTop = ladder.scrollTop > 0 ? up : ladder.scrollHeight; \
             return false; \
         }})()"
    ));
    tab.until(&format!(
        "document.querySelector('wire-view .detail h3')?.textContent.includes({words}) && \
         document.querySelector('wire-view .detail header').classList.contains('{dir}')"
    ));
}

/// Nothing comes through a cut cable; what was said into it comes once, in its order.
pub fn a_message_said_into_a_cut_cable_arrives_once_when_it_is_repaired(stage: &mut Stage) {
    let Stage { name, one, other, .. } = stage;
    say(one, "before the cut");
    hears(other, "before the cut");
    press(one, "Cut", "cut");
    say(one, "into the cut cable");
    one.until(crate::page::STUCK);
    assert_eq!(newest(other, 1), ["before the cut"], "{name}: nothing comes through a cut cable");
    press(one, "Repair", "whole");
    hears(other, "into the cut cable");
    hears(one, "into the cut cable");
    say(one, "after the cut");
    for tab in [one, other] {
        hears(tab, "after the cut");
        let expected = ["before the cut", "into the cut cable", "after the cut"];
        assert_eq!(newest(tab, 3), expected, "{name}: once each, in order");
    }
}

/// Again and again everything is torn down, and each message is heard once, in order.
pub fn a_reset_cable_loses_nothing(stage: &mut Stage) {
    let mut all = Vec::new();
    for n in 1..=stage.resets {
        let (before, meanwhile) = (format!("message {n}"), format!("while it comes back {n}"));
        say(&stage.one, &before);
        hears(&stage.other, &before);
        stage.demo.bench().cable("reset");
        stage.elsewhere(&meanwhile);
        all.extend([before, meanwhile]);
    }
    for tab in [&stage.one, &stage.other] {
        hears(tab, all.last().expect("messages"));
        assert_eq!(newest(tab, all.len()), all, "{}: once each, in order", stage.name);
    }
}

/// What is said is not waited for here: twelve messages, and three resets between them.
pub fn over_resets_everything_is_heard_once_and_in_order(stage: &mut Stage) {
    let Stage { name, demo, resets, one, other, .. } = stage;
    let texts: Vec<String> = (0..12).map(|n| format!("without waiting {n}")).collect();
    for (n, text) in texts.iter().enumerate() {
        if n % 4 == 2 && n < 4 * *resets {
            demo.bench().cable("reset");
        }
        say(one, text);
    }
    for tab in [one, other] {
        hears(tab, "without waiting 11");
        assert_eq!(newest(tab, texts.len()), texts, "{name}: once each, in order");
    }
}

/// While the cable is cut, more is said than the room keeps.
pub fn a_gap_is_told_in_the_page(stage: &mut Stage) {
    let Stage { name, demo, way, one: tab, .. } = stage;
    press(tab, "Cut", "cut");
    let mut writer = Writer::past_a_cut_cable(demo, *way);
    for n in 1..=CAPACITY + 5 {
        writer.say(&format!("while it was cut: {n}"));
    }
    let bench = demo.bench();
    bench.cable("reset"); // what waits in the cable is lost; the page asks again
    press(tab, "Repair", "whole");
    hears(tab, &format!("while it was cut: {}", CAPACITY + 5));
    tab.until(
        "[...document.querySelectorAll('#messages .note')].some((note) => note.textContent.includes('are gone'))",
    );
    assert!(!tab.value("document.body.innerText").as_str().unwrap_or_default().contains("undefined"), "{name}");
}

/// Nor does a word without an end make the page wider.
pub fn the_page_fits_a_narrow_screen(stage: &mut Stage) {
    let Stage { name, one: tab, .. } = stage;
    let long = "a-word-without-an-end-".repeat(20);
    say(tab, &long);
    hears(tab, &long);
    narrow(tab);
    let width = tab.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(width, 0, "{name}: the page should not scroll sideways on a narrow screen");
    let end = |selector: &str, side: &str| {
        tab.value(&format!("document.querySelector('{selector}').getBoundingClientRect().{side}")).as_f64()
    };
    assert!(end("#messages", "bottom") <= end("main footer", "top"), "{name}: nothing lies over something else");
    assert!(end("main", "bottom") <= end("aside", "top"), "{name}: the wire stands below the lesson");
    wide(tab);
}

/// Not on a narrow screen and not on a wide one: refusals, resets, and at last a server that is gone. Ends the server.
pub fn nothing_moves_under_the_pointer_whatever_happens_on_the_wire(stage: &mut Stage) {
    for (size, resets) in [(narrow as fn(&Tab), 1), (wide, stage.resets)] {
        size(&stage.one);
        stage.one.run("document.querySelector('#text').focus()", &[]); // which may scroll the page
        watch_the_button(&stage.one);
        refusals(&stage.one);
        for n in 1..=resets {
            stage.demo.bench().cable("reset");
            let text = format!("after reset {n} of {resets}");
            stage.elsewhere(&text);
            hears(&stage.one, &text);
        }
        the_button_stayed(stage.name, &stage.one);
    }
    let Stage { name, demo, one: tab, .. } = stage;
    demo.kill();
    tab.until("document.querySelector('#doing.fault') !== null");
    the_button_stayed(name, tab);
}

/// What the form says of a message that the room does not take.
fn refusals(tab: &Tab) {
    for (text, words) in [("", "empty"), (&*"x".repeat(1_001), "1001")] {
        submit(tab, text);
        tab.until_words("#say .status", words);
    }
    tab.paste("#text", "");
}

/// Says something without a click: a click may scroll the page.
fn submit(tab: &Tab, text: &str) {
    tab.paste("#text", text);
    tab.run("document.querySelector('#say').requestSubmit()", &[]);
}

/// Writes down, from now on, each place of the form's button, and what has just changed in the page.
pub fn watch_the_button(tab: &Tab) {
    tab.run(
        "const button = document.querySelector('#say button'); window.places = []; \
         const nameOf = ({ target }) => { \
             const element = target.nodeType === 3 ? target.parentElement : target; \
             return element?.closest('[id]')?.id; \
         }; \
         const look = (changes) => { \
             const { x, y } = button.getBoundingClientRect(); \
             const last = places.at(-1) ?? { x: NaN }; \
             if (Math.abs(x - last.x) < 1 && Math.abs(y - last.y) < 1) return; \
             places.push({ x, y, after: [...new Set(changes.map(nameOf))].join(' and ') }); \
         }; \
         look([]); \
         window.watcher?.disconnect(); \
         window.watcher = new MutationObserver(look); \
         watcher.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });",
        &[],
    );
}

/// Fails if the button was seen at more than one place.
pub fn the_button_stayed(name: &str, tab: &Tab) {
    let places = tab.value("places.map(({ x, y, after }) => `${x}, ${y} after a change in ${after}`).join('\\n')");
    let places = places.as_str().unwrap_or_default();
    assert_eq!(places.lines().count(), 1, "{name}: the button of the form stood at these places:\n{places}");
}

/// Makes the page as wide as a phone's screen. No window is so narrow, and the style sheets have no limit between the two widths.
pub fn narrow(tab: &Tab) {
    tab.resize(500, 900);
    tab.until("innerWidth <= 520");
    tab.run("document.body.style.width = '390px'", &[]);
}

/// Makes the page as wide as it was.
pub fn wide(tab: &Tab) {
    tab.run("document.body.style.width = ''", &[]);
    tab.resize(1280, 900);
    tab.until("innerWidth > 1200");
}

/// The room is another one: its messages count from 1, and the page says that.
pub fn a_server_that_was_started_again_is_told_of(stage: &mut Stage) {
    stage.demo.start_again();
    stage.elsewhere("a new life");
    for tab in [&stage.one, &stage.other] {
        hears(tab, "a new life");
        let notes = tab.texts("#messages .note");
        assert!(notes.iter().any(|note| note.contains("started again")), "{}: {notes:?}", stage.name);
    }
    say(&stage.one, "back again");
    for tab in [&stage.one, &stage.other] {
        hears(tab, "back again");
    }
}

/// Say something, cut the cable and repair it, walk the ladder: and the focus can be seen wherever it is.
pub fn everything_can_be_done_by_keyboard(stage: &mut Stage) {
    let Stage { name, one: tab, .. } = stage;
    tab.reload(); // the Tab key begins at the top again
    tab.until("document.querySelector('wire-view .row') !== null");
    reach(tab, "document.activeElement.id === 'text'", "the field for a message");
    tab.type_keys("by keyboard");
    match tab.value("document.activeElement.tagName") == "TEXTAREA" {
        true => tab.chord(key::CONTROL, key::ENTER),
        false => tab.type_keys(&key::ENTER.to_string()),
    }
    hears(tab, "by keyboard");
    let button = |name: &str| {
        format!("document.activeElement.textContent === '{name}' && document.activeElement.closest('cable-box')")
    };
    reach(tab, &button("Cut"), "Cut");
    tab.type_keys(&key::SPACE.to_string());
    tab.until("document.querySelector('cable-box').dataset.state === 'cut'");
    reach(tab, &button("Repair"), "Repair");
    tab.type_keys(&key::ENTER.to_string());
    tab.until("document.querySelector('cable-box').dataset.state === 'whole'");
    // Walk the ladder, open a row's bytes, close them. The first rows may be acts of TCP, which have none: a browser may open
    // connections in advance.
    reach(tab, "document.activeElement.matches('wire-view .ladder')", "the ladder");
    tab.type_keys(&key::HOME.to_string());
    let first = "document.querySelector('wire-view .row.active') === document.querySelector('wire-view .row')";
    tab.until(first); // Home leads there, wherever the reader is
    tab.type_keys(&key::ENTER.to_string());
    tab.until("!document.querySelector('wire-view .detail').hidden");
    let bytes = "document.querySelector('wire-view .detail .dump') !== null";
    press_until(tab, key::DOWN, bytes, "a row that has bytes");
    tab.type_keys(&key::ESCAPE.to_string());
    tab.until("document.querySelector('wire-view .detail').hidden");
    let comes_back = tab.value("document.activeElement.matches('wire-view .ladder')");
    assert_eq!(comes_back, true, "{name}: the focus comes back");
    let seen = "(() => { const style = getComputedStyle(document.activeElement); \
                 return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; })()";
    assert_eq!(tab.value(seen), true, "{name}: the focus should be visible");
}

/// Presses Tab until the focus is there.
fn reach(tab: &Tab, there: &str, what: &str) {
    press_until(tab, key::TAB, there, what);
}

/// Presses one key until the reader is there.
fn press_until(tab: &Tab, key: char, there: &str, what: &str) {
    for _ in 0..80 {
        if tab.value(&format!("Boolean({there})")) == true {
            return;
        }
        tab.type_keys(&key.to_string());
    }
    panic!("the key {key:?} does not lead to {what}");
}
