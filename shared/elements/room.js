// The room in the page: what is the same in every demo. A page's own script holds its technique and nothing else.
//
//   show({ id, text, at })      a message, at the end of the list
//   note(text)                  a remark between the messages
//   gap({ missed, restarted })  the remark on messages that are missing, if any are
//   tell(id, text)              a word or a number in the element of that id
//   doing(text, fault, id)      what the page is doing now, in the element "doing" (or that id); a fault in red
//   toggle(button, act)         a button that is on or off
//   cursor                      where the page is: cursor.move(record), `${cursor}`
//   backOff(failures), sleep(ms), plain(error), newKey(bytes)
//   sayWith(way)                what is written into the form goes another way than by POST /say
//   sayOver(send)               ... over a socket, and again after a reconnect until it is answered
//
// The form works by itself once this file is loaded. What `doing`, `tell`, `note` and the form said is kept, the last
// hundred things: `document.querySelector("#history").entries`, see history.js.
import { el, put } from "./dom.js";
import { remember } from "./history.js";

const KEPT = 500; // messages kept in the page
const PATIENCE = 20_000; // how long one try to say something may take, in milliseconds

const list = document.querySelector("#messages");
const form = document.querySelector("form#say");

// ---- What the page shows -----------------------------------------------------------------------------------------

/** Shows a message. Its text is text, whatever it looks like. `at`: milliseconds since 1970, or now. */
export function show({ id, text, at = Date.now() }) {
  const time = new Date(at);
  const clock = time.toLocaleTimeString([], { hour12: false });
  add(
    el("li", { "data-id": id }, el("span.id", {}, id), el("span.text", {}, text),
      el("time", { datetime: time.toISOString() }, clock)),
  );
}

/** A remark between the messages. */
export function note(text) {
  add(el("li.note", {}, text));
  remember({ id: "note", text });
}

/** The remark on what is missing in front of the messages that follow, if anything is. */
export function gap({ missed, restarted }) {
  const gone = Number(missed) === 1 ? "1 message is gone" : `${missed} messages are gone`;
  if (missed) note(`${gone}: the room keeps only the newest.`);
  if (restarted) note("The server was started again: its messages count from 1.");
}

/** Writes a word or a number into the element with this id. */
export function tell(id, text) {
  const element = document.getElementById(id);
  if (element.textContent === String(text)) return;
  element.textContent = text;
  remember({ id, text, number: element.getAttribute("role") !== "status" });
}

/** Says what the page is doing now; a fault in red. */
export function doing(text, fault = false, id = "doing") {
  const element = document.getElementById(id);
  element.classList.toggle("fault", fault);
  if (element.textContent === text) return;
  element.textContent = text;
  remember({ id, text, fault });
}

function add(item) {
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 40;
  list.append(item);
  if (list.children.length > KEPT) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Makes a button (itself or by its id) one that is on or off. Calls `act(on)` at each change; `toggle(...)()` tells. */
export function toggle(button, act) {
  if (typeof button === "string") button = document.getElementById(button);
  const isOn = () => button.getAttribute("aria-pressed") === "true";
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", !isOn());
    act(isOn());
  });
  return isOn;
}

// ---- Where the page is, and what to do after a failure -----------------------------------------------------------

/** The place of this page in the room: which life of the room, and the id of the last message that the page has. */
export const cursor = {
  life: "",
  after: 0,
  /** Moves to a place `{ life, after }` that the server told, behind a message `{ id }`, or to a cursor's text. */
  move(to) {
    if (typeof to === "string") [this.life, this.after] = [to.split("-")[0], Number(to.split("-")[1])];
    else [this.life, this.after] = [to.life ?? this.life, to.id ?? to.after ?? this.after];
  },
  /** `9f3c01d2-7`, as the server takes it; `-0` while the page has heard of no life yet. */
  toString() {
    return `${this.life}-${this.after}`;
  },
};

// ANCHOR: back-off
/**
 * How many seconds to wait before the next try, after this many failures (1, 2, ...) in a row:
 * twice as long each time, up to 10 s. A part of it is random (jitter), or all tabs would come
 * back at once. `first`: the longest first wait.
 */
export function backOff(failures, first = 0.5) {
  const longest = Math.min(10, first * 2 ** (failures - 1));
  return longest * (0.5 + Math.random() / 2);
}
// ANCHOR_END: back-off

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Why a request failed, in plain words. `words`: other words for some errors, by the error's name. */
export function plain(error, words = {}) {
  const usual = { TimeoutError: "no answer in time", TypeError: "the connection failed" };
  return { ...usual, ...words }[error.name] ?? error.message;
}

/**
 * A key of so many random bytes, which no other tab has.
 * (`crypto.randomUUID` would be it, but only https and this machine's own pages get it: not http://192.168.…)
 */
export function newKey(length = 12) {
  const random = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- Saying something --------------------------------------------------------------------------------------------

/** The room, or the page's own way to it, does not take this: the sentence is for the person who wrote it. */
export class Refusal extends Error {}

/**
 * Says something in the room. A lost connection, a busy server: it is said again, under the same key, so that the room
 * takes it once (`Room::say_once`). `waiting` is told why it takes so long.
 * Throws the server's own sentence when the room does not take it.
 */
export async function post(text, waiting = () => {}, path = "/say") {
  const key = newKey();
  for (let tries = 1; ; tries++) {
    let wait = backOff(tries);
    let why = "No answer.";
    try {
      const answer = await fetch(path, {
        method: "POST",
        body: text,
        headers: { "Idempotency-Key": key },
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.ok) return await answer.json();
      const sentence = (await answer.text()).trim();
      if (answer.status < 500) throw new Refusal(sentence);
      wait = Number(answer.headers.get("Retry-After")) || wait;
      why = sentence;
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
    waiting(`${why} Saying it again in ${wait.toFixed(1)} s.`);
    await sleep(wait * 1000);
    waiting("Saying it again.");
  }
}

let way = post;

/** Gives the form another way to say something: an async function (text, waiting) like `post`. */
export function sayWith(other) {
  way = other;
}

// ANCHOR: say-over
/**
 * Lets the form say things over a socket. `send(text, key)` writes to the socket, or does nothing while there is none.
 * What the server has not answered is kept, and counted in the element "unsaid" if the page has one.
 */
export function sayOver(send) {
  const unsaid = new Map(); // by key
  const count = () => document.getElementById("unsaid") && tell("unsaid", unsaid.size);
  const say = (text) =>
    new Promise((done, refuse) => {
      const key = newKey();
      unsaid.set(key, { text, done, refuse });
      count();
      send(text, key);
    });
  sayWith(say);
  return {
    say,
    get size() {
      return unsaid.size;
    },
    has: (key) => unsaid.has(key),
    /** After a reconnect: says again what was not answered, under the same keys, so that the room takes it once. */
    again: () => unsaid.forEach(({ text }, key) => send(text, key)),
    /** The server's answer: it was said, or it was refused with this sentence. */
    answered(key, refusal) {
      const { done, refuse } = unsaid.get(key) ?? {};
      unsaid.delete(key);
      count();
      if (refusal) refuse?.(new Refusal(refusal));
      else done?.();
    },
  };
}
// ANCHOR_END: say-over

// ---- The form ----------------------------------------------------------------------------------------------------

const field = form.elements.text;
const status = el("p.status", { role: "status" });
form.append(status);

let last = Promise.resolve(); // one after the other: what was said first is heard first
let underWay = 0;

function report(text, fault = false) {
  if (text && text !== status.textContent) remember({ id: "say", text, fault });
  put(status, text);
  status.classList.toggle("fault", fault);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value;
  field.value = "";
  field.focus();
  report("");
  underWay++;
  const slow = setTimeout(() => report(`On its way (${underWay}).`), 400);
  last = last.then(async () => {
    try {
      await way(text, (why) => report(why));
      report("");
    } catch (refusal) {
      report(refusal.message, true);
      field.value ||= text; // so that it can be mended
    }
    clearTimeout(slow);
    underWay--;
    if (underWay) report(`On its way (${underWay}).`);
  });
});

// In a field of several lines, Enter is a new line.
field.addEventListener("keydown", (event) => {
  if (field.tagName !== "TEXTAREA" || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit();
});
