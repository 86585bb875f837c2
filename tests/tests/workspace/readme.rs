//! What the READMEs say is so: the index of demos can't rot, and every command that they and the book show is run, in a fresh
//! clone, as a reader types it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use demo::index::Listed;
use tests::websocket::{TEXT, frame};
use tests::{Fresh, Server, workspace};

/// Every demo, in the order of the book, which is the order of their ports.
fn demos() -> Vec<Listed> {
    demo::index::all(workspace())
}

/// Fails with all of these at once, if there are any.
fn none_of(faults: &[String]) {
    assert!(faults.is_empty(), "{} of these:\n\n{}\n", faults.len(), faults.join("\n"));
}

/// The text of a file of the workspace.
fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|e| panic!("{path} can't be read: {e}"))
}

#[test]
fn every_folder_of_demos_names_its_demo() {
    let folders = fs::read_dir(workspace().join("demos")).expect("there is a folder of demos");
    let mut folders: Vec<_> = folders
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<_> = demos().into_iter().map(|demo| demo.name).collect();
    folders.sort();
    names.sort();
    assert_eq!(names, folders, "src/lib.rs of each should have a constant DEMO that can be read");
}

#[test]
fn the_readme_lists_every_demo_with_its_port_and_its_description() {
    let readme = read("README.md");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `cargo run -p ")).collect();
    let expected: Vec<String> = demos()
        .iter()
        .map(|demo| format!("| `cargo run -p {}` | {} | {} |", demo.name, demo.port, demo.description))
        .collect();
    assert_eq!(rows, expected, "the table in README.md should say what the demos say of themselves");
}

#[test]
fn every_demo_has_the_files_that_a_reader_expects() {
    for demo in demos() {
        for file in ["Cargo.toml", "README.md", "page.html", "src/lib.rs", "src/main.rs"] {
            let path = format!("demos/{}/{file}", demo.name);
            assert!(workspace().join(&path).is_file(), "{path} is missing");
        }
        let main = read(&format!("demos/{}/src/main.rs", demo.name));
        let runs = ["run(&", "run_with(&"].map(|run| format!("bench::{run}{}::DEMO", demo.name));
        assert!(runs.iter().any(|run| main.contains(run)), "main.rs of {} is one line", demo.name);
    }
}

#[test]
fn the_readme_of_a_demo_says_what_it_is_how_to_run_it_and_where_to_read_on() {
    let mut faults = Vec::new();
    for demo in demos() {
        let name = &demo.name;
        let readme = read(&format!("demos/{name}/README.md"));
        for words in [
            format!("# {}\n", demo.title),
            format!("cargo run -p {name}\n"),
            demo.url(),
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
    for demo in demos() {
        let source = read(&format!("demos/{}/src/lib.rs", demo.name));
        let opening: String =
            source.lines().take_while(|line| line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
        for words in [
            "//! Run    `".to_string(),
            format!("`cargo run -p {}`", demo.name),
            demo.url(),
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
    let mut ports: Vec<u16> = demos()
        .iter()
        .flat_map(|demo| {
            [demo.port, demo.port + 1_000].into_iter().chain(demo.side_servers.iter().map(|(_, port)| *port))
        })
        .chain([8_000]) // the book
        .collect();
    ports.sort_unstable();
    let count = ports.len();
    ports.dedup();
    assert_eq!(ports.len(), count, "two servers want the same port: {ports:?}");
}

/// cargo puts all of them into one folder, and one would take the place of another. `mine.rs` is the reader's own.
#[test]
fn examples_have_names_of_their_own() {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in ["demos", "shared"] {
        for package in fs::read_dir(workspace().join(part)).expect("a folder").flatten() {
            for example in fs::read_dir(package.path().join("examples")).into_iter().flatten().flatten() {
                let name = example.file_name().to_string_lossy().into_owned();
                names.entry(name).or_default().push(package.path().display().to_string());
            }
        }
    }
    assert!(names.len() > 20, "they are found");
    let twice = |(name, packages): (&String, &Vec<String>)| {
        (packages.len() > 1 && name != "mine.rs").then(|| format!("examples/{name} is in {}", packages.join(" and ")))
    };
    none_of(&names.iter().filter_map(twice).collect::<Vec<_>>());
}

#[test]
fn a_page_has_the_title_and_the_promise_that_the_demo_has() {
    let mut faults = Vec::new();
    for demo in demos() {
        let page = read(&format!("demos/{}/page.html", demo.name));
        let page = page.split_whitespace().collect::<Vec<_>>().join(" "); // a sentence may go over several lines
        for words in [
            format!("<title>{}</title>", demo.title),
            format!("<h1>{}</h1>", demo.title),
            demo.promise.to_string(),
            "{{bench}}/bench.js".to_string(),
            format!("{{{{book}}}}/{}.html", demo.name),
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
    for demo in demos() {
        let files = |folder: &str| -> Vec<String> {
            let entries = fs::read_dir(workspace().join(folder)).expect("the folder is there").flatten();
            let names = entries.map(|entry| entry.file_name().into_string().expect("a plain name"));
            names.filter(|name| name.ends_with(".js") || name.ends_with(".css")).collect()
        };
        let (of_all, own) = (files("shared/elements"), files(&format!("demos/{}", demo.name)));
        for name in &own {
            let script = read(&format!("demos/{}/{name}", demo.name));
            assert!(!script.contains("innerHTML"), "demos/{}/{name}: what the network says is text", demo.name);
            assert!(
                !of_all.contains(name),
                "demos/{}/{name} would never be served: all pages have a {name}",
                demo.name
            );
        }
        let server = tests::start(&demo.name);
        let mut asked: BTreeSet<String> = asked_for(&read(&format!("demos/{}/page.html", demo.name)));
        let mut served = BTreeSet::new();
        while let Some(name) = asked.pop_first() {
            let (head, text) = server.bench().get(&format!("/{name}"));
            assert_eq!(head.status, 200, "{name}, which the page of {} asks for", demo.name);
            let kind = if name.ends_with(".js") { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
            assert_eq!(head.field("Content-Type"), Some(kind), "{name}");
            let folder =
                if own.contains(&name) { format!("demos/{}", demo.name) } else { "shared/elements".to_string() };
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

// ---- Every command that is shown, in a fresh clone ----

/// What no test can run, and why. Each must still be shown somewhere.
const NOT_RUN: &[(&str, &str)] = &[
    ("make test", "it runs this test, which would run it, which would run this test"),
    ("cargo test --workspace", "the same"),
    ("cargo run -p tests -- test", "the same"),
    ("make test DEMO=longpoll", "it is the next command, after installing what is missing"),
    ("make new NAME=radio", "it is the command that the test of a new demo runs"),
    ("cargo run -p tests -- new radio", "the test of a new demo runs it"),
    ("make bench", "five minutes of measuring, worth nothing on a machine that runs tests meanwhile"),
    ("make bench-ws", "eight minutes of the same, and npm packages to fetch"),
    ("make bench-scaleout", "four minutes of the same"),
    (
        "make conformance",
        "minutes, and a program that not every machine has; make test runs a part of it where it is found",
    ),
    (
        "make socketio",
        "it fetches the official client; make test has done it, and tests of socketio need what it fetched",
    ),
    ("make ruffle", "it fetches 10 MB; make test has done it, and the tests of flash need what it fetched"),
    (
        "nc 127.0.0.1 8109",
        "it never ends, and not every machine has it; demos/tcp/tests/wire.rs sends and hears the same bytes",
    ),
];

/// Walks "A name of your own." in jsonp.md.
#[test]
fn every_command_that_is_shown_does_in_a_fresh_clone_what_the_text_says() {
    let Some(clone) = Fresh::clone() else { return };
    let mut shown = commands(clone.folder());
    for (command, why) in NOT_RUN {
        assert!(shown.remove(*command).is_some(), "{command} is not run ({why}), but it is not shown anywhere, either");
    }
    // As on the page for workshops: fetch, build, and then nothing needs a network.
    for command in ["cargo fetch", "cargo build --workspace", "cargo build --workspace --offline"] {
        assert!(shown.remove(command).is_some(), "the page for workshops should show {command}");
        clone.output(command, "");
    }
    clone.output("cargo build --workspace --examples", ""); // all at once is quicker than one by one
    let mut running = Running { clone: &clone, demos: BTreeMap::new() };
    for (command, places) in shown {
        println!("{command} ({})", places.into_iter().collect::<Vec<_>>().join(", "));
        running.does_what_it_should(&command);
    }
}

/// The commands that a reader may copy, and where they stand: in fences, in indented lines, in sentences.
fn commands(root: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let chapters = fs::read_dir(root.join("book/src")).expect("the book has chapters").flatten();
    let chapters = chapters.map(|entry| format!("book/src/{}", entry.file_name().display()));
    let texts = ["README.md".to_string()].into_iter();
    let texts = texts.chain(demos().into_iter().map(|demo| format!("demos/{}/README.md", demo.name))).chain(chapters);
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in texts.filter(|path| path.ends_with(".md")) {
        let text = fs::read_to_string(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut lines = Vec::new();
        let mut spans = String::new();
        let mut fence = None;
        for line in text.lines() {
            match (line.strip_prefix("```"), fence) {
                (Some(language), None) => fence = Some(language),
                (Some(_), Some(_)) => fence = None,
                (None, Some("sh")) => lines.push(line.to_string()),
                (None, Some(_)) => {}
                (None, None) if line.starts_with("    ") => lines.push(line.to_string()),
                (None, None) => spans = spans + line + " ",
            }
        }
        lines.extend(spans.split('`').skip(1).step_by(2).map(str::to_string));
        for line in lines {
            let line = line.split(" # ").next().unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
            for command in line.split(" && ") {
                let first = ["cargo ", "make ", "curl ", "nc ", "npm ", "git ", "PORT=", "TARGET=", "RECORD="];
                if first.iter().any(|first| command.starts_with(first)) {
                    found.entry(command.to_string()).or_default().insert(path.clone());
                }
            }
        }
    }
    assert!(found.len() > 30, "only these commands were found: {found:?}");
    found
}

/// The clone, and the demos that run in it because some command talks to them.
struct Running<'a> {
    clone: &'a Fresh,
    demos: BTreeMap<String, Server>,
}

impl Running<'_> {
    /// Runs a command, and compares what comes of it with what the text beside it promises.
    fn does_what_it_should(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["cargo", "run", "-p", "book"] => {
                let book = self.clone.server(command);
                let (head, page) = book.get("/").answer();
                assert_eq!(head.status, 200, "{command}");
                assert!(page.contains("Real-time web, one technique at a time"), "{command} serves the first page");
            }
            ["cargo", "run", "-p", name, "--", "--help"] => {
                let said = self.clone.output(command, "");
                for option in ["--port N", "--host ADDRESS", "--no-bench"] {
                    assert!(said.contains(option), "{command} should tell of {option} of {name}: {said}");
                }
            }
            ["cargo", "run", "-p", name, "--", "--host", "0.0.0.0"] => {
                let demo = self.clone.server(command);
                demo.prints("open to others");
                shows_its_page(&demo, name, command);
            }
            ["cargo", "run", "-p", "process", "--", ..] => {
                if command.ends_with("--example count") {
                    // A program gets nothing of the demo's surroundings, so cargo builds it in the usual folder.
                    let mut build = self.clone.command("cargo build -q -p process --example count");
                    assert!(build.env_remove("CARGO_TARGET_DIR").status().is_ok_and(|status| status.success()));
                }
                let demo = self.clone.server(command);
                let mut wire = demo.websocket("/");
                wire.send(frame(TEXT, "hello"));
                assert_eq!(wire.frame(), (TEXT, b"1 hello".to_vec()), "{command} counts lines");
            }
            ["cargo", "run", "-p", "scaleout", "--", "--servers" | "--redis", _] => {
                shows_its_page(&self.clone.server(command), "scaleout", command);
            }
            ["cargo", "run", "-p", "scaleout", "--example", "tail", "--", _] => {
                let demo = self.clone.server("cargo run -p scaleout");
                let tail = self.clone.program(&command.replace("127.0.0.1:8020", demo.host()));
                demo.say("hello");
                tail.prints("1 hello");
            }
            ["curl", "-i", url] if url.ends_with(":8020/health") => {
                let demo = self.clone.server("cargo run -p scaleout --example health");
                let said = self.clone.output(&command.replace("127.0.0.1:8020", demo.host()), "");
                assert!(said.contains(" 200 OK"), "{command}: {said}");
            }
            ["cargo", "run", "-p", "heartbeat", "--example", "asks", "--", _] => {
                let demo = self.clone.server("cargo run -p heartbeat");
                let asks = self.clone.program(&command.replace("127.0.0.1:8012", demo.host()));
                asks.prints("the server is there");
                demo.bench().cable("cut");
                asks.prints("the cable is out");
            }
            ["cargo", "run", "-p", "heartbeat", "--example", "silence", "--", _] => {
                let demo = self.clone.server("cargo run -p heartbeat");
                demo.bench().cable("idle 4");
                self.clone.program(&command.replace("127.0.0.1:8012", demo.host())).prints("s of silence");
            }
            ["cargo", "run", "-p", "check", "--", ..] => {
                self.clone.program(command).prints("not yet. "); // the demo is as it was
            }
            ["cargo", "run", "-p", "chat", "--example", "bot", "--", _] => {
                let demo = self.clone.server("cargo run -p chat");
                let bot = self.clone.program(&command.replace("127.0.0.1:8014", demo.host()));
                bot.prints("here as \"bot\"");
            }
            ["cargo", "run", "-p", _, "--example", example, "--", _] => {
                let (input, promised) = match example {
                    "notice" => ("", " of 20 were noticed, after "), // all, unless this machine was too slow for its heartbeat
                    "knock" => ("", "<allow-access-from domain="),
                    "client" => ("hello\n", "hello"),
                    "bomb" => ("", "1009"),
                    "many" => ("", "500 answers"),
                    "fifty" => ("", "50 streams"),
                    _ => panic!("{command}: say here what it promises"),
                };
                let said = self.talk_to_a_demo(command, input);
                assert!(said.contains(promised), "{command} should say {promised:?}: {said}");
            }
            ["cargo", "run", "-p", name] | ["PORT=0", "cargo", "run", "-p", name] => {
                shows_its_page(&self.clone.server(command), name, command);
            }
            ["cargo", "run", "-p", name, "--example", _] => {
                shows_its_page(&self.clone.server(command), name, command);
            }
            ["curl", "-d", .., url] if url.ends_with("/cable") => {
                self.talk_to_a_demo(command, "");
                let demo = demos().into_iter().find(|demo| url.contains(&format!(":{}/", demo.port + 1_000)));
                let state = self.demos[&demo.expect("a demo's bench").name].bench().state()["cable"].to_string();
                let order = command.trim_start_matches("curl -d").trim_start_matches([' ', '\'']);
                let expected = match order.split(|c: char| !c.is_ascii_alphabetic()).next() {
                    Some("reset" | "repair") => "whole", // a reset tears the connections, and the next are whole
                    other => other.unwrap_or_default(),
                };
                assert!(state.contains(expected), "after {command} the cable is {state}");
            }
            ["curl", url] if url.contains("callback=alert(1)") => {
                let said = self.talk_to_a_demo(command, "");
                assert!(!said.starts_with("alert") && said.contains("callback"), "the server refuses: {said}");
            }
            ["curl", "-i", "-H", "'Prefer:", ..] => {
                let demo = self.clone.server("cargo run -p longpoll --example prefer");
                let said = self.clone.output(&command.replace("127.0.0.1:8003", demo.host()), "");
                assert!(said.contains("Preference-Applied: wait=2"), "{command}: {said}");
            }
            ["curl", "-N", url] if url.ends_with(":8008/events") => {
                let demo = self.clone.server("cargo run -p sse");
                let head = demo.get("/events").head();
                assert_eq!((head.status, head.field("Content-Type")), (200, Some("text/event-stream")), "{command}");
            }
            ["curl", url] if url.contains("/wait?after=1") => {
                self.talk_to_a_demo("curl http://127.0.0.1:8003/", ""); // starts it
                for text in ["one", "two", "three"] {
                    self.demos["longpoll"].say(text);
                }
                let said = self.talk_to_a_demo(command, "");
                assert!(said.contains("\"two\"") && said.contains("\"three\""), "{said}");
                assert!(!said.contains("\"one\"") && !said.contains("restarted"), "a bare number is believed: {said}");
            }
            ["cargo", "run", "-p", "tests", "--", "test", _] => {
                let said = self.clone.output(command, "");
                // Behind its last line may stand what was skipped, which goes to standard error.
                assert!(said.lines().any(|line| line.contains(" passed, 0 failed")), "{said}");
            }
            [target, "cargo", "test", "-p", "tests", "--test", "wire", "--", name] if target.starts_with("TARGET=") => {
                let name = name.trim_end_matches("::");
                let demo = self.clone.server(&format!("cargo run -p {name}"));
                let said = self.clone.output(&command.replace("127.0.0.1:9000", demo.host()), "");
                assert!(said.contains("test result: ok."), "{command}: {said}");
            }
            ["make", "book"] => {
                self.clone.output(command, "");
                assert!(self.clone.folder().join("book/book/index.html").is_file(), "{command} writes a site");
            }
            ["make", "record", demo] => {
                let file = self.clone.folder().join(format!("book/src/wire/{}.json", demo.trim_start_matches("DEMO=")));
                fs::remove_file(&file).expect("it has been recorded before");
                let said = self.clone.output(command, "");
                assert!(said.contains("test result: ok. 1 passed"), "{command}: {said}");
                assert!(file.is_file(), "{command} writes {}", file.display());
            }
            _ => panic!("{command} is shown: say here what it should do"),
        }
    }

    /// Runs a command that talks to the demo that runs on this port. Here the demo has another port, and so has the command.
    fn talk_to_a_demo(&mut self, command: &str, input: &str) -> String {
        let (before, rest) = command.split_once("127.0.0.1:").unwrap_or_else(|| panic!("{command}: to whom?"));
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let port: u16 = rest[..end].parse().unwrap_or_else(|_| panic!("{command}: to which port?"));
        let beside = |demo: &Listed| demo.side_servers.iter().find(|one| one.1 == port).map(|one| one.0.clone());
        let mut demos = demos().into_iter();
        let demo = demos.find(|demo| [demo.port, demo.port + 1_000].contains(&port) || beside(demo).is_some());
        let demo = demo.unwrap_or_else(|| panic!("{command}: nobody listens on {port}"));
        let server = self.demos.entry(demo.name.clone()).or_insert_with(|| {
            let server = self.clone.server(&format!("cargo run -p {}", demo.name));
            server.get("/").answer(); // its page is open, as the text says
            server
        });
        let host = match beside(&demo) {
            Some(name) => server.beside(&name),
            None if port == demo.port => server.host().to_string(),
            None => server.bench().host().to_string(),
        };
        self.clone.output(&format!("{before}{host}{}", &rest[end..]), input)
    }
}

fn shows_its_page(server: &Server, name: &str, command: &str) {
    let demo = demos().into_iter().find(|demo| demo.name == name).unwrap_or_else(|| panic!("{command}: no such demo"));
    let page = if name == "http2" {
        let mut client = server.http2();
        client.get(1, "/");
        let (head, body) = client.answer(1);
        assert_eq!(head.field(":status"), Some("200"), "{command}");
        String::from_utf8_lossy(&body).into_owned()
    } else {
        let (head, page) = server.get("/").answer();
        assert_eq!(head.status, 200, "{command}");
        page
    };
    assert!(page.contains(&format!("<h1>{}</h1>", demo.title)), "{command} should show its page: {page}");
}
