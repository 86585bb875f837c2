//! A demo is a folder: `make new NAME=radio` makes one that runs, and nothing has to be told of it by hand.

use std::collections::BTreeSet;

use tests::Fresh;

#[test]
fn a_new_demo_runs_is_in_the_indexes_has_a_chapter_and_passes_its_tests() {
    let Some(clone) = Fresh::clone() else { return };
    let files = |line: &str| -> BTreeSet<String> { clone.output(line, "").lines().map(str::to_string).collect() };
    let before = files("git status --porcelain");
    let said = clone.output("cargo run -q -p tests -- new novelty", "");
    assert!(said.contains("to fill in:"), "{said}");

    let touched: Vec<String> = files("git status --porcelain").difference(&before).cloned().collect();
    let expected =
        [" M Cargo.lock", " M README.md", " M book/src/SUMMARY.md", "?? book/src/novelty.md", "?? demos/novelty/"];
    for file in expected {
        assert!(touched.iter().any(|line| line == file), "{file} is missing among {touched:#?}");
    }
    let recordings = ["?? book/src/wire/novelty.json", "?? book/src/wire/novelty.txt"];
    let chapters = touched.iter().filter(|line| line.starts_with(" M book/src/") && !line.contains("SUMMARY"));
    assert_eq!(chapters.count(), 1, "the chapter before leads to the new one: {touched:#?}");
    assert_eq!(touched.len(), expected.len() + recordings.len() + 1, "nothing else is touched: {touched:#?}");

    let said = clone.output("cargo run -q -p tests -- test novelty", "");
    assert!(said.contains("ok pages: novelty::pages::"), "the page is tried in a browser, if there is one: {said}");
    assert!(said.contains(" passed, 0 failed"), "{said}");
    let said = clone
        .output("cargo test -q -p tests --test workspace -- book:: readme:: --skip every_command --skip serves", "");
    assert!(said.contains("test result: ok."), "{said}");
}
