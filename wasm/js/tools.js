// Tools: functions that a model may call, run in rounds until the model calls none. The rules are those of the Rust library's `ToolLoop`.

import { cancelled, misuse } from "./error.js";
import { asTabbyError, onAbort, signalOf } from "./settings.js";
import { Calls } from "./toolcalls.js";
import { ToolLoop } from "./toolloop.js";

export { ToolLoop };

/** Returns the tool unchanged, for the types of its arguments. */
export const tool = (given) => given;

/** Runs a conversation with tools: a promise of the result, and a stream of the events. Nothing is sent before one of them is used. */
export function runTools(tabby, request, options) {
  return new ToolRun(tabby, request, options);
}

/** Returns the client with `chat.runTools`. */
export function withTools(tabby) {
  tabby.chat.runTools = (request, options) => runTools(tabby, request, options);
  return tabby;
}

/** A run: sends requests, runs the called tools, and sends their results. */
export class ToolRun {
  #tabby;
  #given;
  #options;
  #loop;
  #calls;
  #stream;
  #claimed = false;
  #result;
  #own = new AbortController();
  /** The reason of the abort. */
  #left;
  /** Settles once the loop over the run has ended, with the error if there is one. */
  #ended;
  #isOver = false;

  constructor(tabby, given, options) {
    this.#tabby = tabby;
    this.#given = given;
    this.#options = options;
  }

  /** The result so far. */
  get soFar() {
    return this.#output();
  }

  /** Runs to the end, or waits until a loop has done so. An error has the result so far as `partial`. */
  result() {
    return (this.#result ??= this.#finish());
  }

  /** A run is also a promise of its result. */
  then(resolve, reject) {
    return this.result().then(resolve, reject);
  }

  catch(reject) {
    return this.then(undefined, reject);
  }

  finally(last) {
    return this.result().finally(last);
  }

  /** Aborts the run: ends the generation and the running calls. */
  abort(reason) {
    this.#leave(reason, false);
  }

  [Symbol.asyncIterator]() {
    if (this.#claimed) {
      const hint = "read it once; `result()` may be awaited beside a loop";
      throw misuse(`the run already has a reader, and each of two readers would only get a part; ${hint}`, undefined, "stream_in_use");
    }
    this.#claimed = true;
    const events = this.#run();
    let settle;
    this.#ended = new Promise((resolve) => (settle = resolve));
    return {
      next: async () => {
        try {
          const step = await events.next();
          if (step.done) settle();
          return step;
        } catch (error) {
          settle({ error });
          if (this.#left && !this.#left.isSignal) return { value: undefined, done: true };
          throw error;
        }
      },
      return: async (value) => {
        this.abort();
        // It waits for the current step of the run, which the abort ends.
        await events.return().catch(() => {});
        settle(this.#isOver ? undefined : { error: cancelledBy(undefined, this.#output()) });
        return { value, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #leave(reason, isSignal) {
    this.#left ??= { reason, isSignal };
    this.#stream?.abort(reason);
    this.#own.abort(reason);
  }

  async #finish() {
    // A loop that starts in the same turn is the reader.
    await undefined;
    if (this.#claimed) {
      const failed = await this.#ended;
      if (failed) throw failed.error;
      return this.#output();
    }
    for await (const _ of this);
    const failed = await this.#ended;
    if (failed) throw failed.error;
    return this.#output();
  }

  #output() {
    const partial = this.#stream?.soFar;
    return this.#loop?.output(partial) ?? { end: "unfinished", answer: undefined, messages: [], rounds: 0, calls: 0, failures: 0, usage: undefined, text: "" };
  }

  async *#run() {
    try {
      const { tools, limits, ...request } = this.#setUp();
      const signal = signalOf(this.#options?.signal);
      const stop = signal && onAbort(signal, () => this.#leave(signal.reason, true));
      if (signal?.aborted) this.#leave(signal.reason, true);
      try {
        yield* this.#rounds(new ToolLoop(request, tools, limits));
      } finally {
        stop?.();
        this.#calls?.stop();
      }
    } catch (thrown) {
      const error = asTabbyError(thrown, "the run cannot continue");
      error.partial = this.#output();
      throw error;
    }
  }

  #setUp() {
    if (typeof this.#given !== "object" || this.#given === null) throw misuse("the request must be an object");
    return this.#given;
  }

  async *#rounds(loop) {
    this.#loop = loop;
    this.#calls = new Calls(loop, this.#own.signal);
    for (;;) {
      if (this.#left) throw cancelledBy(this.#left.reason, undefined);
      const step = loop.step();
      if (step.ask) yield* this.#asked(step.ask);
      else if (step.call) {
        this.#calls.start(step.index, step.call);
        yield { type: "started", call: step.call };
      } else if (step.end) {
        this.#isOver = true;
        return;
      } else {
        const event = await this.#calls.next();
        if (event) yield event;
      }
    }
  }

  async *#asked(request) {
    const { signal: _, ...options } = this.#options ?? {};
    const stream = (this.#stream = this.#tabby.chat.stream(request, options));
    for await (const chunk of stream) yield { type: "chunk", chunk };
    if (this.#left) throw cancelledBy(this.#left.reason, undefined);
    const answer = await stream.final();
    this.#stream = undefined;
    this.#loop.answer(answer);
    yield { type: "answered", round: this.#loop.rounds, answer };
  }
}

function cancelledBy(reason, partial) {
  const error = cancelled(reason);
  error.partial = partial;
  return error;
}
