//! Gathers the tests that lie in the demos' folders: for each test program a list of modules in `OUT_DIR`, which it includes. A
//! demo that is added brings its tests with it, and no list names them. The package `check` gathers the tasks in the same way.

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
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    let root = Path::new(&package).ancestors().find(|folder| folder.join("demos").is_dir()).expect("there are demos");
    let demos = root.join("demos");
    let mut names: Vec<String> = fs::read_dir(&demos)
        .expect("the folder of demos can be read")
        .map(|demo| demo.expect("a demo's folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    // A new demo is a new member of the workspace, and so a new line in the lock file.
    for file in ["tests/build.rs", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    for tests in names.iter().map(|name| demos.join(name).join("tests")).filter(|tests| tests.is_dir()) {
        println!("cargo::rerun-if-changed={}", tests.display());
    }
    for (program, kinds) in PROGRAMS {
        let gathered = names.iter().map(|name| {
            let more =
                if kinds.contains(&"tasks") && has_tasks(&demos.join(name)) { promises(name) } else { String::new() };
            (name, modules(&demos.join(name).join("tests"), kinds) + &more)
        });
        let gathered = gathered.filter(|(_, modules)| !modules.is_empty());
        let mut gathered: String = gathered.map(|(name, modules)| format!("mod {name} {{\n{modules}}}\n")).collect();
        if kinds.contains(&"tasks") {
            gathered += &table(names.iter().filter(|name| has_tasks(&demos.join(name))));
        }
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

/// Whether a demo lists its tasks; if not, a test says so.
fn has_tasks(demo: &Path) -> bool {
    fs::read_to_string(demo.join("tests/tasks.rs")).is_ok_and(|text| text.contains("pub const TASKS"))
}

/// What a demo's tasks promise, each a test.
fn promises(name: &str) -> String {
    let all = ["the_answers_pass", "the_unchanged_demo_is_told_what_is_missing", "the_chapters_set_these_tasks"];
    let test =
        |promise| format!("    #[test]\n    fn {promise}() {{ tests::task::{promise}({name:?}, tasks::TASKS) }}\n");
    all.map(test).concat()
}

/// The table of all tasks.
fn table<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let rows: String = names.map(|name| format!("    ({name:?}, {name}::tasks::TASKS),\n")).collect();
    format!("const TASKS: &[(&str, &[tests::task::Task])] = &[\n{rows}];\n")
}
