// What the wire view holds: the rows as the bench tells them, and the remarks between them. Pure data: nothing here
// knows that there is a document.
import { number, span } from "./dom.js";

const KEEP = 5_000; // rows kept in the page
const SILENCE = 1_500_000; // a pause as long as this is said in words, in microseconds
const LATE = 5_000; // a row that was under way longer than this is late, in microseconds
const MARKS = new Set(["open", "fin", "reset", "lost", "garbled"]); // acts of TCP and of the cable: they have no bytes

export class WireModel {
  /** What the ladder shows, oldest first: rows (they have an `n`) and remarks (they have a `remark`). */
  items = [];
  /** How many rows have come into `items`, and how many items have left it in front: both only grow. */
  came = 0;
  gone = 0;
  /** The one connection that is shown, with what lies in it, or 0 for all. */
  filter = 0;
  /** Where one connection carries another: "outside", "inside", or "" for both. */
  layer = "";
  /** One stream of that connection (HTTP/2), or 0 for all. */
  stream = 0;
  paused = false;
  /** The state of the cable as the bench tells it. */
  cable = { cable: "whole", connections: [] };
  /** Called with the number of each connection that has its first row, and with each stream of it. */
  onconnection = () => {};

  #rows = new Map(); // n → row, oldest first
  #unheard = new Set(); // rows whose last byte is still in the cable
  #connections = new Set();
  #waiting = []; // events that came during a pause
  #cleared = 0; // rows up to this n were cleared away
  #totals = {}; // the counters as the bench counts them
  #base = {}; // ... and as they were when the view was cleared

  /** Takes an event of the bench's feed: "row", "heard" or "lost". */
  take(name, data) {
    if (this.paused) {
      this.#waiting.push([name, data]);
      if (this.#waiting.length > 2 * KEEP) this.#waiting.splice(0, KEEP);
    } else if (name === "row") this.#row(data);
    else if (name === "heard") this.#heard(data);
    else this.items.push({ remark: `${number(data.rows)} rows were dropped before anyone looked` });
  }

  /** Keeps what comes from now on until the pause ends, or takes what has come since it began. */
  pause(paused) {
    this.paused = paused;
    if (!paused) for (const [name, data] of this.#waiting.splice(0)) this.take(name, data);
  }

  /** How many rows wait for the end of the pause. */
  get waiting() {
    return this.#waiting.filter(([name]) => name === "row").length;
  }

  /** Shows the rows of one connection, or of all (0), and of one of its streams, or of all (0). */
  choose(conn, layer = this.layer, stream = 0) {
    this.filter = conn;
    this.layer = layer;
    this.stream = stream;
    this.items = [];
    for (const row of this.#rows.values()) this.#push(row);
  }

  /** Empties the view; rows that are older stay away when they are told again, and the counters count from here. */
  clear() {
    for (const [name, { n }] of this.#waiting.splice(0)) if (name === "row") this.#cleared = Math.max(this.#cleared, n);
    for (const n of this.#rows.keys()) this.#cleared = Math.max(this.#cleared, n);
    this.#base = { ...this.#totals };
    this.#forget();
  }

  /** Empties the view for another bench, or for a recording from its start: rows and bytes count from 0. */
  restart() {
    this.#cleared = 0;
    this.#base = {};
    this.#forget();
  }

  #forget() {
    this.#rows.clear();
    this.#unheard.clear();
    this.#connections.clear();
    this.choose(0);
  }

  /** A new row, or more of a row that is here already. */
  #row(data) {
    if (data.n <= this.#cleared) return;
    const known = this.#rows.get(data.n);
    const row = Object.assign(known ?? { version: -1 }, data);
    row.version++; // what has been drawn of it is old
    if (row.heard == null && !isMark(row)) this.#unheard.add(row);
    if (known) return;
    this.#rows.set(row.n, row);
    for (const stream of row.stream ? [0, row.stream] : [0]) {
      const name = `${row.conn}/${stream}`;
      if (!this.#connections.has(name)) this.onconnection(row.conn, stream);
      this.#connections.add(name);
    }
    this.#push(row);
    if (this.#rows.size > KEEP) this.#evict();
  }

  /** The far end has everything up to byte `to` of this connection and direction. */
  #heard({ conn, dir, to, t }) {
    for (const row of this.#unheard) {
      if (row.conn !== conn || row.dir !== dir || (row.heard == null && row.to > to)) continue;
      row.heard ??= t;
      row.version++;
      this.#unheard.delete(row);
    }
  }

  /** A row at the end, behind a remark on the silence before it. */
  #push(row) {
    if (this.filter && row.conn !== this.filter && row.in !== this.filter) return;
    if (this.layer && (row.in ? "inside" : "outside") !== this.layer) return;
    if (this.stream && row.stream !== this.stream && !isMark(row)) return;
    const silence = this.silence(row.start);
    if (silence) this.items.push({ remark: `${span(silence)} of silence`, quiet: true });
    this.items.push(row);
    this.came++;
  }

  /** How long nothing has passed at the time `now`; 0 if that is too short to be worth words. All in microseconds. */
  silence(now) {
    const last = this.items.at(-1);
    const silence = last?.n ? now - Math.max(last.start, last.sent ?? 0) : 0;
    return silence >= SILENCE ? silence : 0;
  }

  /** Drops the oldest rows, a block at a time, so that it is seldom done. */
  #evict() {
    for (const [n, row] of this.#rows) {
      if (this.#rows.size <= KEEP - KEEP / 50) break;
      this.#rows.delete(n);
      this.#unheard.delete(row);
      row.gone = true;
    }
    const first = this.items.findIndex((item) => item.n && !item.gone);
    this.gone += this.items.splice(0, first < 0 ? this.items.length : first).length;
  }

  /** The row that is `step` items away from this one, or the last if there is none; a remark is stepped over. */
  next(row, step) {
    const end = this.items.length - 1;
    const at = row ? this.items.indexOf(row) : -1;
    // Home leads to the first row wherever the reader is; every other key begins at the last.
    let to = at < 0 && step !== -Infinity ? end : Math.min(Math.max(at + step, 0), end);
    const way = step < 0 && to > 0 ? -1 : 1;
    while (this.items[to] && !this.items[to].n) to += way;
    return this.items[to];
  }

  /** Takes the bench's counters, and gives what they have counted since the view was cleared. */
  count(totals = this.#totals) {
    this.#totals = totals;
    const since = (key) => Math.max(0, (totals[key] ?? 0) - (this.#base[key] ?? 0));
    const [opened, requests, up, down, messages] = ["opened", "requests", "up", "down", "messages"].map(since);
    const each = messages ? Math.round((up + down) / messages) : null;
    return { open: totals.open, opened, requests, up, down, each };
  }

  /** Where a row is: "there", "late" (it took `delay` microseconds), "stuck" in the cable, or "cut" off in it. */
  fate(row) {
    if (row.heard == null && !isMark(row)) return { is: this.#isCut(row.conn) ? "cut" : "stuck" };
    const delay = (row.heard ?? row.sent) - row.sent;
    return delay > LATE ? { is: "late", delay, slant: Math.min(1, Math.log10(delay / LATE) / 2) } : { is: "there" };
  }

  #isCut(conn) {
    const own = this.cable.connections?.find(({ id }) => id === conn)?.cable;
    return (own ?? this.cable.cable) === "cut";
  }
}

/** Is this an act of TCP or of the cable, which has no bytes of its own? */
export const isMark = ({ kind }) => MARKS.has(kind);

/** The way a row goes, in words. */
export const wayOf = ({ dir }) => (dir === "up" ? "browser to server" : "server to browser");
