// A streamed answer: items as they arrive, which it also adds up.

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

/** What is under way, apart from the stream that is handed out: so that one that is forgotten can be noticed, and ended. */
class State {
  flow;
  total;
  source;
  #waiting = [];
  ended = false;
  /** Why it ended before its time. */
  error;
  /** The error was thrown by an iteration, which happens once. */
  thrown = false;
  /** It was given up by `abort` or by leaving an iteration, which is not an error of that iteration. */
  left = false;
  outcome;
  listeners;
  /** A token of what reads the items: there is one, since two would share them. */
  #reader;
  /** A reader saw the end, or gave up. */
  #read = false;
  #head;
  /** Those who wait for the head, and for the end of the reading. */
  #heads = [];
  #ends = [];

  /** `make` gives what brings the items, for a sink: the `source` that items are read from, the `flow` that feeds it, and their `total`. */
  constructor(make) {
    Object.assign(this, make(this));
  }

  /** Whether this one may read: the first that asks. */
  admits(reader) {
    this.#reader ??= reader;
    return this.#reader === reader;
  }

  get isClaimed() {
    return this.#reader !== undefined;
  }

  /** `read` gives the head, which few ask for. */
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

  /** Settles once a reader has come to the end. */
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
    // What came before the error is still to be read.
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
      // Nothing after it counts.
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

// A stream that nobody holds any more would keep its connection, and the server its generation, for ever.
const forgotten = registry((state) => state.leave());

/** What brings the items of a call. A call that cannot be made is one that fails. */
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

/** A streamed answer. Nothing is sent before it is first asked for an item; not asking holds the server back. */
export class Stream {
  #state;
  #final;

  /** Of a call, or of what `source` brings. */
  constructor(core, call, options, Total, source = called(core, call, options, Total, callSite(new.target))) {
    this.#state = new State(source);
    forgotten.register(this, this.#state, this.#state);
  }

  [Symbol.asyncIterator]() {
    const state = this.#state;
    // Not the iteration itself, which the state must not hold.
    const reader = {};
    return {
      // It holds the stream, which would be forgotten else.
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

  /** Two readers of the stream: each gets all items, and those that only one has read are kept for the other. It is left when both leave. */
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

  /** Sends the request, and gives the head of an answer that is not an error: its status and headers. */
  get opened() {
    return this.#state.opened();
  }

  /** What has arrived so far, added up. */
  get soFar() {
    return this.#state.total.output();
  }

  /** Whether it has ended, whichever way. */
  get ended() {
    return this.#state.ended;
  }

  /** How the call went, once it has ended: status, headers, times, attempts. */
  get outcome() {
    return this.#state.outcome;
  }

  /** Reads the rest, and gives the whole; an error has what had arrived as `partial`. */
  final() {
    this.#final ??= this.#finish();
    return this.#final;
  }

  /**
   * Calls back: `content` with a piece of text and the index of its choice, `toolCall` with a call once it is whole, `error`, or `end` with
   * the whole. The stream is read by that, unless a loop reads it.
   */
  on(name, listener) {
    if (!EVENTS.has(name)) throw misuse(`there is no event \`${name}\`; there are ${[...EVENTS].join(", ")}`);
    const state = this.#state;
    (state.listeners ??= new Listeners(state.total)).add(name, listener);
    this.final().catch(() => {});
    return this;
  }

  /** Gives it up: closes the connection, upon which the server ends the generation. */
  abort(reason) {
    this.#state.leave(reason);
  }

  /** The items as lines of JSON, as the body of a `Response`, say; an error is the last line. Cancelling it gives the stream up. */
  toReadableStream() {
    return linesOf(this[Symbol.asyncIterator]());
  }

  async #finish() {
    const state = this.#state;
    // A loop that begins in the same turn is the reader.
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
  const hint = "read it once, or in two places by `tee()`; `final()` and `finalMessage()` may be awaited beside a loop";
  return misuse(`the stream has a reader already, and two would each get a part of it; ${hint}`, undefined, "stream_in_use");
}

/** A streamed conversation or completion. */
export class MessageStream extends Stream {
  /** Reads the rest, and gives the whole answer. */
  finalMessage() {
    return this.final();
  }

  /** Reads the rest, and gives the text of the first choice. */
  async text() {
    const [choice] = (await this.final()).choices;
    return choice?.message?.content ?? choice?.text ?? "";
  }
}

/** A model that is being loaded, as its progress. */
export class LoadStream extends Stream {
  /** Reads the rest: the model can be used then. */
  finalReport() {
    return this.final();
  }
}

/** A call that answers once. It is a promise of the answer; `withResponse` is one of what came around it as well. */
export function whole(core, { operation, route, make }, options, finish = (value) => value) {
  const site = callSite(whole);
  let records = { feed() {}, next() {} };
  /** What had come of an answer that was cut. */
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
    // A caller of this method does not use the other one.
    data.catch(() => {});
    return answered;
  };
  return data;
}
