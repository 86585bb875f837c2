// The ladder itself, drawn. The document holds the rows that can be seen and a few more, whatever the number of rows:
// that is what keeps 200 of them a second smooth.
import { el, number, put, span, svg } from "./dom.js";
import { isMark, wayOf } from "./wire-model.js";

const ROW = 36; // the height of a row in pixels; wire-view.css says the same
const HEAD = 26; // ... and of the names above the lifelines
const SPARE = 8; // rows drawn above and below the window

export class Ladder {
  /** The row that the keyboard is on, and the row whose bytes are shown. */
  active = null;
  opened = null;
  #model;
  #id; // in front of the rows' ids
  #drawn; // called after each drawing
  #canvas = el("div.canvas", { role: "presentation" });
  #tail = el("div.tail", { "aria-hidden": "true" });
  #slots = []; // the row elements, used again and again
  #stuck = true; // to the bottom
  #seen = 0; // rows that had come when the reader was last at the bottom
  #gone = 0; // items that had left the model at the last drawing
  #look = 0; // counts the reasons to draw all rows anew
  #height = 0;
  #scheduled = false;
  #sizes = new ResizeObserver(() => this.#resize());

  constructor(model, id, drawn) {
    this.#model = model;
    this.#id = id;
    this.#drawn = drawn;
    this.#canvas.append(this.#tail);
    const label = "The wire, oldest first. Arrow keys move, Enter opens the bytes, Escape closes them.";
    this.element = el(
      "div.ladder",
      { role: "listbox", tabindex: 0, "aria-label": label, onscroll: () => this.#scrolled() },
      el("div.ends", { "aria-hidden": "true" }, el("span", {}, "browser"), el("span", {}, "server")),
      this.#canvas,
    );
    this.newest = el("button.newest", { type: "button", hidden: true, onclick: () => this.follow() });
  }

  connect() {
    this.#sizes.observe(this.element);
  }

  disconnect() {
    this.#sizes.disconnect();
  }

  // ---- Where the reader is -----------------------------------------------------------------------------------------

  /** Goes to the newest row, and stays with the newest. */
  follow() {
    this.#stuck = true;
    this.redraw();
  }

  /** Stays where it is: what is being read does not run away. */
  stay() {
    this.#stuck = false;
  }

  /** Makes a row the keyboard's, and scrolls to it. */
  activate(row) {
    this.active = row;
    this.#stuck = row === this.#model.items.at(-1);
    this.#reveal(row);
    this.redraw();
  }

  /** Makes room for all rows, as a figure has it: the text below stays where it is when the recording is played. */
  fit() {
    this.element.style.minHeight = `min(30rem, ${(this.#model.items.length + 1) * ROW + HEAD + 2}px)`;
    this.#stuck = false;
    this.#seen = this.#model.came;
  }

  /** How many rows a page is, for the keys that turn pages. */
  get page() {
    return Math.max(1, Math.floor(this.#height / ROW) - 1);
  }

  #reveal(row) {
    const at = this.#model.items.indexOf(row);
    if (at < 0) return;
    const lowest = at * ROW;
    const highest = lowest + ROW - this.#height;
    const { scrollTop } = this.element;
    if (scrollTop > lowest) this.element.scrollTop = lowest;
    else if (scrollTop < highest) this.element.scrollTop = highest;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    // Something beside the ladder has opened: it has another height, and #resize comes next. The reader has not moved.
    const resized = clientHeight - HEAD !== this.#height;
    if (!resized) this.#stuck = scrollTop + clientHeight >= scrollHeight - ROW;
    this.schedule();
  }

  /** The open bytes take room from the ladder: their row must not slip out of sight. */
  #resize() {
    const height = this.element.clientHeight - HEAD;
    const less = height < this.#height;
    this.#height = height;
    if (less && this.opened) this.#reveal(this.opened);
    this.schedule();
  }

  // ---- Drawing -----------------------------------------------------------------------------------------------------

  /** Draws all rows anew, soon. */
  redraw() {
    this.#look++;
    this.schedule();
  }

  /** Draws what has changed, soon: once for all that comes until then. */
  schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = () => {
      this.#scheduled = false;
      this.#draw();
    };
    if (document.hidden) setTimeout(draw, 250); // a hidden tab is not painted
    else requestAnimationFrame(draw);
  }

  /** Says how long the wire has been silent by now, below the last row. */
  silent(us) {
    put(this.#tail, us ? `silence, ${Math.floor(us / 1e6)} s` : "");
  }

  #draw() {
    const { items, gone, came } = this.#model;
    if (!this.#stuck) this.element.scrollTop -= (gone - this.#gone) * ROW; // what is being read stays where it is
    this.#gone = gone;
    if (this.active?.gone) this.active = null;
    const height = (items.length + 1) * ROW; // one for the tail
    if (this.#canvas.height !== height) {
      this.#canvas.height = height;
      this.#canvas.style.height = `${height}px`;
      this.#tail.style.transform = `translateY(${items.length * ROW}px)`;
    }
    if (this.#stuck) this.element.scrollTop = height + HEAD;
    const top = this.#stuck ? Math.max(0, height - this.#height) : this.element.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const last = Math.min(items.length, Math.ceil((top + this.#height) / ROW) + SPARE);
    while (this.#slots.length < last - first) this.#slots.push(this.#slot());
    for (let i = first; i < last; i++) this.#place(this.#slots[i % this.#slots.length], i);
    for (const slot of this.#slots) {
      if (slot.at >= first && slot.at < last) continue;
      slot.hidden = true;
      slot.item = null;
    }
    const active = this.active ? `${this.#id}-${this.active.n}` : "";
    if (this.element.getAttribute("aria-activedescendant") !== active) {
      this.element.setAttribute("aria-activedescendant", active);
    }
    if (this.#stuck) this.#seen = came;
    const unseen = came - this.#seen;
    this.newest.hidden = unseen === 0;
    if (unseen) put(this.newest, `↓ ${number(unseen)} new`);
    this.#drawn();
  }

  /** An empty row, to be filled many times. */
  #slot() {
    const slot = el("div.row", { role: "option" });
    slot.time = el("span.time");
    slot.conn = el("span.conn");
    slot.mean = el("span.mean");
    slot.late = el("span.late");
    slot.size = el("span.size");
    slot.line = svg("line");
    slot.head = svg("path");
    slot.tip = svg("svg", { overflow: "visible", width: 1, height: 1 }, slot.head);
    const lane = el("span.lane", {}, el("span.words", {}, slot.mean, " ", slot.late),
      svg("svg.arrow", { "aria-hidden": "true" }, slot.line, slot.tip));
    slot.append(slot.time, " ", slot.conn, " ", lane, " ", slot.size);
    this.#canvas.append(slot);
    return slot;
  }

  /** Puts item number `i` into a slot, if it is not there already as it is now. */
  #place(slot, i) {
    const item = this.#model.items[i];
    if (slot.at !== i) {
      slot.at = i;
      slot.style.transform = `translateY(${i * ROW}px)`;
    }
    if (slot.item === item && slot.version === item.version && slot.look === this.#look) return;
    slot.item = item;
    slot.version = item.version;
    slot.look = this.#look;
    slot.hidden = false;
    slot.setAttribute("aria-selected", item === this.opened);
    if (item.remark) this.#write(slot, item);
    else this.#fill(slot, item);
  }

  /** A remark. */
  #write(slot, { remark, quiet }) {
    slot.className = quiet ? "row remark quiet" : "row remark";
    slot.removeAttribute("id");
    slot.setAttribute("aria-label", remark);
    for (const part of [slot.time, slot.conn, slot.late, slot.size]) put(part, "");
    put(slot.mean, remark);
  }

  /** A row: its words, and its arrow. */
  #fill(slot, row) {
    const fate = this.#model.fate(row);
    const late = { late: `${span(fate.delay)} under way`, stuck: "in the cable", cut: "cut: in the cable" };
    slot.className = this.#classes(row, fate.is);
    slot.id = `${this.#id}-${row.n}`;
    put(slot.time, (row.start / 1e6).toFixed(3));
    put(slot.conn, `#${row.conn}`);
    put(slot.mean, row.mean + (row.whole === false ? " …" : ""));
    put(slot.late, late[fate.is] ?? "");
    put(slot.size, isMark(row) ? "" : `${number(row.size)} B`);
    // A name begins with what can be seen (WCAG 2.5.3), so that a reader may say what stands there.
    const seen = [slot.time, slot.conn, slot.mean, slot.late, slot.size].map(({ textContent }) => textContent);
    slot.setAttribute("aria-label", `${seen.filter(Boolean).join(" ")}, ${wayOf(row)}`);
    this.#aim(slot, row, fate);
  }

  #classes(row, fate) {
    const names = { late: " late-one", stuck: " stuck", cut: " stuck cut" };
    let classes = `row ${row.dir} is-${row.kind}${names[fate] ?? ""}`;
    if (isMark(row)) classes += " mark";
    if (row.whole === false) classes += " partial";
    if (row === this.opened) classes += " open";
    if (row === this.active) classes += " active";
    return classes;
  }

  /** The arrow: from its sender to the other end, falling when it took time, ending half-way while it is under way. */
  #aim(slot, { dir, kind }, { is, slant = 0 }) {
    const stuck = is === "stuck" || is === "cut";
    const tail = dir === "up" ? 0 : 100;
    const tip = stuck ? 50 : 100 - tail;
    const drop = 4 * slant;
    slot.line.setAttribute("x1", `${tail}%`);
    slot.line.setAttribute("x2", `${tip}%`);
    slot.line.setAttribute("y1", 8 - drop);
    slot.line.setAttribute("y2", 8 + drop);
    slot.tip.setAttribute("x", `${tip}%`);
    slot.tip.setAttribute("y", 8 + drop);
    const w = dir === "up" ? -1 : 1;
    const bar = `M${w} -5V5`;
    const circle = "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0";
    const cross = `M${5 * w} -5l${-10 * w} 10m0 -10l${10 * w} 10`;
    const head = stuck ? bar : `M0 0L${9 * w} -4.5V4.5Z`;
    slot.head.setAttribute("d", { open: circle, fin: bar, reset: cross, lost: bar }[kind] ?? head);
  }
}
