// The bytes of one row: the fields by name on one side, hex and text on the other. Which bytes are which field, and
// what they mean, the bench has worked out from the bytes; here they are only drawn.
import { el, number, put, span } from "./dom.js";
import { isMark, wayOf } from "./wire-model.js";

/** The panel below the ladder: it shows one row. `close` is called when the reader closes it. */
export class Bytes {
  #title = el("h3");
  #facts = el("p");
  #header;
  #bytes = el("div.bytes");
  #drawn = {}; // the row as it was drawn

  constructor(close) {
    const button = el("button", { type: "button", onclick: close }, "Close");
    this.#header = el("header", {}, this.#title, button, this.#facts);
    const onkeydown = ({ key }) => key === "Escape" && close();
    const more = { hidden: true, "aria-label": "The bytes of the row", onkeydown };
    this.element = el("section.detail", more, this.#header, this.#bytes);
  }

  /** Shows a row, or what has become of it: `fate` as the model tells it; `width` bytes a line. */
  show(row, fate, width) {
    const { n, version, fields } = this.#drawn;
    if (n === row.n && version === row.version) return;
    this.#drawn = { ...row };
    this.element.hidden = false;
    this.#header.className = row.dir;
    put(this.#title, row.mean);
    const facts = [`connection ${row.conn}`, wayOf(row), `at ${(row.start / 1e6).toFixed(3)} s`];
    if (!isMark(row)) {
      facts.push(`${number(row.size)} bytes`, `from byte ${number(row.from ?? 0)} on`);
      if (fate.is === "late") facts.push(`heard ${span(fate.delay)} later`);
      else if (fate.is !== "there") facts.push("still in the cable");
    }
    put(this.#facts, facts.join(" · "));
    if (n === row.n && fields === row.fields) return; // no byte more: the reader keeps the place in them
    this.#bytes.replaceChildren();
    draw(this.#bytes, row, width);
  }

  hide() {
    this.#drawn = {};
    this.element.hidden = true;
    this.#bytes.replaceChildren();
  }
}

/** Draws the row's fields and bytes, `width` bytes a line, into an empty element. */
function draw(panel, row, width) {
  const bytes = fromHex(row.hex ?? "");
  const fields = row.fields ?? [];
  if (bytes.length === 0) {
    panel.append(el("p.empty", {}, "No bytes: this is an act of TCP itself."));
    return;
  }
  const list = el("ol.fields", { "aria-label": "Fields, in the order of their bytes" });
  fields.forEach(([from, to, name, value, note], f) => {
    const item = el("li", { "data-f": f, tabindex: f ? -1 : 0 }, el("span.name", {}, name));
    const where = el("span.range", {}, range(from, to));
    if (note) item.append(el("span.value", {}, value), el("span.note", {}, `${note} · `, where));
    else item.append(el("span.note", {}, el("span.value", {}, value), value ? " · " : "", where));
    list.append(item);
  });
  const dump = el("div.dump", { role: "group", "aria-label": "The bytes, hex and text", tabindex: 0 });
  for (let at = 0; at < bytes.length; at += width) dump.append(line(bytes, fields, at, width));
  if (row.size > bytes.length) {
    dump.append(el("p.more", {}, `and ${number(row.size - bytes.length)} bytes more`));
  }
  panel.append(list, dump);
  connect(panel, list, dump);
}

/** One line of the dump, cut where fields begin and end. */
function line(bytes, fields, at, width) {
  const hex = el("span.hex");
  const text = el("span.text");
  const end = Math.min(at + width, bytes.length);
  let f = fields.findIndex(([, to]) => to > at);
  for (let from = at; from < end; f++) {
    const [, upto] = fields[f] ?? [0, end];
    const to = Math.max(from + 1, Math.min(end, upto));
    const run = bytes.subarray(from, to);
    const mark = fields[f] ? { "data-f": f, class: f % 2 ? "odd" : "even" } : {};
    hex.append(el("span", mark, Array.from(run, (byte) => byte.toString(16).padStart(2, "0")).join(" ")));
    if (to < end) hex.append(" ");
    text.append(el("span", mark, Array.from(run, printable).join("")));
    from = to;
  }
  return el("div.line", {}, el("span.at", {}, at.toString(16).padStart(4, "0")), hex, text);
}

/** A field lights up on both sides, whichever side is pointed at. */
function connect(panel, list, dump) {
  let lit = null;
  const light = (f, from) => {
    if (f === lit) return;
    for (const old of panel.querySelectorAll(".lit")) old.classList.remove("lit");
    lit = f;
    if (f == null) return;
    for (const piece of panel.querySelectorAll(`[data-f="${f}"]`)) piece.classList.add("lit");
    const other = (from === list ? dump : list).querySelector(`[data-f="${f}"]`);
    if (other) reveal(other, from === list ? dump : list);
  };
  for (const side of [list, dump]) {
    side.addEventListener("pointerover", (event) => light(event.target.closest("[data-f]")?.dataset.f, side));
    side.addEventListener("pointerleave", () =>
      light(document.activeElement?.closest?.("li[data-f]")?.dataset.f, side),
    );
  }
  list.addEventListener("focusin", (event) => light(event.target.dataset.f, list));
  list.addEventListener("focusout", () => light(null));
  list.addEventListener("keydown", (event) => {
    const item = event.target.closest("li");
    const to = {
      ArrowDown: item?.nextElementSibling,
      ArrowUp: item?.previousElementSibling,
      Home: list.firstElementChild,
      End: list.lastElementChild,
    }[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    item.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });
}

/** Scrolls `piece` into its own box, and nothing else on the page. */
function reveal(piece, box) {
  const a = piece.getBoundingClientRect();
  const b = box.getBoundingClientRect();
  if (a.top < b.top) box.scrollTop -= b.top - a.top + 4;
  else if (a.bottom > b.bottom) box.scrollTop += Math.min(a.bottom - b.bottom + 4, a.top - b.top);
}

const printable = (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·");

const range = (from, to) => (to - from === 1 ? `byte ${from}` : `bytes ${from}–${to - 1}`);

function fromHex(hex) {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
