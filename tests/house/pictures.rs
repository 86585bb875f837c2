//! The pictures of the README: a real demo at work in a real browser, in light and in dark.

use std::fs;
use std::path::Path;

use serde_json::json;
use tests::browser::{self, Kind};
use tests::start_with;

/// Takes a picture of longpoll's page after a short talk, once in each theme, into `book/src/look`.
pub fn take(root: &Path) -> Result<(), String> {
    let Some(browser) = browser::start(Kind::Chromium) else { return Err("no Chromium".to_string()) };
    let demo = start_with("longpoll", &["--quiet"]);
    let tab = browser.visit(&demo);
    tab.resize(1280, 800);
    for text in ["Is anyone here?", "Yes. Look at the ladder.", "My request was open all the time."] {
        demo.say(text);
        tab.until(&format!("document.querySelector('#messages').textContent.includes({})", json!(text)));
    }
    for theme in ["light", "dark"] {
        browser.prefers(theme);
        let name = format!("book/src/look/longpoll-{theme}.png");
        fs::write(root.join(&name), tab.picture()).map_err(|error| format!("{name}: {error}"))?;
        println!("{name}");
    }
    Ok(())
}
