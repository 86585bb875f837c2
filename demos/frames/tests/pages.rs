//! What the page of frames promises, in real browsers.

use tests::browser::Browser;
use tests::page::{choices, open_details, set};
use tests::{in_both_browsers, promises, start};

in_both_browsers! {
    the_promises_of_every_page_are_kept
    right_and_wrong_frames_are_composed_and_the_answer_is_shown
    the_browsers_own_websocket_is_shown_live
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "frames");
}

/// Walks "A frame that is not masked." in frames.md.
/// Walks "In the composer" in frames.md.
/// Walks "In the composer:" in closing.md.
fn right_and_wrong_frames_are_composed_and_the_answer_is_shown(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    open_details(&tab, "composer");
    assert_eq!(
        tab.texts("#bytes"),
        ["81 85 37 fa 21 3d 7f 9f 4d 51 58"],
        "the example of RFC 6455, 5.7"
    );
    assert_eq!(tab.texts("#bits"), ["10000001 10000101"]);
    for example in choices(&tab, "#example") {
        set(&tab, "#example", &example);
        tab.run("document.querySelector('#composed').textContent = '';", &[]);
        tab.click("#send");
        tab.until(
            "/^The (server|connection)/.test(document.querySelector('#composed').textContent)",
        );
        let wrong = example.starts_with("wrong");
        let closed = tab.texts("#composed")[0].contains("closed the connection");
        assert_eq!(
            closed,
            wrong || example.starts_with("a close"),
            "{example}: {:?}",
            tab.texts("#composed")
        );
        if wrong {
            let code = tab.texts("#answer li").last().cloned().unwrap_or_default();
            assert!(
                ["close 1002", "close 1007", "close 1009"].iter().any(|one| code.starts_with(one)),
                "{example}: {code}"
            );
        }
    }
    // By hand: the same frame with RSV1 set.
    set(&tab, "#example", &choices(&tab, "#example")[0]);
    tab.click("#frame [name=rsv1]");
    tab.until_text("#bits", "11000001 10000101");
    tab.click("#send");
    tab.until_words("#answer", "close 1002");
    // A frame in the row, another in the form: two fragments.
    tab.click("#frame [name=rsv1]");
    tab.click("#frame [name=fin]");
    tab.click("#add");
    set(&tab, "#frame [name=opcode]", "0");
    tab.click("#frame [name=fin]");
    tab.click("#send");
    tab.until_words("#answer", "text, 10 bytes: \u{201c}HelloHello\u{201d}");
    tab.click("#clear");
    tab.until("document.querySelectorAll('#row li').length === 0");
    set(&tab, "#frame [name=kind]", "hex");
    tab.until_words("#frame-fault", "Hexadecimal");
}

fn the_browsers_own_websocket_is_shown_live(browser: &Browser) {
    let demo = start("frames");
    let tab = browser.visit(&demo);
    open_details(&tab, "api");
    tab.click("#api-open");
    tab.until_text("#api-ready", "1 OPEN");
    tab.until_text("#api-protocol", "\"echo\"");
    tab.click("#api-send-text");
    tab.until_words("#api-log", "message: a string, 5 characters: Hello");
    tab.click("#api-send-blob");
    tab.until_words("#api-log", "message: a Blob, 5 bytes");
    set(&tab, "#api-type", "arraybuffer");
    tab.click("#api-send-buffer");
    tab.until_words("#api-log", "message: an ArrayBuffer, 5 bytes");
    tab.click("#api-send-many");
    tab.until_words("#api-log", "message: an ArrayBuffer, 1048576 bytes");
    tab.until_text("#api-buffered", "0");
    tab.run("document.querySelector('#api-code').value = '999';", &[]);
    tab.click("#api-close");
    tab.until_words("#api-log", "close throws InvalidAccessError");
    tab.run("document.querySelector('#api-code').value = '4001';", &[]);
    tab.click("#api-close");
    tab.until_words("#api-log", "close: code 4001");
    tab.until_text("#api-ready", "3 CLOSED");
}
