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
            "{{#minutes}}",
            "## Run it",
            "{{#demo ",
            "## On the wire",
            "{{#wire ",
            "## The code",
            "{{#include ",
            "## What it costs",
            "{{#figure ",
            "## How it breaks",
            "<div class=\"security\">",
            "## Questions",
            "## Tasks",
            "{{#task ",
            "<summary>A hint</summary>",
            "<summary>An answer</summary>",
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
        let tasks = ["## Tasks", "## Change it yourself"]; // the second edition, and the first
        assert!(tasks.iter().any(|heading| text.contains(heading)), "{demo}.md has no tasks");
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
fn what_the_book_says_of_the_conformance_suite_is_what_the_suite_said() {
    let judged: serde_json::Value =
        serde_json::from_str(&read(&root().join("tests/conformance/summary.json"))).unwrap();
    let ends = [
        ("frames.md", &["server", "server behind the bench", "client"][..]),
        ("deflate.md", &["deflate server", "deflate client"]),
        ("eventloop.md", &["eventloop server"]),
    ];
    for (name, ends) in ends {
        let text = read(&source().join(name)).split_whitespace().collect::<Vec<_>>().join(" ");
        for end in ends {
            let result = &judged["results"][end];
            let open = result["informational"].as_array().map_or(0, Vec::len);
            // Behind "of", which may begin a sentence.
            let said = format!("{} cases, {} are OK and {open} have no right answer", result["cases"], result["ok"]);
            assert!(text.contains(&said), "{name} should say of {end}: {said}");
        }
    }
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
        "https://nginx.org/en/docs/",
        "https://docs.haproxy.org/",
        // The makers of load balancers about their own time limits.
        "https://docs.aws.amazon.com/elasticloadbalancing/",
        "https://learn.microsoft.com/azure/load-balancer/",
        "https://github.com/kubernetes/ingress-gce/",
        "https://github.com/joewalnes/websocketd",
        "https://docs.rs/process-wrap",
        // The libraries of the demo wss, and the tool that reads with its key log.
        "https://docs.rs/rustls",
        "https://docs.rs/rcgen",
        "https://wiki.wireshark.org/TLS",
        // The one page that names this attack.
        "https://httpoxy.org",
        "https://docs.rs/tungstenite",
        "https://github.com/snapview/tungstenite-rs/",
        // The conformance suite of HTTP/2, and those who told of push and of rapid reset.
        "https://github.com/summerwind/h2spec",
        "https://developer.chrome.com/blog/removing-push",
        "https://blog.cloudflare.com/technical-breakdown-http2-rapid-reset-ddos-attack/",
        // The registry of close codes.
        "https://www.iana.org/assignments/websocket/",
        "https://github.com/websockets/ws",
        "https://github.com/theturtle32/WebSocket-Node",
        "https://github.com/uNetworking/uWebSockets",
        "http://websocketd.com",
        "https://socket.io/",
        "https://github.com/crossbario/autobahn-testsuite",
        // The register of known faults.
        "https://nvd.nist.gov/",
        "https://github.com/mrniko/netty-socketio",
        // Logs and brokers that several servers share, and what others run on them.
        "https://redis.io/docs/",
        "https://centrifugal.dev/",
        "https://docs.nats.io/",
        "https://slack.engineering/real-time-messaging/",
    ];
    for (name, text) in chapters() {
        for target in links(&text).iter().filter(|target| target.starts_with("http:") || target.starts_with("https:")) {
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
            if ["NAME", "book", "check"].contains(&package) {
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
    let parts = text.split("\n## ").skip(1);
    let statements: Vec<&str> =
        parts.filter(|part| !part.starts_with("Questions") && !part.starts_with("Sources")).collect();
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

/// The text of a chapter as a reader reads it: without listings, drawings and what stands in `code`; an order is one letter.
fn prose(text: &str) -> String {
    let without = |text: &str, from: &str, to: &str, instead: &str| {
        if from == to {
            return text.split(from).step_by(2).collect::<Vec<_>>().join(instead);
        }
        let mut parts = text.split(from);
        let first = parts.next().unwrap_or("").to_string();
        parts.fold(first, |all, part| all + instead + part.split_once(to).map_or("", |(_, rest)| rest))
    };
    let text = without(text, "```", "```", "");
    let text = without(&text, "<svg", "</svg>", "");
    let text = without(&text, "{{#", "}}", "X");
    without(&text, "`", "`", "X").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of a list with comments: what stands before the bar, and behind it.
fn list(path: &str) -> Vec<(String, String)> {
    let text = read(&root().join(path));
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|line| line.split_once(" | ").unwrap_or_else(|| panic!("{path}: {line}: there is no bar")))
        .map(|(what, why)| (what.to_string(), why.to_string()))
        .collect()
}

#[test]
fn no_sentence_has_a_turn_that_must_be_read_twice() {
    let is_letter = |c: char| c.is_alphanumeric() || c == '-';
    for (name, text) in chapters() {
        let text = prose(&text).to_lowercase();
        for (turn, plain) in list("book/turns.txt") {
            for (at, _) in text.match_indices(&turn) {
                let (before, after) = (&text[..at], &text[at + turn.len()..]);
                let inside = before.ends_with(is_letter) || after.starts_with(is_letter);
                let sentence: String = before.chars().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect();
                assert!(inside, "{name}: \"...{sentence}{turn}\": {turn:?} is hard to read; write {plain}");
            }
        }
    }
}

/// The pages that are no chapters, and what each is.
const NO_CHAPTER: [(&str, &str); 6] = [
    ("SUMMARY.md", "the table of contents"),
    ("README.md", "the front page"),
    ("cheatsheet.md", "one sheet of paper"),
    ("glossary.md", "a list of words"),
    ("participant.md", "one sheet of paper"),
    ("workshop.md", "for those who teach"),
];

#[test]
fn every_chapter_has_a_picture_three_questions_and_a_source() {
    for (name, text) in chapters() {
        if NO_CHAPTER.iter().any(|(page, _)| *page == name) {
            continue;
        }
        let picture = text.contains("<svg") || text.contains("{{#plot ") || text.contains("{{#wire ");
        assert!(picture, "{name} has no picture");
        let questions = text.matches("<details class=\"question\"><summary>").count();
        assert_eq!(questions, 3, "{name} should have three questions (<details class=\"question\">)");
        let (_, sources) = text.split_once("\n## Sources\n").unwrap_or_else(|| panic!("{name} names no sources"));
        assert!(sources.contains("{{#rfc ") || sources.contains("](http"), "{name}: its sources lead nowhere");
    }
    assert!(read(&source().join("README.md")).contains("<svg"), "the front page shows what this is before it says it");
}

/// The numbers with a unit of size or of time on the wire in a text, as `552 bytes`.
fn typed_numbers(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split([' ', '\u{a0}', '|']).filter(|word| !word.is_empty()).collect();
    let units = ["byte", "bytes", "kB", "KB", "KiB", "MB", "MiB", "GB", "GiB", "ms", "µs"];
    let number = |word: &str| {
        let digits = word.trim_start_matches(['(', '"', '*', '_']);
        let is = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || ".,".contains(c));
        is.then(|| digits.to_string())
    };
    let unit = |word: &str| {
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        units.contains(&word).then(|| word.to_string())
    };
    words.windows(2).filter_map(|pair| Some(format!("{} {}", number(pair[0])?, unit(pair[1])?))).collect()
}

#[test]
fn a_number_with_a_unit_comes_from_a_recording_or_says_where_it_is_from() {
    let known = list("book/numbers.txt");
    let mut used = BTreeSet::new();
    for (name, text) in chapters() {
        for number in typed_numbers(&prose(&text)) {
            let listed = known.iter().any(|(typed, _)| *typed == number);
            assert!(
                listed,
                "{name}: {number:?} is typed; let a recording tell it, or say in book/numbers.txt where it is from"
            );
            used.insert(number);
        }
    }
    for (number, _) in known {
        assert!(used.contains(&number), "book/numbers.txt: no chapter says {number:?} any more");
    }
}

#[test]
fn the_sums_in_the_text_add_up() {
    let value = |word: &str| -> Option<u64> {
        let word = word.trim_matches(|c: char| !c.is_ascii_digit());
        word.replace(',', "").parse().ok()
    };
    for (name, text) in chapters() {
        let text = prose(&text);
        let words: Vec<&str> = text.split(' ').collect();
        for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "=") {
            let Some(total) = words.get(at + 1).and_then(|word| value(word)) else { continue };
            // Backwards from the sign: a number, and as long as a sign of a sum is before it, one more.
            let (mut sum, mut product, mut left, mut terms) = (0_u64, 1_u64, at, 0);
            while left > 0
                && let Some(number) = value(words[left - 1])
            {
                product *= number;
                terms += 1;
                match left.checked_sub(2).map(|sign| words[sign]) {
                    Some("×") => left -= 2,
                    Some("+") => {
                        sum += product;
                        (product, left) = (1, left - 2);
                    }
                    _ => {
                        sum += product;
                        break;
                    }
                }
            }
            let shown = words[at.saturating_sub(6)..(at + 2).min(words.len())].join(" ");
            assert!(terms < 2 || sum == total, "{name}: \"{shown}\": the sum is {sum}");
        }
    }
}

#[test]
fn a_plan_closes_with_questions_about_its_own_chapters() {
    let text = read(&source().join("workshop.md"));
    let mut plans = 0;
    for part in text.split("\n## ") {
        let Some((_, plan)) = part.split_once("{{#plan ") else { continue };
        let stops: Vec<&str> = plan.split("}}").next().unwrap_or("").split([' ', '+']).collect();
        let title = part.lines().next().unwrap_or("");
        let (_, questions) =
            part.split_once("**At the end, ask:**").unwrap_or_else(|| panic!("{title} asks nothing at its end"));
        let asked = links(questions);
        assert_eq!(asked.len(), 3, "{title}: three questions, each with a link to its chapter");
        for target in asked {
            let chapter = target.split(".md").next().unwrap_or("");
            assert!(stops.contains(&chapter), "{title} asks about {chapter}, which it does not teach");
        }
        plans += 1;
    }
    assert!(plans >= 3, "there are {plans} plans");
}
