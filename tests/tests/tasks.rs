//! The answers to the chapters' tasks do what the chapters say; and the demos as they are do not, or there would be nothing
//! to do. Each demo's are in its `tests/tasks.rs`.

use std::fs;

use tests::workspace;

include!(concat!(env!("OUT_DIR"), "/tasks.rs"));

#[test]
fn every_answer_to_a_task_is_tried_by_a_test_of_its_demo() {
    for demo in fs::read_dir(workspace().join("demos")).expect("there are demos").flatten() {
        let tests = fs::read_to_string(demo.path().join("tests/tasks.rs")).unwrap_or_default();
        for example in fs::read_dir(demo.path().join("examples")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(example.path()).expect("an example is text");
            if !text.starts_with("//! An answer to ") {
                continue; // a tool of the demo's own
            }
            let demo = demo.file_name().into_string().expect("a plain name");
            let name = example.path().file_stem().expect("a name").to_string_lossy().into_owned();
            let (started, run) = (format!("\"{demo}/{name}\""), format!("\"{demo}\", \"{name}\""));
            assert!(tests.contains(&started) || tests.contains(&run), "no test tries the answer {demo}/{name}");
        }
    }
}
