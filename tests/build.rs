//! Gathers the tests that lie in the demos' folders: for each test program a list of modules in `OUT_DIR`, which it includes. A demo that is added brings its tests with it, and no list names them.

use std::path::Path;
use std::{env, fs};

/// The test programs, and the files of a demo's `tests` folder that each of them gathers. Programs are few, for each links for
/// seconds; those with pages are one, so that its browsers start once.
const PROGRAMS: [(&str, &[&str]); 4] = [
    ("wire", &["wire", "cursor"]),
    ("tasks", &["tasks"]),
    ("recordings", &["recording"]),
    ("pages", &["pages", "breaks"]),
];

fn main() {
    let demos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos").canonicalize().expect("there are demos");
    let mut names: Vec<String> = fs::read_dir(&demos)
        .expect("the folder of demos can be read")
        .map(|demo| demo.expect("a demo's folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    // A new demo is a new member of the workspace, and so a new line in the lock file.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    for tests in names.iter().map(|name| demos.join(name).join("tests")).filter(|tests| tests.is_dir()) {
        println!("cargo::rerun-if-changed={}", tests.display());
    }
    for (program, kinds) in PROGRAMS {
        let gathered = names.iter().map(|name| (name, modules(&demos.join(name).join("tests"), kinds)));
        let gathered = gathered.filter(|(_, modules)| !modules.is_empty());
        let mut gathered: String = gathered.map(|(name, modules)| format!("mod {name} {{\n{modules}}}\n")).collect();
        if kinds.contains(&"cursor") {
            gathered += &listeners(names.iter().filter(|name| demos.join(name).join("tests/cursor.rs").is_file()));
        }
        let out = Path::new(&env::var_os("OUT_DIR").expect("cargo names a folder")).join(format!("{program}.rs"));
        fs::write(out, gathered).expect("the list can be written");
    }
}

/// The declarations of those modules that a demo has.
fn modules(tests: &Path, kinds: &[&str]) -> String {
    let files = kinds.iter().map(|kind| (kind, tests.join(format!("{kind}.rs"))));
    let there = files.filter(|(_, file)| file.is_file());
    there.map(|(kind, file)| format!("    #[path = {file:?}]\n    pub mod {kind};\n")).collect()
}

/// The table of all demos that can be read behind a cursor.
fn listeners<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let rows: String = names.map(|name| format!("    ({name:?}, {name}::cursor::listen),\n")).collect();
    format!("const LISTENERS: &[(&str, tests::cursor::Listen)] = &[\n{rows}];\n")
}
