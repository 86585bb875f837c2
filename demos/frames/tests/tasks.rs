//! The answers to the tasks of frames do what the chapter says.

use tests::start;
use tests::websocket::frame;

#[test]
fn an_echo_that_shouts_and_counts() {
    let answer = start("frames/shout");
    let mut wire = answer.websocket("/");
    wire.send(frame(0x81, b"hello"));
    assert_eq!(wire.exactly(7), b"\x81\x05HELLO");
    let count = b"11 bytes up in one frame, 7 down";
    assert_eq!(wire.exactly(2 + count.len())[2..], count[..]);
}

#[test]
fn ten_messages_in_pieces_and_a_reason() {
    let answer = start("frames/ten");
    let mut wire = answer.websocket("/");
    wire.send(frame(0x81, "0123456789abcdef".as_bytes()));
    let (mut fragments, mut length) = (0, 0);
    loop {
        let head = wire.exactly(2);
        assert_eq!(
            head[0] & 0x0f,
            u8::from(fragments == 0),
            "the first fragment says text, the others continue"
        );
        let size = match head[1] {
            126 => usize::from(u16::from_be_bytes([wire.exactly(1)[0], wire.exactly(1)[0]])),
            short => usize::from(short),
        };
        wire.exactly(size);
        (fragments, length) = (fragments + 1, length + size);
        if head[0] & 0x80 != 0 {
            break;
        }
    }
    assert_eq!((fragments, length), (2, 1_600));
    for _ in 1..10 {
        wire.send(frame(0x81, b"x"));
        wire.exactly(2 + 100);
    }
    assert_eq!(wire.exactly(4), [0x88, 16, 0x0f, 0xa0], "a Close frame with code 4000");
    assert_eq!(wire.exactly(14), b"ten are enough");
}
