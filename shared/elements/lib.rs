//! The pages' styles and elements, as the bench serves them and the book includes them.

use std::path::Path;

/// Every file of this folder that a page may load, as it was when this was built.
const FILES: &[(&str, &str)] = &[
    ("bench.js", include_str!("bench.js")),
    ("cable-box.css", include_str!("cable-box.css")),
    ("cable-box.js", include_str!("cable-box.js")),
    ("dom.js", include_str!("dom.js")),
    ("feed.js", include_str!("feed.js")),
    ("history.js", include_str!("history.js")),
    ("icon.svg", include_str!("icon.svg")),
    ("room.js", include_str!("room.js")),
    ("style.css", include_str!("style.css")),
    ("wire-bytes.js", include_str!("wire-bytes.js")),
    ("wire-ladder.js", include_str!("wire-ladder.js")),
    ("wire-model.js", include_str!("wire-model.js")),
    ("wire-recording.js", include_str!("wire-recording.js")),
    ("wire-view.css", include_str!("wire-view.css")),
    ("wire-view.js", include_str!("wire-view.js")),
];

/// The folder of these files on the machine that built this.
pub const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The names of all files.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// A file by its name, read anew at each request so that an edit needs a reload and no build.
pub fn file(name: &str) -> Option<String> {
    let (_, built_in) = FILES.iter().find(|(other, _)| *other == name)?;
    Some(std::fs::read_to_string(Path::new(FOLDER).join(name)).unwrap_or_else(|_| (*built_in).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_style_and_picture_of_this_folder_is_built_in() {
        let files = std::fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            files.filter(|name| [".js", ".css", ".svg"].iter().any(|end| name.ends_with(end))).collect();
        names.sort();
        assert_eq!(names, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
