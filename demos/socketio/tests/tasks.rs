//! The tasks of Socket.IO, and what an answer must do.

use tests::task::{Candidate, Finding, Task};
use tests::websocket::{CLOSE, TEXT, frame};
use tests::{Message, Server, Wire, must, start_with};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "answers", an_event_is_answered),
    Task::server(2, 20, "answers", a_namespace_asks_for_a_token),
    Task::program(3, 60, "polling_bot", a_bot_answers_over_long_polling),
];

fn connect(server: &Server) -> Wire {
    let mut wire = server.websocket("/socket.io/?EIO=4&transport=websocket");
    wire.frame();
    wire
}

/// Sends a packet and returns the next one.
fn ask(wire: &mut Wire, packet: &str) -> String {
    wire.send(frame(TEXT, packet));
    match wire.frame() {
        (CLOSE, _) => "nothing but the end of the connection".to_string(),
        (_, payload) => String::from_utf8_lossy(&payload).into_owned(),
    }
}

fn an_event_is_answered(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = connect(&server);
    ask(&mut wire, "40");
    wire.frame(); // the event auth
    wire.send(frame(TEXT, r#"42["upper","no number, no answer"]"#));
    wire.send(frame(TEXT, r#"427["upper","Hello"]"#));
    let answer = ask(&mut wire, r#"42["message","behind it"]"#);
    must!(
        answer == r#"437["HELLO"]"#,
        "427[\"upper\",\"Hello\"] should be answered by 437[\"HELLO\"]; the answer is {answer}."
    );
    Ok(())
}

fn a_namespace_asks_for_a_token(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let mut wire = connect(&server);
    for auth in ["", "{}", r#"{"token":"sesame"}"#, r#"{"token":7}"#] {
        let answer = ask(&mut wire, &format!("40/secret,{auth}"));
        must!(
            answer == r#"44/secret,{"message":"not authorized"}"#,
            "40/secret,{auth} should be refused with the message \"not authorized\"; the answer is {answer}."
        );
    }
    let answer = ask(&mut wire, r#"40/secret,{"token":"open sesame"}"#);
    must!(
        answer.starts_with(r#"40/secret,{"sid":"#),
        "With the right token, the client should be let in; the answer is {answer}."
    );
    Ok(())
}

fn a_bot_answers_over_long_polling(candidate: &Candidate) -> Finding {
    let demo = start_with("socketio", &["--ping-interval", "100", "--ping-timeout", "60000"]);
    let mut ann = connect(&demo);
    ask(&mut ann, r#"40/room,{"after":"0"}"#);
    let _bot = candidate.run(&[demo.host()])?;
    for text in ["one", "two words"] {
        demo.say(&format!("!echo {text}"));
        let answer = loop {
            let packet = String::from_utf8_lossy(&ann.frame().1).into_owned();
            if packet == "2" {
                ann.send(frame(TEXT, "3"));
            }
            let Some(message) = packet.strip_prefix(r#"42/room,["message","#) else { continue };
            let message = Message::read(message.rsplit_once(",\"").map_or("", |(json, _)| json));
            if !message.text.starts_with("!echo") {
                break message.text;
            }
        };
        must!(
            answer == text,
            "The bot should answer \"!echo {text}\" with \"{text}\"; it said {answer:?}."
        );
    }
    let mut rows = demo.bench().feed();
    rows.row(|row| {
        let whole = row.text("kind") == "request" && row.whole();
        whole && row.text("mean").contains("transport=polling&sid=")
    });
    let mut socket =
        rows.rows().iter().filter(|row| row.text("mean").contains("asks for websocket"));
    must!(
        socket.next().is_some() && socket.next().is_none(),
        "The bot should do without a WebSocket."
    );
    Ok(())
}
