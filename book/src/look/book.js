// What the book's pages do: they play recordings, in the element of the live pages, and start demos where the book's own
// server is behind them (`cargo run -p book`). On a static site a demo's place says what to type.
import "../bench/wire-view.js";
import { el, put } from "../bench/dom.js";

// mdBook's button for the contents is a label, and a label may not say whether something is open: a button may.
const contents = document.querySelector("label#mdbook-sidebar-toggle");
contents?.setAttribute("role", "button");
contents?.setAttribute("tabindex", "0");
contents?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  contents.click();
});

// Only one page has controls to try.
if (document.querySelector("[data-try]")) import("./try.js");

// What scrolls must be reached by keyboard.
for (const code of document.querySelectorAll("pre code")) code.tabIndex = 0;

const token = document.querySelector('meta[name="book-token"]')?.content;
const ASK_AGAIN = 3_000; // how often a page asks whether its demos still run, in milliseconds

/** Asks the book's server; only its own pages know the token. */
function ask(path, method = "GET") {
  return fetch(new URL(path, location.origin), { method, headers: { "X-Book-Token": token } });
}

/** <live-demo name="longpoll" port="8003" title="Long polling">: the running demo, and the button that starts it. */
class LiveDemo extends HTMLElement {
  connectedCallback() {
    if (!token || this.header) return;
    const { title } = this;
    this.removeAttribute("title"); // or it pops up over the whole of the demo
    this.state = el("span.state", { role: "status" }, "…");
    this.run = el("button.run", { type: "button", onclick: () => this.#run() }, "Run");
    this.stop = el("button", { type: "button", onclick: () => this.#stop(), hidden: true }, "Stop");
    this.link = el("a", { target: "_blank", rel: "noopener", hidden: true }, "in a tab of its own");
    this.header = el("header", {}, el("strong", {}, title), this.state, this.link, this.run, this.stop);
    this.output = el("pre.output", { hidden: true, tabindex: 0, "aria-label": `Output of cargo run -p ${this.name}` });
    this.prepend(this.header);
    this.append(this.output);
    this.heading = title;
    everyDemo.add(this);
    look();
  }

  disconnectedCallback() {
    everyDemo.delete(this);
  }

  get name() {
    return this.getAttribute("name");
  }

  /** Shows what the server says of this demo. */
  show({ state, url, ours }) {
    if (this.busy) return;
    const running = state === "running";
    put(this.state, running ? (ours ? "running" : "running, started elsewhere") : state === "starting" ? "starting" : "not running");
    this.state.classList.remove("fault");
    this.run.hidden = state !== "off";
    this.stop.hidden = !ours;
    this.link.hidden = !running;
    this.classList.toggle("running", running);
    if (running === Boolean(this.frame)) return;
    if (running) {
      this.link.href = url;
      this.frame = el("iframe", { src: url, title: `The running demo: ${this.heading}` });
      this.insertBefore(this.frame, this.output);
    } else {
      this.frame.remove();
      this.frame = null;
    }
  }

  /** Starts it and shows what cargo writes meanwhile: a first build takes its time. */
  async #run() {
    this.busy = true;
    this.run.disabled = true;
    this.stop.hidden = false;
    this.output.hidden = false;
    this.output.replaceChildren();
    put(this.state, "building");
    this.state.classList.remove("fault");
    let ended = false;
    try {
      const answer = await ask(`/demos/${this.name}/run`, "POST");
      if (!answer.ok) throw new Error(await answer.text());
      for await (const news of lines(answer.body)) {
        if (news.line !== undefined) this.#print(news.line);
        ended ||= Boolean(news.ended);
      }
    } catch (error) {
      this.#print(error instanceof TypeError ? "The book's server does not answer: is cargo run -p book still there?" : error.message);
      ended = true;
    }
    this.busy = false;
    this.run.disabled = false;
    await look();
    this.output.hidden = !ended;
    if (!ended) return;
    put(this.state, "ended: the last lines tell why");
    this.state.classList.add("fault");
  }

  async #stop() {
    this.stop.disabled = true;
    put(this.state, "stopping");
    try {
      await ask(`/demos/${this.name}/stop`, "POST");
    } catch {
      // the next look says so
    }
    this.stop.disabled = false;
    await look();
  }

  #print(line) {
    this.output.append(line, "\n");
    this.output.scrollTop = this.output.scrollHeight;
  }
}

/** <task-check name="longpoll" task="2">: the button that runs the check of a task on the reader's change. */
class TaskCheck extends HTMLElement {
  connectedCallback() {
    if (!token || this.button) return;
    const task = `task ${this.getAttribute("task")} of ${this.getAttribute("name")}`;
    this.button = el("button", { type: "button", "aria-label": `Check ${task}`, onclick: () => this.#check() }, "Check");
    this.output = el("pre.output", { hidden: true, tabindex: 0, role: "status", "aria-label": `Words of the check of ${task}` });
    this.querySelector("p").append(" ", this.button);
    this.append(this.output);
  }

  async #check() {
    this.button.disabled = true;
    this.output.hidden = false;
    this.classList.remove("done", "missing");
    put(this.output, "Building and checking. The first time takes a minute.\n");
    let first = true;
    try {
      const answer = await ask(`/demos/${this.getAttribute("name")}/check/${this.getAttribute("task")}`, "POST");
      if (!answer.ok) throw new Error(await answer.text());
      for await (const news of lines(answer.body)) {
        if (news.ended) this.classList.add(news.well ? "done" : "missing");
        if (news.line === undefined) continue;
        if (first) this.output.replaceChildren();
        first = false;
        this.output.append(news.line, "\n");
      }
    } catch (error) {
      this.classList.add("missing");
      put(this.output, error instanceof TypeError ? "The book's server does not answer: is cargo run -p book still there?" : error.message);
    }
    this.button.disabled = false;
  }
}

/** The lines of a stream, each a value in JSON. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const whole = rest.split("\n");
    rest = whole.pop();
    for (const line of whole) yield JSON.parse(line);
  }
}

const everyDemo = new Set();
let next;

/** Asks which demos run and shows it. */
async function look() {
  clearTimeout(next);
  if (everyDemo.size === 0) return;
  try {
    const demos = await (await ask("/demos")).json();
    for (const demo of everyDemo) demo.show(demos[demo.name] ?? { state: "off" });
  } catch {
    for (const demo of everyDemo) demo.show({ state: "off" });
  }
  clearTimeout(next);
  next = setTimeout(() => (document.hidden ? null : look()), ASK_AGAIN);
}

document.addEventListener("visibilitychange", () => document.hidden || look());
customElements.define("live-demo", LiveDemo);
customElements.define("task-check", TaskCheck);

// A table or a drawing that is wider than the page is moved sideways: by the keyboard, too.
const wide = new ResizeObserver((parts) => {
  for (const { target } of parts) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const part of document.querySelectorAll(".table-wrapper, .content figure")) wide.observe(part);
