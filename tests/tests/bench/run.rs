//! The command line's promises.

use std::net::TcpListener;

use tests::{Setup, start, start_with};

macro_rules! ours_only {
    () => {
        tests::needs_our_server!("our own command line")
    };
}

#[test]
fn the_first_lines_say_where_to_look_and_what_to_try() {
    ours_only!();
    for (name, title) in [("polling", "Short polling"), ("longpoll", "Long polling"), ("sse", "Server-Sent Events")] {
        let demo = start(name);
        demo.prints("try: ");
        let output = demo.output();
        let lines: Vec<_> = output.lines().take(3).collect();
        assert_eq!(lines[0], format!("{title}: {}", demo.url()));
        assert_eq!(lines[1], format!("bench: http://{}", demo.bench().host()));
        assert!(lines[2].starts_with("try: ") && lines[2].len() > 20, "one thing to try: {:?}", lines[2]);
    }
}

#[test]
fn port_0_takes_free_ports() {
    ours_only!();
    let (one, other) = (start("longpoll"), start("longpoll"));
    assert_ne!(one.address(), other.address());
    assert_ne!(one.bench().host(), other.bench().host());
    assert_eq!(one.say("hello").id, 1);
    assert_eq!(other.say("hello").id, 1, "each has a room of its own");
}

#[test]
fn a_demo_is_reached_from_this_machine_only_unless_it_is_told_otherwise() {
    ours_only!();
    let demo = start("longpoll");
    assert!(demo.address().ip().is_loopback());
    let open = start_with("longpoll", &["--host", "0.0.0.0"]);
    open.prints("open to others");
    assert_eq!(open.say("hello").id, 1);
}

#[test]
fn a_taken_port_is_one_line_that_names_the_way_out() {
    ours_only!();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for setup in [Setup::new("longpoll").env("PORT", &port), Setup::new("longpoll").args(&["--port", &port])] {
        let (status, output) = setup.run_to_its_end();
        assert!(!status.success(), "a demo that can't listen should fail");
        assert_eq!(output.lines().count(), 1, "one line is enough:\n{output}");
        assert!(output.contains(&port), "which port? {output}");
        assert!(output.contains("PORT=0 cargo run -p longpoll"), "what now? {output}");
        assert!(!output.contains("panicked"), "{output}");
    }
}

#[test]
fn a_taken_bench_port_is_no_reason_to_give_up() {
    ours_only!();
    let setup = Setup::new("longpoll").on_a_port_of_its_own();
    let _taken = TcpListener::bind(("127.0.0.1", setup.port() + 1_000)).expect("it is kept for the demo");
    let demo = setup.start();
    assert_eq!(demo.bench().state()["cable"], "whole");
}

#[test]
fn an_unknown_option_is_one_line_that_tells_where_the_options_are() {
    ours_only!();
    for words in [&["--prot", "8003"][..], &["8003"], &["--port"], &["--port", "many"], &["--capacity", "-1"]] {
        let (status, output) = Setup::new("longpoll").args(words).run_to_its_end();
        assert!(!status.success(), "{words:?} should be refused");
        assert_eq!(output.lines().count(), 1, "{words:?}: one line is enough:\n{output}");
        assert!(output.contains("--help"), "{words:?}: where are the options? {output}");
    }
}

#[test]
fn help_lists_every_option() {
    ours_only!();
    let (status, output) = Setup::new("sse").args(&["--help"]).run_to_its_end();
    assert!(status.success());
    for option in
        ["--port", "--host", "--open", "--quiet", "--max-connections", "--head-timeout", "--capacity", "--no-bench"]
    {
        assert!(output.contains(option), "{option} is missing:\n{output}");
    }
}

#[test]
fn every_unit_on_the_wire_is_a_line_and_quiet_silences_them() {
    ours_only!();
    let demo = start("longpoll");
    demo.say("hello");
    demo.prints("POST /say");
    demo.prints("201 Created");

    let quiet = start_with("longpoll", &["--quiet"]);
    quiet.say("hello");
    // The bench has decoded the answer when its feed shows it; by then the terminal would have, too.
    quiet.bench().feed().row(|row| row.text("kind") == "response");
    assert!(!quiet.output().contains("POST /say"), "--quiet should print no line for a unit:\n{}", quiet.output());
}

#[test]
fn a_line_of_the_terminal_fits_a_terminal() {
    ours_only!();
    let demo = start("polling");
    demo.say(&"x".repeat(1_000));
    demo.get("/messages?after=0").answer();
    demo.say("the end");
    demo.prints("the end");
    let output = demo.output();
    let longest = output.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
    assert!(longest.chars().count() <= 160, "this line is long: {longest}");
}

#[test]
fn there_is_no_colour_in_a_pipe_or_a_file() {
    ours_only!();
    for setup in [Setup::new("longpoll"), Setup::new("longpoll").env("NO_COLOR", "1")] {
        let demo = setup.start();
        demo.say("hello");
        demo.prints("201 Created");
        assert!(!demo.output().contains('\x1b'), "colour codes make a log unreadable:\n{}", demo.output());
    }
}

/// util-linux has `script`, which runs a program on a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn there_is_colour_on_a_terminal_and_no_color_is_obeyed() {
    ours_only!();
    if !a_terminal_can_be_played() {
        return;
    }
    let coloured = Setup::new("longpoll").on_a_terminal(100).start();
    coloured.say("hello");
    let line = coloured.prints("201 Created");
    assert!(line.contains("\x1b["), "a terminal can show which way a unit went: {line:?}");
    let plain = Setup::new("longpoll").env("NO_COLOR", "1").on_a_terminal(100).start();
    plain.say("hello");
    let line = plain.prints("201 Created");
    assert!(!line.contains('\x1b'), "NO_COLOR is set: {line:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_a_line_is_cut_to_its_width() {
    ours_only!();
    if !a_terminal_can_be_played() {
        return;
    }
    let demo = Setup::new("longpoll").env("NO_COLOR", "1").on_a_terminal(60).start();
    demo.say(&"wide ".repeat(30));
    demo.prints("201 Created");
    let output = demo.output();
    let units: Vec<&str> = output.lines().filter(|line| line.contains(" #1 ")).collect();
    assert!(units.iter().any(|line| line.ends_with('…')), "a long line ends where it was cut:\n{output}");
    assert!(units.iter().all(|line| line.chars().count() <= 60), "no line is wider than 60 columns:\n{output}");
}

/// Whether there is `script`; a word on the terminal if not.
#[cfg(target_os = "linux")]
fn a_terminal_can_be_played() -> bool {
    let there = std::process::Command::new("script").arg("--version").output().is_ok();
    if !there {
        tests::skipped("there is no `script` (util-linux) to play a terminal");
    }
    there
}

#[test]
fn without_the_bench_the_demo_is_all_there_is() {
    ours_only!();
    for name in ["polling", "longpoll", "sse"] {
        let demo = start_with(name, &["--no-bench"]);
        demo.lives_on();
        demo.prints("try: ");
        assert!(!demo.output().contains("bench: http"), "there is no bench to go to:\n{}", demo.output());
    }
}

#[test]
fn the_capacity_is_the_number_of_messages_kept() {
    ours_only!();
    let demo = start_with("polling", &["--capacity=2"]);
    for n in 1..=5 {
        demo.say(&n.to_string());
    }
    let (_, news) = demo.get("/messages?after=0").answer();
    assert_eq!(tests::Message::list(&news).len(), 2);
    assert!(news.contains("\"missed\":3"), "{news}");
}
