//! All demos of the workspace, as their own sources name them: for the book, the README and the tests, which should not wait until
//! every demo is compiled.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a demo's source says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Folder, package and chapter.
    pub name: String,
    /// Its public port; the order of the ports is the order of the book.
    pub port: u16,
    /// `http`, or `https` when the public port speaks TLS.
    pub scheme: &'static str,
    /// Name and public port of each of its side servers.
    pub side_servers: Vec<(String, u16)>,
    /// The technique.
    pub title: String,
    /// One sentence: what it does.
    pub promise: String,
    /// One sentence: what to try first.
    pub first: String,
    /// The `description` in its `Cargo.toml`.
    pub description: String,
}

impl Listed {
    /// Where its page is: `http://127.0.0.1:8003`.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }
}

/// All demos below this root, in the order of the book.
pub fn all(root: &Path) -> Vec<Listed> {
    let folders = fs::read_dir(root.join("demos")).into_iter().flatten().flatten();
    let mut demos: Vec<Listed> = folders
        .filter_map(|folder| {
            let name = folder.file_name().into_string().ok()?;
            let source = fs::read_to_string(folder.path().join("src/lib.rs")).ok()?;
            let more = sources(&folder.path().join("src"));
            let manifest = fs::read_to_string(folder.path().join("Cargo.toml")).ok()?;
            is_name(&name).then(|| parse(&name, &source, &more, &manifest)).flatten()
        })
        .collect();
    demos.sort_by_key(|demo| demo.port);
    demos
}

/// Cargo in this folder, as from a terminal. Without what cargo has told this program of its own package: a build script may
/// watch these variables (ring's does), and it and all that needs it would be compiled anew, now and at the next command.
pub fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder);
    for (name, _) in env::vars_os() {
        let of_this_package = |start| name.to_str().is_some_and(|name| name.starts_with(start));
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"].into_iter().any(of_this_package) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Whether a demo may have this name: it is a folder, a package, a chapter and a module.
pub fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(plain)
}

/// All Rust text in this folder and those below it.
fn sources(folder: &Path) -> String {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths
        .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap_or_default() })
        .collect()
}

/// Reads the constant `DEMO` of a demo's `lib.rs`, and the side servers wherever they are named in its sources.
fn parse(name: &str, source: &str, sources: &str, manifest: &str) -> Option<Listed> {
    let (_, constant) = source.split_once("pub const DEMO: Demo = Demo {")?;
    let constant = constant.split("\n};").next()?;
    let own = constant.split("side_servers:").next()?;
    let mut side_servers: Vec<(String, u16)> =
        sources.split("SideServer {").skip(1).filter_map(|one| Some((text(one, "name")?, port(one)?))).collect();
    side_servers.sort_by_key(|(_, port)| *port);
    let description = manifest.lines().find_map(|line| line.strip_prefix("description = \""));
    (text(own, "name")? == name).then_some(Listed {
        name: name.to_string(),
        port: port(own)?,
        scheme: if own.contains("speaks: Speaks::Tls") { "https" } else { "http" },
        side_servers,
        title: text(own, "title")?,
        promise: text(own, "promise")?,
        first: text(own, "first")?,
        description: description?.trim_end_matches('"').to_string(),
    })
}

/// The string literal behind this field's name.
fn text(constant: &str, field: &str) -> Option<String> {
    let (_, rest) = constant.split_once(&format!(" {field}: \""))?;
    let end = rest.match_indices('"').map(|(at, _)| at).find(|&at| !rest[..at].ends_with('\\'))?;
    Some(rest[..end].replace("\\\"", "\""))
}

/// The number behind `port`.
fn port(constant: &str) -> Option<u16> {
    let (_, rest) = constant.split_once(" port: ")?;
    rest.split(',').next()?.trim().replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_demos_is_a_demo_and_they_stand_in_the_order_of_their_ports() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let demos = all(&root);
        let folders = fs::read_dir(root.join("demos")).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
        assert_eq!(demos.len(), folders.count(), "{demos:?}");
        let jsonp = demos.iter().find(|demo| demo.name == "jsonp").expect("a demo of two servers");
        assert_eq!((jsonp.port, &jsonp.side_servers[..]), (8002, &[("data".to_string(), 8102)][..]));
        let wss = demos.iter().find(|demo| demo.name == "wss").expect("a demo that speaks TLS");
        assert_eq!(wss.url(), "https://127.0.0.1:8017");
        let flash = demos.iter().find(|demo| demo.name == "flash").expect("a demo of four servers");
        assert_eq!(flash.side_servers.iter().map(|(_, port)| *port).collect::<Vec<_>>(), [8107, 8207, 8307]);
    }

    #[test]
    fn the_constant_is_read_however_its_lines_are_broken() {
        let source = "pub const DEMO: Demo = Demo {\n    name: \"x\",\n    port: 8_001,\n    title: \"X\",\n    promise:\n        \"never\",\n};";
        assert_eq!(parse("x", source, source, ""), None, "a promise on a line of its own, and no description");
        let source = "pub const DEMO: Demo = Demo {\n    name: \"x\",\n    port: 8_001,\n    title: \"A \\\"b\\\"\",\n    promise: \"p\",\n    first: \"f\",\n    \
                      side_servers: &[\n        SideServer { name: \"y\", port: 8101, speaks: Speaks::Http },\n        SideServer {\n            name: \"z\",\n            port: 8201,\n        },\n    ],\n};";
        let demo = parse("x", source, source, "[package]\ndescription = \"d\"\n").expect("a demo");
        assert_eq!(demo.url(), "http://127.0.0.1:8001");
        assert_eq!((demo.port, demo.title.as_str(), demo.description.as_str()), (8001, "A \"b\"", "d"));
        assert_eq!(demo.side_servers, [("y".to_string(), 8101), ("z".to_string(), 8201)]);
    }

    #[test]
    fn a_cargo_that_is_started_is_told_nothing_of_this_package() {
        let cargo = cargo(Path::new("."));
        let told = |name: &str| cargo.get_envs().find(|(key, _)| *key == name).map(|(_, value)| value);
        for name in ["CARGO_PKG_NAME", "CARGO_PKG_VERSION", "CARGO_MANIFEST_DIR"] {
            assert!(env::var_os(name).is_some(), "cargo tells this test its {name}");
            assert_eq!(told(name), Some(None), "{name} is taken away");
        }
        assert_eq!(told("CARGO_HOME"), None, "where cargo keeps its things stays as it is");
    }

    #[test]
    fn a_name_is_a_word_of_small_letters() {
        assert!(is_name("http2"));
        for wrong in ["", "2http", "two-words", "Chat", "../etc", "caf\u{e9}"] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
