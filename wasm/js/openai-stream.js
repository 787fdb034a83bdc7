// A stream of chunks with the interface of npm `openai`.

import { OpenAIError, openAIError } from "./openai-errors.js";

/** Passes all chunks, including those without a choice, which are only passed on request. */
export const ALL = Symbol("all");

export class Stream {
  #items;
  #passes;
  #claimed = false;

  /** `items` creates the iterator of chunks, and `passes` selects the chunks to return. */
  constructor(items, controller = new AbortController(), passes = () => true) {
    this.#items = items;
    this.#passes = passes;
    this.controller = controller;
  }

  [Symbol.asyncIterator]() {
    return this.#read(this.#passes);
  }

  [ALL]() {
    return this.#read(() => true);
  }

  /** Implemented by hand, since a generator takes half as long again for each item. */
  #read(passes) {
    let [items, isOver, waiting, last] = [undefined, false, 0, undefined];
    const over = (value) => {
      isOver = true;
      return { value, done: true };
    };
    const begin = () => {
      if (this.#claimed) throw new OpenAIError("Cannot iterate over a consumed stream, use `.tee()` to split the stream.");
      this.#claimed = true;
      const made = this.#items();
      return made[Symbol.asyncIterator]?.() ?? made;
    };
    const settled = (result) => {
      waiting -= 1;
      return result;
    };
    const failed = (error) => {
      waiting -= 1;
      // An aborted stream ends without an error.
      if (isOver || this.controller.signal.aborted) return over();
      isOver = true;
      throw openAIError(error);
    };
    const step = (result) => {
      if (isOver || result.done) return settled(over());
      return passes(result.value) ? settled(result) : read();
    };
    const read = () => {
      if (isOver) return settled(over());
      try {
        items ??= begin();
        return Promise.resolve(items.next()).then(step, failed);
      } catch (error) {
        return Promise.reject(error).catch(failed);
      }
    };
    return {
      next: () => {
        waiting += 1;
        // Items keep their order: a read during another read waits for it.
        last = waiting > 1 ? last.then(read, read) : Promise.resolve(read());
        return last;
      },
      return: async (value) => {
        if (isOver) return over(value);
        isOver = true;
        if (items === undefined) return { value, done: true };
        await items.return?.();
        this.controller.abort();
        return { value, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Splits the stream into two. Each gets all chunks. */
  tee() {
    const items = this[Symbol.asyncIterator]();
    const queues = [[], []];
    const reader = (own) => () => ({
      next: () => {
        if (own.length === 0) {
          const step = items.next();
          for (const queue of queues) queue.push(step);
        }
        return own.shift();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    });
    return queues.map((own) => new Stream(reader(own), this.controller));
  }

  /** Returns the chunks as lines of JSON. */
  toReadableStream() {
    return encoded(this[Symbol.asyncIterator](), (item) => `${JSON.stringify(item)}\n`);
  }

  /** Returns the chunks as events, as the server sends them. */
  toEventStream() {
    return encoded(this[Symbol.asyncIterator](), (item) => `data: ${JSON.stringify(item)}\n\n`, "data: [DONE]\n\n");
  }

  /** Creates a stream from the lines of `toReadableStream`. */
  static fromReadableStream(readable, controller) {
    return new Stream(() => linesOf(readable), controller);
  }
}

function encoded(items, write, last) {
  const encoder = new TextEncoder();
  const source = {
    async pull(controller) {
      try {
        const { value, done } = await items.next();
        if (!done) return controller.enqueue(encoder.encode(write(value)));
        if (last) controller.enqueue(encoder.encode(last));
        controller.close();
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await items.return?.();
    },
  };
  // Reads only on demand, since the chunks may be read elsewhere.
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** The values of lines of JSON. */
export async function* linesOf(readable) {
  const decoder = new TextDecoder();
  const reader = readable.getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      rest += done ? decoder.decode() : typeof value === "string" ? value : decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = done ? "" : lines.pop();
      for (const line of lines) if (line.trim() !== "") yield parsed(line);
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The value of a line. The host's own error would quote it. */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    throw new SyntaxError("Error reading response: malformed newline-delimited JSON.");
  }
}
