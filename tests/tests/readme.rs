//! What the READMEs say is so: the index of demos can't rot.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use shared::Demo;

/// Every demo, in the order of the book, which is the order of their ports.
const DEMOS: &[&Demo] = &[
    &polling::DEMO,
    &jsonp::DEMO,
    &longpoll::DEMO,
    &iframe::DEMO,
    &multipart::DEMO,
    &stream::DEMO,
    &flash::DEMO,
    &sse::DEMO,
    &tcp::DEMO,
    &handshake::DEMO,
    &frames::DEMO,
    &heartbeat::DEMO,
];

/// Fails with all of these at once, if there are any.
fn none_of(faults: &[String]) {
    assert!(faults.is_empty(), "{} of these:\n\n{}\n", faults.len(), faults.join("\n"));
}

/// The text of a file of the workspace.
fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|e| panic!("{path} can't be read: {e}"))
}

fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The `description` in a demo's `Cargo.toml`.
fn description(name: &str) -> String {
    let manifest = read(&format!("demos/{name}/Cargo.toml"));
    let line = manifest.lines().find_map(|line| line.strip_prefix("description = \""));
    let line = line.unwrap_or_else(|| panic!("demos/{name}/Cargo.toml should have a description"));
    line.trim_end_matches('"').to_string()
}

#[test]
fn this_test_knows_every_demo_in_the_order_of_the_book() {
    let mut folders: Vec<String> = fs::read_dir(workspace().join("demos"))
        .expect("there is a folder of demos")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<&str> = DEMOS.iter().map(|demo| demo.name).collect();
    assert!(DEMOS.is_sorted_by_key(|demo| demo.port), "DEMOS in this file stands in the order of the ports");
    folders.sort();
    names.sort();
    assert_eq!(names, folders, "DEMOS in this file, and tests/Cargo.toml, should name every folder of demos/");
}

#[test]
fn the_readme_lists_every_demo_with_its_port_and_its_description() {
    let readme = read("README.md");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `cargo run -p ")).collect();
    let expected: Vec<String> = DEMOS
        .iter()
        .map(|demo| format!("| `cargo run -p {}` | {} | {} |", demo.name, demo.port, description(demo.name)))
        .collect();
    assert_eq!(rows, expected, "the table in README.md should say what the demos say of themselves");
}

#[test]
fn every_demo_has_the_files_that_a_reader_expects() {
    for demo in DEMOS {
        for file in ["Cargo.toml", "README.md", "page.html", "src/lib.rs", "src/main.rs"] {
            let path = format!("demos/{}/{file}", demo.name);
            assert!(workspace().join(&path).is_file(), "{path} is missing");
        }
        let main = read(&format!("demos/{}/src/main.rs", demo.name));
        assert!(main.contains(&format!("shared::run(&{}::DEMO);", demo.name)), "main.rs of {} is one line", demo.name);
    }
}

#[test]
fn the_readme_of_a_demo_says_what_it_is_how_to_run_it_and_where_to_read_on() {
    let mut faults = Vec::new();
    for demo in DEMOS {
        let (name, port) = (demo.name, demo.port);
        let readme = read(&format!("demos/{name}/README.md"));
        for words in [
            format!("# {}\n", demo.title),
            format!("cargo run -p {name}\n"),
            format!("http://127.0.0.1:{port}"),
            "src/".to_string(),
            format!("`book/src/{name}.md`"),
        ] {
            if !readme.contains(&words) {
                faults.push(format!("demos/{name}/README.md should contain {words:?}"));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn the_source_of_a_demo_opens_with_what_run_read_wire_book_and_what_is_left_out() {
    let mut faults = Vec::new();
    for demo in DEMOS {
        let source = read(&format!("demos/{}/src/lib.rs", demo.name));
        let opening: String =
            source.lines().take_while(|line| line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
        for words in [
            "//! Run    `".to_string(),
            format!("`cargo run -p {}`", demo.name),
            format!("http://127.0.0.1:{}", demo.port),
            "//! Read ".to_string(),
            "//! Wire ".to_string(),
            format!("//! Book   `book/src/{}.md`", demo.name),
            "Left out:".to_string(),
        ] {
            if !opening.contains(&words) {
                faults.push(format!("demos/{}/src/lib.rs should open with {words:?}", demo.name));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn ports_are_given_once() {
    let mut ports: Vec<u16> = DEMOS
        .iter()
        .flat_map(|demo| [demo.port, demo.port + 1_000].into_iter().chain(demo.beside.iter().map(|one| one.port)))
        .chain([8_000]) // the book
        .collect();
    ports.sort_unstable();
    let count = ports.len();
    ports.dedup();
    assert_eq!(ports.len(), count, "two servers want the same port: {ports:?}");
}

#[test]
fn a_page_has_the_title_and_the_promise_that_the_demo_has() {
    let mut faults = Vec::new();
    for demo in DEMOS {
        let page = read(&format!("demos/{}/page.html", demo.name));
        let page = page.split_whitespace().collect::<Vec<_>>().join(" "); // a sentence may go over several lines
        for words in [
            format!("<title>{}</title>", demo.title),
            format!("<h1>{}</h1>", demo.title),
            demo.promise.to_string(),
            "{{bench}}/bench.js".to_string(),
            format!("{{{{book}}}}/{}.html", demo.name),
            "// ANCHOR: client".to_string(),
        ] {
            if !page.contains(&words) {
                faults.push(format!("demos/{}/page.html should contain {words:?}", demo.name));
            }
        }
        assert!(!page.contains("innerHTML"), "demos/{}/page.html: what the network says is text", demo.name);
    }
    none_of(&faults);
}

#[test]
fn the_bench_serves_every_script_and_style_that_a_page_asks_for() {
    for demo in DEMOS {
        let files = |folder: &str| -> Vec<String> {
            let entries = fs::read_dir(workspace().join(folder)).expect("the folder is there").flatten();
            let names = entries.map(|entry| entry.file_name().into_string().expect("a plain name"));
            names.filter(|name| name.ends_with(".js") || name.ends_with(".css")).collect()
        };
        let (of_all, own) = (files("shared/assets"), files(&format!("demos/{}", demo.name)));
        for name in &own {
            let script = read(&format!("demos/{}/{name}", demo.name));
            assert!(!script.contains("innerHTML"), "demos/{}/{name}: what the network says is text", demo.name);
            assert!(
                !of_all.contains(name),
                "demos/{}/{name} would never be served: all pages have a {name}",
                demo.name
            );
        }
        let server = tests::start(demo.name);
        let mut asked: BTreeSet<String> = asked_for(&read(&format!("demos/{}/page.html", demo.name)));
        let mut served = BTreeSet::new();
        while let Some(name) = asked.pop_first() {
            let (head, text) = server.bench().get(&format!("/{name}"));
            assert_eq!(head.status, 200, "{name}, which the page of {} asks for", demo.name);
            let kind = if name.ends_with(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
            assert_eq!(head.field("Content-Type"), Some(kind), "{name}");
            let folder = if own.contains(&name) { format!("demos/{}", demo.name) } else { "shared/assets".to_string() };
            assert_eq!(text, read(&format!("{folder}/{name}")));
            asked.extend(asked_for(&text).into_iter().filter(|other| !served.contains(other)));
            served.insert(name);
        }
        let forgotten: Vec<&String> = own.iter().filter(|name| !served.contains(*name)).collect();
        assert!(forgotten.is_empty(), "demos/{}: nothing asks for {forgotten:?}", demo.name);
    }
}

/// The scripts and styles of the bench that a page, or another script, names.
fn asked_for(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').filter_map(|word| word.strip_prefix("{{bench}}/").or(word.strip_prefix("./")));
    quoted.filter(|name| name.ends_with(".js") || name.ends_with(".css")).map(str::to_string).collect()
}
