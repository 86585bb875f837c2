//! axe-core, which looks for faults of accessibility, on every page of the book and of every demo: nothing serious may be
//! found. It is fetched by `make clients`; without it, or without a browser, the test says so and passes (in `make test` it
//! fails).

use std::fs;
use std::path::Path;

use tests::browser::{self, Kind, Tab};
use tests::{Setup, skipped, start};

/// The judge, as one script.
fn axe() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
    match fs::read_to_string(path) {
        Ok(script) => Some(script),
        Err(_) if std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1") => {
            panic!("axe-core is not here, and this run must not skip anything: `make clients` fetches it")
        }
        Err(_) => {
            skipped("axe-core is not here; `make clients` fetches it");
            None
        }
    }
}

/// The serious faults of a page, one line each.
fn faults(tab: &Tab, axe: &str) -> Vec<String> {
    tab.run(&format!("if (!window.axe) {{ {axe} }}"), &[]);
    // What is only fading in is not seen yet, and would be judged as if it never were.
    tab.run("for (const one of document.getAnimations()) try { one.finish() } catch { /* it has no end */ }", &[]);
    // The Flash emulator's inside is not ours to mend.
    let found = tab.run(
        "return axe.run({ exclude: ['ruffle-player'] }, { resultTypes: ['violations'], iframes: false })\
           .then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')\
             .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).slice(0, 3).join(' | ')}`))",
        &[],
    );
    let found = found.as_array().expect("axe says what it found");
    found.iter().map(|one| one.as_str().unwrap_or_default().to_string()).collect()
}

fn judge(name: &str, tab: &Tab, axe: &str, all: &mut Vec<String>) {
    all.extend(faults(tab, axe).into_iter().map(|fault| format!("{name}: {fault}")));
}

#[test]
fn no_page_of_the_book_has_a_serious_fault() {
    let (Some(axe), Some(browser)) = (axe(), browser::start(Kind::Chromium)) else { return };
    let pages = std::env::temp_dir().join(format!("book-axe-{}", std::process::id()));
    let book = Setup::new("book").env("DEMO_PORT", "0").env("BOOK_PAGES", &pages.display().to_string()).start();
    let summary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/SUMMARY.md");
    let summary = fs::read_to_string(summary).expect("the book has a summary");
    let stays = browser.open(&format!("{}/index.html", book.url()));
    let mut all = Vec::new();
    for theme in ["light", "navy"] {
        stays.run("localStorage.setItem('mdbook-theme', arguments[0])", &[theme.into()]);
        for name in summary.split("](").skip(1).filter_map(|rest| rest.split(".md)").next()) {
            let page = if name == "README" { "index" } else { name };
            let tab = browser.open(&format!("{}/{page}.html", book.url()));
            tab.run("return document.querySelector('main h1') !== null || new Promise((done) => addEventListener('load', done))", &[]);
            judge(&format!("{page}.html, {theme}"), &tab, &axe, &mut all);
            tab.close();
            stays.value("1"); // brings it to the front
        }
    }
    assert!(all.is_empty(), "{} serious faults:\n{}", all.len(), all.join("\n"));
}

#[test]
fn no_page_of_a_demo_has_a_serious_fault() {
    let (Some(axe), Some(browser)) = (axe(), browser::start(Kind::Chromium)) else { return };
    let demos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos");
    let mut all = Vec::new();
    for entry in fs::read_dir(demos).expect("there are demos").flatten() {
        let name = entry.file_name().into_string().expect("a plain name");
        let demo = start(&name);
        let tab = browser.visit(&demo);
        tab.until("document.querySelector('wire-view .row') !== null");
        judge(&name, &tab, &axe, &mut all);
    }
    assert!(all.is_empty(), "{} serious faults:\n{}", all.len(), all.join("\n"));
}
