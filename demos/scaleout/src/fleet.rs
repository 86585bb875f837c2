//! Machinery: the server processes and Redis, as the page starts, stops and splits them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use room::Room;
use serde_json::{Value, json};

use crate::command::FleetOptions;
use crate::guard::OwnRedis;
use crate::link::RedisAddress;
use crate::pipe::{OpenConnection, OpenConnections, Relay};
use crate::server;

/// The servers, and what they need.
#[derive(Default)]
pub struct Fleet {
    options: OnceLock<(Arc<FleetOptions>, usize)>,
    state: Mutex<FleetState>,
    changed: Condvar,
    visits: OpenConnections<Visit>,
}

#[derive(Default)]
struct FleetState {
    servers: Vec<ServerProcess>,
    redis: RedisState,
    /// Each server has a room of its own: there is no log between them.
    alone: bool,
    sticky: bool,
    /// How many requests were handed on: whose turn it is.
    turn: usize,
}

#[derive(Default)]
enum RedisState {
    /// The program is not installed.
    #[default]
    Missing,
    /// It is of the command line: not ours to stop.
    Elsewhere(RedisAddress),
    Own(OwnRedis),
}

/// One server.
#[derive(Default)]
struct ServerProcess {
    name: String,
    ports: BTreeMap<String, u16>,
    phase: Phase,
    /// Whether it reaches its log; `None` when it has none, or has not said so yet.
    link: Option<bool>,
    relay: Option<Relay>,
    child: Option<Child>,
    /// How often it was started.
    run: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Stopped,
    Starting,
    Up,
}

/// A connection that was handed on.
pub struct Visit {
    server: String,
    technique: String,
    tab: String,
}

impl Fleet {
    /// Starts Redis and the servers, once. Returns when each of them serves, or has said that it can't.
    pub fn start(self: &Arc<Self>, room: &Arc<Room>, options: &Arc<FleetOptions>) {
        if self.options.set((options.clone(), room.capacity())).is_err() {
            return;
        }
        let Some(program) = &options.program else { return self.start_here(room) };
        let mut state = self.state();
        state.redis = match &options.redis {
            Some(address) => RedisState::Elsewhere(address.clone()),
            None if !OwnRedis::is_installed() => {
                net::log("redis-server is not installed, so each server has a room of its own:");
                net::log("apt install redis-server (macOS: brew install redis), or --redis URL");
                RedisState::Missing
            }
            None => match OwnRedis::start(program, "always") {
                Ok(redis) => RedisState::Own(redis),
                Err(error) => {
                    net::log(&format!("each server has a room of its own, for {error}"));
                    RedisState::Missing
                }
            },
        };
        state.alone = matches!(state.redis, RedisState::Missing);
        for at in 0..options.servers {
            let name = char::from(b'a' + at as u8).to_string();
            let relay = match &state.redis {
                RedisState::Own(redis) => Relay::to(redis.address().port).ok(),
                _ => None,
            };
            state.servers.push(ServerProcess { name, relay, ..ServerProcess::default() });
            self.launch(&mut state, at);
        }
        let waits = |state: &mut FleetState| {
            let mut servers = state.servers.iter();
            servers.any(|server| server.phase == Phase::Starting && server.link != Some(false))
        };
        let _up = self.changed.wait_while(state, waits);
    }

    /// One server in this process, on this room.
    fn start_here(&self, room: &Arc<Room>) {
        let mut state = self.state();
        let ports = server::listen(room).map(ports).unwrap_or_default();
        state.alone = true;
        let name = "a".to_string();
        state.servers.push(ServerProcess {
            name,
            ports,
            phase: Phase::Up,
            ..ServerProcess::default()
        });
    }

    /// Starts the process of a server, and a thread that reads what it tells.
    fn launch(self: &Arc<Self>, state: &mut FleetState, at: usize) {
        let Some((options, capacity)) = self.options.get() else { return };
        let Some(program) = &options.program else { return };
        let mut command = Command::new(program);
        command.args([server::WORD, &capacity.to_string()]);
        command.env_remove(server::REDIS).stdin(Stdio::piped()).stdout(Stdio::piped());
        let server = &mut state.servers[at];
        let log = match &state.redis {
            _ if state.alone => None,
            RedisState::Missing => None,
            RedisState::Elsewhere(address) => Some(address.clone()),
            RedisState::Own(redis) => {
                let port = server.relay.as_ref().map_or(0, |relay| relay.address.port());
                Some(RedisAddress { port, ..redis.address() })
            }
        };
        if let Some(log) = log {
            command.env(server::REDIS, log.url());
            command.envs(options.redis_ca.as_ref().map(|file| (server::REDIS_CA, file)));
        }
        server.run += 1;
        (server.ports, server.link) = (BTreeMap::new(), None);
        match command.spawn() {
            Ok(mut child) => {
                let (fleet, run, told) = (self.clone(), server.run, child.stdout.take());
                server.phase = Phase::Starting;
                server.child = Some(child);
                thread::spawn(move || {
                    let lines = told.into_iter().flat_map(|told| BufReader::new(told).lines());
                    lines.map_while(Result::ok).for_each(|line| fleet.hear(at, run, &line));
                    fleet.change(|state| state.servers[at].ends(Some(run)));
                });
            }
            Err(error) => net::log(&format!("server {} does not start: {error}", server.name)),
        }
    }

    /// What a server process tells: a line of JSON.
    fn hear(&self, at: usize, run: u64, line: &str) {
        let told: Value = serde_json::from_str(line).unwrap_or_default();
        self.change(|state| {
            let server = &mut state.servers[at];
            if server.run != run {
                return;
            }
            if !told["ports"].is_null() {
                (server.ports, server.phase) = (ports(told["ports"].clone()), Phase::Up);
            }
            server.link = told["link"].as_bool().or(server.link);
        });
        if let Some(why) = told["why"].as_str() {
            let mut state = self.state();
            net::log(&format!("server {} has no log: {why}", state.servers[at].name));
            let name = state.servers[at].name.clone();
            if state.servers.iter_mut().any(|server| server.is_well()) {
                self.visits.end(|visit| visit.server == name); // its clients find a better one
            }
        }
    }

    // ANCHOR: order
    /// The servers that may take a request, the best one first: name and port for this technique.
    ///
    /// A sticky request goes to the server for which its tab has the highest hash (rendezvous
    /// hashing): when a server stops, only its own tabs move. The others take turns. A server that
    /// has lost its log comes last.
    pub fn order(&self, technique: &str, tab: &str) -> Vec<(String, u16)> {
        let mut state = self.state();
        state.turn += 1;
        let turn = state.turn % state.servers.len().max(1);
        let sticky = state.sticky && !tab.is_empty();
        state.servers.rotate_left(turn);
        let mut fit: Vec<_> = state.servers.iter().filter(|one| one.phase == Phase::Up).collect();
        fit.sort_by_key(|one| (!one.is_well(), sticky.then(|| !hash(tab, &one.name))));
        let port = |one: &&ServerProcess| Some((one.name.clone(), *one.ports.get(technique)?));
        let order = fit.iter().filter_map(port).collect();
        state.servers.rotate_right(turn);
        order
    }
    // ANCHOR_END: order

    /// Counts a connection among those of a server, until the value is dropped.
    ///
    /// # Errors
    /// When the process has no file left for it.
    pub fn visit(
        &self,
        ends: [&TcpStream; 2],
        [server, technique, tab]: [&str; 3],
    ) -> std::io::Result<OpenConnection<Visit>> {
        let [server, technique, tab] = [server, technique, tab].map(str::to_string);
        self.visits.add(ends, Visit { server, technique, tab })
    }

    /// How many connections this server has.
    pub fn connections(&self, server: &str) -> usize {
        self.visits.map(|visit| (visit.server == server).then_some(())).len()
    }

    /// Does what the page asks for.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn obey(self: &Arc<Self>, order: &str, name: &str) -> Result<(), String> {
        let mut state = self.state();
        let at = state.servers.iter().position(|server| server.name == name);
        let server = at.ok_or_else(|| format!("There is no server {name}."));
        if self.options.get().is_none_or(|(options, _)| options.program.is_none()) {
            return Err("This demo runs inside another program: it has one server.".to_string());
        }
        match order {
            "start" => {
                let at = server?;
                if state.servers[at].phase == Phase::Stopped {
                    self.launch(&mut state, at);
                }
            }
            "stop" => state.servers[server?].ends(None),
            "split" | "join" => {
                let relay = state.servers[server?].relay.clone();
                let relay = relay.ok_or("Only the way to a Redis of our own can be split.")?;
                relay.split(order == "split");
            }
            "start-redis" | "stop-redis" => {
                let RedisState::Own(redis) = &mut state.redis else {
                    return Err("There is no Redis of our own to stop.".to_string());
                };
                match order {
                    "stop-redis" => redis.kill(),
                    _ if redis.runs() => {}
                    _ => {
                        redis.resume().map_err(|error| format!("Redis does not start: {error}"))?
                    }
                }
                let port = redis.address().port;
                state
                    .servers
                    .iter()
                    .flat_map(|server| &server.relay)
                    .for_each(|way| way.lead_to(port));
            }
            "alone" | "together" => {
                if order == "together" && matches!(state.redis, RedisState::Missing) {
                    return Err(
                        "There is no Redis: install redis-server, or use --redis URL.".to_string()
                    );
                }
                state.alone = order == "alone";
                for at in 0..state.servers.len() {
                    if state.servers[at].phase != Phase::Stopped {
                        state.servers[at].ends(None);
                        self.launch(&mut state, at);
                    }
                }
            }
            "sticky" | "turns" => state.sticky = order == "sticky",
            _ => return Err(format!("There is no order {order}.")),
        }
        self.changed.notify_all();
        Ok(())
    }

    /// What the page shows.
    pub fn json(&self) -> Value {
        let mut state = self.state();
        let redis = match &mut state.redis {
            RedisState::Missing => "missing",
            RedisState::Elsewhere(_) => "elsewhere",
            RedisState::Own(redis) => {
                if redis.runs() {
                    "up"
                } else {
                    "stopped"
                }
            }
        };
        let servers = state.servers.iter().map(|server| {
            let tabs = self.visits.map(|visit| {
                (visit.server == server.name && !visit.tab.is_empty())
                    .then(|| json!({ "tab": visit.tab, "technique": visit.technique }))
            });
            let process = server.child.as_ref().map(Child::id);
            let phase = format!("{:?}", server.phase).to_lowercase();
            let split = server.relay.as_ref().map(Relay::is_split);
            json!({ "name": server.name, "phase": phase, "process": process, "ports": server.ports,
                    "link": server.link, "split": split, "tabs": tabs })
        });
        let servers: Vec<Value> = servers.collect();
        json!({ "servers": servers, "redis": redis, "alone": state.alone, "sticky": state.sticky })
    }

    /// Waits for a change, at most for that time.
    pub fn wait(&self, time: Duration) {
        let _changed = self.changed.wait_timeout(self.state(), time);
    }

    fn change(&self, change: impl FnOnce(&mut FleetState)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, FleetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerProcess {
    /// Kills the process as `kill -9` does, and waits until it is gone. With `run`: only if it is still that one.
    fn ends(&mut self, run: Option<u64>) {
        if run.is_some_and(|run| run != self.run) {
            return;
        }
        if let Some(mut child) = self.child.take() {
            let _killed = child.kill();
            let _reaped = child.wait();
        }
        (self.phase, self.link) = (Phase::Stopped, None);
        self.ports.clear();
    }

    /// Whether it serves, and has not lost its log.
    fn is_well(&self) -> bool {
        self.phase == Phase::Up && self.link != Some(false)
    }
}

fn ports(told: Value) -> BTreeMap<String, u16> {
    serde_json::from_value(told).unwrap_or_default()
}

/// FNV-1a, and a last step that mixes its bits: the highest of several hashes must be any of them.
fn hash(tab: &str, server: &str) -> u64 {
    let fnv = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let hash = tab.bytes().chain([0]).chain(server.bytes()).fold(0xcbf2_9ce4_8422_2325, fnv);
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(servers: &[&str]) -> Fleet {
        let fleet = Fleet::default();
        let up = |name: &&str| ServerProcess {
            name: name.to_string(),
            phase: Phase::Up,
            ports: [("sse".to_string(), 1)].into(),
            ..ServerProcess::default()
        };
        fleet.state().servers = servers.iter().map(up).collect();
        fleet
    }

    fn first(fleet: &Fleet, tab: &str) -> String {
        fleet.order("sse", tab)[0].0.clone()
    }

    #[test]
    fn requests_go_to_the_servers_in_turn() {
        let fleet = fleet(&["a", "b", "c"]);
        let six: Vec<String> = (0..6).map(|_| first(&fleet, "")).collect();
        assert_eq!(six[..3], six[3..]);
        assert_eq!(six[..3].iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    }

    #[test]
    fn a_sticky_tab_stays_and_when_a_server_stops_only_its_own_tabs_move() {
        let fleet = fleet(&["a", "b", "c"]);
        fleet.state().sticky = true;
        let tabs: Vec<String> = (0..300).map(|tab| format!("tab{tab}")).collect();
        let before: Vec<String> = tabs.iter().map(|tab| first(&fleet, tab)).collect();
        for name in ["a", "b", "c"] {
            let has = before.iter().filter(|one| *one == name).count();
            assert!((60..140).contains(&has), "{name} has {has} of 300 tabs");
        }
        fleet.state().servers[1].phase = Phase::Stopped;
        for (tab, before) in tabs.iter().zip(&before) {
            let now = first(&fleet, tab);
            assert!(now != "b" && (before == "b" || now == *before), "{tab}: {before} to {now}");
        }
    }

    #[test]
    fn a_server_without_its_log_comes_last_and_when_all_have_lost_it_they_serve_on() {
        let fleet = fleet(&["a", "b"]);
        fleet.state().servers[0].link = Some(false);
        assert!((0..4).all(|_| first(&fleet, "") == "b"));
        fleet.state().servers[1].link = Some(false);
        assert!((0..4).any(|_| first(&fleet, "") == "a"));
    }
}
