// Making elements without innerHTML: what came over a network must never be read as HTML.

/** `el("p.note", { role: "status" }, "text", otherElement)`: a tag with classes, attributes, children. */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  return fill(element, classes, attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), classes, attributes, children);
}

function fill(element, classes, attributes, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") element.style.cssText = value; // the page's policy forbids the attribute
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Sets an element's text, and touches the document only when it is another text. */
export function put(element, text) {
  text = String(text);
  if (element.textContent !== text) element.textContent = text;
}

const grouped = new Intl.NumberFormat("en");

/** 12345 → "12,345" */
export const number = (n) => grouped.format(n);

/** 412 → "412 B"; 123456 → "123.5 kB" */
export function bytes(n) {
  if (n < 100_000) return `${number(n)} B`;
  return n < 10_000_000 ? `${(n / 1_000).toFixed(1)} kB` : `${(n / 1_000_000).toFixed(1)} MB`;
}

/** Microseconds in words: 312_000 → "312 ms"; 8_200_000 → "8.2 s" */
export function span(us) {
  if (us < 1_000) return `${Math.round(us)} µs`;
  if (us < 10_000) return `${(us / 1_000).toFixed(1)} ms`;
  if (us < 1_000_000) return `${Math.round(us / 1_000)} ms`;
  if (us < 60_000_000) return `${(us / 1_000_000).toFixed(1)} s`;
  const seconds = Math.round(us / 1_000_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
