// A streamed answer: items as they arrive, which it also adds up.

import { encode, registry } from "./abi.js";
import { TabbyError, cancelled } from "./error.js";
import { Flow } from "./flow.js";
import { Records } from "./records.js";
import { unreadable } from "./shape.js";
import { wholeOf } from "./total.js";

/** What is under way, apart from the stream that is handed out: so that one that is forgotten can be noticed, and ended. */
class State {
  flow;
  total;
  #records;
  #waiting = [];
  ended = false;
  /** Why it ended before its time. */
  error;
  /** The error was thrown by an iteration, which happens once. */
  thrown = false;
  /** It was given up by `abort` or by leaving an iteration, which is no error of that iteration. */
  left = false;
  outcome;

  constructor(core, operation, request, options, total, choices) {
    this.total = total;
    this.#records = new Records(total, core.limits(options?.limits));
    this.flow = new Flow(core, operation, request, options, this, false, choices);
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
    if (!this.ended) this.flow.cancel(reason);
  }

  records(text) {
    this.#records.feed(text);
    this.#settle();
    if (this.#waiting.length > 0 && !this.ended) this.flow.want();
  }

  end(error, outcome) {
    this.ended = true;
    // What came before the error is still to be read.
    this.error ??= error;
    this.outcome = outcome ?? error?.outcome;
    this.#settle();
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
      const item = this.#records.next();
      if (item !== undefined) this.total.push(item);
      return item;
    } catch (error) {
      // Nothing after it counts.
      this.#records = new Records(this.total);
      this.error = this.flow.placed(unreadable(error), this.outcome);
      if (!this.ended) this.flow.finish(this.error);
      return undefined;
    }
  }

  #last() {
    const error = this.error;
    this.total.finish?.();
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

/** A streamed answer. Nothing is sent before it is first asked for an item; not asking holds the server back. */
export class Stream {
  #state;
  #final;

  constructor(core, operation, request, options, total, choices) {
    this.#state = new State(core, operation, request, options, total, choices);
    forgotten.register(this, this.#state, this.#state);
  }

  [Symbol.asyncIterator]() {
    const state = this.#state;
    return {
      // It holds the stream, which would be forgotten else.
      stream: this,
      next: () => state.next(),
      return: async (value) => {
        state.leave();
        return { value, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
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

  /** Gives it up: closes the connection, upon which the server ends the generation. */
  abort(reason) {
    this.#state.leave(reason);
  }

  /** The items as lines of JSON, as the body of a `Response`, say. Cancelling it gives the stream up. */
  toReadableStream() {
    const items = this[Symbol.asyncIterator]();
    return new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const { value, done } = await items.next();
        if (done) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else {
          controller.enqueue(encode(`${JSON.stringify(value)}\n`));
        }
      },
      cancel: () => void items.return(),
    });
  }

  async #finish() {
    const state = this.#state;
    for (;;) {
      const { done } = await state.next();
      if (done) break;
    }
    if (state.error) throw state.broken(state.error);
    if (state.left) throw state.broken(cancelled());
    return state.total.output();
  }
}

/** A streamed conversation or completion. */
export class MessageStream extends Stream {
  /** Reads the rest, and gives the whole answer. */
  finalMessage() {
    return this.final();
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
export function whole(core, operation, request, options, finish = (value) => value) {
  const records = new Records({ item: wholeOf(operation) }, core.limits(options?.limits));
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
      flow = new Flow(core, operation, request, options, sink, true);
      flow.want();
    } catch (error) {
      reject(error);
    }
  });
  const data = answered.then(({ data }) => data);
  data.withResponse = () => {
    // Whoever asks for this has no use for the other one.
    data.catch(() => {});
    return answered;
  };
  return data;
}
