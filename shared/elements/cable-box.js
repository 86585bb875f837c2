// <cable-box>: the cable between browser and server, and the tools to spoil it.
//
// Every button is one request to the bench, which anyone may send by hand too:
//   curl -d cut http://127.0.0.1:9003/cable
import { bytes, el, put, svg } from "./dom.js";
import { HERE, feedOf } from "./feed.js";

/** What the bench calls a state → what a learner is told. */
const STATES = {
  whole: () => ["whole", "Bytes pass as they come."],
  cut: () => ["cut", "Bytes wait, on both sides, and flow again after the repair. Neither side is told."],
  delay: (ms) => [`slow: ${ms} ms`, "Each byte takes that long, each way."],
  drip: (ms) => ["dripping", `One byte every ${ms} ms: the reader must put the pieces together.`],
  hold: () => ["held", "A proxy keeps answers back until it has 16 KiB or the end."],
  garble: () => ["garbled", "A bad box on the way flips one bit in each piece. The checksums fit."],
  "no-upgrade": () => ["no upgrade", "An old proxy takes the field Upgrade out of each request."],
  idle: (s) => [`idle: ${s} s`, `A load balancer resets a connection after ${s} s without a byte.`],
  forget: (s) => [`forgets: ${s} s`, `A NAT forgets a connection after ${s} s without a byte. Neither side is told.`],
};
const RARE = ["garble", "no-upgrade", "idle", "forget"]; // behind "More"

class CableBox extends HTMLElement {
  #feed = null;
  #state = { cable: "whole", connections: [] };
  #asked = new Map(); // connection → the last request on it: how else to know which is which?
  #listeners = new AbortController();
  #polling;

  connectedCallback() {
    if (!this.picture) this.#build();
    this.#listeners = new AbortController();
    this.#feed = feedOf(this.getAttribute("bench") ?? HERE);
    const on = (name, act) => this.#feed.addEventListener(name, act, { signal: this.#listeners.signal });
    on("cable", (event) => this.#show(event.detail));
    on("hello", () => this.#send());
    on("row", ({ detail: { conn, kind, mean } }) => {
      if (kind !== "request") return;
      this.#asked.delete(conn); // to the end of the map: the oldest go first
      this.#asked.set(conn, mean);
      if (this.#asked.size > 500) this.#asked.delete(this.#asked.keys().next().value);
    });
    on("restart", () => this.#asked.clear());
    this.#feed.open();
  }

  disconnectedCallback() {
    this.#listeners.abort();
    this.#feed.close();
    clearInterval(this.#polling);
  }

  #build() {
    this.picture = picture();
    this.word = el("strong");
    this.words = el("span");
    this.trouble = el("p.trouble.fault", { role: "alert" });
    const amount = (max, step, value, name) =>
      el("input", { type: "number", min: 1, max, step, value, "aria-label": name });
    this.ms = amount(10_000, 50, 300, "Delay in milliseconds");
    this.s = amount(3_600, 1, 30, "Silence in seconds");
    const button = (name, act, title) => el("button", { type: "button", title, onclick: () => this.#do(act()) }, name);
    this.buttons = {
      cut: button("Cut", () => "cut", "bytes wait until the cable is repaired"),
      reset: button("Reset", () => "reset", "abort every connection now, with an RST each way"),
      delay: button("Delay", () => `delay ${this.#delay()}`, "every byte takes this long, each way"),
      drip: button("Drip", () => "drip 20", "one byte at a time, one every 20 ms"),
      hold: button("Hold", () => "hold", "a proxy that buffers answers"),
      garble: button("Garble", () => "garble", "flip one bit in each piece"),
      "no-upgrade": button("No upgrade", () => "no-upgrade", "an old proxy that passes no Upgrade"),
      idle: button("Idle", () => `idle ${this.#seconds()}`, "reset connections that are silent for this long"),
      forget: button("Forget", () => `forget ${this.#seconds()}`, "drop silent connections without a word"),
      whole: button("Repair", () => "repair", "undo everything"),
    };
    const { cut, reset, delay, drip, hold, whole, idle, forget } = this.buttons;
    const pair = (input, unit, ...buttons) =>
      el("span.pair", {}, ...buttons, input, el("span.unit", { "aria-hidden": "true" }, unit));
    const unfold = () => this.#unfold(this.rare.hidden);
    this.more = el("button", { type: "button", "aria-expanded": "false", onclick: unfold }, "More");
    this.rare = el("div.tools", { role: "group", "aria-label": "Rarer faults", hidden: true });
    this.rare.append(this.buttons.garble, this.buttons["no-upgrade"], pair(this.s, "s", idle, forget));
    whole.classList.add("repair");
    this.ms.addEventListener("keydown", (event) => event.key === "Enter" && this.#do(`delay ${this.#delay()}`));
    this.list = el("ul");
    this.summary = el("summary", {}, "One connection only");
    this.details = el("details", { ontoggle: () => this.#watch() }, this.summary, this.list);
    this.append(
      el("header", {}, el("h2", {}, "The cable"), el("p.state", { role: "status" }, this.word, " ", this.words)),
      this.picture,
      el(
        "div.tools",
        { role: "group", "aria-label": "Tools for the cable" },
        cut,
        reset,
        pair(this.ms, "ms", delay),
        drip,
        hold,
        this.more,
        whole,
      ),
      this.rare,
      this.details,
      this.trouble,
    );
    this.#show(this.#state);
  }

  #delay() {
    return within(this.ms, 300);
  }

  #seconds() {
    return within(this.s, 30);
  }

  #unfold(open) {
    this.rare.hidden = !open;
    this.more.setAttribute("aria-expanded", open);
  }

  async #do(act, connection) {
    const done = await this.#send(act, connection);
    if (done && act === "reset") this.#flash();
  }

  /** Asks for the state of the cable, or changes it: the answer is the state either way. */
  async #send(act, connection) {
    const url = `${this.#feed.origin}/cable${connection ? `?connection=${connection}` : ""}`;
    try {
      const answer = await fetch(url, act ? { method: "POST", body: act } : {});
      if (!answer.ok) throw new Error((await answer.text()).trim());
      this.#show(await answer.json());
      put(this.trouble, "");
      return true;
    } catch (error) {
      if (act)
        put(
          this.trouble,
          error instanceof TypeError ? "The bench does not answer: the cable is as it was." : error.message,
        );
      return false;
    }
  }

  #show(state) {
    this.#state = state;
    const [mode, amount] = (state.cable ?? "whole").split(" ");
    const [word, words] = (STATES[mode] ?? (() => [mode, ""]))(amount);
    const odd = state.connections.filter(({ cable }) => cable && cable !== state.cable);
    const but = odd.map(({ id, cable }) => `connection ${id}: ${cable}`).slice(0, 2);
    if (odd.length > 2) but.push(`${odd.length - 2} more`);
    this.dataset.state = mode;
    this.style.setProperty("--ms", `${amount ?? 0}ms`);
    if (!this.classList.contains("was-reset")) {
      put(this.word, word);
      put(this.words, but.length ? `but ${but.join(", ")}` : words);
    }
    for (const [name, button] of Object.entries(this.buttons)) {
      if (name === "reset" || name === "whole") continue;
      button.setAttribute("aria-pressed", name === mode);
    }
    if (RARE.includes(mode)) this.#unfold(true);
    this.buttons.whole.disabled = mode === "whole" && odd.length === 0;
    put(this.summary, `One connection only (${state.connections.length} open)`);
    if (this.details.open) this.#list();
  }

  /** A reset is over as soon as it is done; it is shown a moment longer. */
  #flash() {
    this.classList.add("was-reset");
    put(this.word, "reset");
    put(this.words, "Connections were aborted with an RST each way; the cable itself is as it was.");
    clearTimeout(this.flashing);
    this.flashing = setTimeout(() => {
      this.classList.remove("was-reset");
      this.#show(this.#state);
    }, 2_500);
  }

  #watch() {
    clearInterval(this.#polling);
    if (!this.details.open) return;
    this.#send();
    this.#polling = setInterval(() => this.#send(), 1_000); // their byte counts; the feed tells changes of state only
  }

  /** The list keeps its elements, so that a button does not vanish from under a finger. */
  #list() {
    const items = new Map(Array.from(this.list.children, (item) => [Number(item.dataset.id), item]));
    const newest = this.#state.connections.toSorted((a, b) => a.id - b.id).slice(-50);
    for (const { id, peer, cable, up, down } of newest) {
      let item = items.get(id);
      items.delete(id);
      if (!item) {
        const act = (word) => () => this.#do(word, id);
        item = el("li", { "data-id": id }, el("span.who"), el("span.how"));
        for (const word of ["cut", "reset", "repair"]) {
          const name = word[0].toUpperCase() + word.slice(1);
          item.append(
            el("button", { type: "button", "aria-label": `${name} connection ${id}`, onclick: act(word) }, name),
          );
        }
        item.append(el("span.asked"));
        this.list.append(item);
      }
      const [who, how, cut, , repair, asked] = item.children;
      put(who, `#${id} ${peer}`);
      put(asked, this.#asked.get(id) ?? "no request yet");
      put(how, `${bytes(up)} up, ${bytes(down)} down${cable ? `, ${cable}` : ""}`);
      how.classList.toggle("fault", cable === "cut");
      cut.setAttribute("aria-pressed", cable === "cut");
      repair.disabled = !cable;
    }
    for (const item of items.values()) item.remove();
  }
}

/** The whole number in a field, within its limits. */
function within(field, usual) {
  field.value = Math.min(field.max, Math.max(field.min, Math.round(Number(field.value)) || usual));
  return field.value;
}

/** The cable, drawn once for each state; the style sheet shows the one that holds. */
function picture() {
  const cable = (d, more = {}) => svg("path.wire", { d, ...more });
  const coiled = `M88 50C140 62 190 64 236 62${coil(236, 404, 62)}C450 64 500 62 552 50`;
  return svg(
    "svg.picture",
    { viewBox: "0 0 640 92", "aria-hidden": "true" },
    svg(
      "g.end",
      {},
      svg("rect", { x: 8, y: 24, width: 66, height: 50, rx: 5 }),
      svg("path", { d: "M8 37H74M16 30.5h.01m7 0h.01m7 0h.01M18 48h34M18 56h44M18 64h24" }),
    ),
    svg(
      "g.end",
      {},
      svg("rect", { x: 566, y: 16, width: 66, height: 19, rx: 4 }),
      svg("rect", { x: 566, y: 37, width: 66, height: 19, rx: 4 }),
      svg("rect", { x: 566, y: 58, width: 66, height: 19, rx: 4 }),
      svg("path", {
        d: "M575 25.5h.01m8 0h.01m19 0h20M575 46.5h.01m8 0h.01m19 0h20M575 67.5h.01m8 0h.01m19 0h20",
      }),
    ),
    svg(
      "g.plug",
      {},
      svg("rect", { x: 74, y: 43, width: 14, height: 14, rx: 3 }),
      svg("rect", { x: 552, y: 43, width: 14, height: 14, rx: 3 }),
    ),
    svg("g.on-whole", {}, cable("M88 50C190 74 450 74 552 50")),
    svg(
      "g.on-cut",
      {},
      cable("M88 50C150 60 210 52 262 66"),
      cable("M552 50C490 60 430 52 378 66"),
      svg("path.fray", { d: "M262 66l15 -3M262 66l15 5M262 66l10 11M378 66l-15 -3M378 66l-15 5M378 66l-10 11" }),
      svg("path.gap", { d: "M309 44l22 38M331 44l-22 38" }),
    ),
    svg("g.on-delay", {}, cable(coiled), svg("circle.bit", { r: 5.5, style: `offset-path: path("${coiled}")` })),
    svg(
      "g.on-drip",
      {},
      svg("path.thin", { d: "M88 50C190 74 450 74 552 50" }),
      svg("path.drops", { d: "M88 50C190 74 450 74 552 50" }),
    ),
    svg(
      "g.on-hold",
      {},
      cable("M88 50C150 62 200 60 262 52"),
      cable("M378 52C440 60 490 62 552 50"),
      svg("rect.proxy", { x: 262, y: 20, width: 116, height: 62, rx: 6 }),
      svg("path.level", { d: "M276 70h88M276 60h88M276 50h88" }),
      svg("text", { x: 320, y: 39, "text-anchor": "middle" }, "proxy"),
    ),
    svg(
      "g.on-garble",
      {},
      cable("M88 50C150 62 200 60 262 52"),
      cable("M378 52C440 60 490 62 552 50"),
      svg("rect.proxy", { x: 262, y: 20, width: 116, height: 62, rx: 6 }),
      svg("text", { x: 320, y: 56, "text-anchor": "middle" }, "0110 → 0111"),
    ),
    svg(
      "g.on-no-upgrade",
      {},
      cable("M88 50C150 62 200 60 262 52"),
      cable("M378 52C440 60 490 62 552 50"),
      svg("rect.proxy", { x: 262, y: 20, width: 116, height: 62, rx: 6 }),
      svg("text", { x: 320, y: 44, "text-anchor": "middle" }, "old proxy"),
      svg("text", { x: 320, y: 66, "text-anchor": "middle" }, "Upgrade"),
      svg("path.strike", { d: "M288 62H352" }),
    ),
    svg(
      "g.on-silence",
      {},
      cable("M88 50C190 74 450 74 552 50"),
      svg("circle.proxy", { cx: 320, cy: 56, r: 26 }),
      svg("path", { d: "M320 38V56L333 64" }),
    ),
    svg("g.on-reset", {}, svg("path.gap", { d: "M309 44l22 38M331 44l-22 38" })),
  );
}

/** Six loops from x1 to x2: a long way on a short path. */
function coil(x1, x2, y) {
  const points = [];
  for (let t = 0; t <= 1; t += 1 / 180) {
    const turn = 12 * Math.PI * t;
    const ease = Math.min(1, 12 * t, 12 * (1 - t)); // the loops begin and end on the line
    const x = x1 + (x2 - x1) * t + 15 * ease * Math.sin(turn);
    const height = y - 22 * ease * (1 - Math.cos(turn));
    points.push(`L${x.toFixed(1)} ${height.toFixed(1)}`);
  }
  return points.join("");
}

customElements.define("cable-box", CableBox);
