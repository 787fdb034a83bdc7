// A streamed response: yields items as they arrive, and accumulates them.

import { registry } from "./abi.js";
import { TabbyError, callSite, cancelled, misuse } from "./error.js";
import { Flow } from "./flow.js";
import { Records } from "./records.js";
import { Joined, resumeOf } from "./resume.js";
import { Listeners } from "./listeners.js";
import { linesOf } from "./lines.js";
import { asTabbyError } from "./settings.js";
import { unreadable } from "./shape.js";
import { wholeOf } from "./total.js";

/** The state of a running stream, separate from the public object, so that garbage collection of that object can end the stream. */
class State {
  flow;
  total;
  source;
  #waiting = [];
  ended = false;
  /** The error, if the stream ended early. */
  error;
  /** Whether an iteration has thrown the error, which happens once. */
  thrown = false;
  /** Whether it was cancelled by `abort` or by leaving an iteration, which is not an error of that iteration. */
  left = false;
  outcome;
  listeners;
  /** The token of the reader. There is one reader, since two would share the items. */
  #reader;
  /** Whether a reader has seen the end, or has stopped. */
  #read = false;
  #head;
  /** The waiters for the head, and for the end of reading. */
  #heads = [];
  #ends = [];

  /** `make` creates, for a sink, the `source` of the items, the `flow` that feeds it, and the `total`. */
  constructor(make) {
    Object.assign(this, make(this));
  }

  /** Whether this reader may read: the first one may. */
  admits(reader) {
    this.#reader ??= reader;
    return this.#reader === reader;
  }

  get isClaimed() {
    return this.#reader !== undefined;
  }

  /** `read` returns the head, which is rarely needed. */
  head(read) {
    this.#head = () => {
      const { status, headers } = read();
      const head = { status, headers: new Headers(headers) };
      this.#head = () => head;
      return head;
    };
    for (const { resolve } of this.#heads.splice(0)) resolve(this.#head());
  }

  opened() {
    if (this.#head) return Promise.resolve(this.#head());
    if (this.ended) return Promise.reject(this.broken(this.error ?? cancelled()));
    return new Promise((resolve, reject) => {
      this.#heads.push({ resolve, reject });
      this.flow.want();
    });
  }

  /** Settles once a reader has reached the end. */
  over() {
    return new Promise((resolve) => (this.#read ? resolve() : this.#ends.push(resolve)));
  }

  #finished() {
    if (!this.#read) this.listeners?.end(this.left ? this.broken(cancelled()) : this.error && this.broken(this.error));
    this.#read = true;
    for (const resolve of this.#ends.splice(0)) resolve();
  }

  next() {
    const item = this.#waiting.length === 0 ? this.#take() : undefined;
    if (item !== undefined) return Promise.resolve({ value: item, done: false });
    if (this.ended) return this.#last();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.flow.want();
    });
  }

  leave(reason) {
    this.left = true;
    this.#finished();
    if (!this.ended) this.flow.cancel(reason);
  }

  /** The request for the rest. */
  rest(what) {
    return this.source.rest(what);
  }

  records(text) {
    this.source.feed(text);
    this.#settle();
    if (this.#waiting.length > 0 && !this.ended) this.flow.want();
  }

  end(error, outcome) {
    this.ended = true;
    // Items before the error can still be read.
    this.error ??= error;
    this.outcome = outcome ?? error?.outcome;
    this.#settle();
    if (!this.error && outcome && !this.#head) this.head(() => outcome);
    for (const { reject } of this.#heads.splice(0)) reject(this.broken(this.error ?? cancelled()));
    for (const { resolve, reject } of this.#waiting.splice(0)) this.#last().then(resolve, reject);
  }

  #settle() {
    while (this.#waiting.length > 0) {
      const item = this.#take();
      if (item === undefined) return;
      this.#waiting.shift().resolve({ value: item, done: false });
    }
  }

  #take() {
    if (this.left) return undefined;
    try {
      const { source } = this;
      const item = source.next();
      if (item === undefined) return undefined;
      this.total.push(item, source.template, source.text);
      this.listeners?.item(item);
      return item;
    } catch (error) {
      // Everything after it is ignored.
      this.source = { feed() {}, next() {} };
      this.error = this.flow.placed(unreadable(error), this.outcome);
      if (!this.ended) this.flow.finish(this.error);
      return undefined;
    }
  }

  #last() {
    const error = this.error;
    this.total.finish?.();
    this.#finished();
    if (!error || this.thrown || this.left) return Promise.resolve({ value: undefined, done: true });
    this.thrown = true;
    return Promise.reject(this.broken(error));
  }

  broken(error) {
    if (error instanceof TabbyError) error.partial ??= this.total.output();
    return error;
  }
}

// Without this, a collected stream would keep its connection, and the server its generation, forever.
const forgotten = registry((state) => state.leave());

/** Creates the source of the items of a call. A call that cannot be made is a failed call. */
function called(core, { operation, route, make }, options, Total, site) {
  return (sink) => {
    let [limits, call, total] = [undefined, {}];
    try {
      limits = core.limits(options?.limits);
      call = make();
      total = new Total(limits, call.choices);
      call.resume = resumeOf(options?.resume, call.request, operation);
    } catch (error) {
      call.unsent = asTabbyError(error);
    }
    total ??= new Total({});
    const records = new Records(total, limits);
    const source = call.resume ? new Joined(records, call.request) : records;
    return { total, source, flow: new Flow(core, { operation, route, site, ...call }, options, sink, false) };
  };
}

/** A streamed response. Nothing is sent before the first item is requested. Not reading applies back-pressure. */
export class Stream {
  #state;
  #final;

  /** Creates the stream of a call, or of the items of `source`. */
  constructor(core, call, options, Total, source = called(core, call, options, Total, callSite(new.target))) {
    this.#state = new State(source);
    forgotten.register(this, this.#state, this.#state);
  }

  [Symbol.asyncIterator]() {
    const state = this.#state;
    // Not the iteration itself, which the state must not reference.
    const reader = {};
    return {
      // This keeps a reference to the stream, which could be collected otherwise.
      stream: this,
      next: () => (state.admits(reader) ? state.next() : Promise.reject(inUse())),
      return: async (value) => {
        if (state.admits(reader)) state.leave();
        return { value, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Returns two readers of the stream. Each gets all items, and items that only one has read are buffered for the other. The stream is closed when both leave. */
  tee() {
    const items = this[Symbol.asyncIterator]();
    const first = {};
    let readers = 2;
    const reader = () => {
      let [node, isOver] = [first, false];
      return {
        async next() {
          if (isOver) return { value: undefined, done: true };
          const { promise } = (node = (node.after ??= { promise: items.next() }));
          return promise;
        },
        async return(value) {
          if (!isOver && --readers === 0) await items.return();
          isOver = true;
          return { value, done: true };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    };
    return [reader(), reader()];
  }

  /** Sends the request, and resolves to the head of a successful response: its status and headers. */
  get opened() {
    return this.#state.opened();
  }

  /** The accumulated response so far. */
  get soFar() {
    return this.#state.total.output();
  }

  /** Whether it has ended, successfully or not. */
  get ended() {
    return this.#state.ended;
  }

  /** The history of the call, once it has ended: status, headers, times, attempts. */
  get outcome() {
    return this.#state.outcome;
  }

  /** Reads the rest, and resolves to the whole response. An error has the partial response as `partial`. */
  final() {
    this.#final ??= this.#finish();
    return this.#final;
  }

  /**
   * Adds a listener: `content` with a piece of text and the index of its choice, `toolCall` with a complete call, `error`, or `end` with
   * the whole response. Listening reads the stream, unless a loop reads it.
   */
  on(name, listener) {
    if (!EVENTS.has(name)) throw misuse(`there is no event \`${name}\`; there are ${[...EVENTS].join(", ")}`);
    const state = this.#state;
    (state.listeners ??= new Listeners(state.total)).add(name, listener);
    this.final().catch(() => {});
    return this;
  }

  /** Aborts the stream: closes the connection, after which the server ends the generation. */
  abort(reason) {
    this.#state.leave(reason);
  }

  /** Returns the items as lines of JSON, for example for the body of a `Response`. An error is the last line. Cancelling it aborts the stream. */
  toReadableStream() {
    return linesOf(this[Symbol.asyncIterator]());
  }

  async #finish() {
    const state = this.#state;
    // A loop that starts in the same turn is the reader.
    await undefined;
    if (state.isClaimed) await state.over();
    else {
      state.admits({});
      while (!(await state.next()).done);
    }
    if (state.error) throw state.broken(state.error);
    if (state.left) throw state.broken(cancelled());
    return state.total.output();
  }
}

const EVENTS = new Set(["content", "toolCall", "error", "end"]);

function inUse() {
  const hint = "read it once, or use `tee()` for two readers; `final()` and `finalMessage()` may be awaited beside a loop";
  return misuse(`the stream already has a reader, and each of two readers would only get a part; ${hint}`, undefined, "stream_in_use");
}

/** A streamed conversation or completion. */
export class MessageStream extends Stream {
  /** Reads the rest, and resolves to the whole response. */
  finalMessage() {
    return this.final();
  }

  /** Reads the rest, and resolves to the text of the first choice. */
  async text() {
    const [choice] = (await this.final()).choices;
    return choice?.message?.content ?? choice?.text ?? "";
  }
}

/** The progress of a model load. */
export class LoadStream extends Stream {
  /** Reads the rest. The model can be used after that. */
  finalReport() {
    return this.final();
  }
}

/** A call with a single response: a promise of the response. `withResponse` also resolves to its metadata. */
export function whole(core, { operation, route, make }, options, finish = (value) => value) {
  const site = callSite(whole);
  let records = { feed() {}, next() {} };
  /** The partial content of a truncated response. */
  const partial = () => {
    try {
      return finish(records.next());
    } catch {
      return undefined;
    }
  };
  const answered = new Promise((resolve, reject) => {
    const sink = {
      records: (text) => records.feed(text),
      end(error, outcome) {
        if (error) {
          error.partial ??= partial();
          return reject(error);
        }
        try {
          const data = finish(records.next());
          resolve({ data, status: outcome.status, headers: new Headers(outcome.headers), outcome, attempts: outcome.attempts });
        } catch (thrown) {
          const odd = flow.placed(unreadable(thrown), outcome);
          reject(odd);
          return odd;
        }
      },
    };
    let flow;
    try {
      records = new Records({ item: wholeOf(operation) }, core.limits(options?.limits));
      flow = new Flow(core, { operation, route, site, request: make?.() }, options, sink, true);
      flow.want();
    } catch (error) {
      reject(asTabbyError(error));
    }
  });
  const data = answered.then(({ data }) => data);
  data.withResponse = () => {
    // A caller of this method does not use the promise itself.
    data.catch(() => {});
    return answered;
  };
  return data;
}
