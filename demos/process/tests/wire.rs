//! What a program behind a WebSocket promises, on the wire.

use std::process::{Command, Stdio};
use std::time::Instant;

use tests::websocket::{BINARY, CLOSE, TEXT, frame, handshake};
use tests::{DEADLINE, Server, Wire, start, start_with};

/// What the built-in example says first.
const GREETINGS: usize = 2;

/// A connection to the built-in example, its greetings read.
fn example(demo: &Server) -> Wire {
    let mut wire = demo.websocket("/");
    (0..GREETINGS).for_each(|_| drop(line(&mut wire)));
    wire
}

/// Sends a line.
fn give(wire: &mut Wire, line: &str) {
    wire.send(frame(TEXT, line));
}

/// The next message, which should be text.
fn line(wire: &mut Wire) -> String {
    let (first, payload) = wire.frame();
    assert_eq!(first, TEXT, "{:?}", String::from_utf8_lossy(&payload));
    String::from_utf8(payload).expect("text is UTF-8")
}

/// The code and the reason of the Close frame that comes next.
fn close(wire: &mut Wire) -> (u16, String) {
    let (first, payload) = wire.frame();
    assert_eq!(first, CLOSE, "{:?}", String::from_utf8_lossy(&payload));
    let (code, reason) = payload.split_at(2);
    (
        u16::from_be_bytes([code[0], code[1]]),
        String::from_utf8(reason.to_vec()).expect("a reason is UTF-8"),
    )
}

/// Whether a process of this number runs.
fn is_running(process: &str) -> bool {
    let ps = Command::new("ps").args(["-p", process]).stdout(Stdio::null()).status();
    ps.expect("there is ps").success()
}

/// How many processes this one has started.
#[cfg(unix)]
fn children(process: u32) -> usize {
    let ps = Command::new("ps").args(["-e", "-o", "ppid="]).output().expect("there is ps");
    let parents = String::from_utf8_lossy(&ps.stdout).into_owned();
    parents.lines().filter(|parent| parent.trim() == process.to_string()).count()
}

/// Waits until no program runs: one that reads nothing would outlive the server.
#[cfg(unix)]
fn ends_its_programs(demo: &Server) {
    let server = demo.process().expect("it runs here");
    until("a program runs on", || children(server) == 0);
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
    }
}

#[test]
fn a_message_is_a_line_for_the_program_and_a_line_is_a_message_for_the_client() {
    let demo = start("process");
    let (mut one, mut other) = (example(&demo), example(&demo));
    for text in ["hello", "", "two words", "\u{1f642} e\u{301}"] {
        give(&mut one, text);
        assert_eq!(line(&mut one), text.to_uppercase());
    }
    give(&mut other, "each connection has a program of its own");
    assert_eq!(line(&mut other), "EACH CONNECTION HAS A PROGRAM OF ITS OWN");
}

#[test]
fn the_programs_of_the_chapter_count_lines_in_each_language() {
    let folder = tests::workspace().join("demos/process/programs");
    for (interpreter, option, file) in
        [("python3", Some("-u"), "count.py"), ("sh", None, "count.sh"), ("node", None, "count.js")]
    {
        let file = folder.join(file).display().to_string();
        let words: Vec<&str> =
            [interpreter].into_iter().chain(option).chain([file.as_str()]).collect();
        let demo = start_with("process", &words);
        let mut wire = demo.websocket("/");
        for (text, answer) in [("one", "1 one"), ("two words", "2 two words")] {
            give(&mut wire, text);
            assert_eq!(line(&mut wire), answer, "{interpreter}");
        }
    }
}

#[test]
fn the_close_code_tells_how_the_program_ended() {
    let demo = start("process");
    for (order, code) in [("exit 0", 1000), ("exit 3", 4003), ("exit 255", 4255)] {
        let mut wire = example(&demo);
        give(&mut wire, order);
        let (told, reason) = close(&mut wire);
        assert_eq!(told, code, "{order}");
        assert!(reason.ends_with(&format!(": {}", &order[5..])), "{reason}");
    }
}

#[cfg(unix)]
#[test]
fn the_close_code_tells_the_signal_that_ended_the_program() {
    let demo = start_with("process", &["sh", "-c", "echo last words; kill -9 $$"]);
    let mut wire = demo.websocket("/");
    assert_eq!(line(&mut wire), "last words");
    assert_eq!(close(&mut wire).0, 4256 + 9);
}

#[test]
fn all_that_a_program_printed_arrives_before_its_close_code() {
    let demo = start("process");
    let mut wire = example(&demo);
    give(&mut wire, "flood 20000");
    give(&mut wire, "exit 7");
    for n in 0..20_000 {
        assert_eq!(line(&mut wire).trim_start(), n.to_string());
    }
    assert_eq!(close(&mut wire).0, 4007);
}

#[cfg(unix)]
#[test]
fn a_program_and_all_that_it_started_end_with_the_connection() {
    let demo = start("process");
    let mut wire = example(&demo);
    give(&mut wire, "child");
    let started = line(&mut wire);
    let child = started.strip_prefix("started ").expect("its number");
    assert!(is_running(child));
    wire.send(frame(CLOSE, 1000u16.to_be_bytes()));
    until("what the program started runs on", || !is_running(child));
    // The program may also end first.
    let mut wire = example(&demo);
    give(&mut wire, "child");
    let started = line(&mut wire);
    let child = started.strip_prefix("started ").expect("its number");
    give(&mut wire, "exit 0");
    assert_eq!(close(&mut wire).0, 1000);
    until("what the program started runs on", || !is_running(child));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_programs_too_also_one_that_reads_nothing_and_ignores_its_signals() {
    let stubborn = "trap '' TERM INT; echo $$; while :; do sleep 1; done";
    let demo = start_with("process", &["sh", "-c", stubborn]);
    let mut wires = [demo.websocket("/"), demo.websocket("/")];
    let programs = wires.each_mut().map(line);
    assert!(programs.iter().all(|program| is_running(program)));
    let server = demo.process().expect("it runs here").to_string();
    // What Ctrl+C sends to the server.
    assert!(
        Command::new("kill").args(["-INT", &server]).status().expect("there is kill").success()
    );
    for program in &programs {
        until("a program runs on without its server", || !is_running(program));
    }
}

#[cfg(unix)]
#[test]
fn a_program_that_ignores_the_end_of_its_input_is_asked_and_then_killed() {
    let stubborn = "trap '' TERM; echo $$; while :; do sleep 1; done";
    let demo = start_with("process", &["--closems", "50", "sh", "-c", stubborn]);
    let mut wire = demo.websocket("/");
    let process = line(&mut wire);
    wire.reset();
    until("a program that ignores SIGTERM runs on", || !is_running(&process));
}

#[test]
fn nothing_of_the_request_becomes_a_word_of_the_command_line() {
    let demo = start_with(
        "process",
        &["sh", "-c", "echo \"$#\"; echo \"$QUERY_STRING\"; echo \"$HTTP_X_WORDS\"; read -r last"],
    );
    let head = handshake(demo.host(), "/?a=$(id);b=`id`")
        .replace("\r\n\r\n", "\r\nX-Words: () { :; }; echo\r\n\r\n");
    let mut wire = demo.send(head);
    assert_eq!(wire.any_head().status, 101);
    assert_eq!(line(&mut wire), "0");
    assert_eq!(line(&mut wire), "a=$(id);b=`id`", "as it came, and not carried out");
    assert_eq!(line(&mut wire), "() { :; }; echo");
}

#[test]
fn a_request_can_not_set_a_proxy_for_the_program() {
    let demo = start("process");
    let mut wire = demo.send(
        handshake(demo.host(), "/").replace("\r\n\r\n", "\r\nProxy: http://evil.example\r\n\r\n"),
    );
    assert_eq!(wire.any_head().status, 101);
    (0..GREETINGS).for_each(|_| drop(line(&mut wire)));
    give(&mut wire, "env");
    give(&mut wire, "end");
    let told: Vec<String> =
        std::iter::from_fn(|| Some(line(&mut wire)).filter(|line| line != "END")).collect();
    assert!(told.iter().any(|line| line == "GATEWAY_INTERFACE=CGI/1.1"), "{told:?}");
    assert!(!told.iter().any(|line| line.starts_with("HTTP_PROXY=")), "{told:?}");
}

#[test]
fn a_program_more_than_may_run_is_refused_until_another_ends() {
    let demo = start_with("process", &["--maxforks", "1"]);
    let first = example(&demo);
    let mut second = demo.send(handshake(demo.host(), "/"));
    let head = second.any_head();
    let why = String::from_utf8_lossy(&second.rest()).into_owned();
    assert_eq!((head.status, head.field("Retry-After")), (503, Some("1")));
    assert!(why.ends_with(".\n"), "a sentence: {why}");
    drop(first);
    until("the place is not given back", || {
        demo.send(handshake(demo.host(), "/")).any_head().status == 101
    });
}

#[cfg(unix)]
#[test]
fn a_client_that_leaves_during_the_start_gives_its_place_back_when_its_program_has_ended() {
    let options = ["--no-bench", "--maxforks", "1", "--closems", "100"];
    let demo = start_with("process", &[&options[..], &["sleep", "1000"]].concat());
    for _ in 0..5 {
        let mut leaves = demo.connect();
        leaves.send(handshake(demo.host(), "/"));
        leaves.reset();
        until("the place is not given back", || {
            let mut stays = demo.send(handshake(demo.host(), "/"));
            let accepted = stays.any_head().status == 101;
            let programs = children(demo.process().expect("it runs here"));
            assert!(programs <= 1, "{programs} programs run");
            accepted
        });
    }
    ends_its_programs(&demo);
}

#[cfg(unix)]
#[test]
fn a_daemon_that_keeps_the_output_open_does_not_keep_the_connection_open() {
    // The parent waits until the child has left its group. The demo ends that group as soon as the
    // parent has gone.
    let daemon = "import os, time\nr, w = os.pipe()\nif not os.fork():\n os.setsid()\n \
        print(os.getpid(), flush=True)\n os.write(w, b'.')\n time.sleep(900)\nos.read(r, 1)";
    let demo = start_with("process", &["python3", "-c", daemon]);
    let mut wire = demo.websocket("/");
    let left_behind = line(&mut wire);
    let (code, _) = close(&mut wire);
    let _ended = Command::new("kill").arg(left_behind).status();
    assert_eq!(code, 1000);
}

#[test]
fn a_line_that_is_too_long_ends_the_connection_with_1009() {
    let demo = start("process");
    let mut wire = example(&demo);
    give(&mut wire, "long");
    assert_eq!(close(&mut wire).0, 1009);
    let mut wire = example(&demo);
    wire.send(&frame(TEXT, "x".repeat(70_000))[..20]);
    assert_eq!(close(&mut wire).0, 1009, "refused by its length, before it has arrived");
}

#[cfg(unix)]
#[test]
fn a_program_that_does_not_read_is_given_up_with_1013() {
    let demo = start_with("process", &["sh", "-c", "sleep 1000"]);
    let mut wire = demo.websocket("/");
    (0..20).for_each(|_| give(&mut wire, &"x".repeat(60_000)));
    assert_eq!(close(&mut wire).0, 1013);
    drop(wire);
    ends_its_programs(&demo);
}

#[test]
fn a_client_that_reads_late_makes_the_program_wait_and_costs_no_memory() {
    let demo = start("process");
    let mut wire = example(&demo);
    let before = demo.memory();
    let sent = || demo.bench().counters()["down"].as_u64().unwrap_or(0);
    give(&mut wire, "flood 400000"); // 25 MB: more than the sockets on the way hold
    until("the program never waits", || {
        let last = sent();
        demo.connect().is_silent_for(tests::A_WHILE) && last > 1_000_000 && last == sent()
    });
    assert!(sent() < 25_000_000, "all of it went somewhere");
    if let (Some(before), Some(now)) = (before, demo.memory()) {
        assert!(now < before + 24 * 1024, "from {before} to {now} KiB");
    }
    for n in 0..400_000 {
        assert_eq!(line(&mut wire).trim_start(), n.to_string());
    }
}

#[test]
fn what_a_program_writes_to_standard_error_is_a_line_in_the_log_and_steers_no_terminal() {
    let demo = start("process");
    let mut wire = example(&demo);
    give(&mut wire, "error \u{1b}[2J bad things");
    let log = demo.prints("bad things");
    assert!(log.contains(r"\u{1b}[2J bad things") && !log.contains('\u{1b}'), "{log:?}");
}

#[test]
fn a_program_that_does_not_exist_is_told_in_the_log_and_to_the_client() {
    let demo = start_with("process", &["no-such-program"]);
    let mut wire = demo.send(handshake(demo.host(), "/"));
    assert_eq!(wire.any_head().status, 500);
    demo.prints("no-such-program can't be started");
}

#[test]
fn a_foreign_page_starts_no_program() {
    let demo = start_with("process", &["no-such-program"]);
    let foreign =
        handshake(demo.host(), "/").replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n");
    assert_eq!(demo.send(foreign).any_head().status, 403);
    assert!(!demo.output().contains("no-such-program"), "{}", demo.output());
}

#[test]
fn with_binary_bytes_come_and_go_as_they_are() {
    let demo = start_with("process", &["--binary", "true", "cat"]);
    let mut wire = demo.websocket("/");
    let bytes: Vec<u8> = (0..=255).collect();
    wire.send(frame(BINARY, &bytes));
    let mut back = Vec::new();
    while back.len() < bytes.len() {
        let (first, payload) = wire.frame();
        assert_eq!(first, BINARY);
        back.extend(payload);
    }
    assert_eq!(back, bytes);
}

#[test]
fn a_word_of_the_command_line_that_is_wrong_is_told_with_the_way_to_help() {
    for wrong in [&["--maxforks", "many"][..], &["--nonsense"], &["--closems"]] {
        let (status, output) = tests::Setup::new("process").args(wrong).run_to_its_end();
        assert!(!status.success() && output.contains("--help"), "{wrong:?}: {output}");
    }
}
