// The crowd's buttons and its table. The server tells of it in an event:
// {"type":"crowd","working":false,"most":7500,"known":true,
//  "loop":{"open":1000,"threads":0,"kib":580,"why":null},"threads":{...}}; null is what is not known.
import { doing, tell } from "./room.js";

const $ = (id) => document.getElementById(id);
const sides = { loop: "on the loop", threads: "on threads" };
let next = []; // orders that wait until the last one is done
let taken = false; // whether the last one was taken and is not done yet
let order; // sends one

/** Lets the buttons send orders: `send(on, count)`. */
export function orders(send) {
  order = send;
  for (const on of Object.keys(sides)) $(`open-${on}`).addEventListener("click", () => ask([[on, Number($("count").value)]]));
  $("let-go").addEventListener("click", () => ask(Object.keys(sides).map((on) => [on, 0])));
}

function ask(list) {
  next = list; // the server refuses what comes too early
  goOn();
}

function goOn() {
  const [on, count] = next.shift() ?? [];
  if (on) order(on, count);
}

/** What the server tells of the crowds, or answers to an order. */
export function crowdIsTold(event) {
  if (event.type === "ordered") {
    if (event.why) doing(event.why, true, "ordered");
    taken = !event.why;
    return;
  }
  for (const on of Object.keys(sides)) row(on, event[on], event.known);
  const faults = Object.keys(sides).filter((on) => event[on].why).map((on) => `${sides[on]}, ${event[on].why}`);
  const at = Object.keys(sides).map((on) => `${event[on].open} ${sides[on]}`).join(", ");
  if (faults.length) doing(`Not all were opened: ${faults.join("; ")}.`, true, "ordered");
  else doing(event.working ? `Opening: ${at}.` : `Idle connections: ${at}. This machine allows ${event.most}.`, false, "ordered");
  if (taken && !event.working) {
    taken = false;
    goOn();
  }
}

function row(on, { open, threads, kib }, known) {
  const unknown = known ? "–" : "not known here";
  const signed = (number, unit = "") => `${number < 0 ? "−" : "+"}${Math.abs(number).toLocaleString("en")}${unit}`;
  tell(`${on}-open`, open.toLocaleString("en"));
  tell(`${on}-threads`, threads === null ? unknown : signed(threads));
  tell(`${on}-memory`, kib === null ? unknown : signed(kib, " KiB"));
  tell(`${on}-each`, kib === null || !open ? unknown : `${(kib / open).toFixed(1)} KiB`);
}
