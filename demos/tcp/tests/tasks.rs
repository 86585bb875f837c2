//! The answers to the tasks of TCP do what the chapter says.

use tests::{A_WHILE, Wire, start};

#[test]
fn a_room_of_netstrings() {
    let answer = start("tcp/netstring");
    let line = answer.prints("room: 127.0.0.1:");
    let mut wire = Wire::connect(line.trim().rsplit(' ').next().expect("host and port"));
    wire.send("5:hel");
    assert!(wire.is_silent_for(A_WHILE), "half a message is no message");
    wire.send("lo,11:a:b,c\nd,e,f,");
    assert_eq!(wire.exactly(8), b"1:1,1:2,");
    wire.send("9999999:");
    assert!(wire.rest().is_empty(), "a length that can't be true ends the connection");
}
