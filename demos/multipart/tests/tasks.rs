//! The answers to the tasks of multipart streaming do what the chapter says.

use tests::start;

#[test]
fn parts_with_a_short_boundary() {
    let answer = start("multipart/boundary");
    answer.say("#<b>hi</b>");
    let mut wire = answer.get("/parts?after=0");
    let head = wire.head();
    let boundary = head
        .field("Content-Type")
        .and_then(|kind| kind.split_once("boundary="))
        .expect("a boundary")
        .1;
    assert_eq!(boundary.len(), 10);
    assert_eq!(wire.chunk(), format!("--{boundary}\r\n").as_bytes());
    wire.chunk(); // where the stream begins
    let part = String::from_utf8(wire.chunk()).expect("text");
    assert!(part.starts_with("Content-Type: text/html; charset=utf-8\r\nId: 1\r\n"), "{part}");
    assert!(part.ends_with(&format!("\r\n\r\n#<b>hi</b>\r\n--{boundary}\r\n")), "{part}");
}
