//! What the page of socketio promises, in real browsers.

use tests::browser::Browser;
use tests::{in_both_browsers, promises};

in_both_browsers! {
    the_promises_of_every_page_are_kept
}

fn the_promises_of_every_page_are_kept(browser: &Browser) {
    promises::are_kept(browser, "socketio");
}
