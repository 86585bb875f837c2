// The room in the page: what is the same in every demo. A page's own script holds its technique and nothing else.
//
//   show({ id, text, at })  a message, at the end of the list
//   note(text)              a remark between the messages: something was missed, dropped, started anew
//   tell(id, text)          a word or a number in the element of that id
//   doing(text, fault, id)  what the page is doing now, in the element "doing" (or that id); in red if it is a fault
//   backOff(tries)          how many seconds to wait after so many failures
//   sleep(ms), newKey(bytes)
//   sayWith(way)            what is said goes another way than by POST /say: over a WebSocket, say
//
// The say form works by itself once this file is loaded.

const KEPT = 500; // messages kept in the page
const PATIENCE = 20_000; // how long one try to say something may take, in milliseconds

const list = document.querySelector("#messages");
const form = document.querySelector("form#say");

/** Shows a message. Its text is text, whatever it looks like. `at`: milliseconds since 1970, or now. */
export function show({ id, text, at = Date.now() }) {
  const item = document.createElement("li");
  item.dataset.id = id;
  const number = piece("span", "id", id);
  const time = piece("time", "", new Date(at).toLocaleTimeString([], { hour12: false }));
  time.dateTime = new Date(at).toISOString();
  item.append(number, piece("span", "text", text), time);
  add(item);
}

/** A remark between the messages. */
export function note(text) {
  const item = piece("li", "note", text);
  add(item);
}

/** Says something in the element with this id. */
export function tell(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== String(text)) element.textContent = text;
}

/** Says what the page is doing now; a fault in red. */
export function doing(text, fault = false, id = "doing") {
  tell(id, text);
  document.getElementById(id).classList.toggle("fault", fault);
}

// ANCHOR: back-off
/**
 * How many seconds to wait before the next try, after so many failures (1, 2, ...) in a row: twice as long each time, up to
 * 10 s, and never as long as the other tabs, or all would come back at once. `first`: the longest first wait.
 */
export function backOff(failures, first = 0.5) {
  const longest = Math.min(10, first * 2 ** (failures - 1));
  return longest * (0.5 + Math.random() / 2);
}
// ANCHOR_END: back-off

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * A key of so many random bytes, which nobody else has.
 * (`crypto.randomUUID` would be it, but only https and this machine's own pages get it: not http://192.168.…)
 */
export function newKey(length = 12) {
  const random = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Says something in the room. A lost connection, a busy server: it is said again, under the same key, so that the room
 * takes it once (`Room::say_once` in room.rs). `waiting` is told why it takes so long.
 * Throws the server's own sentence when the room does not want it.
 */
export async function post(text, waiting = () => {}) {
  const key = newKey();
  for (let tries = 1; ; tries++) {
    let wait = backOff(tries);
    try {
      const answer = await fetch("/say", {
        method: "POST",
        body: text,
        headers: { "Idempotency-Key": key },
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.ok) return await answer.json();
      const sentence = (await answer.text()).trim();
      if (answer.status < 500) throw new Refusal(sentence);
      wait = Number(answer.headers.get("Retry-After")) || wait;
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
    waiting(`No answer; saying it again in ${wait.toFixed(1)} s.`);
    await sleep(wait * 1000);
    waiting("Saying it again.");
  }
}

/** The room, or the page's own way to it, does not want this: the sentence is for the person who wrote it. */
export class Refusal extends Error {}

let way = post;

/** Gives the form another way to say something: an async function (text, waiting) like `post`. */
export function sayWith(other) {
  way = other;
}

// ---- The list ----------------------------------------------------------------------------------------------------

function add(item) {
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 40;
  list.append(item);
  if (list.children.length > KEPT) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function piece(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

// ---- The form ----------------------------------------------------------------------------------------------------

const field = form.elements.text;
const status = piece("p", "status", "");
status.setAttribute("role", "status");
form.append(status);

let last = Promise.resolve(); // one after the other: what was said first is heard first
let underWay = 0;

function report(text, fault = false) {
  if (status.textContent !== text) status.textContent = text;
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
