//! "How it breaks", walked as the chapters tell it: each paragraph of these sections is a test, here or in the file that the
//! table names. Both browsers walk.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;
use tests::browser::{Browser, Kind, Tab};
use tests::{Server, Setup, in_both_browsers, start};

/// Chapter, the words in bold with which a paragraph begins, and the test that walks it.
const WALKED: &[(&str, &str, &str)] = &[
    ("polling", "Cut.", "polling_cut_questions_by_the_clock_pile_up_and_those_of_the_chain_do_not"),
    ("polling", "Reset.", "polling_reset_between_two_questions_shows_no_fault"),
    ("polling", "Hold.", "polling_held_changes_nothing"),
    ("jsonp", "A hostile server.", "jsonp_runs_what_a_hostile_server_sends_and_fetch_does_not"),
    ("jsonp", "Cut.", "jsonp_cut_times_out_and_the_late_script_does_nothing"),
    ("jsonp", "A name of your own.", "every_command_that_is_shown_does_in_a_fresh_clone_what_the_text_says"),
    ("longpoll", "Cut, and say something.", "longpoll_cut_alone_the_answer_waits_in_the_cable_and_comes_once"),
    ("longpoll", "Cut for longer.", "longpoll_cut_for_longer_asks_again_on_a_new_connection_and_shows_nothing_twice"),
    ("longpoll", "Reset.", "longpoll_reset_counts_no_failure"),
    ("longpoll", "Restart.", "longpoll_comes_back_when_the_server_comes_back"),
    ("longpoll", "Restart, unnoticed.", "longpoll_restarted_unnoticed_never_shows_the_first_message"),
    ("iframe", "Cut.", "iframe_notices_a_dead_frame"),
    ("iframe", "Reset.", "iframe_reset_is_noticed_and_another_frame_comes"),
    ("iframe", "Hold.", "iframe_held_hears_nothing"),
    ("iframe", "A script in a message.", "markup_and_emoji_arrive_as_they_were_typed"),
    ("multipart", "Drip.", "multipart_takes_parts_apart_wherever_they_are_cut"),
    ("multipart", "Cut.", "multipart_cut_stops_the_picture_and_the_page_asks_again"),
    ("multipart", "Hold.", "multipart_held_hears_nothing_until_16_kib_have_come_together"),
    ("stream", "Drip.", "stream_puts_lines_and_characters_together"),
    ("stream", "Cut.", "stream_cut_gives_up_and_brings_what_was_said_meanwhile"),
    ("stream", "Hold.", "stream_held_hears_nothing_and_asks_again_in_vain"),
    ("stream", "Cut off.", "stream_reset_in_a_dripping_line_brings_the_message_again_whole"),
    ("flash", "Policy: let nobody in.", "the_room_ticks_through_the_movie"),
    ("flash", "Drip.", "messages_that_share_a_segment_and_messages_cut_to_bytes_are_the_same_messages"),
    ("flash", "Cut.", "flash_cut_tells_nobody_anything"),
    ("flash", "A zero byte in a message.", "flash_takes_zero_bytes_out_of_what_is_said"),
    ("sse", "The seventh tab.", "sse_of_seven_streams_the_seventh_waits"),
    ("sse", "Reset.", "sse_shows_a_message_of_several_lines_and_the_ids_it_resumes_from"),
    ("sse", "Cut.", "sse_cut_stays_open_for_ever"),
    ("sse", "Hold.", "sse_held_keeps_the_message_in_the_proxy"),
    ("sse", "Drip.", "sse_dripping_brings_the_event_whole"),
    ("tcp", "Drip.", "tcp_dripping_makes_a_message_of_nearly_every_byte_unless_there_are_borders"),
    ("tcp", "Busy.", "every_panel_works"),
    ("tcp", "Cut.", "tcp_cut_and_reset_in_a_connections_life"),
    ("tcp", "Reset.", "tcp_cut_and_reset_in_a_connections_life"),
    ("handshake", "Refused.", "handshake_sends_every_wrong_head_and_shows_the_refusal"),
    ("handshake", "A foreign page.", "handshake_sends_every_wrong_head_and_shows_the_refusal"),
    ("handshake", "Drip.", "handshake_dripping_opens_and_cut_stays_connecting"),
    ("handshake", "Cut.", "handshake_dripping_opens_and_cut_stays_connecting"),
    ("frames", "A frame that is not masked.", "frames_composes_right_and_wrong_frames_and_shows_the_answer"),
    ("frames", "In the composer", "frames_composes_right_and_wrong_frames_and_shows_the_answer"),
    ("frames", "A length that lies.", "frames_of_a_length_that_lies_are_too_long_before_a_byte_is_kept"),
    ("frames", "Drip.", "frames_dripping_arrive_whole_and_after_a_reset_again"),
    ("closing", "Half a character.", "closing"),
    ("closing", "In the composer:", "frames_composes_right_and_wrong_frames_and_shows_the_answer"),
    ("closing", "Reset", "frames_reset_shows_1006"),
    ("heartbeat", "Cut, heartbeat off.", "heartbeat_off_a_cut_that_nobody_noticed_costs_nobody_anything"),
    ("heartbeat", "Cut, heartbeat on.", "heartbeat_with_one_both_sides_find_out_and_nothing_is_lost"),
    ("heartbeat", "Too eager.", "heartbeat_too_eager_gives_everybody_up_though_everybody_is_there"),
];

#[test]
fn every_paragraph_of_how_it_breaks_is_walked_by_a_test_that_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: String = fs::read_dir(here.join("tests"))
        .expect("there are tests")
        .flatten()
        .map(|file| fs::read_to_string(file.path()).unwrap_or_default())
        .collect();
    for (chapter, words, test) in WALKED {
        let there = tests.contains(&format!("fn {test}("));
        assert!(there, "{chapter}, \"{words}\": there is no test {test}");
    }
    let mut told = BTreeSet::new();
    for file in fs::read_dir(here.join("../book/src")).expect("there are chapters").flatten() {
        let Ok(text) = fs::read_to_string(file.path()) else { continue };
        let name = file.path().file_stem().expect("a chapter has a name").to_string_lossy().into_owned();
        let Some((_, section)) = text.split_once("\n## How it breaks\n") else { continue };
        let section = section.split("\n## ").next().unwrap_or("");
        for line in section.lines().filter_map(|line| line.strip_prefix("**")) {
            told.insert((name.clone(), line.split("**").next().unwrap_or("").to_string()));
        }
    }
    let walked: BTreeSet<_> = WALKED.iter().map(|(name, words, _)| (name.to_string(), words.to_string())).collect();
    assert_eq!(told, walked, "WALKED in this file and the paragraphs in bold should be the same");
}

in_both_browsers! {
    what_is_silent_is_given_up_after_some_seconds
    polling_cut_questions_by_the_clock_pile_up_and_those_of_the_chain_do_not
    polling_reset_between_two_questions_shows_no_fault
    polling_held_changes_nothing
    jsonp_cut_times_out_and_the_late_script_does_nothing
    longpoll_cut_alone_the_answer_waits_in_the_cable_and_comes_once
    longpoll_reset_counts_no_failure
    longpoll_restarted_unnoticed_never_shows_the_first_message
    multipart_held_hears_nothing_until_16_kib_have_come_together
    stream_reset_in_a_dripping_line_brings_the_message_again_whole
    flash_cut_tells_nobody_anything
    flash_takes_zero_bytes_out_of_what_is_said
    sse_cut_stays_open_for_ever
    sse_held_keeps_the_message_in_the_proxy
    sse_dripping_brings_the_event_whole
    tcp_dripping_makes_a_message_of_nearly_every_byte_unless_there_are_borders
    tcp_cut_and_reset_in_a_connections_life
    handshake_dripping_opens_and_cut_stays_connecting
    frames_of_a_length_that_lies_are_too_long_before_a_byte_is_kept
    frames_dripping_arrive_whole_and_after_a_reset_again
    frames_reset_shows_1006
    heartbeat_off_a_cut_that_nobody_noticed_costs_nobody_anything
    heartbeat_too_eager_gives_everybody_up_though_everybody_is_there
}

// ---- What a reader does ----

/// Says something by the form.
fn say(tab: &Tab, text: &str) {
    tab.paste("#text", text);
    tab.click("#say button");
}

/// Waits until the newest message shown is this.
fn hears(tab: &Tab, text: &str) {
    tab.until(&format!("[...document.querySelectorAll('#messages li .text')].at(-1)?.textContent === {}", json!(text)));
}

fn messages(tab: &Tab) -> Vec<String> {
    tab.texts("#messages li .text")
}

/// Presses a button of the cable, and waits until the cable is so.
fn press(tab: &Tab, button: &str, state: &str) {
    tab.until("document.querySelectorAll('cable-box button').length > 3");
    let name = json!(button);
    tab.run(
        "[...document.querySelectorAll('cable-box button')].find((one) => one.textContent === arguments[0]).click()",
        &[name],
    );
    tab.until(&format!("document.querySelector('cable-box').dataset.state === {}", json!(state)));
}

/// Opens "One connection only", and cuts, resets or repairs the one on which this was asked last. Returns its number.
fn press_for_one(tab: &Tab, button: &str, asked: &str) -> u64 {
    tab.run("document.querySelector('cable-box details').open = true", &[]);
    let item = format!(
        "[...document.querySelectorAll('cable-box details li')].find((one) => \
         one.querySelector('.asked').textContent.startsWith({}))",
        json!(asked)
    );
    tab.until(&format!("{item} !== undefined"));
    let number = tab.value(&format!("Number({item}.dataset.id)")).as_u64().expect("a number");
    tab.run(
        &format!("[...{item}.querySelectorAll('button')].find((one) => one.textContent === arguments[0]).click()"),
        &[json!(button)],
    );
    number
}

/// Sets a control, as a person does.
fn set(tab: &Tab, selector: &str, value: &str) {
    tab.run(
        "const field = document.querySelector(arguments[0]); field.value = arguments[1]; \
         for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));",
        &[json!(selector), json!(value)],
    );
}

fn number(tab: &Tab, id: &str) -> u64 {
    let text = tab.value(&format!("document.getElementById('{id}').textContent"));
    text.as_str().unwrap_or_default().parse().unwrap_or_else(|_| panic!("#{id} is no number: {text}"))
}

/// Lets the page live on for so long: that something does not happen can't be waited for in another way.
fn meanwhile(tab: &Tab, milliseconds: u32) {
    tab.run(
        "delete document.body.dataset.later; setTimeout(() => (document.body.dataset.later = 'now'), arguments[0])",
        &[json!(milliseconds)],
    );
    tab.until("document.body.dataset.later === 'now'");
}

/// Writes down every fault that the page tells from now on; [`faults`] reads them.
fn listen_for_faults(tab: &Tab) {
    tab.run(
        "window.faults = []; addEventListener('error', (event) => faults.push(event.message)); \
         const state = document.querySelector('#doing'); \
         new MutationObserver(() => state.classList.contains('fault') && faults.push(state.textContent)) \
           .observe(state, { attributes: true, childList: true, subtree: true });",
        &[],
    );
}

fn faults(tab: &Tab) -> String {
    tab.value("faults.join('; ')").as_str().unwrap_or_default().to_string()
}

/// Waits until the page has told such a fault since [`listen_for_faults`], even if it tells another by now.
fn until_fault(tab: &Tab, words: &str) -> String {
    let found = format!("faults.find((one) => one.includes({}))", json!(words));
    tab.until(&format!("{found} !== undefined"));
    tab.value(&found).as_str().unwrap_or_default().to_string()
}

/// A row of the ladder that ends half-way: its bytes wait in the cable.
const STUCK: &str = "document.querySelector('wire-view .row.stuck') !== null";

// ---- Patience ----

/// A walk in two halves: what the reader does, and then, after some seconds of the page's patience, what is seen.
type Walk<'a> = Box<dyn FnOnce() + 'a>;

/// All the first halves, and then all the second ones: so these pages wait at the same time.
fn what_is_silent_is_given_up_after_some_seconds(browser: &Browser) {
    let walks = [
        longpoll_cut_for_longer_asks_again_on_a_new_connection_and_shows_nothing_twice,
        iframe_reset_is_noticed_and_another_frame_comes,
        iframe_held_hears_nothing,
        multipart_cut_stops_the_picture_and_the_page_asks_again,
        stream_cut_gives_up_and_brings_what_was_said_meanwhile,
        stream_held_hears_nothing_and_asks_again_in_vain,
    ];
    let second_halves = walks.map(|first_half| first_half(browser));
    for see in second_halves {
        see();
    }
}

// ---- Polling ----

fn polling_cut_questions_by_the_clock_pile_up_and_those_of_the_chain_do_not(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    set(&tab, "#interval", "300");
    press(&tab, "Cut", "cut");
    for open in ["1 question open", "2 questions open", "3 questions open", "9 questions open"] {
        tab.until_words("#doing", open);
    }
    // A browser opens six connections to one server: so many questions are in the cable, the others are inside the browser.
    let waiting = tab.value(
        "[...document.querySelectorAll('wire-view .row.stuck')].filter((row) => row.textContent.includes('GET /messages')).length",
    );
    assert!((1..=6).contains(&waiting.as_u64().unwrap_or(0)), "{waiting} questions wait in the cable");
    let asked = number(&tab, "requests");
    press(&tab, "Repair", "whole");
    tab.until(&format!("Number(document.querySelector('#empty').textContent) >= {asked}"));
    assert_eq!(messages(&tab).len(), 0, "each answer was asked for and paid, and all are empty");

    tab.click("input[value=chain]");
    tab.until_text("#doing", "waiting for the next turn");
    press(&tab, "Cut", "cut");
    tab.until_words("#doing", "1 question open");
    let asked = number(&tab, "requests");
    meanwhile(&tab, 1_500);
    assert_eq!((number(&tab, "requests"), tab.texts("#doing")[0].as_str()), (asked, "1 question open"));
    press(&tab, "Repair", "whole");
    tab.until(&format!("Number(document.querySelector('#empty').textContent) >= {asked}"));
}

fn polling_reset_between_two_questions_shows_no_fault(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    tab.until("Number(document.querySelector('#empty').textContent) >= 1");
    set(&tab, "#interval", "3000"); // from now on, so nothing is asked for three seconds
    listen_for_faults(&tab);
    let answers = number(&tab, "empty");
    demo.bench().cable("reset");
    tab.until(&format!("Number(document.querySelector('#empty').textContent) > {answers}"));
    assert_eq!(faults(&tab), "");
    say(&tab, "nothing was lost");
    hears(&tab, "nothing was lost");
}

fn polling_held_changes_nothing(browser: &Browser) {
    let demo = start("polling");
    let tab = browser.visit(&demo);
    press(&tab, "Hold", "hold");
    listen_for_faults(&tab);
    say(&tab, "complete answers pass");
    hears(&tab, "complete answers pass");
    assert_eq!(faults(&tab), "");
}

// ---- JSONP ----

fn jsonp_cut_times_out_and_the_late_script_does_nothing(browser: &Browser) {
    let demo = start("jsonp");
    let tab = browser.visit(&demo);
    tab.until("Number(document.querySelector('#answers').textContent) >= 1");
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    tab.until("Number(document.querySelector('#time-outs').textContent) >= 1");
    assert_eq!((number(&tab, "scripts"), number(&tab, "globals")), (0, 0), "script and function are removed");
    tab.run("faults.length = 0", &[]);
    let answers = number(&tab, "answers");
    press(&tab, "Repair", "whole");
    tab.until(&format!("Number(document.querySelector('#answers').textContent) >= {}", answers + 3));
    let thrown = faults(&tab);
    assert!(!thrown.contains("jsonp_"), "a late script missed its function: {thrown}");
    say(&tab, "after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["after"]);
}

// ---- Long polling ----

fn longpoll_cut_alone_the_answer_waits_in_the_cable_and_comes_once(browser: &Browser) {
    let demo = start("longpoll");
    let one = browser.visit(&demo);
    one.until_words("#doing", "waiting for");
    listen_for_faults(&one);
    press_for_one(&one, "Cut", "GET /wait");
    one.until("[...document.querySelectorAll('cable-box .how')].some((how) => how.textContent.includes('cut'))");
    let other = browser.visit(&demo);
    say(&other, "said in the second tab");
    hears(&other, "said in the second tab");
    one.until(STUCK);
    assert_eq!((messages(&one).len(), faults(&one).as_str()), (0, ""), "nothing is shown, and no fault");
    press_for_one(&one, "Repair", "GET /wait");
    hears(&one, "said in the second tab");
    say(&other, "after");
    hears(&one, "after");
    assert_eq!(messages(&one), ["said in the second tab", "after"]);
}

fn longpoll_cut_for_longer_asks_again_on_a_new_connection_and_shows_nothing_twice(browser: &Browser) -> Walk<'_> {
    let demo = start("longpoll");
    let one = browser.visit(&demo);
    one.until_words("#doing", "waiting for");
    set(&one, "#hold", "2"); // so that giving up takes no longer than twelve seconds; it holds from the next question on
    demo.say("first");
    hears(&one, "first");
    listen_for_faults(&one);
    let cut = press_for_one(&one, "Cut", "GET /wait");
    demo.say("into the cut cable");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&one, "no answer within hold time and 10 s more");
        hears(&one, "into the cut cable"); // on a new connection, for the new question has the old cursor
        demo.bench().cable_of(cut, "repair");
        demo.say("after");
        hears(&one, "after");
        assert_eq!(messages(&one), ["first", "into the cut cable", "after"], "once each");
        assert_eq!(number(&one, "failures"), 1);
    })
}

fn longpoll_reset_counts_no_failure(browser: &Browser) {
    let demo = start("longpoll");
    let tab = browser.visit(&demo);
    say(&tab, "before");
    hears(&tab, "before");
    tab.until_words("#doing", "after message 1");
    demo.bench().feed().row(|row| row.text("mean").starts_with("GET /wait?after=1"));
    demo.bench().cable("reset"); // the button does the same, and does not show when it is done
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(number(&tab, "failures"), 0);
}

fn longpoll_restarted_unnoticed_never_shows_the_first_message(browser: &Browser) {
    let mut demo = start("longpoll");
    let port = demo.address().port().to_string();
    let tab = browser.visit(&demo);
    say(&tab, "the only one of the old life");
    hears(&tab, "the only one of the old life");
    tab.click("#stop");
    tab.until_words("#doing", "stopped");
    demo.kill();
    let again = Setup::new("longpoll").env("PORT", &port).start();
    for text in ["1", "2", "3"] {
        again.say(text);
    }
    tab.click("#stop");
    hears(&tab, "3");
    assert_eq!(messages(&tab), ["the only one of the old life", "2", "3"]);
    assert_eq!(tab.texts("#messages .note").len(), 0, "and nothing is said of a restart");
}

// ---- Forever iframe ----

fn iframe_reset_is_noticed_and_another_frame_comes(browser: &Browser) -> Walk<'_> {
    let demo = start("iframe");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    demo.bench().cable("reset"); // the button does the same, and does not show when it is done
    Box::new(move || {
        let _runs_until_here = &demo;
        let why = until_fault(&tab, "a new frame in");
        if browser.kind() == Kind::Chromium {
            assert!(why.contains("8 s of silence"), "a torn page loads for ever: {why}");
        }
        demo.say("after");
        hears(&tab, "after");
        assert_eq!(messages(&tab), ["before", "after"]);
    })
}

fn iframe_held_hears_nothing(browser: &Browser) -> Walk<'_> {
    let demo = start("iframe");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    press(&tab, "Hold", "hold");
    demo.say("held back");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&tab, "8 s of silence");
        assert_eq!(messages(&tab), ["before"], "nothing arrives");
        press(&tab, "Repair", "whole");
        hears(&tab, "held back");
    })
}

// ---- Multipart ----

fn multipart_cut_stops_the_picture_and_the_page_asks_again(browser: &Browser) -> Walk<'_> {
    let demo = start("multipart");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "reading");
    tab.click("#clock");
    tab.until("document.querySelector('#picture img')?.naturalWidth === 256");
    let tells_of_each = browser.kind() == Kind::Firefox;
    if tells_of_each {
        tab.until("Number(document.querySelector('#loads').textContent) >= 3");
    }
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&tab, "12 s of silence");
        if tells_of_each {
            tab.until("document.querySelector('#picture img')?.naturalWidth !== 256"); // another one was asked for
        } else {
            let stands = "document.querySelector('#picture img').naturalWidth";
            assert_eq!(tab.value(stands), 256, "the picture stands still without a word");
        }
        press(&tab, "Repair", "whole");
        say(&tab, "after");
        hears(&tab, "after");
    })
}

fn multipart_held_hears_nothing_until_16_kib_have_come_together(browser: &Browser) {
    let demo = start("multipart");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "reading");
    press(&tab, "Hold", "hold");
    demo.say("first");
    meanwhile(&tab, 1_000);
    assert_eq!(messages(&tab).len(), 0, "one message stays with the proxy");
    for _ in 0..18 {
        demo.say(&"x".repeat(1_000));
    }
    tab.until("document.querySelector('#messages li .text')?.textContent === 'first'");
}

// ---- Fetch streaming ----

fn stream_cut_gives_up_and_brings_what_was_said_meanwhile(browser: &Browser) -> Walk<'_> {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    say(&tab, "meanwhile");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&tab, "12 s of silence, not even a heartbeat");
        press(&tab, "Repair", "whole");
        hears(&tab, "meanwhile");
        assert_eq!(messages(&tab), ["before", "meanwhile"]);
    })
}

fn stream_held_hears_nothing_and_asks_again_in_vain(browser: &Browser) -> Walk<'_> {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    listen_for_faults(&tab);
    press(&tab, "Hold", "hold");
    demo.say("held back");
    Box::new(move || {
        let _runs_until_here = &demo;
        until_fault(&tab, "12 s of silence");
        tab.until_words("#doing", "asking for what comes after message 1");
        assert_eq!(messages(&tab), ["before"], "in vain: the new answer is held back, too");
        press(&tab, "Repair", "whole");
        hears(&tab, "held back");
    })
}

fn stream_reset_in_a_dripping_line_brings_the_message_again_whole(browser: &Browser) {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("drip 4"); // the button's is slower, and shows nothing else
    let long = "a long line, so that there is time to tear it off: ".repeat(4);
    say(&tab, &long);
    tab.until("Number(document.querySelector('#cut-lines').textContent) >= 10");
    assert_eq!(messages(&tab), ["before"], "half a line is no message");
    press(&tab, "Reset", "drip");
    press(&tab, "Repair", "whole");
    hears(&tab, &long);
    assert_eq!(messages(&tab), ["before", &long], "once, and whole");
}

// ---- Flash ----

fn flash_cut_tells_nobody_anything(browser: &Browser) {
    let Some((demo, tab)) = flash(browser) else { return };
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    meanwhile(&tab, 2_000);
    assert_eq!(faults(&tab), "", "it is TCP: nobody tells anybody");
    press(&tab, "Repair", "whole");
    demo.say("after");
    hears(&tab, "after");
}

fn flash_takes_zero_bytes_out_of_what_is_said(browser: &Browser) {
    let Some((_demo, tab)) = flash(browser) else { return };
    say(&tab, "zero\0byte");
    hears(&tab, "zerobyte");
}

/// The page with a connected movie, where the emulator is; `make ruffle` fetches it, and `make test` has it.
fn flash(browser: &Browser) -> Option<(Server, Tab<'_>)> {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos/flash/node_modules/@ruffle-rs/ruffle").is_dir() {
        assert!(std::env::var_os("REQUIRE_BROWSERS").is_none_or(|value| value != "1"), "no emulator: make ruffle");
        tests::skipped("the emulator is not here; make ruffle fetches it");
        return None;
    }
    let demo = start("flash");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "connected: TCP");
    Some((demo, tab))
}

// ---- Server-Sent Events ----

fn sse_cut_stays_open_for_ever(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    listen_for_faults(&tab);
    press(&tab, "Cut", "cut");
    meanwhile(&tab, 5_000);
    assert!(tab.texts("#doing")[0].contains("1 OPEN"), "{:?}", tab.texts("#doing"));
    assert_eq!(faults(&tab), "");
}

fn sse_held_keeps_the_message_in_the_proxy(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    press(&tab, "Hold", "hold");
    demo.say("held back");
    tab.until(STUCK); // it has left the server
    meanwhile(&tab, 1_000);
    assert_eq!(messages(&tab).len(), 0, "and does not arrive");
    press(&tab, "Repair", "whole");
    hears(&tab, "held back");
}

fn sse_dripping_brings_the_event_whole(browser: &Browser) {
    let demo = start("sse");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("drip 4");
    say(&tab, "whole");
    hears(&tab, "whole");
}

// ---- TCP ----

fn tcp_dripping_makes_a_message_of_nearly_every_byte_unless_there_are_borders(browser: &Browser) {
    let demo = start("tcp");
    let tab = browser.visit(&demo);
    tab.click("#tab-writes");
    press(&tab, "Drip", "drip");
    tab.click("#write");
    tab.until("Number(document.querySelector('#read-count').textContent) > 20");
    tab.until_words("#verdict", "wrong");
    for framing in ["lines", "lengths"] {
        set(&tab, "#framing", framing);
        tab.click("#write");
        tab.until_words("#verdict", "writing");
        tab.until_words("#verdict", "all 8 messages right");
    }
}

fn tcp_cut_and_reset_in_a_connections_life(browser: &Browser) {
    if !cfg!(target_os = "linux") {
        return tests::skipped("only Linux tells of both ends of a connection in /proc");
    }
    let demo = start("tcp");
    let tab = browser.visit(&demo);
    tab.click("#tab-life");
    tab.click("[data-do=open]");
    tab.until_words("#now", "Server: ESTABLISHED");
    press(&tab, "Cut", "cut");
    tab.click("[data-do=client-says]");
    meanwhile(&tab, 2_000);
    let now = tab.texts("#now")[0].clone();
    assert!(now.contains("Client: ESTABLISHED") && now.contains("Server: ESTABLISHED"), "they stay so: {now}");
    press(&tab, "Reset", "cut");
    tab.until("!document.querySelector('#now').textContent.includes('ESTABLISHED')");
}

// ---- WebSocket ----

fn handshake_dripping_opens_and_cut_stays_connecting(browser: &Browser) {
    let demo = start("handshake");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "open");
    // A browser's head has more than 500 bytes: byte by byte, every 20 ms, it takes longer than the server's ten seconds.
    press(&tab, "Drip", "drip");
    tab.click("#open");
    tab.until_words("#doing", "asking for an upgrade");
    tab.until_words("#doing", "closed, 1006");
    demo.bench().cable("drip 5");
    tab.click("#open");
    tab.until_words("#doing", "asking for an upgrade");
    tab.until_words("#doing", "open: this connection does not speak HTTP");
    press(&tab, "Repair", "whole");
    press(&tab, "Cut", "cut");
    tab.click("#open");
    tab.until_words("#doing", "asking for an upgrade");
    meanwhile(&tab, 2_000);
    tab.until_words("#doing", "asking for an upgrade");
    press(&tab, "Repair", "whole");
    tab.until_words("#doing", "open: this connection does not speak HTTP");
}

fn frames_of_a_length_that_lies_are_too_long_before_a_byte_is_kept(browser: &Browser) {
    let demo = start("frames");
    let before = demo.memory();
    let tab = browser.visit(&demo);
    tab.run("document.getElementById('composer').open = true", &[]);
    set(&tab, "#frame [name=form]", "64");
    set(&tab, "#frame [name=length]", "9223372036854775807");
    tab.click("#send");
    tab.until_words("#answer", "close 1009");
    tab.until_words("#answer", "long");
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        assert!(after < before + 32 * 1024, "memory grew from {before} to {after} KiB");
    }
}

fn frames_dripping_arrive_whole_and_after_a_reset_again(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("drip 4");
    say(&tab, "whole");
    hears(&tab, "whole");
    let long = "x".repeat(900);
    say(&tab, &long);
    let half = |row: &tests::Row| row.text("dir") == "up" && row.text("kind") == "frame" && row.number("size") > 800;
    demo.bench().feed().row(half); // on its way, and it takes seconds
    press(&tab, "Reset", "drip");
    press(&tab, "Repair", "whole");
    hears(&tab, &long);
    assert_eq!(messages(&tab), ["whole", &long], "once, and whole");
}

fn frames_reset_shows_1006(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    demo.bench().cable("reset"); // the button does the same, and does not show when it is done
    tab.until_words("#doing", "3 CLOSED with 1006");
}

// ---- Heartbeat ----

fn heartbeat_off_a_cut_that_nobody_noticed_costs_nobody_anything(browser: &Browser) {
    let demo = start("heartbeat");
    let one = browser.visit(&demo);
    one.until("document.querySelectorAll('#peers tbody tr').length === 1");
    let other = browser.visit(&demo);
    other.until("document.querySelectorAll('#peers tbody tr').length === 2");
    // The lower number of those that ask for websocket is the tab that came first.
    let socket = demo.bench().feed().row(|row| row.text("mean").ends_with("asks for websocket")).number("conn");
    one.run("document.querySelector('cable-box details').open = true", &[]);
    let asked = one.until_words(&format!("cable-box details li[data-id='{socket}'] .asked"), "GET /");
    assert!(asked.ends_with("asks for websocket"), "the list tells which connection it is: {asked}");
    assert_eq!(press_for_one(&one, "Cut", &asked), socket);
    one.until("[...document.querySelectorAll('cable-box .how')].some((how) => how.textContent.includes('cut'))");
    say(&one, "said in the cut tab");
    one.until_text("#unsaid", "1");
    meanwhile(&one, 2_000);
    assert_eq!((one.texts("#doing")[0].as_str(), one.texts("#unsaid")[0].as_str()), ("1 OPEN", "1"));
    assert_eq!(other.value("document.querySelectorAll('#peers tbody tr').length"), 2, "the table still shows it");
    press_for_one(&one, "Repair", &asked);
    one.until_text("#unsaid", "0");
    hears(&other, "said in the cut tab");
    assert_eq!(one.texts("#reconnects"), ["0"]);
}

fn heartbeat_too_eager_gives_everybody_up_though_everybody_is_there(browser: &Browser) {
    let demo = start("heartbeat");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "1 OPEN");
    set(&tab, "#patience", "2");
    tab.click("#on");
    tab.until("/ms/.test(document.querySelector('#round-trip').textContent)");
    demo.bench().cable("delay 1500");
    tab.until("Number(document.querySelector('#reconnects').textContent) >= 2");
    demo.bench().cable("repair");
    tab.until_words("#doing", "1 OPEN");
}
