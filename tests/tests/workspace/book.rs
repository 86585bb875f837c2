//! What the book promises about itself: every listing is code that runs, every number was measured, every link leads
//! somewhere. mdBook does not fail on any of these.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn source() -> PathBuf {
    root().join("book/src")
}

/// Name and text of every chapter.
fn chapters() -> Vec<(String, String)> {
    let mut chapters: Vec<_> = files(&source(), "md").into_iter().map(|path| (name(&path), read(&path))).collect();
    chapters.sort();
    assert!(chapters.len() > 5, "the book has chapters");
    chapters
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            found.extend(files(&path, end));
        } else if path.extension().is_some_and(|extension| extension == end) {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(path: &Path) -> String {
    path.strip_prefix(source()).unwrap_or(path).display().to_string()
}

/// The fences of a chapter: language and lines.
fn fences(text: &str) -> Vec<(String, Vec<&str>)> {
    let mut fences: Vec<(String, Vec<&str>)> = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let marks: String = line.trim_start().chars().take_while(|c| *c == '`').collect();
        match &open {
            Some(close) if line.trim() == close => open = None,
            Some(_) => fences.last_mut().expect("a fence is open").1.push(line),
            None if marks.len() >= 3 => {
                let language = line.trim_start().trim_start_matches('`').split([',', ' ']).next().unwrap_or("");
                fences.push((language.to_string(), Vec::new()));
                open = Some(marks);
            }
            None => {}
        }
    }
    assert!(open.is_none(), "a fence is never closed");
    fences
}

fn includes(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("{{#include ")?.strip_suffix("}}")).collect()
}

#[test]
fn no_technical_code_is_typed_into_the_text() {
    for (name, text) in chapters() {
        for (language, lines) in fences(&text) {
            let included = lines.iter().all(|line| line.trim().starts_with("{{#include "));
            // Commands are typed, by the reader too; another test runs them.
            assert!(included || language == "sh", "{name}: this listing is typed, not included:\n{}", lines.join("\n"));
        }
        for order in ["{{#rustdoc_include", "{{#playground"] {
            assert!(!text.contains(order), "{name}: {order} passes by our own checks");
        }
    }
}

#[test]
fn every_include_finds_its_lines() {
    for (name, text) in chapters() {
        for what in includes(&text) {
            let lines = book_lines(what).unwrap_or_else(|why| panic!("{name}: {what}: {why}"));
            assert!(!lines.trim().is_empty(), "{name}: {what} is empty");
        }
    }
}

/// The lines between the marks, read here once more and in another way than the book's own preprocessor does.
fn book_lines(what: &str) -> Result<String, String> {
    let (path, anchor) = what.rsplit_once(':').ok_or("an include names an anchor")?;
    let text = fs::read_to_string(source().join(path)).map_err(|error| error.to_string())?;
    let has = |line: &str, mark: &str| line.trim_end().ends_with(&format!("{mark}: {anchor}"));
    let from = text.lines().position(|line| has(line, "ANCHOR")).ok_or("there is no such anchor")?;
    let length = text.lines().skip(from + 1).position(|line| has(line, "ANCHOR_END")).ok_or("it is never closed")?;
    Ok(text.lines().skip(from + 1).take(length).collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_anchor_is_closed_and_used() {
    let mut used = BTreeSet::new();
    for (_, text) in chapters() {
        for what in includes(&text) {
            let (path, anchor) = what.rsplit_once(':').expect("an include names an anchor");
            let path = fs::canonicalize(source().join(path)).expect("an included file is there");
            used.insert((path, anchor.to_string()));
        }
    }
    for end in ["rs", "html", "js"] {
        for path in files(&root().join("demos"), end) {
            let text = read(&path);
            let path = fs::canonicalize(&path).expect("a file that was just read is there");
            for line in text.lines() {
                let Some((_, anchor)) = line.split_once("// ANCHOR: ") else { continue };
                let anchor = anchor.trim();
                let close = text.lines().any(|line| line.trim_end().ends_with(&format!("ANCHOR_END: {anchor}")));
                assert!(close, "{}: anchor {anchor} is never closed", path.display());
                let known = used.contains(&(path.clone(), anchor.to_string()));
                assert!(known, "{}: no chapter shows anchor {anchor}", path.display());
            }
        }
    }
}

#[test]
fn every_demo_has_a_chapter_with_all_its_parts() {
    for demo in demo::index::all(&root()).into_iter().map(|demo| demo.name) {
        let path = source().join(format!("{demo}.md"));
        assert!(path.is_file(), "demo {demo} has no chapter book/src/{demo}.md");
        let text = read(&path);
        let parts = [
            "{{#minutes ",
            "## Run it",
            "{{#demo ",
            "## On the wire",
            "{{#wire ",
            "## The code",
            "{{#include ",
            "## What it costs",
            "{{#figure ",
            "## How it breaks",
            "## Change it yourself",
            "examples/",
            "## Sources",
            "For instructors",
            "**Say:**",
            "**Ask:**",
            "**Break it:**",
        ];
        for part in parts {
            assert!(text.contains(part), "{demo}.md has no {part:?}");
        }
        assert!(source().join(format!("wire/{demo}.json")).is_file(), "demo {demo} has no recording: make record");
    }
}

#[test]
fn every_chapter_stands_in_the_summary_and_the_other_way_round() {
    let summary = read(&source().join("SUMMARY.md"));
    for (name, _) in chapters() {
        assert!(name == "SUMMARY.md" || summary.contains(&format!("]({name})")), "{name} is not in SUMMARY.md");
    }
    for target in links(&summary) {
        assert!(source().join(&target).is_file(), "SUMMARY.md leads to {target}, which is not there");
    }
}

/// The targets of Markdown links and images, fences left out.
fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for part in line.split("](").skip(1) {
            targets.push(part.split(')').next().unwrap_or("").to_string());
        }
        for part in line.split("href=\"").skip(1) {
            targets.push(part.split('"').next().unwrap_or("").to_string());
        }
    }
    targets
}

/// What mdBook makes of a heading for its address.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_inside_the_book_leads_somewhere() {
    for (name, text) in chapters() {
        for target in links(&text) {
            if target.starts_with("http://") || target.starts_with("https://") || target.is_empty() {
                continue;
            }
            let (path, part) = target.split_once('#').unwrap_or((&target, ""));
            let path = if path.is_empty() { &name } else { path };
            let file = source().join(path);
            assert!(file.is_file(), "{name} leads to {target}, and there is no such file");
            if !part.is_empty() {
                let there = read(&file);
                let known =
                    there.lines().filter_map(|line| line.strip_prefix('#')).any(|line| {
                        slug(line.trim_start_matches('#')) == part || line.contains(&format!("{{#{part}}}"))
                    }) || there.contains(&format!("id=\"{part}\""));
                assert!(known, "{name} leads to {target}, and there is no such heading");
            }
        }
    }
}

#[test]
fn links_out_of_the_book_lead_to_standards_and_well_known_homes() {
    let homes = [
        "http://127.0.0.1:",
        "https://www.rfc-editor.org/",
        "https://html.spec.whatwg.org/",
        "https://fetch.spec.whatwg.org/",
        "https://streams.spec.whatwg.org/",
        "https://websockets.spec.whatwg.org/",
        "https://xhr.spec.whatwg.org/",
        "https://w3c.github.io/",
        "https://www.w3.org/",
        "https://encoding.spec.whatwg.org/",
        "https://rustup.rs",
        "https://ruffle.rs",
        "https://www.adobe.com/products/flashplayer/",
        "https://man7.org/linux/man-pages/",
        "https://docs.rs/mio",
        "http://www.kegel.com/c10k.html",
        // The homes of what the chapter on libraries names.
        "https://github.com/nginx/nginx/",
        "https://docs.rs/tungstenite",
        "https://github.com/websockets/ws",
        "https://github.com/theturtle32/WebSocket-Node",
        "https://github.com/uNetworking/uWebSockets",
        "http://websocketd.com",
        "https://socket.io/",
        "https://github.com/mrniko/netty-socketio",
    ];
    for (name, text) in chapters() {
        for target in links(&text).iter().filter(|target| target.starts_with("http")) {
            let known = homes.iter().any(|home| target.starts_with(home));
            assert!(known, "{name}: a source should be a standard or the thing's own home, and {target} is neither");
        }
    }
}

#[test]
fn every_picture_has_a_text_in_its_place() {
    for (name, text) in chapters() {
        // What stands in `code` is shown, not drawn.
        let text: String = text.split('`').step_by(2).collect();
        assert!(!text.contains("![]("), "{name}: an image without alternative text");
        for image in text.split("<img").skip(1) {
            let tag = image.split('>').next().unwrap_or("");
            assert!(tag.contains("alt=\""), "{name}: an image without alternative text");
        }
        for drawing in text.split("<svg").skip(1) {
            assert!(
                drawing.contains("role=\"img\"") && drawing.contains("<title"),
                "{name}: a drawing without a title"
            );
            assert!(drawing.contains("<desc"), "{name}: a drawing that is not described");
        }
    }
}

#[test]
fn every_command_in_the_text_is_one() {
    let makefile = read(&root().join("Makefile"));
    for (name, text) in chapters() {
        for (at, _) in text.match_indices("cargo run -p ") {
            let command: String =
                text[at..].chars().take_while(|c| !['`', '\n', ',', ';', '<', ')'].contains(c)).collect();
            let words: Vec<&str> = command.split_whitespace().collect();
            let package = words[3].trim_end_matches(['.', ':']);
            if package == "NAME" || package == "book" {
                continue;
            }
            let folder = root().join("demos").join(package);
            assert!(folder.is_dir(), "{name}: {command}: there is no demo {package}");
            if let Some(at) = words.iter().position(|word| *word == "--example") {
                let example = words[at + 1].trim_end_matches(['.', ':']);
                let file = folder.join(format!("examples/{example}.rs"));
                assert!(file.is_file(), "{name}: {command}: there is no example {example}");
            }
        }
        for (at, _) in text.match_indices("`make ") {
            let target: String = text[at + 6..].chars().take_while(char::is_ascii_alphanumeric).collect();
            let known = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
            assert!(known || target == "bench" || target == "ruffle", "{name}: the Makefile has no target {target}");
        }
    }
}

#[test]
fn every_wrong_statement_names_the_run_that_proves_it_and_what_to_press() {
    let text = read(&source().join("wrong.md"));
    let statements: Vec<&str> = text.split("\n## ").skip(1).collect();
    assert!(statements.len() >= 10, "the page has its statements");
    for statement in statements {
        let title = statement.lines().next().unwrap_or("");
        let (_, run) = statement.split_once("**See it:** `").unwrap_or_else(|| panic!("{title}: no run shows it"));
        let (command, rest) = run.split_once('`').expect("a command ends");
        let Some(demo) = command.strip_prefix("cargo run -p ") else {
            assert!(command.starts_with("make "), "{title}: {command} is no run");
            continue;
        };
        // What the reader is to press or to choose stands in the page, in these words.
        let page = read(&root().join(format!("demos/{demo}/page.html")));
        let page = files(&root().join("demos").join(demo), "js").iter().fold(page, |all, file| all + &read(file));
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let paragraph = rest.split("\n\n").next().unwrap_or("");
        for words in paragraph.split('"').skip(1).step_by(2) {
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(page.contains(&words), "{title}: the page of {demo} says {words:?} nowhere");
        }
    }
}

#[test]
fn the_next_chapter_is_the_one_that_comes_next() {
    let summary = read(&source().join("SUMMARY.md"));
    let order: Vec<&str> = summary.split("](").skip(1).filter_map(|rest| rest.split(".md)").next()).collect();
    for pair in order.windows(2) {
        let text = read(&source().join(format!("{}.md", pair[0])));
        if let Some(next) = text.lines().find(|line| line.starts_with("Next: ")) {
            let demo = format!("`cargo run -p {}`", pair[1]);
            let leads = next.contains(&demo) || next.contains(&format!("({}.md)", pair[1]));
            assert!(leads, "{}.md: after it comes {}, and not \"{next}\"", pair[0], pair[1]);
        } else {
            let is_demo = root().join("demos").join(pair[0]).is_dir();
            assert!(!is_demo, "{}.md should end with what comes next", pair[0]);
        }
    }
}

/// Words that promise without saying anything.
const WEASELS: [&str; 14] = [
    "blazing",
    "robust",
    "seamless",
    "leverage",
    "cutting-edge",
    "state of the art",
    "powerful",
    "very fast",
    "lightning",
    "world-class",
    "simply ",
    "obviously",
    "of course",
    "basically",
];

#[test]
fn no_weasel_words() {
    for (name, text) in chapters() {
        let text = text.to_lowercase();
        for word in WEASELS {
            assert!(!text.contains(word), "{name} says {word:?}");
        }
    }
}

#[test]
fn a_number_of_bytes_is_never_typed() {
    // What a standard fixes is no measurement: the longest control frame has 125 bytes.
    for (name, text) in chapters() {
        for (at, _) in text.match_indices(" bytes") {
            let before = text[..at].rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("");
            let typed = before.bytes().all(|b| b.is_ascii_digit() || b == b',') && !before.is_empty();
            let small = before.parse::<u32>().is_ok_and(|number| number <= 128);
            assert!(!typed || small, "{name}: \"{before} bytes\" should come from a recording");
        }
    }
}
