// The servers as boxes: which of them runs, which listeners sit on which, and the buttons that stop and split them.
//
//   showFleet(element)      boxes and buttons, kept up to date from the control port (data-control: its host:port)
//   row(technique, shown)   a row in the table of this tab's listeners
//   tabOf(technique)        the name that the balancer knows this tab's listener by
//   poll(listener)          Socket.IO by long polling, for a listener of this page
import { el, put } from "./dom.js";
import { backOff, newKey, sleep, tell } from "./room.js";

const me = newKey(3);
const LINGER = 2000; // a listener between two polls is still on its server: milliseconds

export const tabOf = (technique) => `${me}-${technique}`;

/** A row of the table of listeners. */
export function row(technique, shown) {
  const cells = ["heard", "lost", "twice", "reconnects"].map((what) => el("td", { id: `${technique}-${what}` }, 0));
  const name = el("td", {}, technique, shown ? " (shown below)" : "");
  document.querySelector("#listeners tbody").append(el("tr", {}, name, el("td", { id: `${technique}-server` }, "–"), ...cells));
}

/** Shows the servers, and keeps them up to date. */
export async function showFleet(element) {
  const order = orders(`http://${element.dataset.control}`);
  const view = new Fleet(element, order);
  document.querySelector("#alone").addEventListener("click", () => order(view.state.alone ? "together" : "alone"));
  document.querySelector("#sticky").addEventListener("click", () => order(view.state.sticky ? "turns" : "sticky"));
  for (let failures = 1; ; failures++) {
    await new Promise((ended) => {
      const watch = new EventSource(`http://${element.dataset.control}/watch`);
      watch.onmessage = ({ data }) => {
        failures = 1;
        view.show(JSON.parse(data));
      };
      watch.onerror = () => {
        watch.close();
        ended();
      };
    });
    await sleep(backOff(failures) * 1000);
  }
}

/** Sends orders to the control port; a refusal is told. */
function orders(control) {
  return async (order, server = "") => {
    try {
      const answer = await fetch(`${control}/orders/${order}?server=${server}`, { method: "POST" });
      tell("ordered", answer.ok ? "" : (await answer.text()).trim());
    } catch {
      tell("ordered", "The control port does not answer.");
    }
  };
}

class Fleet {
  state = { servers: [] };
  boxes = new Map();
  seen = new Map(); // by listener: on which server it was, and when

  constructor(element, order) {
    Object.assign(this, { element, order });
    const redis = () => this.order(this.state.redis === "up" ? "stop-redis" : "start-redis");
    this.redis = new Box("redis", "Redis", [["Stop", redis]]);
    this.servers = el("div.servers");
    element.append(this.servers, this.redis.element);
  }

  show(state) {
    this.state = state;
    const now = performance.now();
    for (const { name, tabs } of state.servers) {
      for (const { tab, technique } of tabs) this.seen.set(tab, { name, technique, now });
    }
    clearTimeout(this.later);
    this.later = setTimeout(() => this.draw(), LINGER + 100);
    this.draw();
  }

  draw() {
    const { servers, redis, alone, sticky } = this.state;
    const now = performance.now();
    const open = new Set(servers.flatMap(({ tabs }) => tabs.map(({ tab }) => tab)));
    for (const [tab, { now: at }] of this.seen) if (!open.has(tab) && now - at > LINGER) this.seen.delete(tab);
    for (const server of servers) this.box(server).show(server, inWords(server, alone), [...this.seen]);
    this.redis.show({}, REDIS[redis], []);
    put(this.redis.buttons[0], redis === "stopped" ? "Start" : "Stop");
    this.redis.buttons[0].disabled = redis === "missing" || redis === "elsewhere";
    this.redis.element.classList.toggle("down", redis === "stopped" || redis === "missing");
    this.element.classList.toggle("alone", alone);
    press("alone", alone);
    press("sticky", sticky);
    for (const [tab, { name, technique }] of this.seen) if (tab === tabOf(technique)) tell(`${technique}-server`, name);
  }

  box({ name }) {
    if (!this.boxes.has(name)) {
      const stopped = () => this.state.servers.find((one) => one.name === name).phase === "stopped";
      const split = () => this.state.servers.find((one) => one.name === name).split;
      const box = new Box(`server-${name}`, `Server ${name}`, [
        ["Stop", () => this.order(stopped() ? "start" : "stop", name)],
        ["Split", () => this.order(split() ? "join" : "split", name)],
      ]);
      this.boxes.set(name, box);
      this.servers.append(box.element);
    }
    return this.boxes.get(name);
  }
}

const REDIS = {
  up: "has the log",
  stopped: "killed; what it has acknowledged is in its file",
  missing: "not installed: see the server's terminal",
  elsewhere: "runs elsewhere (--redis)",
};

/** What a server does, in words. */
function inWords({ phase, link, process, split }, alone) {
  if (phase === "stopped") return "killed";
  if (phase === "starting") return link === false ? "waits for its log" : "starts";
  if (alone) return "up, with a room of its own";
  if (link === false) return split ? "split from its log" : "up, without its log";
  return process ? `up (process ${process})` : "up";
}

/** A box: a name, a state in words, the listeners in it, and buttons that keep their places. */
class Box {
  constructor(id, name, buttons) {
    this.words = el("p.words", { role: "status" });
    this.tabs = el("ul.tabs", { "aria-label": `Listeners on ${name}` });
    this.buttons = buttons.map(([text, act]) => el("button", { type: "button", onclick: act }, text));
    this.element = el("section.box", { id, "aria-label": name }, el("h2", {}, name), this.words, this.tabs,
      el("p.buttons", {}, ...this.buttons));
  }

  show({ name, phase, split }, words, seen) {
    put(this.words, words);
    this.element.classList.toggle("down", phase === "stopped" || words.includes("its log"));
    if (this.buttons.length > 1) {
      put(this.buttons[0], phase === "stopped" ? "Start" : "Stop");
      put(this.buttons[1], split ? "Join" : "Split");
      this.buttons[1].disabled = split === null;
    }
    const here = seen.filter(([, at]) => at.name === name && phase === "up");
    const chips = here.map(([tab, { technique }]) => (tab === tabOf(technique) ? technique : `${technique} …`)).sort();
    if (chips.join() === this.chips) return;
    this.chips = chips.join();
    this.tabs.replaceChildren(...chips.map((text) => el(text.endsWith("…") ? "li" : "li.own", {}, text)));
  }
}

function press(id, on) {
  document.getElementById(id).setAttribute("aria-pressed", on);
}

/** Socket.IO by long polling, the few packets that a listener needs: the demo `socketio` explains them. */
export async function poll(listener) {
  const base = `/socketio/socket.io/?EIO=4&transport=polling&tab=${listener.tab}`;
  const ask = async (path, body) => {
    const answer = await fetch(path, { method: body ? "POST" : "GET", body, cache: "no-store" });
    const text = await answer.text();
    if (!answer.ok) throw new Error(answer.status === 400 ? JSON.parse(text).message : text.trim());
    return text;
  };
  const session = `${base}&sid=${JSON.parse((await ask(base)).slice(1)).sid}`;
  await ask(session, `40/room,${JSON.stringify({ after: `${listener.place}` })}`);
  while (listener.isOn) {
    for (const packet of (await ask(session)).split("\x1e")) {
      if (packet === "2") await ask(session, "3"); // ping, pong
      if (/^(1|41)/.test(packet)) throw new Error("closed");
      if (!packet.startsWith("42/room,")) continue;
      const [event, told] = JSON.parse(packet.slice(8));
      if (event === "here") listener.arrive(told);
      if (event === "message") listener.hear(told);
    }
  }
}
