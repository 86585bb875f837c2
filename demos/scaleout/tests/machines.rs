//! What stands between the clients and the servers, and the orders that stop and start them.
#![allow(dead_code)] // each test program needs a part of it

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use tests::{DEADLINE, Server, Setup, Wire, skipped};

/// Whether a program is installed. In a run that must not skip anything it has to be.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let there = path.split(':').any(|folder| Path::new(folder).join(program).is_file());
    if !there && std::env::var_os("REQUIRE_BROWSERS").is_some_and(|value| value == "1") {
        panic!(
            "{program} is not here, and this run must not skip anything: tests/setup.sh installs it"
        );
    }
    if !there {
        skipped(&format!("{program} is not here; tests/setup.sh installs it"));
    }
    there
}

/// The demo with a Redis of its own; `None`, with a word, where there is none.
pub fn start_with_redis(words: &[&str]) -> Option<(Server, Control)> {
    is_installed("redis-server").then(|| {
        let demo = Setup::new("scaleout").args(words).start();
        let control = Control::of(&demo);
        control.until("the servers are up", |state| {
            state["servers"]
                .as_array()
                .is_some_and(|all| !all.is_empty() && all.iter().all(is_well))
        });
        (demo, control)
    })
}

/// Whether a server serves and has its log.
fn is_well(server: &Value) -> bool {
    server["phase"] == "up" && server["link"] == true
}

/// The control port of a demo.
pub struct Control(String);

impl Control {
    /// The control port of this demo.
    pub fn of(demo: &Server) -> Control {
        Control(demo.beside("control"))
    }

    /// Gives an order, which must be taken.
    pub fn order(&self, order: &str, server: &str) {
        let (status, answer) = self.try_order(order, server);
        assert_eq!(status, 200, "{order} {server}: {answer}");
    }

    /// Gives an order, and tells the answer.
    pub fn try_order(&self, order: &str, server: &str) -> (u16, String) {
        let mut wire = Wire::connect(&self.0);
        wire.post(&format!("/orders/{order}?server={server}"), &[], "");
        let (head, answer) = wire.answer();
        (head.status, answer)
    }

    /// The state of the servers and of Redis.
    pub fn state(&self) -> Value {
        let mut wire = Wire::connect(&self.0);
        wire.get("/servers");
        serde_json::from_str(&wire.answer().1).expect("the state is JSON")
    }

    /// A server, by its name.
    pub fn server(&self, name: &str) -> Value {
        let state = self.state();
        let servers = state["servers"].as_array().expect("a list of servers");
        servers.iter().find(|server| server["name"] == name).expect("a server of this name").clone()
    }

    /// Starts a server and waits until it serves.
    pub fn start(&self, name: &str) {
        self.order("start", name);
        self.until("the server serves", |_| is_well(&self.server(name)));
    }

    /// Waits until the state is like this.
    pub fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        self.find(what, |state| holds(state).then_some(()));
    }

    /// Waits until this is found in the state.
    fn find<T>(&self, what: &str, look: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let state = self.state();
            if let Some(found) = look(&state) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what}: {state}");
        }
    }

    /// Waits until only one server has listeners of this technique. Tells its name.
    pub fn only_server_of(&self, technique: &str) -> String {
        self.find("one server alone has them", |state| {
            let has = |server: &&Value| {
                server["tabs"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|tab| tab["technique"] == technique)
            };
            let servers: Vec<&Value> = state["servers"].as_array()?.iter().filter(has).collect();
            (servers.len() == 1).then(|| servers[0]["name"].as_str().expect("a name").to_string())
        })
    }
}

/// A HAProxy between clients and servers. It listens on a socket in a folder of its own, so no port can be taken.
#[cfg(unix)]
pub struct HaProxy {
    folder: PathBuf,
    process: Child,
}

#[cfg(unix)]
impl HaProxy {
    /// One in front of these servers: each technique is a backend, each server process is a server of each of them.
    pub fn in_front_of(control: &Control) -> HaProxy {
        static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("haproxy-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for HAProxy");
        let state = control.state();
        let servers = state["servers"].as_array().expect("servers");
        let techniques: Vec<&String> =
            servers[0]["ports"].as_object().expect("ports").keys().collect();
        let mut config = format!(
            "global\n stats socket {folder}/admin mode 600 level admin\n maxconn 500\n\
             defaults\n mode http\n timeout connect 2s\n timeout client 120s\n timeout server 120s\n timeout tunnel 120s\n \
             option redispatch\n retries 3\n\
             frontend public\n bind unix@{folder}/public\n",
            folder = folder.display()
        );
        for technique in &techniques {
            config += &format!(" use_backend {technique} if {{ path_beg /{technique}/ }}\n");
        }
        for technique in &techniques {
            config += &format!(
                "backend {technique}\n balance roundrobin\n http-request replace-path /{technique}/(.*) /\\1\n"
            );
            for server in servers {
                let (name, port) = (
                    server["name"].as_str().expect("a name"),
                    &server["ports"][technique.as_str()],
                );
                config +=
                    &format!(" server {name} 127.0.0.1:{port} check inter 50ms fall 1 rise 1\n");
            }
        }
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, config).expect("HAProxy's configuration");
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
        let mut haproxy = Command::new("haproxy");
        haproxy.args(["-q", "-db", "-f"]).arg(&file).env("PATH", path).stdin(Stdio::null());
        let process = haproxy.stderr(Stdio::null()).spawn().expect("HAProxy starts");
        let haproxy = HaProxy { folder, process };
        tests::until("HAProxy listens", || {
            haproxy.connect().is_ok() && haproxy.tell("show info").is_ok()
        });
        haproxy
    }

    /// A connection to its public side.
    pub fn connect(&self) -> std::io::Result<std::os::unix::net::UnixStream> {
        std::os::unix::net::UnixStream::connect(self.folder.join("public"))
    }

    /// A server was started again: it has other ports now, or by chance one that it had before.
    pub fn lead_to(&self, server: &Value) {
        let name = server["name"].as_str().expect("a name");
        for (technique, port) in server["ports"].as_object().expect("ports") {
            let answer =
                self.tell(&format!("set server {technique}/{name} addr 127.0.0.1 port {port}"));
            let answer = answer.expect("HAProxy takes the order");
            let taken = ["changed", "no need to change the port"]
                .iter()
                .any(|words| answer.contains(words));
            assert!(taken || answer.trim().is_empty(), "{answer}");
        }
    }

    /// Sends a command to its runtime API.
    fn tell(&self, command: &str) -> std::io::Result<String> {
        use std::io::{Read, Write};
        let mut admin = std::os::unix::net::UnixStream::connect(self.folder.join("admin"))?;
        writeln!(admin, "{command}")?;
        let mut answer = String::new();
        admin.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

#[cfg(unix)]
impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
