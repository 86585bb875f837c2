//! The answers to the tasks of the heartbeat do what the chapter says.

use std::time::{Duration, Instant};

use tests::{example, start};

#[test]
fn who_falls_silent_is_noticed_in_time() {
    let demo = start("heartbeat");
    let mut command = example("heartbeat", "notice");
    let output = command.arg(demo.host()).output().expect("the example runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.starts_with("20 of 20 were noticed, after "),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let times: Vec<f64> =
        said.lines().next().unwrap_or("").split(' ').filter_map(|word| word.parse().ok()).collect();
    let [.., _, longest] = times[..] else { panic!("two times: {said}") };
    assert!(longest < 20.0, "long after its patience: {said}");
    // When a client began to be silent is one thing, when the server last heard of it another: it gives up by that.
    for connection in 1..=20 {
        let line = demo.prints(&format!("connection {connection} is over: given up after "));
        let silence = line.split(' ').filter_map(|word| word.parse::<f64>().ok()).next_back();
        assert!(
            silence.is_some_and(|silence| silence >= 1.5),
            "before its patience is over: {line}"
        );
    }
}

#[test]
fn a_client_that_asks_notices_too() {
    use std::io::{BufRead, BufReader};
    let demo = start("heartbeat");
    let mut child = example("heartbeat", "asks")
        .arg(demo.host())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines =
        BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "the server is there"), "the server answers its pings");
    let cut = Instant::now();
    demo.bench().cable("cut");
    assert!(lines.any(|line| line.contains("the cable is out")), "silence is noticed");
    assert!(cut.elapsed() < Duration::from_secs(30), "and soon");
    child.wait().expect("it ends");
}
