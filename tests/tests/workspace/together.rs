//! No demo keeps process-wide state: all of them run in one process, on one room. The program that starts them is written by
//! this test from the list of demos, so a new demo is in it by itself.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use demo::index::Listed;
use serde_json::json;
use tests::http2::{self, Http2, PREFACE, SETTINGS};
use tests::websocket::{TEXT, frame};
use tests::{Wire, workspace};

/// A program that starts all demos on one room, and prints `NAME ADDRESS` for each of their servers.
fn program(demos: &[Listed]) -> String {
    let starts = demos.iter().map(|demo| format!("        start(&{}::DEMO, &room),\n", demo.name));
    format!(
        "use std::sync::Arc;\n\
         fn start(demo: &'static demo::Demo, room: &Arc<room::Room>) -> bench::Running {{\n\
             let options = bench::Options {{ quiet: true, ..bench::Options::new(0) }};\n\
             let running = bench::Running::start(demo, room.clone(), &options).unwrap();\n\
             println!(\"{{}} {{}}\", demo.name, running.address);\n\
             for (name, port) in &running.site.side_ports {{ println!(\"{{}}/{{name}} 127.0.0.1:{{port}}\", demo.name); }}\n\
             running\n\
         }}\n\
         fn main() {{\n\
             let room = Arc::new(room::Room::new(100));\n\
             let _all = [\n{}    ];\n\
             println!(\"all\");\n\
             loop {{ std::thread::park(); }}\n\
         }}\n",
        starts.collect::<String>()
    )
}

/// The demos, all in one process that ends with this value.
struct Together {
    process: Child,
    addresses: Vec<(String, String)>,
}

impl Together {
    fn start(demos: &[Listed]) -> Together {
        let folder = workspace().join("target/together");
        fs::create_dir_all(folder.join("src")).expect("a folder in target");
        let path = |crate_path: String| workspace().join(crate_path).display().to_string();
        let own = ["bench", "demo", "room"]
            .map(|name| format!("{name} = {{ path = {:?} }}\n", path(format!("shared/{name}"))));
        let all = demos
            .iter()
            .map(|demo| format!("{} = {{ path = {:?} }}\n", demo.name, path(format!("demos/{}", demo.name))));
        let dependencies: String = own.into_iter().chain(all).collect();
        let manifest = format!(
            "[package]\nname = \"together\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n[workspace]\n\
             [profile.dev]\ndebug = false\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
        fs::write(folder.join("src/main.rs"), program(demos)).expect("a program");
        fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the versions of the workspace");
        let built = demo::index::cargo(&folder)
            .args(["build", "-q", "--target-dir"])
            .arg(folder.join("target"))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the demos do not build together");
        let program = folder.join(format!("target/debug/together{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new(program);
        command.env("WSS_CERTIFICATES", folder.join("certificates"));
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let addresses = lines.take_while(|line| line != "all");
        let addresses = addresses.filter_map(|line| line.split_once(" ").map(|(a, b)| (a.to_string(), b.to_string())));
        let addresses = addresses.collect();
        Together { process, addresses }
    }

    /// A connection to a server: `longpoll`, `tcp/room`.
    fn connect(&self, name: &str) -> Wire {
        let address = self.addresses.iter().find(|(other, _)| other == name);
        Wire::connect(&address.unwrap_or_else(|| panic!("{name} is not among {:?}", self.addresses)).1)
    }

    /// A WebSocket to a demo.
    fn websocket(&self, name: &str, path: &str) -> Wire {
        let mut wire = self.connect(name);
        wire.get_with(
            path,
            &[
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ],
        );
        assert_eq!(wire.any_head().status, 101, "{name}");
        wire
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn all_demos_run_in_one_process_on_one_room_and_each_takes_a_message() {
    let demos = demo::index::all(workspace());
    let together = Together::start(&demos);
    let mut reader = together.connect("sse");
    reader.get("/events");
    assert_eq!(reader.status(), 200);
    for demo in &demos {
        let name = demo.name.as_str();
        let said = format!("by way of {name}");
        let mut heard = said.clone();
        let mut wire;
        match name {
            "tcp" => {
                wire = together.connect("tcp/room");
                wire.send(format!("{said}\n"));
            }
            "flash" => {
                wire = together.connect("flash/xmlsocket");
                wire.send(format!("say {name} {said}\0"));
            }
            "frames" | "heartbeat" | "deflate" | "chat" | "eventloop" => {
                wire = together.websocket(name, "/");
                wire.send(frame(TEXT, json!({ "type": "say", "text": said, "key": name }).to_string()));
            }
            "wss" => {
                // Its plain server; what TLS adds is tested with the demo.
                wire = together.websocket("wss/ws", "/");
                wire.send(frame(TEXT, json!({ "type": "say", "text": said, "key": name }).to_string()));
            }
            "handshake" => {
                wire = together.websocket(name, "/socket");
                wire.send("bytes");
                heard = "62 79 74 65 73".to_string();
            }
            "http2" => {
                let mut client = Http2::new(together.connect("http2/h2c"), "127.0.0.1");
                client.send([PREFACE, &http2::frame(SETTINGS, 0, 0, [])].concat());
                client.say(1, &said);
            }
            "process" => {
                // It carries no room: each connection has a program to itself.
                wire = together.connect(name);
                wire.get("/program");
                assert_eq!(wire.status(), 200, "{name}");
                continue;
            }
            _ => {
                wire = together.connect(name);
                wire.post("/say", &[], &said);
                assert_eq!(wire.status(), 201, "{name}");
            }
        }
        // A comment every 15 s is a sign of life and no message.
        let mut events = std::iter::repeat_with(|| reader.event("").data.unwrap_or_default()).take(2);
        assert!(events.any(|text| text == heard), "{name}: {heard} is not heard");
    }
}
