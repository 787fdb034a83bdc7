// One call on its way: the module decides, this file does. It has the exchange, the timer, the key, the signal.

import { AUTHORIZE, DONE, FAILED, READ, SEND, WAIT, encode, ready } from "./border.js";
import { TabbyError, cancelled, faultOf } from "./error.js";

/** Hosts keep the time to wait in 31 bits, and take what is longer for nothing. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;
/** How long the end of a body may take after the announced end of its stream, in milliseconds. */
const LINGER = 1000;

/** Why there is no key, in the place of one. */
const NO_KEY = 4;
/** The headers that calls look at, in the order that the module wants. */
const LOOKED_AT = ["content-type", "retry-after", "date", "x-should-retry"];

const clock = globalThis.performance ?? Date;

/**
 * A call. It tells its `sink` what happens: `records(text)`, and `end(error, outcome)`, which may answer with an error of its own.
 * Nothing is read unless it is wanted, so that who does not read holds the server back.
 */
export class Flow {
  #core;
  #operation;
  #body;
  #options;
  #sink;
  #border;
  #number;
  #exchange;
  #timer;
  #timerAt = Infinity;
  #keying = false;
  #attempts = 0;
  /** The request under way: method, url, and the status of its answer. */
  #asked = {};
  #over = false;
  #wanted = false;
  #eager;
  #cause;
  /** Those of the last answer. */
  #headers;
  /** Time that the caller was busy with what came, which is no time of waiting: the call's clock stands still meanwhile. */
  #paused = 0;
  #idleSince;

  constructor(core, operation, request, options = {}, sink, eager) {
    this.#core = core;
    this.#operation = operation;
    this.#body = request === undefined ? undefined : encode(JSON.stringify(request));
    this.#options = options;
    this.#sink = sink;
    this.#eager = eager;
  }

  /** Asks for more, and begins the call if it has not begun. */
  want() {
    this.#wanted = true;
    if (this.#idleSince !== undefined) {
      this.#paused += clock.now() - this.#idleSince;
      this.#idleSince = undefined;
    }
    if (this.#border === undefined) {
      if (!this.#over) this.#begin();
    } else if (this.#exchange?.reader) {
      this.#arm();
      this.#exchange.read();
    }
  }

  /** Gives the call up. */
  cancel(reason) {
    this.finish(cancelled(reason));
  }

  /** An error over what came, with where that was. */
  placed(error, outcome) {
    const { method, url, status } = this.#asked;
    Object.assign(error, { method, url, status, message: `${method} ${url}: ${error.message}` });
    if (outcome) Object.assign(error, { outcome, attempts: outcome.attempts });
    return error;
  }

  poll() {
    if (!this.#over) this.#guard(() => this.#border.poll(this.#number, this.#now()));
  }

  async #begin() {
    // Once: `want` may be asked again while the module is loaded.
    this.#border = null;
    const { signal, headers, pace, maxRetries, retry, limits } = this.#options;
    try {
      if (signal?.aborted) throw cancelled(signal.reason);
      signal?.addEventListener("abort", this.#aborted, { once: true });
      const border = await ready();
      if (this.#over) return;
      const call = {
        operation: this.#operation,
        has_body: this.#body !== undefined,
        request_bytes: this.#body?.length ?? 0,
        ...settingsOf({ headers, pace, maxRetries, retry, limits }),
      };
      this.#number = border.start(this.#core.open(border), JSON.stringify(call));
      this.#border = border;
      border.flows.set(this.#number, this);
    } catch (error) {
      return this.finish(error instanceof Error ? error : new TabbyError(error));
    }
    this.poll();
  }

  /** What the module says to an input, and what is to be done then. */
  #guard(input) {
    try {
      this.#step(input());
    } catch (error) {
      this.finish(error instanceof TabbyError ? error : new TabbyError({ kind: "misuse", message: String(error) }, { cause: error }));
    }
    if (!this.#border.dead) this.#border.wake();
  }

  #step(code) {
    const border = this.#border;
    const records = border.output();
    if (records !== "") {
      this.#wanted = this.#eager;
      this.#sink.records(records);
      // The caller may have asked for more at once, or given up.
      if (this.#over) return;
      if (!this.#wanted && code === READ) this.#idleSince ??= clock.now();
    }
    switch (code) {
      case READ:
        if (this.#exchange?.reader && !this.#wanted) return;
        this.#arm();
        this.#exchange?.read();
        break;
      case SEND:
        this.#arm();
        this.#send(border.detail());
        break;
      case WAIT:
        this.#drop();
        this.#arm();
        break;
      case AUTHORIZE:
        this.#drop();
        this.#arm();
        if (!this.#keying) this.#authorize(border.detail());
        break;
      case DONE:
        this.finish(undefined, { ...border.detail(), headers: this.#answered() });
        break;
      case FAILED: {
        const told = border.detail();
        const headers = this.#answered();
        const outcome = told.outcome && { ...told.outcome, headers };
        this.finish(new TabbyError({ ...told, headers, outcome }, { cause: this.#cause }), outcome ?? undefined);
        break;
      }
    }
  }

  #send(request) {
    this.#drop();
    this.#asked = { method: request.method, url: request.url };
    this.#cause = undefined;
    this.#attempts += 1;
    this.#core.tell("onAttempt", { operation: this.#operation, attempt: this.#attempts, method: request.method, url: request.url });
    if (this.#over) return;
    this.#headers = undefined;
    request.headers = this.#core.headers(request.headers, this.#options.headers);
    this.#exchange = new Exchange(this, this.#core.fetch, request, this.#body);
  }

  /** What an exchange reports; one that was dropped is not listened to. */
  report(exchange, input) {
    if (this.#over || exchange !== this.#exchange) return;
    this.#guard(() => {
      const { type, status, headers, bytes, error, url } = input;
      const [border, number, now] = [this.#border, this.#number, this.#now()];
      switch (type) {
        case "head": {
          this.#headers = [...headers];
          this.#asked.status = status;
          const values = new Map(this.#headers);
          return border.head(number, now, status, LOOKED_AT.map((name) => values.get(name) ?? "").join("\n"));
        }
        case "chunk":
          return border.chunk(number, now, bytes);
        case "end":
          return border.end(number, now);
        default: {
          this.#cause = error;
          const { sent, message } = faultOf(error, url);
          return border.failed(number, now, sent, message);
        }
      }
    });
  }

  /** The headers of the last answer, without the keys that a server may echo. */
  #answered() {
    const secrets = this.#core.secrets(this.#options.headers);
    return (this.#headers ?? []).map(([name, value]) => [name, secrets.some((secret) => value.includes(secret)) ? "[removed]" : value]);
  }

  get wanted() {
    return this.#wanted;
  }

  async #authorize({ scope, rejected }) {
    this.#keying = true;
    let [kind, text, expiresIn] = [0, "", -1];
    try {
      const given = await this.#core.getKey({ scope, rejected });
      const key = typeof given === "string" ? { [scope === "admin" ? "adminKey" : "apiKey"]: given } : (given ?? {});
      const kinds = [key.apiKey, key.adminKey, key.bearer];
      this.#core.guard(...kinds);
      kind = kinds.findIndex((text) => text != null) + 1;
      [text, expiresIn] = [kinds[kind - 1] ?? "", key.expiresIn ?? -1];
    } catch (error) {
      this.#cause = error;
      [kind, text] = [NO_KEY, `getKey failed: ${error?.message ?? error}`];
    }
    this.#keying = false;
    if (!this.#over) this.#guard(() => this.#border.key(this.#number, this.#now(), kind, expiresIn, text));
  }

  #now() {
    return clock.now() - this.#paused;
  }

  /** Sets the timer, unless it is set for an earlier time: it may be early, never late. */
  #arm() {
    const deadline = this.#border.deadline();
    if (this.#timerAt <= deadline) return;
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    const wait = Math.min(Math.max(Math.ceil(deadline - this.#now()), 0), LONGEST_TIMEOUT);
    this.#timer = setTimeout(this.#fired, wait);
  }

  #fired = () => {
    this.#timerAt = Infinity;
    // While the caller is busy, nobody waits.
    if (this.#idleSince === undefined) this.poll();
  };

  #aborted = () => this.finish(cancelled(this.#options.signal.reason));

  #drop() {
    this.#exchange?.drop();
    this.#exchange = undefined;
  }

  /** Ends the call, which is dropped if there is an error. */
  finish(error, outcome) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    if (error) this.#drop();
    else this.#exchange?.linger();
    this.#exchange = undefined;
    const border = this.#border;
    if (border) {
      border.flows.delete(this.#number);
      border.drop(this.#number);
      if (!border.dead) border.wake();
    }
    // An answer that has come may still turn out to be none.
    error = this.#sink.end(error, outcome) ?? error;
    this.#core.tell("onOutcome", { operation: this.#operation, ok: !error, error, ...(outcome ?? error?.outcome) });
  }
}

/** A request and its answer, on the wire. */
class Exchange {
  reader;
  #flow;
  #url;
  #controller = new AbortController();
  #reading = false;

  constructor(flow, fetch, { method, url, headers }, body) {
    this.#flow = flow;
    this.#url = url;
    // Redirects are not followed: keys would go along.
    const init = { method, headers, body, signal: this.#controller.signal, redirect: "manual" };
    let sending;
    try {
      sending = Promise.resolve(fetch(url, init));
    } catch (error) {
      sending = Promise.reject(error);
    }
    sending.then(this.#answered, this.#failed);
  }

  /** Reads on, if more is wanted and nothing is being read. */
  read() {
    if (this.#reading || !this.reader || !this.#flow.wanted) return;
    this.#reading = true;
    this.reader.read().then(this.#read, this.#failed);
  }

  /** Aborts it, wherever it is. */
  drop() {
    this.#controller.abort();
    // A `fetch` of the caller's own may not know of signals.
    this.reader?.cancel().catch(() => {});
  }

  /** The stream has announced its end: what follows is the end of the body, after which the connection can serve again. */
  linger() {
    if (!this.reader || this.#reading) return;
    const limit = setTimeout(() => this.drop(), LINGER);
    const done = ({ done } = {}) => {
      clearTimeout(limit);
      if (!done) this.drop();
    };
    this.reader.read().then(done, () => done());
  }

  #answered = (response) => {
    if (response.type === "opaqueredirect") {
      const message = "the server redirects, which is not followed since keys would go along; set the base URL to where it redirects";
      return this.#failed(Object.assign(new Error(message), { name: "RedirectError" }));
    }
    this.reader = response.body?.getReader();
    this.#flow.report(this, { type: "head", status: response.status, headers: response.headers });
    if (!this.reader) this.#flow.report(this, { type: "end" });
  };

  #read = ({ done, value }) => {
    this.#reading = false;
    if (done) this.reader = undefined;
    this.#flow.report(this, done ? { type: "end" } : { type: "chunk", bytes: value });
  };

  #failed = (error) => {
    this.#reading = false;
    this.reader = undefined;
    this.#flow.report(this, { type: "failed", error, url: this.#url });
  };
}

const KINDS = ["read", "generate", "stream", "streamTools", "load", "download"];
const PARTS = ["head", "firstItem", "stall", "total"];

/** Options as the module takes them: numbers by their places, see wasm/src/config.rs. */
export function settingsOf({ headers, pace, paces, maxRetries, retry = {}, limits = {} }) {
  const numbers = [
    ...[maxRetries ?? retry.maxRetries, retry.base, retry.cap, retry.retryAfterCap, retry.replayGenerations],
    ...[limits.event, limits.body, limits.errorExcerpt],
    ...KINDS.flatMap((kind) => PARTS.map((part) => paces?.[kind]?.[part] ?? pace?.[part])),
  ];
  return {
    secrets: headers && [...new Headers(headers).values()],
    // JSON has no infinity.
    numbers: numbers.map((value) => (value === Infinity ? -1 : value == null ? null : +value)),
  };
}
