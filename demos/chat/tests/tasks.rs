//! The tasks of the chat, and what an answer must do.

use serde_json::{Value, json};
use tests::task::{Candidate, Finding, Task};
use tests::websocket::{TEXT, frame};
use tests::{Server, Wire, must, start};

pub const TASKS: &[Task] = &[
    Task::server(1, 5, "roll", the_server_throws_the_die),
    Task::program(2, 20, "bot", a_bot_answers),
    Task::program(3, 60, "bot", a_bot_answers_once_whatever_happens_to_its_connection),
];

fn join(server: &Server, name: &str) -> Wire {
    let mut wire = server.websocket(&format!("/?name={name}&tab={name}"));
    wire.told("here");
    wire
}

fn say(wire: &mut Wire, text: &str) {
    wire.send(frame(TEXT, json!({ "type": "say", "text": text, "key": text }).to_string()));
}

/// The next message that another member says; one's own are passed over.
fn from_another(wire: &mut Wire, own: &str) -> Value {
    loop {
        let message = wire.told("message");
        if message["by"] != own {
            return message;
        }
    }
}

fn the_server_throws_the_die(candidate: &Candidate) -> Finding {
    let server = candidate.start();
    let (mut ann, mut bob) = (join(&server, "ann"), join(&server, "bob"));
    say(&mut ann, "/roll");
    let text = bob.told("message")["text"].as_str().unwrap_or_default().to_string();
    must!(text != "/roll", "The room should hear what the die says; it hears \"/roll\".");
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    must!(
        matches!(digits[..], [1..=6]),
        "The room should hear one number from 1 to 6; it hears {text:?}."
    );
    say(&mut ann, "hello");
    let text = bob.told("message")["text"].clone();
    must!(text == "hello", "Other texts should be said as they are; \"hello\" became {text}.");
    Ok(())
}

fn a_bot_answers(candidate: &Candidate) -> Finding {
    let demo = start("chat");
    let mut ann = join(&demo, "ann");
    let _bot = candidate.run(&[demo.host()])?;
    ann.told("joined");
    say(&mut ann, "hello");
    say(&mut ann, "!echo two words");
    let answer = from_another(&mut ann, "ann");
    let text = answer["text"].clone();
    must!(
        text == "two words",
        "The bot should answer \"!echo two words\" with \"two words\"; it said {text}."
    );
    Ok(())
}

fn a_bot_answers_once_whatever_happens_to_its_connection(candidate: &Candidate) -> Finding {
    let demo = start("chat");
    let mut ann = join(&demo, "ann");
    let _bot = candidate.run(&[demo.host()])?;
    ann.told("joined");
    for text in ["one", "two", "three"] {
        say(&mut ann, &format!("!echo {text}"));
        let answer = from_another(&mut ann, "ann");
        let said = answer["text"].clone();
        must!(
            said == text,
            "The bot should answer \"!echo {text}\" with \"{text}\"; it said {said}."
        );
        demo.bench().cable("reset");
        ann = demo.websocket(&format!("/?name=ann&tab=ann&after={}", answer["id"]));
        ann.told("here");
    }
    let mut witness = demo.websocket("/?name=witness&after=0");
    witness.told("here");
    say(&mut ann, "the end");
    let mut answers = Vec::new();
    loop {
        let message = witness.told("message");
        if message["text"] == "the end" {
            break;
        }
        if message["by"] != "ann" {
            answers.push(message["text"].as_str().unwrap_or_default().to_string());
        }
    }
    must!(
        answers == ["one", "two", "three"],
        "After three questions and three resets of the cable the room should have three answers; it has {answers:?}."
    );
    Ok(())
}
