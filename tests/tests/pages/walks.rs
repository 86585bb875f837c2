//! "How it breaks" is walked: each paragraph of these sections of the book has a test, and above the test stands a line with
//! `Walks`, the paragraph's first words, and the chapter.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tests::workspace;

#[test]
fn every_paragraph_of_how_it_breaks_is_walked_by_a_test() {
    let mut told = BTreeSet::new();
    for file in fs::read_dir(workspace().join("book/src")).expect("there are chapters").flatten() {
        let Ok(text) = fs::read_to_string(file.path()) else { continue };
        let name = file.file_name().to_string_lossy().into_owned();
        let Some((_, section)) = text.split_once("\n## How it breaks\n") else { continue };
        let section = section.split("\n## ").next().unwrap_or("");
        // A security box says what is done against an attack: it is no walk.
        let bold = section.lines().filter_map(|line| line.strip_prefix("**"));
        for line in bold.filter(|line| !line.starts_with("Security: ")) {
            told.insert((name.clone(), line.split("**").next().unwrap_or("").to_string()));
        }
    }
    let mut walked = walked_in(&workspace().join("tests/tests"));
    for demo in fs::read_dir(workspace().join("demos")).expect("there are demos").flatten() {
        walked.extend(walked_in(&demo.path().join("tests")));
    }
    let unwalked: Vec<_> = told.difference(&walked).collect();
    assert!(unwalked.is_empty(), "no test has a line `/// Walks \"...\" in CHAPTER.md.` for these: {unwalked:#?}");
    let untold: Vec<_> = walked.difference(&told).collect();
    assert!(untold.is_empty(), "tests say that they walk these paragraphs, which are in no chapter: {untold:#?}");
}

/// Chapter and first words of the paragraphs that the tests in this folder walk.
fn walked_in(folder: &Path) -> BTreeSet<(String, String)> {
    let mut walked = BTreeSet::new();
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(text) = fs::read_to_string(file.path()) else {
            walked.extend(walked_in(&file.path())); // a folder
            continue;
        };
        for line in text.lines().filter_map(|line| line.strip_prefix("/// Walks \"")) {
            let (words, chapter) = line.rsplit_once("\" in ").expect("a line that says Walks names a chapter");
            let chapter = chapter.split(".md").next().unwrap_or_default();
            walked.insert((format!("{chapter}.md"), words.to_string()));
        }
    }
    walked
}
