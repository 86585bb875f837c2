// The crowd's buttons and its table. The server tells of it in an event:
// {"type":"crowd","working":false,"most":7500,"known":true,
//  "loop":{"open":1000,"threads":0,"kib":580,"why":null},"threads":{...}}; null is what is not known.
import { doing, tell } from "./room.js";

const $ = (id) => document.getElementById(id);
const sides = { loop: "on the loop", threads: "on threads" };
let told; // the newest event
let next = []; // orders that wait until the last one is done
let order; // sends one

/** Lets the buttons send orders: `send(on, count)`. */
export function orders(send) {
  order = send;
  for (const on of Object.keys(sides)) $(`open-${on}`).addEventListener("click", () => ask([[on, Number($("count").value)]]));
  $("let-go").addEventListener("click", () => ask(Object.keys(sides).map((on) => [on, 0])));
}

function ask(list) {
  next.push(...list);
  if (!told?.working) goOn();
}

function goOn() {
  const [on, count] = next.shift() ?? [];
  if (on) order(on, count);
}

/** What the server tells of the crowds, or answers to an order. */
export function crowdIsTold(event) {
  if (event.type === "ordered") {
    if (event.why) doing(event.why, true, "ordered");
    if (event.why) next = [];
    return;
  }
  const ended = told?.working && !event.working;
  told = event;
  for (const on of Object.keys(sides)) row(on, event[on], event.known);
  const faults = Object.keys(sides).filter((on) => event[on].why).map((on) => `${sides[on]}, ${event[on].why}`);
  const at = Object.keys(sides).map((on) => `${event[on].open} ${sides[on]}`).join(", ");
  if (faults.length) doing(`Not all were opened: ${faults.join("; ")}.`, true, "ordered");
  else doing(event.working ? `Opening: ${at}.` : `Idle connections: ${at}. This machine allows ${event.most}.`, false, "ordered");
  if (ended) goOn();
}

function row(on, { open, threads, kib }, known) {
  const unknown = known ? "–" : "not known here";
  const signed = (number, unit = "") => `${number < 0 ? "−" : "+"}${Math.abs(number).toLocaleString("en")}${unit}`;
  tell(`${on}-open`, open.toLocaleString("en"));
  tell(`${on}-threads`, threads === null ? unknown : signed(threads));
  tell(`${on}-memory`, kib === null ? unknown : signed(kib, " KiB"));
  tell(`${on}-each`, kib === null || !open ? unknown : `${(kib / open).toFixed(1)} KiB`);
}
