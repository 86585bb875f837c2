//! What the page of the chat promises, in real browsers.

use tests::browser::{Browser, Tab};
use tests::page::{hears, messages, say, set, type_and_say};
use tests::promises::{self, Promise};
use tests::{Server, in_both_browsers, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    two_tabs_talk_under_their_names_and_privately
    a_tab_goes_to_another_room_and_hears_its_history
    a_name_comes_back_with_its_tab_and_nothing_is_missed
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    let promises: &[Promise] = &[
        promises::what_is_said_in_one_tab_is_heard_in_the_other,
        promises::markup_and_emoji_arrive_as_they_were_typed,
        promises::a_message_said_into_a_cut_cable_arrives_once_when_it_is_repaired,
        promises::over_resets_everything_is_heard_once_and_in_order,
        promises::the_other_tab_leaves,
        promises::no_serious_fault_of_accessibility_is_found,
        promises::an_empty_and_an_over_long_message_are_told_in_words,
        promises::the_page_fits_a_narrow_screen,
    ];
    promises::these_are_kept(browser, "chat", promises);
}

/// A tab whose member has this name.
fn visit_as<'a>(browser: &'a Browser, demo: &Server, name: &str) -> Tab<'a> {
    let tab = browser.visit(demo);
    tab.until_words("#doing", "1 OPEN");
    rename(&tab, name);
    tab
}

fn rename(tab: &Tab, name: &str) {
    set(tab, "#name", name);
    tab.click("#place button");
    tab.until_words("#doing", &format!("you are {name} in"));
}

fn people(tab: &Tab, expected: &[&str]) {
    tab.until(&format!(
        "[...document.querySelectorAll('#names li')].map((one) => one.textContent).join() === '{}'",
        expected.join(",")
    ));
}

/// Walks "Your name is taken." in chat.md.
fn two_tabs_talk_under_their_names_and_privately(browser: &Browser) {
    let demo = start("chat");
    let ann = visit_as(browser, &demo, "ann");
    let bob = visit_as(browser, &demo, "bob");
    let eve = visit_as(browser, &demo, "eve");
    people(&ann, &["ann (you)", "bob", "eve"]);
    people(&bob, &["ann", "bob (you)", "eve"]);
    type_and_say(&ann, "hello all");
    hears(&bob, "hello all");
    bob.until_text("#messages li:not(.note) .by", "ann");
    // It is told for four seconds: a slow machine looks later.
    ann.run(
        "window.told = []; const typing = document.querySelector('#typing'); \
         new MutationObserver(() => told.push(typing.textContent)).observe(typing, { childList: true });",
        &[],
    );
    bob.keys("#text", "b");
    ann.until("told.includes('bob is writing \u{2026}')");
    bob.run("document.querySelector('#text').value = ''", &[]);
    // A click on a name, and the next message is for that member only.
    ann.run("[...document.querySelectorAll('#names button')].find((one) => one.textContent === 'bob').click()", &[]);
    say(&ann, "psst");
    hears(&bob, "psst");
    bob.until_text("#messages .private .by", "ann to bob, privately");
    hears(&ann, "psst");
    set(&ann, "#to", "");
    say(&ann, "aloud again");
    hears(&eve, "aloud again");
    assert_eq!(messages(&eve), ["hello all", "aloud again"]);
    set(&eve, "#name", "BOB");
    eve.click("#place button");
    eve.until_said(0.0, "BOB is taken: choose another name.");
    rename(&eve, "zoe");
    people(&ann, &["ann (you)", "bob", "zoe"]);
    eve.close();
    people(&ann, &["ann (you)", "bob"]);
    ann.until_said(0.0, "zoe has gone.");
}

fn a_tab_goes_to_another_room_and_hears_its_history(browser: &Browser) {
    let demo = start("chat");
    let ann = visit_as(browser, &demo, "ann");
    let bob = visit_as(browser, &demo, "bob");
    say(&ann, "in the lobby");
    hears(&bob, "in the lobby");
    for tab in [&ann, &bob] {
        set(tab, "#room", "tea");
        tab.click("#place button");
        tab.until_words("#doing", "in tea");
        say(tab, "in the tea room");
        hears(tab, "in the tea room");
    }
    people(&ann, &["ann (you)", "bob"]);
    assert_eq!(
        messages(&bob),
        ["in the lobby", "in the tea room", "in the tea room"],
        "its history came first"
    );
    assert_eq!(bob.value("location.hash"), "#tea");
}

/// Walks "Reset." in chat.md.
fn a_name_comes_back_with_its_tab_and_nothing_is_missed(browser: &Browser) {
    let demo = start("chat");
    let ann = visit_as(browser, &demo, "ann");
    let bob = visit_as(browser, &demo, "bob");
    for n in 0..3 {
        let (mine, yours) = (format!("ann {n}"), format!("bob {n}"));
        say(&ann, &mine);
        demo.bench().cable("reset");
        say(&bob, &yours);
        for tab in [&ann, &bob] {
            tab.until(&format!(
                "['{mine}', '{yours}'].every((text) => \
                 [...document.querySelectorAll('#messages .text')].some((one) => one.textContent === text))"
            ));
        }
    }
    for tab in [&ann, &bob] {
        let mut heard = messages(tab);
        heard.sort();
        assert_eq!(heard, ["ann 0", "ann 1", "ann 2", "bob 0", "bob 1", "bob 2"], "once each");
    }
    assert_eq!(messages(&ann), messages(&bob), "in one order");
    ann.until_words("#doing", "you are ann in lobby");
    bob.until_words("#doing", "you are bob in lobby");
}
