//! Gathers the tests that lie in the demos' folders: for each kind of test a file `KIND.rs` in `OUT_DIR`, which a test program
//! of `tests/tests` includes. A demo that is added brings its tests with it, and no list names them.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// The files that a demo's `tests` folder may hold. Each is a module on the harness.
const KINDS: [&str; 5] = ["wire", "pages", "breaks", "recording", "tasks"];

fn main() {
    let demos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demos").canonicalize().expect("there are demos");
    // A new demo is a new member of the workspace, and so a new line in the lock file.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    let mut names: Vec<String> = fs::read_dir(&demos)
        .expect("the folder of demos can be read")
        .map(|demo| demo.expect("a demo's folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    for tests in names.iter().map(|name| demos.join(name).join("tests")).filter(|tests| tests.is_dir()) {
        println!("cargo::rerun-if-changed={}", tests.display());
    }
    for kind in KINDS {
        let mut modules = String::new();
        for name in &names {
            let file = demos.join(name).join("tests").join(format!("{kind}.rs"));
            if file.is_file() {
                let _ = writeln!(modules, "mod {name} {{\n    #[path = {file:?}]\n    mod {kind};\n}}");
            }
        }
        let out = Path::new(&env::var_os("OUT_DIR").expect("cargo names a folder")).join(format!("{kind}.rs"));
        fs::write(out, modules).expect("the list can be written");
    }
}
