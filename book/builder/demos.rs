//! The demos of the workspace, as their own source names them. Nothing of them is compiled into the book: who reads does
//! not want to wait for all of them.

use std::fs;

use crate::root;

/// What the book knows of a demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Folder, package and chapter.
    pub name: String,
    /// Its public port; the order of the ports is the order of the book.
    pub port: u16,
    /// The technique.
    pub title: String,
    /// What to try first.
    pub first: String,
}

/// All demos that there are, in the order of the book.
pub fn all() -> Vec<Demo> {
    let folders = fs::read_dir(root().join("demos")).into_iter().flatten().flatten();
    let mut demos: Vec<Demo> = folders
        .filter_map(|folder| {
            let name = folder.file_name().into_string().ok()?;
            let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let source = fs::read_to_string(folder.path().join("src/lib.rs")).ok()?;
            if plain { parse(&name, &source) } else { None }
        })
        .collect();
    demos.sort_by_key(|demo| demo.port);
    demos
}

/// The demo of this name.
pub fn find(name: &str) -> Option<Demo> {
    all().into_iter().find(|demo| demo.name == name)
}

/// Reads the constant `DEMO`.
fn parse(name: &str, source: &str) -> Option<Demo> {
    let (_, constant) = source.split_once("pub const DEMO: Demo = Demo {")?;
    let value = |field: &str| {
        let (_, rest) = constant.split_once(&format!("\n    {field}: "))?;
        Some(rest.lines().next()?.trim_end_matches(',').trim_matches('"').replace("\\\"", "\""))
    };
    let port = value("port")?.replace('_', "").parse().ok()?;
    (value("name")? == name).then_some(Demo {
        name: name.to_string(),
        port,
        title: value("title")?,
        first: value("first").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_demos_is_a_demo_and_they_stand_in_the_order_of_their_ports() {
        let demos = all();
        let folders = fs::read_dir(root().join("demos")).unwrap().count();
        assert_eq!(demos.len(), folders, "{demos:?}");
        assert_eq!(find("longpoll").map(|demo| demo.port), Some(8003));
        assert!(find("../../etc").is_none());
    }
}
