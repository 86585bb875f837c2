// "What this page said": the last hundred things, so that a state that lasted a moment can be read afterwards.
//
// The list is `<ol id="history">` in a closed <details> in the page's footer. A test reads it without opening it:
//   document.querySelector("#history").entries    [{ t, id, text, fault }, ...], oldest first
// `t`: milliseconds since the page was loaded; `id`: the element that said it; a remark between messages is a "note".
import { el, put } from "./dom.js";

const KEPT = 100;
const entries = [];
const list = el("ol", { id: "history", tabindex: 0, "aria-label": "What this page said, oldest first" });
const details = el("details.history", { ontoggle: draw }, el("summary", {}, "What this page said"), list);
list.entries = entries;
(document.querySelector("main > footer") ?? document.querySelector("main")).append(details);

/**
 * Keeps what was said. Between two sentences a number has one entry, with its latest value: a clock that ticks five
 * times a second would push out all else.
 */
export function remember({ id, text, fault = false, number = false }) {
  const sentence = entries.findLastIndex((entry) => !entry.number);
  const same = number && entries.slice(sentence + 1).find((entry) => entry.id === id);
  const entry = { t: Math.round(performance.now()), id, text: String(text), fault, number };
  if (same) Object.assign(same, entry);
  else entries.push(entry);
  if (entries.length > KEPT) entries.shift();
  if (details.open) draw();
}

/** Draws the entries while the list is open. The list keeps its elements: one that is read stays where it is. */
function draw() {
  if (!details.open) return;
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 20;
  while (list.children.length > entries.length) list.lastChild.remove();
  while (list.children.length < entries.length) list.append(el("li", {}, el("time"), el("span")));
  entries.forEach(({ t, id, text, fault, number }, at) => {
    const item = list.children[at];
    item.dataset.t = t;
    item.classList.toggle("fault", fault);
    put(item.firstChild, `${(t / 1000).toFixed(3)} s`);
    put(item.lastChild, number ? `${nameOf(id)}: ${text}` : text);
  });
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** The name that stands beside a number: the term of its definition. */
function nameOf(id) {
  return document.getElementById(id)?.parentElement.querySelector("dt")?.textContent ?? id;
}
