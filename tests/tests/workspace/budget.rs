//! A stranger reads a demo top to bottom once: so its texts are short, and say where to read on. And a type's name means one thing
//! in the whole workspace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tests::workspace;

/// The most lines of a demo's `src/lib.rs` without tests, and of its `page.html`; the book's marks do not count.
const LINES: usize = 150;

/// Whether a line only marks, for the book, where a listing begins or ends.
fn is_anchor(line: &str) -> bool {
    line.contains("// ANCHOR: ") || line.contains("// ANCHOR_END: ")
}

/// The longest line of code that the book shows, in characters.
const COLUMNS: usize = 100;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with all of these at once, if there are any.
fn none_of(faults: &[String]) {
    assert!(faults.is_empty(), "{} of these:\n{}", faults.len(), faults.join("\n"));
}

/// The part of a source before its unit tests.
fn without_tests(source: &str) -> &str {
    source.split("\n#[cfg(test)]\nmod ").next().unwrap_or(source)
}

fn demos() -> Vec<PathBuf> {
    demo::index::all(workspace()).iter().map(|demo| workspace().join("demos").join(&demo.name)).collect()
}

#[test]
fn the_first_file_and_the_page_of_a_demo_are_read_in_one_go() {
    let mut faults = Vec::new();
    for demo in demos() {
        let name = demo.file_name().expect("a folder has a name").display().to_string();
        let count = |text: &str| text.lines().filter(|line| !is_anchor(line)).count();
        let lib = count(without_tests(&read(&demo.join("src/lib.rs"))));
        let page = count(&read(&demo.join("page.html")));
        println!("{name:<12} lib.rs {lib:>4}  page.html {page:>4}");
        for (file, lines) in [("src/lib.rs without tests", lib), ("page.html", page)] {
            if lines > LINES {
                faults.push(format!("{name}: {file} has {lines} lines, and {LINES} is the most"));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn the_first_file_of_a_demo_names_at_most_two_more_to_read() {
    let mut faults = Vec::new();
    for demo in demos() {
        let source = read(&demo.join("src/lib.rs"));
        let header: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let read: Vec<&str> = header
            .iter()
            .skip_while(|line| !line.starts_with(" Read "))
            .take_while(|line| line.starts_with(" Read ") || line.starts_with("        "))
            .copied()
            .collect();
        let named = read.join(" ");
        let files = named.split('`').skip(1).step_by(2).filter(|word| word.contains('.'));
        let files: Vec<&str> = files.filter(|file| !file.ends_with("/lib.rs")).collect();
        if read.is_empty() || files.len() > 2 {
            faults.push(format!("{}: \"Read\" should name one or two more files: {files:?}", demo.display()));
        }
    }
    none_of(&faults);
}

#[test]
fn code_that_the_book_shows_is_not_wider_than_its_page() {
    let mut faults = Vec::new();
    let chapters = fs::read_dir(workspace().join("book/src")).expect("there are chapters").flatten();
    for chapter in chapters.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "md")) {
        for what in
            read(&chapter).lines().filter_map(|line| line.trim().strip_prefix("{{#include ")?.strip_suffix("}}"))
        {
            let (path, anchor) = what.rsplit_once(':').expect("an include names an anchor");
            let path = workspace().join("book/src").join(path);
            let text = read(&path);
            let ends = |line: &&str, mark: &str| line.trim_end().ends_with(&format!("{mark}: {anchor}"));
            let shown =
                text.lines().skip_while(|line| !ends(line, "ANCHOR")).take_while(|line| !ends(line, "ANCHOR_END"));
            for line in shown.filter(|line| line.chars().count() > COLUMNS) {
                faults.push(format!("{what}: {} columns: {}", line.chars().count(), line.trim()));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn no_public_type_has_the_name_of_another() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["shared", "demos"] {
        for path in sources(&workspace().join(folder)) {
            let source = read(&path);
            for name in without_tests(&source).lines().filter_map(public_type) {
                let place = path.strip_prefix(workspace()).expect("a file of the workspace").display().to_string();
                places.entry(name.to_string()).or_default().push(place);
            }
        }
    }
    println!("{} public types: {}", places.len(), places.keys().cloned().collect::<Vec<_>>().join(", "));
    let twice = places.iter().filter(|(_, places)| places.len() > 1);
    none_of(&twice.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect::<Vec<_>>());
}

/// The Rust files of crates' `src` folders and of `shared/elements`; not tests and not examples.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let left_out = ["tests", "examples", "node_modules", "target"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !left_out {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// The name of the type that a line makes public.
fn public_type(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ")?;
    let kinds = ["struct ", "enum ", "trait ", "type ", "union "];
    let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}
