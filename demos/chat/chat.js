// What is seen of the chat: messages with their authors, who is here, who is writing.
import { el, put } from "./dom.js";
import { note, show } from "./room.js";

const list = document.querySelector("#messages");
const names = document.querySelector("#names");
const to = document.querySelector("#to");
const text = document.querySelector("#text");
const typing = document.querySelector("#typing");

/** The room that the page's address names: `#tea`. What is no name is the lobby. */
export function roomOfAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || "lobby";
  } catch {
    return "lobby";
  }
}

/** Shows a message with the name of who said it; one's own is marked. */
export function showFrom(message, own) {
  isTyping(message.by, false);
  const item = showAs(message, message.by ?? "");
  item.classList.toggle("own", message.by === own);
}

/** Shows a private message: it has no number, since it is kept nowhere. */
export function showPrivate({ from, to, text, at }) {
  showAs({ id: "–", text, at }, `${from} to ${to}, privately`).classList.add("private");
}

function showAs(message, by) {
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 40;
  show(message);
  const item = list.lastElementChild;
  item.querySelector(".text").before(el("span.by", {}, by));
  if (atEnd) list.scrollTop = list.scrollHeight;
  return item;
}

/** Who is here, as a list and in the choice of whom to write to. A click on a name chooses it. */
export const members = {
  names: [],
  own: "",

  set(names, own = this.own) {
    [this.names, this.own] = [names, own];
    this.draw();
  },

  /** An event about a member. */
  hear({ type, name, from, to: now }) {
    if (type === "typing") isTyping(name);
    if (type === "joined") this.set([...this.names, name]);
    if (type === "left") this.set(this.names.filter((other) => other !== name));
    if (type === "renamed") this.renamed(from, now);
    if (type === "joined") note(`${name} has come.`);
    if (type === "left") note(`${name} has gone.`);
    if (type === "left") isTyping(name, false);
  },

  renamed(from, now) {
    const chosen = to.value === from;
    isTyping(from, false);
    this.set(this.names.map((name) => (name === from ? now : name)), this.own === from ? now : this.own);
    if (chosen) to.value = now;
    note(`${from} is ${now} now.`);
  },

  draw() {
    const chosen = to.value;
    const others = this.names.filter((name) => name !== this.own);
    const choice = (value, text) => el("option", { value }, text);
    names.replaceChildren(...this.names.map((name) => el("li", {}, this.entry(name))));
    to.replaceChildren(choice("", "Everyone"), ...others.map((name) => choice(name, name)));
    to.value = others.includes(chosen) ? chosen : "";
    put(document.querySelector("#who"), `Who is here (${this.names.length})`);
  },

  entry(name) {
    if (name === this.own) return el("span.you", {}, `${name} (you)`);
    const button = el("button", { type: "button", title: `Write privately to ${name}` }, name);
    button.addEventListener("click", () => {
      to.value = name;
      text.focus();
    });
    return button;
  },
};

const writing = new Map(); // the timer of each member that is writing, by name

/** A member is writing; it is believed for 4 s. */
export function isTyping(name, is = true) {
  clearTimeout(writing.get(name));
  writing.delete(name);
  if (is) writing.set(name, setTimeout(() => isTyping(name, false), 4_000));
  const all = [...writing.keys()];
  const who = all.length > 3 ? `${all.length} members` : all.join(" and ");
  put(typing, all.length ? `${who} ${all.length > 1 ? "are" : "is"} writing …` : "");
}

/** Calls `tell` when something is written into the field, once in 2 s at most. */
export function tellTyping(tell) {
  let last = 0;
  text.addEventListener("input", () => {
    if (Date.now() - last < 2_000) return;
    last = Date.now();
    tell();
  });
}
