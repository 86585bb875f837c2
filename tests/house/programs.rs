//! The test programs of the workspace: built by cargo, and run here one by one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A test program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name on the terminal: `pages`, `room (unit)`.
    pub name: String,
    /// What cargo calls it: `-p tests --test pages`.
    pub address: String,
    /// The file that runs.
    pub executable: PathBuf,
    /// Where cargo runs it: its package's folder.
    pub folder: PathBuf,
}

/// Builds what the tests start, the demos and their examples, so that no test waits for a compiler; and the test programs. Both
/// of these packages: `--workspace`, or `-p` and names.
pub fn build(started: &[&str], tests: &[&str]) -> Result<Vec<Program>, String> {
    super::succeed(super::cargo().args(["build", "--bins", "--examples"]).args(started))?;
    build_tests(tests)
}

/// Builds each demo once more as `cargo run -p NAME` does, and the checks of tasks: alone, a package may ask less of its
/// libraries, and then cargo compiles them again. The book runs both while tests wait and other tests start the same programs.
pub fn build_alone() -> Result<(), String> {
    let demos = demo::index::all(super::workspace()).into_iter().map(|demo| demo.name);
    demos
        .chain(["check".to_string()])
        .try_for_each(|name| super::succeed(super::cargo().args(["build", "-q", "-p", &name])))
}

/// Builds test programs.
pub fn build_tests(which: &[&str]) -> Result<Vec<Program>, String> {
    let mut build = super::cargo();
    build.args(["test", "--no-run", "--message-format=json-render-diagnostics"]).args(which);
    let built = build.stdout(Stdio::piped()).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    if !built.status.success() {
        return Err("the tests do not compile".to_string());
    }
    Ok(String::from_utf8_lossy(&built.stdout).lines().filter_map(program).collect())
}

/// The program that a line of cargo's tells of.
fn program(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let executable = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    let package = package(message["package_id"].as_str()?)?;
    let target = message["target"]["name"].as_str()?;
    let (name, target) = match message["target"]["kind"][0].as_str()? {
        "test" => (target.to_string(), format!("--test {target}")),
        "bin" => (format!("{package} (program)"), format!("--bin {target}")),
        "example" => (format!("{package}/{target}"), format!("--example {target}")),
        _ => (format!("{package} (unit)"), "--lib".to_string()),
    };
    Some(Program { name, address: format!("-p {package} {target}"), executable, folder })
}

/// The name in `path+file:///workspace/demos/longpoll#0.1.0` or `path+file:///workspace/shared/http#shared-http@0.1.0`.
fn package(id: &str) -> Option<&str> {
    let (path, version) = id.rsplit_once('#')?;
    version.split_once('@').map(|(name, _)| name).or_else(|| path.rsplit('/').next())
}

impl Program {
    /// The program, to be run with only the tests that have this in their names.
    pub fn command(&self, filter: Option<&str>) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(filter).current_dir(&self.folder).stdin(Stdio::null());
        command.env("TESTS_ARE_BUILT", "1"); // tests/src/server.rs asks cargo otherwise
        command
    }

    /// The command that runs one of its tests again.
    pub fn again(&self, test: &str) -> String {
        format!("cargo test {} -- --exact {test}", self.address)
    }
}
