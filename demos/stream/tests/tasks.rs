//! The answers to the tasks of fetch streaming do what the chapter says.

use tests::start;

#[test]
fn a_stream_of_some_messages_and_an_end() {
    let answer = start("stream/filter");
    for text in ["one apple", "two pears", "three apples", "four apples"] {
        answer.say(text);
    }
    let mut wire = answer.get("/stream?after=0&word=apple&most=2");
    wire.head();
    wire.chunk(); // where the stream begins
    let lines = String::from_utf8(wire.chunk()).expect("text");
    assert_eq!((lines.lines().count(), lines.contains("pears")), (2, false), "{lines}");
    assert_eq!(wire.chunk(), b"", "an end on purpose has a last chunk");
}
