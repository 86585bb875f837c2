// The player of a recording: the rows that a test took from a real wire come again, as fast as they came.
import { el, put } from "./dom.js";
import { isMark } from "./wire-model.js";

const LONGEST = 2_000; // a longer silence is played as this many milliseconds: the remark on it tells its real length
const SPEEDS = [[0.1, "10 × slower"], [1, "as it was"], [10, "10 × faster"]];

export class Recording {
  #script = []; // two things happen to a row: it leaves, and it is heard
  #next; // the place in the script; at its end all rows are shown
  #timer = null;
  #stage;
  #speed = el("select", { "aria-label": "Speed" });
  #play = el("button", { type: "button", onclick: () => this.#toggle() }, "Play");
  #step = el("button", { type: "button", onclick: () => this.#forward() }, "Step");
  /** Buttons and speed, for the view's tools. */
  controls = [this.#play, this.#step, this.#speed];

  /** `stage`: `empty()` the view, `show(row)` or what has become of it, `count(totals)`. */
  constructor(rows, stage) {
    this.#stage = stage;
    for (const row of rows) {
      this.#script.push({ t: row.start, leaves: row, row: isMark(row) ? row : { ...row, heard: null } });
      if (row.heard != null) this.#script.push({ t: row.heard, row });
    }
    this.#script.sort((a, b) => a.t - b.t);
    for (const [value, name] of SPEEDS) this.#speed.append(el("option", { value, selected: value === 1 }, name));
    // At first the whole of it stands there, as a figure does.
    for (const row of rows) stage.show({ ...row });
    stage.count(tally(rows));
    this.#next = this.#script.length;
  }

  get #ended() {
    return this.#next >= this.#script.length;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    put(this.#play, this.#ended ? "Play" : "Play on");
  }

  #toggle() {
    if (this.#timer !== null) return this.stop();
    this.#rewind();
    put(this.#play, "Pause");
    this.#run();
  }

  /** To the next row, past what is only heard. */
  #forward() {
    this.#rewind();
    do this.#act();
    while (!this.#ended && !this.#script[this.#next].leaves);
    this.stop();
  }

  #run() {
    if (this.#ended) return this.stop();
    const { t } = this.#script[this.#next];
    this.#act();
    const wait = this.#ended ? 0 : (this.#script[this.#next].t - t) / 1_000 / Number(this.#speed.value);
    this.#timer = setTimeout(() => this.#run(), Math.min(wait, LONGEST));
  }

  #act() {
    this.#stage.show({ ...this.#script[this.#next++].row });
    this.#stage.count(tally(this.#script.slice(0, this.#next).flatMap(({ leaves }) => leaves ?? [])));
  }

  /** From the end back to the start. */
  #rewind() {
    if (!this.#ended) return;
    this.#next = 0;
    this.#stage.empty();
    this.#stage.count(tally([]));
  }
}

/** The counters of a recording, counted from its rows. */
function tally(rows) {
  const sum = (dir) => rows.reduce((all, row) => all + (row.dir === dir ? row.size : 0), 0);
  const requests = rows.filter(({ kind }) => kind === "request");
  const messages = requests.filter(({ mean }) => mean.startsWith("POST /say")).length;
  const opened = new Set(rows.map(({ conn }) => conn)).size;
  return { opened, requests: requests.length, up: sum("up"), down: sum("down"), messages };
}
