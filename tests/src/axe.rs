//! axe-core, which looks for faults of accessibility: on no page of the book or of a demo may it find a serious one. It is
//! fetched by `make clients`; without it a test says so and goes on (in `make test` it fails).

use std::fs;

use serde_json::json;

use crate::browser::Tab;
use crate::{skipped, workspace};

/// axe-core, as one script.
pub fn script() -> Option<String> {
    let path = workspace().join("tests/node_modules/axe-core/axe.min.js");
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
pub fn faults(tab: &Tab, axe: &str) -> Vec<String> {
    faults_by(tab, axe, &[])
}

/// The same by these rules only; by all of them if none is named.
pub fn faults_by(tab: &Tab, axe: &str, rules: &[&str]) -> Vec<String> {
    if tab.value("window.axe === undefined") == true {
        tab.run(axe, &[]);
    }
    // What is only fading in is not seen yet, and would be judged as if it never were.
    tab.run("for (const one of document.getAnimations()) try { one.finish() } catch { /* it has no end */ }", &[]);
    // The Flash emulator's inside is not ours to mend. Only rules about films and about turned screens need what axe would load.
    let found = tab.run(
        "const rules = arguments[0].length ? { runOnly: arguments[0] } : {}; \
         return axe.run({ exclude: ['ruffle-player'] }, { resultTypes: ['violations'], iframes: false, preload: false, ...rules })\
           .then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')\
             .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).slice(0, 3).join(' | ')}`))",
        &[json!(rules)],
    );
    let found = found.as_array().expect("axe says what it found");
    found.iter().map(|one| one.as_str().unwrap_or_default().to_string()).collect()
}
