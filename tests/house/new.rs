//! Makes a demo that runs, from `tests/template`: its folder, its chapter, its line in the book's summary and in the README.

use std::fs;
use std::path::Path;

use demo::index::{Listed, all, is_name};

/// The files of a demo, and where each goes.
const FILES: [(&str, &str); 12] = [
    ("demos/{name}/Cargo.toml", include_str!("../template/Cargo.toml")),
    ("demos/{name}/README.md", include_str!("../template/README.md")),
    ("demos/{name}/page.html", include_str!("../template/page.html")),
    ("demos/{name}/src/lib.rs", include_str!("../template/lib.rs")),
    ("demos/{name}/src/main.rs", include_str!("../template/main.rs")),
    ("demos/{name}/examples/newest.rs", include_str!("../template/newest.rs")),
    ("demos/{name}/tests/wire.rs", include_str!("../template/wire.rs")),
    ("demos/{name}/tests/cursor.rs", include_str!("../template/cursor.rs")),
    ("demos/{name}/tests/pages.rs", include_str!("../template/pages.rs")),
    ("demos/{name}/tests/breaks.rs", include_str!("../template/breaks.rs")),
    ("demos/{name}/tests/recording.rs", include_str!("../template/recording.rs")),
    ("demos/{name}/tests/tasks.rs", include_str!("../template/tasks.rs")),
];
const CHAPTER: &str = include_str!("../template/chapter.md");

/// Makes the demo `name` in this workspace, on the port after the last demo's unless one is given.
pub fn demo(root: &Path, name: &str, port: Option<&str>) -> Result<(), String> {
    let demos = all(root);
    let last = demos.last().map_or(8_000, |demo| demo.port);
    let port: u16 = port.map_or(Ok(last + 1), |port| port.parse().map_err(|_| format!("{port} is no port")))?;
    check(root, &demos, name, port)?;

    let before = demos.iter().rfind(|demo| demo.port < port);
    let summary = root.join("book/src/SUMMARY.md");
    let place = Place::find(root, &read(&summary)?, before)?;
    let fill = |text: &str| {
        let filled = text.replace("{name}", name).replace("{port}", &port.to_string()).replace("{next}", &place.next);
        filled.replace("{Title}", &title(name)).replace("{title}", name)
    };
    for (path, text) in FILES {
        write(&root.join(fill(path)), &fill(text))?;
    }
    write(&root.join(format!("book/src/{name}.md")), &fill(CHAPTER))?;
    write(&summary, &place.with(&format!("- [{}]({name}.md)", title(name))))?;
    lead_to(root, &place, name)?;
    super::index::write(root)?;
    super::succeed(super::cargo().current_dir(root).env("RECORD", "1").args([
        "test",
        "--quiet",
        "-p",
        "tests",
        "--test",
        "recordings",
        "--",
        &format!("{name}::"),
    ]))?;
    println!(
        "\n{name} is there: cargo run -p {name}, then http://127.0.0.1:{port}\n\
         its tests:     cargo run -p tests -- test {name}\n\
         to fill in:    every TODO in demos/{name} and book/src/{name}.md; the description in demos/{name}/Cargo.toml\n\
         \x20              (then: cargo run -p tests -- index); the last line of {}\n\
         after a change on the wire: make record",
        place.previous
    );
    Ok(())
}

fn check(root: &Path, demos: &[Listed], name: &str, port: u16) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!("{name:?} should be a word of small letters, and digits behind them"));
    }
    if root.join("demos").join(name).exists() || root.join(format!("book/src/{name}.md")).exists() {
        return Err(format!("there is a {name} already"));
    }
    let taken = |demo: &Listed| demo.port == port || demo.side_servers.iter().any(|(_, other)| *other == port);
    match demos.iter().find(|demo| taken(demo)) {
        Some(demo) => Err(format!("port {port} is taken by {}", demo.name)),
        None if port <= 8_000 || port >= 8_100 => Err(format!("port {port} is no demo's: 8001 to 8099 are")),
        None => Ok(()),
    }
}

/// The name as a heading, until a better one is found.
fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The place of a chapter in the book's summary.
struct Place {
    lines: Vec<String>,
    /// Behind that many lines.
    at: usize,
    /// The file of the chapter before.
    previous: String,
    /// What the chapter says of the one that follows it.
    next: String,
}

impl Place {
    /// Behind the chapter of this demo, and behind those that go on with it: chapters that are no demo's.
    fn find(root: &Path, summary: &str, before: Option<&Listed>) -> Result<Place, String> {
        let lines: Vec<String> = summary.lines().map(str::to_string).collect();
        let file = |line: &String| Some(line.split("](").nth(1)?.split(".md)").next()?.to_string());
        let is_demo = |name: &String| root.join("demos").join(name).is_dir();
        let name = before.map_or("README", |demo| &demo.name);
        let own = lines.iter().position(|line| file(line).is_some_and(|file| file == name));
        let own = own.ok_or_else(|| format!("SUMMARY.md has no {name}.md"))?;
        let goes_on = |line: &&String| file(line).is_some_and(|name| !is_demo(&name));
        let at = own + 1 + lines[own + 1..].iter().take_while(goes_on).count();
        let next = match lines[at..].iter().find_map(file) {
            Some(name) if is_demo(&name) => format!("`cargo run -p {name}`"),
            Some(name) => format!("[{name}]({name}.md)"),
            None => "[the beginning](README.md)".to_string(),
        };
        let previous = file(&lines[at - 1]).ok_or("a chapter has a file")?;
        Ok(Place { previous: format!("book/src/{previous}.md"), at, next, lines })
    }

    /// The summary with this line.
    fn with(&self, line: &str) -> String {
        let mut lines = self.lines.clone();
        lines.insert(self.at, line.to_string());
        lines.join("\n") + "\n"
    }
}

/// Lets the chapter before lead to the new one.
fn lead_to(root: &Path, place: &Place, name: &str) -> Result<(), String> {
    let path = root.join(&place.previous);
    let text = read(&path)?;
    let lines = text.lines().map(|line| match line.starts_with("Next: ") {
        true => format!("Next: {}: `cargo run -p {name}`", title(name)),
        false => line.to_string(),
    });
    write(&path, &(lines.collect::<Vec<_>>().join("\n") + "\n"))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().ok_or("a file lies in a folder")?;
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|e| format!("{}: {e}", path.display()))
}
