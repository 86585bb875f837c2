// <wire-view>: the ladder. Time runs down, the browser stands on the left, the server on the right, and every unit on
// the wire is an arrow between them. A row opens into its bytes.
//
//   <wire-view></wire-view>                     live, from the bench that this file came from
//   <wire-view src="longpoll.json"></wire-view> a recording, {"rows":[...]}, to play or to step through
//
// The rows, their words and their fields come from the bench; here they are only drawn. The document holds the rows
// that can be seen and a few more, whatever the number of rows: that is what keeps 200 of them a second smooth.
import { bytes, el, number, put, span, svg } from "./dom.js";
import { HERE, feedOf } from "./feed.js";
import { drawBytes } from "./wire-bytes.js";

const ROW = 36; // the height of a row in pixels; style.css says the same
const HEAD = 26; // ... and of the names above the lifelines
const KEEP = 5_000; // rows kept in the page
const SPARE = 8; // rows drawn above and below the window
const SILENCE = 1_500_000; // a pause as long as this is said in words, in microseconds
const LATE = 5_000; // under way longer than this: drawn slanted, in microseconds
const MARKS = new Set(["open", "fin", "reset", "lost", "garbled"]); // acts of TCP and of the cable: they have no bytes

class WireView extends HTMLElement {
  #rows = new Map(); // n → row, oldest first
  #items = []; // what the ladder shows: rows, and remarks between them
  #unheard = new Map(); // "3 up" → rows whose last byte is still in the cable
  #slots = []; // the row elements, used again and again
  #filter = 0; // a connection, 0 for all
  #active = null; // the row that the keyboard is on
  #opened = null; // the row whose bytes are shown
  #stuck = true; // to the bottom
  #unseen = 0; // rows that came while the reader was further up
  #paused = false;
  #waiting = []; // events that came during a pause
  #cleared = 0; // rows up to this n were cleared away
  #totals = null; // the counters as the bench counts them
  #base = null; // ... and as they were when the view was cleared
  #cable = { cable: "whole", connections: [] };
  #look = 0; // counts the reasons to draw all rows anew
  #height = 0;
  #scheduled = false;
  #feed = null;
  #listeners = new AbortController();
  #sizes = new ResizeObserver(() => this.#resize());
  #built = false;

  connectedCallback() {
    if (!this.#built) this.#build();
    this.#built = true;
    this.#listeners = new AbortController();
    this.#sizes.observe(this.ladder);
    if (this.hasAttribute("src")) this.#record();
    else this.#listen();
  }

  disconnectedCallback() {
    this.#listeners.abort();
    this.#sizes.disconnect();
    this.#feed?.close();
    clearInterval(this.ticking);
    this.stop?.();
  }

  // ---- The document ----------------------------------------------------------------------------------------------

  #build() {
    this.id ||= "wire";
    const live = !this.hasAttribute("src");
    this.counts = {};
    const count = (key, name, title) => {
      this.counts[key] = el("dd", {}, "0");
      return el(`div.${key}`, { title }, el("dt", {}, name), this.counts[key]);
    };
    this.pauseButton = el("button", { type: "button", "aria-pressed": "false", onclick: () => this.#pause() }, "Pause");
    this.clearButton = el("button", { type: "button", onclick: () => this.clear() }, "Clear");
    this.select = el(
      "select",
      { "aria-label": "Connections shown", onchange: () => this.#choose(Number(this.select.value)) },
      el("option", { value: 0 }, "all connections"),
    );
    this.news = el("button.newest", { type: "button", hidden: true, onclick: () => this.#follow() }, "↓ newest");
    this.status = el("p.status", { role: "status" });
    this.canvas = el("div.canvas", { role: "presentation" });
    this.tail = el("div.tail", { "aria-hidden": "true" });
    this.canvas.append(this.tail);
    this.ladder = el(
      "div.ladder",
      {
        role: "listbox",
        tabindex: 0,
        "aria-label": "The wire, oldest first. Arrow keys move, Enter opens the bytes, Escape closes them.",
        onscroll: () => this.#scrolled(),
        onkeydown: (event) => this.#key(event),
        onclick: (event) => this.#click(event),
      },
      el("div.ends", { "aria-hidden": "true" }, el("span", {}, "browser"), el("span", {}, "server")),
      this.canvas,
    );
    this.detail = el("section.detail", { hidden: true, "aria-label": "The bytes of the row" });
    this.detail.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#close(true);
    });
    this.tools = el("div.tools", { role: "group", "aria-label": "The view" });
    if (live) this.tools.append(this.pauseButton, this.clearButton);
    this.tools.append(this.select);
    this.append(
      el("header", {}, el("h2", {}, live ? "The wire" : "The wire, recorded"), this.tools),
      el(
        "dl.counters",
        {},
        count("connections", "connections", "open now, of all since the start"),
        count("requests", "requests"),
        count("up", "up", "bytes from the browser to the server"),
        count("down", "down", "bytes from the server to the browser"),
        count("each", "per message", "bytes up and down for each message said"),
      ),
      el("div.stage", {}, this.ladder, this.news, this.status),
      this.detail,
    );
  }

  // ---- Live ------------------------------------------------------------------------------------------------------

  #listen() {
    const feed = feedOf(this.getAttribute("bench") ?? HERE);
    this.#feed = feed;
    const on = (name, act) => feed.addEventListener(name, act, { signal: this.#listeners.signal });
    for (const name of ["row", "heard", "lost"]) {
      on(name, (event) => this.#take(name, event.detail));
    }
    on("counters", (event) => this.#count(event.detail));
    on("cable", (event) => {
      this.#cable = event.detail;
      this.#redraw();
    });
    on("restart", () => {
      this.#forget();
      this.#cleared = 0;
      this.#base = null;
    });
    on("state", () => this.#tell());
    on("hello", () => this.#tell());
    feed.open();
    this.ticking = setInterval(() => this.#tick(), 1_000);
    this.#tell();
  }

  #take(name, data) {
    if (!this.#paused) {
      this.#apply(name, data);
      return this.#schedule();
    }
    this.#waiting.push([name, data]);
    if (this.#waiting.length > 2 * KEEP) this.#waiting.splice(0, KEEP);
    if (name === "row") this.#tell();
  }

  #apply(name, data) {
    if (name === "row") this.#row(data);
    else if (name === "heard") this.#heard(data);
    else this.#remark(`${number(data.rows)} rows were dropped before anyone looked`);
  }

  /** A new row, or more of a row that is here already. */
  #row(data) {
    if (data.n <= this.#cleared) return;
    let row = this.#rows.get(data.n);
    if (row) {
      Object.assign(row, data);
      row.version++;
    } else {
      row = Object.assign(data, { version: 0 });
      this.#rows.set(row.n, row);
      this.#offer(row.conn);
      if (this.#shown(row)) this.#push(row);
      if (this.#rows.size > KEEP) this.#evict();
    }
    if (row.heard == null && !MARKS.has(row.kind)) {
      const key = `${row.conn} ${row.dir}`;
      if (!this.#unheard.has(key)) this.#unheard.set(key, new Set());
      this.#unheard.get(key).add(row);
    }
    if (row === this.#opened) this.#reopen = true;
  }
  #reopen = false;

  /** The far end has everything up to byte `to` of this connection and direction. */
  #heard({ conn, dir, to, t }) {
    for (const row of this.#unheard.get(`${conn} ${dir}`) ?? []) {
      if (row.heard == null && row.to > to) continue;
      row.heard ??= t;
      row.version++;
      this.#unheard.get(`${conn} ${dir}`).delete(row);
    }
  }

  #push(row) {
    const before = this.#items.at(-1);
    if (before?.n) {
      const silence = row.start - Math.max(before.start, before.sent ?? 0);
      if (silence >= SILENCE) this.#items.push({ remark: `${span(silence)} of silence`, quiet: true });
    }
    this.#items.push(row);
    if (!this.#stuck) this.#unseen++;
  }

  #remark(text) {
    this.#items.push({ remark: text, quiet: false });
  }

  #evict() {
    let left = Math.ceil(KEEP / 50); // a block at a time, so that it is seldom done
    for (const [n, row] of this.#rows) {
      if (left-- === 0) break;
      this.#rows.delete(n);
      this.#unheard.get(`${row.conn} ${row.dir}`)?.delete(row);
      row.gone = true;
    }
    let gone = this.#items.findIndex((item) => item.n && !item.gone);
    if (gone < 0) gone = this.#items.length;
    this.#items.splice(0, gone);
    if (!this.#stuck) this.ladder.scrollTop -= gone * ROW; // what is being read stays where it is
    if (this.#active?.gone) this.#active = null;
  }

  #count(totals) {
    this.#totals = totals;
    this.#base ??= { requests: 0, up: 0, down: 0, messages: 0, opened: 0 };
    const since = (key) => Math.max(0, (totals[key] ?? 0) - this.#base[key]);
    const all = since("up") + since("down");
    put(this.counts.connections, `${number(totals.open)} of ${number(since("opened"))}`);
    put(this.counts.requests, number(since("requests")));
    put(this.counts.up, bytes(since("up")));
    put(this.counts.down, bytes(since("down")));
    put(this.counts.each, since("messages") ? bytes(Math.round(all / since("messages"))) : "–");
  }

  // ---- What the reader does --------------------------------------------------------------------------------------

  #pause() {
    this.#paused = !this.#paused;
    this.pauseButton.setAttribute("aria-pressed", this.#paused);
    put(this.pauseButton, this.#paused ? "Go on" : "Pause");
    if (!this.#paused) {
      for (const [name, data] of this.#waiting.splice(0)) this.#apply(name, data);
      this.#schedule();
    }
    this.#tell();
  }

  /** Empties the view and lets the counters count from here. */
  clear() {
    for (const [name, data] of this.#waiting.splice(0))
      if (name === "row") this.#cleared = Math.max(this.#cleared, data.n);
    for (const n of this.#rows.keys()) this.#cleared = Math.max(this.#cleared, n);
    this.#base = this.#totals && { ...this.#totals };
    if (this.#totals) this.#count(this.#totals);
    this.#forget();
    this.#tell();
  }

  #forget() {
    this.#rows.clear();
    this.#unheard.clear();
    this.#items = [];
    this.#active = null;
    this.#unseen = 0;
    this.#stuck = true;
    this.#close(false);
    this.#choose(0);
    this.select.replaceChildren(el("option", { value: 0 }, "all connections"));
    this.conns = new Set();
    this.#redraw();
  }

  #offer(conn) {
    this.conns ??= new Set();
    if (this.conns.has(conn)) return;
    this.conns.add(conn);
    this.select.append(el("option", { value: conn }, `connection ${conn}`));
    if (this.select.options.length > 200) {
      const oldest = this.select.options[1];
      if (Number(oldest.value) !== this.#filter) oldest.remove();
    }
  }

  #choose(conn) {
    this.#filter = conn;
    this.select.value = conn;
    this.#items = [];
    for (const row of this.#rows.values()) if (this.#shown(row)) this.#push(row);
    this.#follow();
  }

  #shown(row) {
    return !this.#filter || row.conn === this.#filter;
  }

  #follow() {
    this.#stuck = true;
    this.#unseen = 0;
    this.#redraw();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.ladder;
    this.#stuck = scrollTop + clientHeight >= scrollHeight - ROW;
    if (this.#stuck) this.#unseen = 0;
    this.#schedule();
  }

  #click(event) {
    const slot = event.target.closest(".row");
    if (!slot?.item?.n) return;
    this.#activate(slot.item);
    this.#open(slot.item);
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.#height / ROW) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[
      event.key
    ];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (step) {
      event.preventDefault();
      this.#move(step);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (!this.#active) this.#move(Infinity);
      if (this.#active) this.#open(this.#active);
    } else if (event.key === "Escape") {
      this.#close(true);
    }
  }

  #move(step) {
    const items = this.#items;
    const at = this.#active ? items.indexOf(this.#active) : -1;
    let to = at < 0 ? items.length - 1 : Math.min(Math.max(at + step, 0), items.length - 1);
    const back = step < 0 && to > 0 ? -1 : 1;
    while (items[to] && !items[to].n) to += back; // remarks are not rows
    if (!items[to]) return;
    this.#activate(items[to]);
    this.#stuck = to === items.length - 1;
    if (this.#stuck) this.#unseen = 0;
    const top = to * ROW;
    const { scrollTop } = this.ladder;
    if (top < scrollTop) this.ladder.scrollTop = top - (to ? 0 : ROW);
    else if (top + ROW > scrollTop + this.#height) this.ladder.scrollTop = top + ROW - this.#height;
    if (this.#opened) this.#open(items[to]);
  }

  #activate(row) {
    this.#active = row;
    this.#redraw();
  }

  // ---- The bytes of a row ----------------------------------------------------------------------------------------

  #open(row) {
    if (row !== this.#opened) this.#stuck = false; // what is being read does not run away
    this.#opened = row;
    const opens = this.detail.hidden;
    this.detail.hidden = false;
    this.classList.add("opened");
    const close = el("button", { type: "button", onclick: () => this.#close(true) }, "Close");
    const way = row.dir === "up" ? "browser → server" : "server → browser";
    const facts = [`connection ${row.conn}`, way, `at ${seconds(row.start)}`];
    if (!MARKS.has(row.kind)) {
      facts.push(`${number(row.size)} bytes`, `from byte ${number(row.from ?? 0)} on`, fate(row));
    }
    const panel = el("div.bytes");
    drawBytes(panel, row, this.clientWidth >= 1000 ? 16 : 8);
    this.detail.replaceChildren(
      el(`header.${row.dir}`, {}, el("h3", {}, row.mean), close, el("p", {}, facts.filter(Boolean).join(" · "))),
      panel,
    );
    if (opens) this.#resize();
    this.#redraw();
  }

  /** The open bytes take room from the ladder: the row must not slip out of sight. */
  #reveal() {
    const at = this.#items.indexOf(this.#opened);
    if (at < 0) return;
    const hidden = (at + 1) * ROW - this.ladder.scrollTop - this.#height;
    if (hidden > 0) this.ladder.scrollTop += hidden;
  }

  #close(focus) {
    if (this.detail.hidden) return;
    this.#opened = null;
    this.detail.hidden = true;
    this.detail.replaceChildren();
    this.classList.remove("opened");
    if (focus) this.ladder.focus({ preventScroll: true });
    this.#redraw();
  }

  // ---- Drawing ---------------------------------------------------------------------------------------------------

  #redraw() {
    this.#look++;
    this.#schedule();
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = () => {
      this.#scheduled = false;
      this.#draw();
    };
    if (document.hidden)
      setTimeout(draw, 250); // nobody paints for a hidden tab
    else requestAnimationFrame(draw);
  }

  #resize() {
    const height = this.ladder.clientHeight - HEAD;
    const less = height < this.#height;
    this.#height = height;
    if (less && this.#opened) this.#reveal();
    this.#schedule();
  }

  #draw() {
    const items = this.#items;
    const height = (items.length + 1) * ROW; // one for the tail
    if (this.canvas.height !== height) {
      this.canvas.height = height;
      this.canvas.style.height = `${height}px`;
      this.tail.style.transform = `translateY(${items.length * ROW}px)`;
    }
    if (this.#stuck) this.ladder.scrollTop = height + HEAD;
    const top = this.#stuck ? Math.max(0, height - this.#height) : this.ladder.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const last = Math.min(items.length, Math.ceil((top + this.#height) / ROW) + SPARE);
    while (this.#slots.length < last - first) this.#slots.push(this.#slot());
    for (let i = first; i < last; i++) this.#place(this.#slots[i % this.#slots.length], i);
    for (const slot of this.#slots) {
      if (slot.at >= first && slot.at < last) continue;
      slot.hidden = true;
      slot.item = null;
    }
    const active = this.#active && !this.#active.gone ? `${this.id}-${this.#active.n}` : "";
    if (this.ladder.getAttribute("aria-activedescendant") !== active) {
      this.ladder.setAttribute("aria-activedescendant", active);
    }
    const away = !this.#stuck && this.#unseen > 0;
    this.news.hidden = !away;
    if (away) put(this.news, `↓ ${number(this.#unseen)} new`);
    if (this.#reopen && this.#opened) this.#open(this.#opened);
    this.#reopen = false;
    this.#tick();
    this.#tell();
  }

  /** An empty row, to be filled many times. */
  #slot() {
    const slot = el("div.row", { role: "option" });
    slot.time = el("span.time");
    slot.conn = el("span.conn");
    slot.words = el("span.words");
    slot.mean = el("span.mean");
    slot.late = el("span.late");
    slot.words.append(slot.mean, " ", slot.late);
    slot.size = el("span.size");
    slot.line = svg("line");
    slot.head = svg("path");
    slot.tip = svg("svg", { overflow: "visible", width: 1, height: 1 }, slot.head);
    slot.arrow = svg("svg.arrow", { "aria-hidden": "true" }, slot.line, slot.tip);
    slot.append(slot.time, " ", slot.conn, " ", el("span.lane", {}, slot.words, slot.arrow), " ", slot.size);
    this.canvas.append(slot);
    return slot;
  }

  #place(slot, i) {
    const item = this.#items[i];
    if (slot.at !== i) {
      slot.at = i;
      slot.style.transform = `translateY(${i * ROW}px)`;
    }
    if (slot.item === item && slot.version === item.version && slot.look === this.#look) return;
    slot.item = item;
    slot.version = item.version;
    slot.look = this.#look;
    slot.hidden = false;
    if (item.remark) return this.#write(slot, item);

    const stuck = item.heard == null && !MARKS.has(item.kind);
    const delay = item.heard == null ? 0 : item.heard - item.sent;
    const late = delay > LATE;
    const cut = stuck && this.#isCut(item.conn);
    const classes = ["row", item.dir, `is-${item.kind}`];
    if (MARKS.has(item.kind)) classes.push("mark");
    if (stuck) classes.push("stuck");
    if (cut) classes.push("cut");
    if (late) classes.push("late-one");
    if (item.whole === false) classes.push("partial");
    if (item === this.#opened) classes.push("open");
    if (item === this.#active) classes.push("active");
    slot.className = classes.join(" ");
    slot.id = `${this.id}-${item.n}`;
    slot.setAttribute("aria-selected", item === this.#opened);
    const more = item.whole === false ? " …" : "";
    const plight = stuck ? (cut ? "cut: in the cable" : "in the cable") : late ? `${span(delay)} under way` : "";
    put(slot.time, (item.start / 1e6).toFixed(3));
    put(slot.conn, `#${item.conn}`);
    put(slot.mean, item.mean + more);
    put(slot.late, plight);
    put(slot.size, MARKS.has(item.kind) ? "" : `${number(item.size)} B`);
    // A name begins with what can be seen (WCAG 2.5.3), so that a reader may say what stands there; then the way it goes.
    const seen = [slot.time, slot.conn, slot.mean, slot.late, slot.size].map(({ textContent }) => textContent);
    const way = item.dir === "up" ? "browser to server" : "server to browser";
    slot.setAttribute("aria-label", `${seen.filter(Boolean).join(" ")}, ${way}`);
    this.#aim(slot, item, stuck, late ? Math.min(1, Math.log10(delay / LATE) / 2) : 0);
  }

  /** The arrow: from its sender to the other end, falling when it took time, ending half-way while it is under way. */
  #aim(slot, item, stuck, slant) {
    const up = item.dir === "up";
    const tail = up ? 0 : 100;
    const tip = stuck ? 50 : 100 - tail;
    const drop = 4 * slant;
    slot.line.setAttribute("x1", `${tail}%`);
    slot.line.setAttribute("x2", `${tip}%`);
    slot.line.setAttribute("y1", 8 - drop);
    slot.line.setAttribute("y2", 8 + drop);
    slot.tip.setAttribute("x", `${tip}%`);
    slot.tip.setAttribute("y", 8 + drop);
    const w = up ? -1 : 1;
    const head = {
      open: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0",
      fin: `M${w} -5V5`,
      reset: `M${5 * w} -5l${-10 * w} 10m0 -10l${10 * w} 10`,
      lost: `M${w} -5V5`,
    }[item.kind];
    slot.head.setAttribute("d", head ?? (stuck ? `M${w} -5V5` : `M0 0L${9 * w} -4.5V4.5Z`));
  }

  #write(slot, { remark, quiet }) {
    slot.className = quiet ? "row remark quiet" : "row remark";
    slot.removeAttribute("id");
    slot.setAttribute("aria-label", remark);
    slot.setAttribute("aria-selected", "false");
    put(slot.time, "");
    put(slot.conn, "");
    put(slot.mean, remark);
    put(slot.late, "");
    put(slot.size, "");
  }

  #isCut(conn) {
    const own = this.#cable.connections?.find(({ id }) => id === conn)?.cable;
    return (own ?? this.#cable.cable) === "cut";
  }

  /** Below the last row: how long the wire has been silent by now. */
  #tick() {
    let text = "";
    const row = this.#items.at(-1);
    if (this.#feed?.state === "open" && !this.#paused && row?.n) {
      const silence = this.#feed.now() - Math.max(row.start, row.sent ?? 0);
      if (silence >= SILENCE) text = `silence, ${Math.floor(silence / 1e6)} s`;
    }
    put(this.tail, text);
  }

  /** What is wrong, or what is to be waited for, in words. */
  #tell() {
    const empty = this.#items.length === 0;
    const away = this.#feed?.state === "away";
    let text = "";
    if (away) {
      const where = new URL(this.#feed.origin).host;
      const rest = empty ? "" : "; these rows are older";
      text = `The bench at ${where} does not answer${rest}. Is the demo running? Asking again.`;
    } else if (this.#paused) {
      const rows = this.#waiting.reduce((sum, [name]) => sum + (name === "row"), 0);
      text = rows ? `Paused. ${number(rows)} rows wait.` : "Paused.";
    } else if (empty && this.#feed) {
      text = this.#feed.state === "open" ? "Nothing on the wire yet." : "Asking the bench for the wire.";
    }
    put(this.status, text);
    this.status.classList.toggle("fault", away);
  }

  // ---- A recording -----------------------------------------------------------------------------------------------

  async #record() {
    let rows;
    try {
      const answer = await fetch(this.getAttribute("src"));
      if (!answer.ok) throw new Error(`${answer.status}`);
      ({ rows } = await answer.json());
    } catch (error) {
      put(this.status, `The recording ${this.getAttribute("src")} can't be read (${error.message}).`);
      this.status.classList.add("fault");
      return;
    }
    // Two things happen to a row: it leaves, and it is heard.
    const script = [];
    for (const row of rows) {
      script.push({
        t: row.start,
        act: () => this.#row({ ...row, heard: MARKS.has(row.kind) ? row.heard : null }),
        row,
      });
      if (row.heard != null) script.push({ t: row.heard, act: () => this.#row({ ...row }) });
    }
    script.sort((a, b) => a.t - b.t);
    let next = script.length;
    let timer = null;
    const speed = el("select", { "aria-label": "Speed" });
    for (const [value, name] of [
      [0.1, "10 × slower"],
      [1, "as it was"],
      [10, "10 × faster"],
    ]) {
      speed.append(el("option", { value, selected: value === 1 }, name));
    }
    const play = el("button", { type: "button" }, "Play");
    const step = el("button", { type: "button" }, "Step");
    const rewind = () => {
      next = 0;
      this.#forget();
      this.#tally([]);
    };
    const forward = () => {
      script[next++].act();
      this.#tally(
        script
          .slice(0, next)
          .map(({ row }) => row)
          .filter(Boolean),
      );
      this.#schedule();
    };
    this.stop = () => {
      clearTimeout(timer);
      timer = null;
      put(play, next < script.length ? "Play on" : "Play");
    };
    const run = () => {
      if (next >= script.length) return this.stop();
      forward();
      const wait = next < script.length ? (script[next].t - script[next - 1].t) / 1_000 / Number(speed.value) : 0;
      timer = setTimeout(run, Math.min(wait, 2_000)); // nobody wants to watch 25 s of silence; the remark tells it
    };
    play.onclick = () => {
      if (timer !== null) return this.stop();
      if (next >= script.length) rewind();
      put(play, "Pause");
      run();
    };
    step.onclick = () => {
      this.stop();
      if (next >= script.length) rewind();
      do forward();
      while (next < script.length && !script[next].row); // to the next row, past what is only heard
      this.stop();
    };
    this.tools.prepend(play, step, speed);
    // At first the whole of it stands there, as a figure does; and the text below stays where it is when it is played.
    for (const row of rows) this.#row({ ...row });
    this.ladder.style.minHeight = `min(30rem, ${(this.#items.length + 1) * ROW + HEAD + 2}px)`;
    this.#stuck = false;
    this.#unseen = 0;
    this.#tally(rows);
    this.#schedule();
  }

  /** The counters of a recording, counted from its rows. */
  #tally(rows) {
    const sum = (dir) => rows.reduce((all, row) => all + (row.dir === dir ? row.size : 0), 0);
    const conns = new Set(rows.map((row) => row.conn)).size;
    const messages = rows.filter((row) => row.kind === "request" && row.mean.startsWith("POST /say")).length;
    this.#count({
      open: conns,
      opened: conns,
      requests: rows.filter((row) => row.kind === "request").length,
      up: sum("up"),
      down: sum("down"),
      messages,
    });
    put(this.counts.connections, number(conns));
  }
}

const seconds = (us) => `${(us / 1e6).toFixed(3)} s`;

function fate(row) {
  if (row.heard == null) return "still in the cable";
  return row.heard - row.sent > LATE ? `heard ${span(row.heard - row.sent)} later` : "";
}

customElements.define("wire-view", WireView);
