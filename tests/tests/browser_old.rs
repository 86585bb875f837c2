//! The pages of `jsonp`, `iframe`, `multipart` and `stream` in real browsers: what these techniques alone promise. What every
//! page promises is in `browser.rs`.

use std::net::TcpListener;
use std::thread;

use serde_json::json;
use tests::browser::{Browser, Kind, Tab};
use tests::{Server, Setup, in_both_browsers, start, start_with};

in_both_browsers! {
    jsonp_leaves_no_script_and_no_global_behind
    jsonp_runs_what_a_hostile_server_sends_and_fetch_does_not
    jsonp_says_what_to_do_when_its_data_have_moved
    iframe_recycles_its_frame_and_loses_nothing
    iframe_notices_a_dead_frame
    multipart_takes_parts_apart_wherever_they_are_cut
    multipart_shows_a_clock_and_finds_it_again
    stream_puts_lines_and_characters_together
    stream_lets_a_slow_reader_slow_the_server_down
    stream_aborts_and_goes_on_from_its_cursor
    stream_says_what_this_browser_can_do_upwards
    a_gap_is_told_in_the_page
    a_server_that_was_started_again_is_told_of
}

/// Waits until the newest message shown is this.
fn hears(tab: &Tab, text: &str) {
    tab.until(&format!("[...document.querySelectorAll('#messages li .text')].at(-1)?.textContent === {}", json!(text)));
}

fn messages(tab: &Tab) -> Vec<String> {
    tab.texts("#messages li .text")
}

fn number(tab: &Tab, id: &str) -> u64 {
    let text = tab.value(&format!("document.getElementById('{id}').textContent"));
    text.as_str().unwrap_or_default().replace(',', "").parse().unwrap_or_else(|_| panic!("#{id} is no number: {text}"))
}

fn until_at_least(tab: &Tab, id: &str, least: u64) {
    tab.until(&format!("Number(document.getElementById('{id}').textContent.replace(',', '')) >= {least}"));
}

/// Says many things over one connection.
fn say_all(demo: &Server, texts: &[String]) {
    let mut wire = demo.connect();
    for text in texts {
        wire.post("/say", &[], text);
        assert_eq!(wire.answer().0.status, 201);
    }
}

fn set(tab: &Tab, id: &str, value: &str) {
    tab.run(
        "const field = document.getElementById(arguments[0]); field.value = arguments[1]; \
         field.dispatchEvent(new Event('change', { bubbles: true }));",
        &[json!(id), json!(value)],
    );
}

// ---- JSONP ----

fn jsonp_leaves_no_script_and_no_global_behind(browser: &Browser) {
    let demo = start("jsonp");
    let tab = browser.visit(&demo);
    tab.run("window.faults = []; addEventListener('error', (event) => faults.push(event.message));", &[]);
    demo.say("before");
    hears(&tab, "before");
    // The answer comes after the time-out: the script must not run, nor miss its function.
    demo.bench().cable("delay 3000");
    until_at_least(&tab, "time-outs", 1);
    demo.bench().cable("repair");
    demo.say("after");
    hears(&tab, "after");
    until_at_least(&tab, "answers", number(&tab, "answers") + 3);
    assert_eq!(tab.value("faults.join()"), "", "a late script ran");
    assert_eq!((number(&tab, "scripts"), number(&tab, "globals")), (0, 0));
    assert_eq!(messages(&tab), ["before", "after"]);
}

fn jsonp_says_what_to_do_when_its_data_have_moved(browser: &Browser) {
    let mut demo = start("jsonp");
    let port = demo.address().port().to_string();
    let tab = browser.visit(&demo);
    demo.say("one");
    hears(&tab, "one");
    let data = demo.beside("data");
    demo.kill();
    // Somebody else has the port of the data now, and hangs up on everybody.
    let taken = TcpListener::bind(&data).expect("the port is free");
    thread::spawn(move || taken.incoming().for_each(drop));
    let again = Setup::new("jsonp").env("PORT", &port).start();
    assert_ne!(again.beside("data"), data);
    tab.until_words("#messages", "reload this page");
    tab.reload();
    again.say("a new life");
    hears(&tab, "a new life");
}

fn jsonp_runs_what_a_hostile_server_sends_and_fetch_does_not(browser: &Browser) {
    let demo = start("jsonp");
    let tab = browser.visit(&demo);
    tab.paste("#text", "my secret");
    tab.click("#hostile");
    tab.until_text("h1", "Repainted by the other server");
    tab.until_words("#doing", "my secret");
    demo.say("heard through a hostile server");
    hears(&tab, "heard through a hostile server");

    tab.click("input[value=fetch]");
    tab.until_words("#doing", "it was not run");
    assert_eq!(tab.texts("h1"), ["JSONP polling"], "the paint is washed off, and does not come back");
    assert_eq!(tab.value("document.documentElement.style.length"), 0);
    demo.say("said meanwhile");
    tab.click("#hostile");
    hears(&tab, "said meanwhile");
    tab.until_words("#doing", "its answer was read");
    assert_eq!(messages(&tab), ["heard through a hostile server", "said meanwhile"]);
}

// ---- Forever iframe ----

fn iframe_recycles_its_frame_and_loses_nothing(browser: &Browser) {
    let demo = start_with("iframe", &["--quiet"]);
    let tab = browser.visit(&demo);
    set(&tab, "most", "5");
    let evil = "</script><script>parent.document.title = 'taken'</script><!--";
    let mut said: Vec<String> = (0..40).map(|n| format!("message {n}")).collect();
    said.push(evil.to_string());
    say_all(&demo, &said);
    hears(&tab, evil);
    assert_eq!(messages(&tab), said, "once each, in order");
    assert!(number(&tab, "frames") >= 9, "41 messages, 5 scripts a frame: {} frames", number(&tab, "frames"));
    assert!(number(&tab, "scripts") <= 6, "a document should not grow beyond its 5 scripts and the last");
    assert_eq!(tab.value("document.querySelectorAll('iframe').length"), 1, "old frames are thrown away");
    assert_eq!(tab.value("document.title"), "Forever iframe");
}

fn iframe_notices_a_dead_frame(browser: &Browser) {
    let demo = start("iframe");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("cut");
    tab.until_words("#doing", "8 s of silence");
    demo.bench().cable("repair");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "after"]);
    assert_eq!(tab.value("document.querySelectorAll('iframe').length"), 1);
}

// ---- Multipart ----

fn multipart_takes_parts_apart_wherever_they_are_cut(browser: &Browser) {
    let demo = start_with("multipart", &["--quiet"]);
    let tab = browser.visit(&demo);
    tab.until_words("#doing", "reading");
    let boundary = tab.texts("#doing")[0].rsplit(' ').next().unwrap_or_default().to_string();
    tab.click("#borrow");
    tab.click("#say button");
    hears(&tab, &format!("--{boundary}--"));
    demo.bench().cable("drip 1");
    let mut said = vec![format!("--{boundary}--")];
    for text in
        [format!("grüße 🙂\n--{boundary}\nId: 99"), "\n\n".to_string() + "two empty lines in front", "é".to_string()]
    {
        demo.say(&text);
        said.push(text);
    }
    hears(&tab, "é");
    assert_eq!(messages(&tab), said);
    assert!(number(&tab, "inside") >= 10, "byte by byte, most reads end inside of a part");
}

fn multipart_shows_a_clock_and_finds_it_again(browser: &Browser) {
    let demo = start_with("multipart", &["--quiet"]);
    let tab = browser.visit(&demo);
    tab.click("#clock");
    let shows = "document.querySelector('#picture img:not(.old)')?.naturalWidth === 256 && loads.textContent";
    tab.until(shows);
    if browser.kind() == Kind::Firefox {
        until_at_least(&tab, "loads", 3); // one for each picture
    }
    tab.run("document.querySelector('#picture img').className = 'old'", &[]);
    demo.bench().cable("reset");
    tab.until(shows);
    tab.click("#clock");
    assert_eq!(tab.value("document.querySelectorAll('#picture img').length"), 0);
}

// ---- Fetch streaming ----

fn stream_puts_lines_and_characters_together(browser: &Browser) {
    let demo = start_with("stream", &["--quiet"]);
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    demo.bench().cable("drip 1");
    let said = "grüße 🙂, two\nlines, and \u{2028} a third";
    demo.say(said);
    hears(&tab, said);
    assert!(number(&tab, "cut-lines") >= 10, "byte by byte, most reads end inside of a line");
    // ü and ß have two bytes, the emoji has four, U+2028 three: 1 + 1 + 3 + 2 places to cut, if no two bytes came at once.
    let cut = number(&tab, "cut-characters");
    assert!((1..=7).contains(&cut), "{cut} reads ended inside of a character");
}

fn stream_lets_a_slow_reader_slow_the_server_down(browser: &Browser) {
    let demo = start_with("stream", &["--quiet"]);
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    let before = demo.memory();
    tab.click("#slow");
    tab.click("#filler");
    // Firefox reads on into its own memory, whatever the page does: the server never hears of it, and the page says so.
    if browser.kind() == Kind::Firefox {
        tab.until_words("#messages .note", "into its own memory");
        let stuck = tab.value("parseFloat(document.querySelector('#stuck').textContent)").as_f64();
        assert!(stuck < Some(1.0), "the server's write never waits: {stuck:?} s");
        tab.until("!filler.checked");
        demo.say("after");
        return hears(&tab, "after");
    }
    tab.until("parseFloat(document.querySelector('#stuck').textContent) >= 1");
    let between = tab.value("parseFloat(document.querySelector('#between').textContent)").as_f64().unwrap_or_default();
    assert!(between >= 1.0, "{between} MiB wait between server and page");
    if let (Some(before), Some(after)) = (before, demo.memory()) {
        println!("{between} MiB wait on the way; the server's memory: {before} KiB before, {after} KiB after");
        assert!(after < before + 32 * 1024, "memory grew from {before} to {after} KiB");
    }
    demo.say("while it is stuck");
    tab.click("#slow");
    hears(&tab, "while it is stuck");
    tab.until("parseFloat(document.querySelector('#between').textContent) < 1");
    tab.click("#filler");
    demo.say("after");
    hears(&tab, "after");
    assert_eq!(messages(&tab), ["before", "while it is stuck", "after"]);
}

fn stream_aborts_and_goes_on_from_its_cursor(browser: &Browser) {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    demo.say("before");
    hears(&tab, "before");
    tab.click("#listening");
    tab.until_words("#doing", "aborted");
    let mut feed = demo.bench().feed();
    feed.row(|row| row.text("dir") == "up" && ["fin", "reset"].contains(&row.text("kind")));
    demo.say("while nobody listened");
    assert_eq!(messages(&tab), ["before"]);
    tab.click("#listening");
    hears(&tab, "while nobody listened");
    assert_eq!(messages(&tab), ["before", "while nobody listened"]);
}

fn stream_says_what_this_browser_can_do_upwards(browser: &Browser) {
    let demo = start("stream");
    let tab = browser.visit(&demo);
    tab.click("summary");
    tab.click("#try");
    tab.until("document.querySelector('#upload').textContent !== ''");
    let said = tab.texts("#upload")[0].clone();
    println!("{:?}: {said}", browser.kind());
    // A browser that learns it some day may say that the server answered: then the page's sentence is to be looked at again.
    let known = ["it knows them, and refuses over HTTP/1.1.", "it does not know streams as bodies of requests."];
    assert!(known.contains(&said.as_str()), "{said}");
}

// ---- All of them ----

fn a_gap_is_told_in_the_page(browser: &Browser) {
    for name in ["jsonp", "iframe", "multipart", "stream"] {
        let demo = start_with(name, &["--capacity", "3"]);
        say_all(&demo, &(1..=10).map(|n| n.to_string()).collect::<Vec<_>>());
        let tab = browser.visit(&demo);
        hears(&tab, "10");
        assert_eq!(messages(&tab), ["8", "9", "10"], "{name}");
        assert_eq!(tab.texts("#messages .note"), ["7 messages are gone: the room keeps only the newest."], "{name}");
    }
}

fn a_server_that_was_started_again_is_told_of(browser: &Browser) {
    for name in ["jsonp", "iframe", "multipart", "stream"] {
        let mut demo = start(name);
        let port = demo.address().port().to_string();
        let tab = browser.visit(&demo);
        say_all(&demo, &["one".to_string(), "two".to_string()]);
        hears(&tab, "two");
        demo.kill();
        tab.until_words("#doing", "(try ");
        let again = Setup::new(name).env("PORT", &port).start();
        again.say("a new life");
        hears(&tab, "a new life");
        let notes = tab.texts("#messages .note");
        assert_eq!(notes, ["The server was started again: its messages count from 1."], "{name}");
    }
}
