//! "How it breaks", walked as the chapter on long polling tells it.

use tests::browser::Browser;
use tests::page::{
    STUCK, faults, hears, listen_for_faults, meanwhile, messages, number, press_for_one, say, set,
    until_fault,
};
use tests::{Message, Row, Server, Setup, in_both_browsers, start};

in_both_browsers! {
    cut_for_longer_the_page_asks_again_on_a_new_connection_and_shows_nothing_twice
    cut_alone_the_answer_waits_in_the_cable_and_comes_once
    reset_counts_no_failure
    reset_after_the_first_sign_of_life_counts_one_failure
    restarted_with_more_messages_than_before_is_noticed
    without_no_store_the_second_of_two_equal_questions_waits_for_the_first
}

/// Walks "Cut, and say something." in longpoll.md.
fn cut_alone_the_answer_waits_in_the_cable_and_comes_once(browser: &Browser) {
    let demo = start("longpoll");
    let one = browser.visit(&demo);
    set(&one, "#hold", "60"); // from the next question on, which is the one that is cut
    demo.say("first");
    hears(&one, "first");
    let question = question_after(&demo, 1);
    listen_for_faults(&one);
    press_for_one(&one, "Cut", question);
    one.until("[...document.querySelectorAll('cable-box .how')].some((how) => how.textContent.includes('cut'))");
    let other = browser.visit(&demo);
    say(&other, "said in the second tab");
    hears(&other, "said in the second tab");
    one.until(STUCK);
    assert_eq!(
        (messages(&one).len(), faults(&one).as_str()),
        (1, ""),
        "nothing more is shown, and no fault"
    );
    press_for_one(&one, "Repair", question);
    hears(&one, "said in the second tab");
    say(&other, "after");
    hears(&one, "after");
    assert_eq!(messages(&one), ["first", "said in the second tab", "after"]);
}

/// The connection of the question for what comes after this message. (A browser has others open, on which it asked before.)
fn question_after(demo: &Server, id: u64) -> u64 {
    let asks = format!("-{id}&hold");
    let question =
        |row: &Row| row.text("mean").starts_with("GET /wait?") && row.text("mean").contains(&asks);
    demo.bench().feed().row(question).number("conn")
}

/// Walks "Cut for longer." in longpoll.md.
fn cut_for_longer_the_page_asks_again_on_a_new_connection_and_shows_nothing_twice(
    browser: &Browser,
) {
    let demo = start("longpoll");
    let one = browser.visit(&demo);
    one.until_words("#doing", "waiting for");
    set(&one, "#hold", "4"); // so that giving up takes no longer than 14 seconds; it holds from the next question on
    demo.say("first");
    hears(&one, "first");
    listen_for_faults(&one);
    let cut = question_after(&demo, 1);
    demo.bench().cable_of(cut, "cut");
    demo.say("into the cut cable");
    until_fault(&one, "no answer within hold time and 10 s more");
    hears(&one, "into the cut cable"); // on a new connection, for the new question has the old cursor
    demo.bench().cable_of(cut, "repair");
    demo.say("after");
    hears(&one, "after");
    assert_eq!(messages(&one), ["first", "into the cut cable", "after"], "once each");
    assert_eq!(number(&one, "failures"), 1);
}

/// Walks "Reset." in longpoll.md.
fn reset_counts_no_failure(browser: &Browser) {
    let demo = start("longpoll");
    let tab = browser.visit(&demo);
    say(&tab, "before");
    hears(&tab, "before");
    question_after(&demo, 1);
    demo.bench().cable("reset"); // the button does the same, and does not show when it is done
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(number(&tab, "failures"), 0);
}

/// Walks "Reset." in longpoll.md.
fn reset_after_the_first_sign_of_life_counts_one_failure(browser: &Browser) {
    let demo = start("longpoll");
    let tab = browser.visit(&demo);
    demo.bench().feed().row(|row| row.text("dir") == "down" && row.text("kind") == "chunk");
    demo.bench().cable("reset");
    tab.until_text("#failures", "1");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(number(&tab, "failures"), 1);
}

/// Walks "Restart, with more messages than before." in longpoll.md.
fn restarted_with_more_messages_than_before_is_noticed(browser: &Browser) {
    let mut demo = Setup::new("longpoll").on_a_port_of_its_own().start();
    let tab = browser.visit(&demo);
    say(&tab, "the only one of the old life");
    hears(&tab, "the only one of the old life");
    tab.click("#stop");
    tab.until_words("#doing", "stopped");
    demo.start_again();
    for text in ["1", "2", "3"] {
        demo.say(text);
    }
    tab.click("#stop");
    hears(&tab, "3");
    assert_eq!(messages(&tab), ["the only one of the old life", "1", "2", "3"]);
    let remarks = tab.texts("#messages .note");
    assert_eq!(remarks, ["The server was started again: its messages count from 1."]);
    // A number alone does not know which life it is from.
    let (_, news) = demo.get("/wait?after=1").answer();
    let texts: Vec<_> = Message::list(&news).into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["2", "3"]);
    assert!(!news.contains("restarted"), "{news}");
}

/// Walks "The cache." in longpoll.md. (It waits for 20 s at most: measured once, in both.)
fn without_no_store_the_second_of_two_equal_questions_waits_for_the_first(browser: &Browser) {
    let demo = start("longpoll");
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "waiting for");
    tab.run(
        "window.ask = () => fetch('/wait?after=-0&hold=30&beat=30&equal'); \
         Promise.all([ask(), ask()]).then(() => (document.body.dataset.both = 'answered'));",
        &[],
    );
    let mut feed = demo.bench().feed();
    let asks = |row: &tests::Row| row.text("mean").contains("&equal");
    let first = feed.row(asks).number("n");
    meanwhile(&tab, 500);
    demo.say("to the first"); // and the second question has it in its answer at once
    let said = feed.row(|row| row.text("mean").starts_with("POST /say")).number("n");
    tab.until("document.body.dataset.both === 'answered'");
    let second = feed.row(|row| asks(row) && row.number("n") != first).number("n");
    assert!(second > said, "the second question left while the first one had no answer");
}
