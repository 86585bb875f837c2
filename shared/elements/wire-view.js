// <wire-view>: the ladder. Time runs down, the browser stands on the left, the server on the right, and every unit on
// the wire is an arrow between them. A row opens into its bytes.
//
//   <wire-view></wire-view>                     live, from the bench that this file came from
//   <wire-view src="longpoll.json"></wire-view> a recording, {"rows":[...]}, to play or to step through
//   <wire-view layers></wire-view>              where connections lie in others: a choice between outside, inside and both;
//                                               layers="inside" begins with that
//
// The rows, their words and their fields come from the bench; here they are only shown. This file puts the parts
// together: wire-model.js holds the rows, wire-ladder.js draws them, wire-bytes.js draws the bytes of one,
// wire-recording.js plays a recording.
import { bytes, el, number, put } from "./dom.js";
import { HERE, feedOf } from "./feed.js";
import { Bytes } from "./wire-bytes.js";
import { Ladder } from "./wire-ladder.js";
import { WireModel } from "./wire-model.js";
import { Recording } from "./wire-recording.js";

const WIDE = 1_000; // from this many pixels on, 16 bytes a line and not 8; wire-view.css says the same
const OFFERED = 200; // connections in the list

class WireView extends HTMLElement {
  #model = new WireModel();
  #ladder;
  #bytes = new Bytes(() => this.#close(true));
  #feed = null; // of the bench, if this is live
  #recording = null;
  #listeners;
  #ticking;
  #counts = {};
  #pauses; // a button
  #select; // of connections
  #layers; // ... and of outside and inside, if this page has both
  #status;
  #tools;

  connectedCallback() {
    if (!this.#ladder) this.#build();
    this.#ladder.connect();
    if (!this.hasAttribute("src")) this.#listen();
    else if (!this.#recording) this.#record();
  }

  disconnectedCallback() {
    this.#ladder.disconnect();
    this.#listeners?.abort();
    this.#feed?.close();
    clearInterval(this.#ticking);
    this.#recording?.stop();
  }

  // ---- The document ------------------------------------------------------------------------------------------------

  #build() {
    this.id ||= "wire";
    const live = !this.hasAttribute("src");
    this.#model.onconnection = (conn, stream) => this.#offer(conn, stream);
    this.#ladder = new Ladder(this.#model, this.id, () => this.#drawn());
    this.#ladder.element.addEventListener("keydown", (event) => this.#key(event));
    this.#ladder.element.addEventListener("click", (event) => {
      const row = event.target.closest(".row")?.item;
      if (row?.n) this.#open(row);
    });
    this.#pauses = el("button", { type: "button", "aria-pressed": "false", onclick: () => this.#pause() }, "Pause");
    const clears = el("button", { type: "button", onclick: () => this.#clear() }, "Clear");
    this.#select = el("select", { "aria-label": "Connections shown", onchange: () => this.#choose() });
    this.#empty();
    this.#status = el("p.status", { role: "status" });
    this.#tools = el("div.tools", { role: "group", "aria-label": "The view" });
    if (live) this.#tools.append(this.#pauses, clears);
    this.#tools.append(this.#select);
    if (this.hasAttribute("layers")) this.#tools.append(this.#choiceOfLayers());
    this.append(
      el("header", {}, el("h2", {}, live ? "The wire" : "The wire, recorded"), this.#tools),
      el("dl.counters", {},
        this.#counter("connections", "connections", "open now, of all since the start"),
        this.#counter("requests", "requests"),
        this.#counter("up", "up", "bytes from the browser to the server"),
        this.#counter("down", "down", "bytes from the server to the browser"),
        this.#counter("each", "per message", "bytes up and down for each message said")),
      el("div.stage", {}, this.#ladder.element, this.#ladder.newest, this.#status),
      this.#bytes.element,
    );
  }

  #choiceOfLayers() {
    const layer = this.getAttribute("layers");
    this.#model.choose(0, layer);
    const named = { "": "outside and inside", outside: "outside", inside: "inside" };
    const option = ([value, name]) => el("option", { value, selected: value === layer }, name);
    const choose = () => this.#choose();
    this.#layers = el("select", { "aria-label": "Layers shown", onchange: choose }, ...Object.entries(named).map(option));
    return this.#layers;
  }

  #counter(key, name, title) {
    this.#counts[key] = el("dd", {}, "0");
    return el(`div.${key}`, { title }, el("dt", {}, name), this.#counts[key]);
  }

  // ---- What is shown -----------------------------------------------------------------------------------------------

  /** Live: the bench tells. */
  #listen() {
    this.#feed = feedOf(this.getAttribute("bench") ?? HERE);
    this.#listeners = new AbortController();
    const on = (name, act) =>
      this.#feed.addEventListener(name, ({ detail }) => act(detail), { signal: this.#listeners.signal });
    for (const name of ["row", "heard", "lost"]) {
      on(name, (detail) => {
        this.#model.take(name, detail);
        this.#ladder.schedule();
      });
    }
    on("counters", (totals) => this.#count(totals));
    on("cable", (state) => {
      this.#model.cable = state;
      this.#ladder.redraw();
    });
    on("restart", () => {
      this.#model.restart();
      this.#empty();
    });
    for (const name of ["state", "hello"]) on(name, () => this.#tell());
    this.#feed.open();
    this.#ticking = setInterval(() => this.#tick(), 1_000);
    this.#tell();
  }

  /** Not live: a file tells. */
  async #record() {
    const src = this.getAttribute("src");
    let rows;
    try {
      const answer = await fetch(src);
      if (!answer.ok) throw new Error(`${answer.status}`);
      ({ rows } = await answer.json());
    } catch (error) {
      put(this.#status, `The recording ${src} can't be read (${error.message}).`);
      this.#status.classList.add("fault");
      return;
    }
    this.#recording = new Recording(rows, {
      empty: () => {
        this.#model.restart();
        this.#empty();
      },
      show: (row) => {
        this.#model.take("row", row);
        this.#ladder.schedule();
      },
      count: (totals) => this.#count(totals),
    });
    this.#tools.prepend(...this.#recording.controls);
    this.#ladder.fit();
  }

  #count(totals) {
    const { open, opened, requests, up, down, each } = this.#model.count(totals);
    put(this.#counts.connections, open == null ? number(opened) : `${number(open)} of ${number(opened)}`);
    put(this.#counts.requests, number(requests));
    put(this.#counts.up, bytes(up));
    put(this.#counts.down, bytes(down));
    put(this.#counts.each, each == null ? "–" : bytes(each));
  }

  /** What follows from the rows, after each drawing. */
  #drawn() {
    if (this.#ladder.opened) this.#show(this.#ladder.opened);
    this.#tick();
    this.#tell();
  }

  /** Below the last row: how long the wire has been silent by now. */
  #tick() {
    const live = this.#feed?.state === "open" && !this.#model.paused;
    this.#ladder.silent(live ? this.#model.silence(this.#feed.now()) : 0);
  }

  /** What is wrong, or what is to be waited for, in words. */
  #tell() {
    if (!this.#feed) return;
    const { items, paused, waiting } = this.#model;
    const { state, origin } = this.#feed;
    let text = "";
    if (state === "away") {
      const rest = items.length ? "; these rows are older" : "";
      text = `The bench at ${new URL(origin).host} does not answer${rest}. Is the demo running? Asking again.`;
    } else if (paused) {
      text = waiting ? `Paused. ${number(waiting)} rows wait.` : "Paused.";
    } else if (!items.length) {
      text = state === "open" ? "Nothing on the wire yet." : "Asking the bench for the wire.";
    }
    put(this.#status, text);
    this.#status.classList.toggle("fault", state === "away");
  }

  // ---- What the reader does ----------------------------------------------------------------------------------------

  #pause() {
    const paused = !this.#model.paused;
    this.#model.pause(paused);
    this.#pauses.setAttribute("aria-pressed", paused);
    put(this.#pauses, paused ? "Go on" : "Pause");
    this.#ladder.schedule();
  }

  #clear() {
    this.#model.clear();
    this.#count();
    this.#empty();
  }

  /** The model was emptied: nothing is open, and no connection is known. */
  #empty() {
    this.#close(false);
    this.#select.replaceChildren(el("option", { value: "0/0" }, "all connections"));
    this.#ladder.active = null;
    this.#ladder.follow();
  }

  /** A connection that can be chosen from now on, or a stream of it. */
  #offer(conn, stream) {
    const { options } = this.#select;
    const name = stream ? `connection ${conn}, stream ${stream}` : `connection ${conn}`;
    this.#select.append(el("option", { value: `${conn}/${stream}` }, name));
    if (options.length > OFFERED && !options[1].selected) options[1].remove();
  }

  #choose() {
    const [conn, stream] = this.#select.value.split("/").map(Number);
    this.#model.choose(conn, this.#layers?.value, stream);
    this.#ladder.follow();
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { page, active } = this.#ladder;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step) this.#move(step);
    else if (event.key === "Enter" || event.key === " ") this.#open(active ?? this.#model.next(null, Infinity));
    else if (event.key === "Escape") this.#close(true);
    else return;
    event.preventDefault();
  }

  #move(step) {
    const row = this.#model.next(this.#ladder.active, step);
    if (!row) return;
    this.#ladder.activate(row);
    if (this.#ladder.opened) this.#open(row);
  }

  /** Opens the bytes of a row. */
  #open(row) {
    if (!row) return;
    this.#ladder.activate(row);
    this.#ladder.stay();
    this.#ladder.opened = row;
    this.classList.add("opened");
    this.#show(row);
  }

  #show(row) {
    this.#bytes.show(row, this.#model.fate(row), this.clientWidth >= WIDE ? 16 : 8);
  }

  #close(focus) {
    if (!this.#ladder.opened) return;
    this.#ladder.opened = null;
    this.#bytes.hide();
    this.classList.remove("opened");
    if (focus) this.#ladder.element.focus({ preventScroll: true });
    this.#ladder.redraw();
  }
}

customElements.define("wire-view", WireView);
