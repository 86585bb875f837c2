// The feed: what the bench tells about the wire, as one stream of server-sent events.
//
// The two elements of a page share one stream: a browser opens six connections to a server and no more, and a class
// likes many tabs. For the same reason a tab that nobody looks at lets go of its stream after a while, and takes up
// where it left when somebody looks again.

/** Where this file came from is where the bench is. */
export const HERE = new URL(import.meta.url).origin;

const EVENTS = ["hello", "row", "heard", "lost", "counters", "cable"];
const UNSEEN = 10_000; // a hidden tab keeps its stream this long, in milliseconds
const feeds = new Map();

/** The feed of a bench: the same object for everyone on this page who asks. */
export function feedOf(origin = HERE) {
  if (!feeds.has(origin)) feeds.set(origin, new Feed(origin));
  return feeds.get(origin);
}

/**
 * Passes the bench's events on (`event.detail` is the parsed data), and adds two of its own: `state`, when `state`
 * has changed, and `restart`, when the bench that answers is not the one that answered before.
 */
class Feed extends EventTarget {
  /** "connecting" | "open" | "away" (does not answer) */
  state = "connecting";
  #source = null;
  #last = 0; // the id of the last event that has one
  #latest = 0; // the latest time that the bench spoke of, in its microseconds
  #life;
  #offset = 0;
  #users = 0;
  #unseen;

  constructor(origin) {
    super();
    this.origin = origin;
    document.addEventListener("visibilitychange", () => this.#look());
  }

  /** Asks for the stream; it stays open until as many called `close`. */
  open() {
    this.#users++;
    if (!this.#source) this.#connect();
  }

  close() {
    if (--this.#users === 0) this.#disconnect();
  }

  /** The bench's clock now, in microseconds since it started. */
  now() {
    return performance.now() * 1000 + this.#offset;
  }

  #connect() {
    this.#disconnect();
    const source = new EventSource(`${this.origin}/feed${this.#last ? `?after=${this.#last}` : ""}`);
    this.#source = source;
    source.onopen = () => this.#turn("open");
    source.onerror = () => {
      this.#turn("away");
      // A browser gives a stream up for good when it is answered with anything but a stream: ask anew, but slowly.
      if (source.readyState === EventSource.CLOSED) {
        setTimeout(() => source === this.#source && this.#connect(), 5_000);
      }
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return;
        const detail = JSON.parse(event.data);
        if (name === "hello" && !this.#greet(detail)) return;
        this.#last = Number(event.lastEventId) || this.#last;
        if (name === "row") this.#latest = Math.max(this.#latest, detail.sent);
        this.dispatchEvent(new CustomEvent(name, { detail }));
      });
    }
  }

  #disconnect() {
    this.#source?.close();
    this.#source = null;
  }

  /** A bench that was started again counts rows and time from the start: then ask for all of it. */
  #greet({ now, life }) {
    this.#offset = now - performance.now() * 1000;
    const restarted = this.#latest > 0 && (life === undefined ? now < this.#latest : life !== this.#life);
    this.#life = life;
    this.#latest = now;
    if (!restarted) return true;
    this.#last = 0;
    this.dispatchEvent(new CustomEvent("restart"));
    this.#connect();
    return false;
  }

  #turn(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  #look() {
    clearTimeout(this.#unseen);
    if (this.#users === 0) return;
    if (document.hidden) this.#unseen = setTimeout(() => this.#disconnect(), UNSEEN);
    else if (!this.#source) this.#connect();
  }
}
