//! The answers to the tasks of the forever iframe do what the chapter says.

use tests::start;

#[test]
fn a_frame_with_few_scripts_that_ends_by_its_size() {
    let answer = start("iframe/few");
    for _ in 0..80 {
        answer.say(&"x".repeat(1_000));
    }
    let mut wire = answer.get("/frame?after=0");
    wire.head();
    wire.chunk(); // the padding
    let script = String::from_utf8(wire.chunk()).expect("text");
    assert_eq!(
        (script.matches("<script>").count(), script.matches("parent.hear(").count()),
        (1, 80)
    );
    assert!(script.starts_with("<script>parent.here({"), "{script}");
    let over = String::from_utf8(wire.chunk()).expect("text");
    assert!(over.contains("parent.over()"), "80 KB are enough for one document: {over}");
    assert_eq!(wire.chunk(), b"", "and the answer ends with the last chunk");
}
