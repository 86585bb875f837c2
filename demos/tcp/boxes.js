// Rows of small boxes: writes, reads, messages, datagrams.
import { el } from "./dom.js";

/** Shows boxes in the list with this id. An item: its text, small print after it, and whether it is wrong. */
export function boxes(id, items) {
  document.getElementById(id).replaceChildren(...items.map(([text, small, wrong]) =>
    el(wrong ? "li.wrong" : "li", { title: wrong && "no such message was written" }, text, small ? el("small", {}, ` ${small}`) : "")));
}
