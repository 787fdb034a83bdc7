// Reads streams of JSON lines, which lines.js writes, from the caller's own server.

import { tooLarge } from "./budget.js";
import { TabbyError, cancelled, misuse } from "./error.js";
import { needed } from "./host.js";
import { wordsOf } from "./secrets.js";
import { MessageStream } from "./stream.js";
import { ChatTotal, CompletionTotal } from "./total.js";

/** Reads a stream from the lines of `toReadableStream`: from a body, or from a response, whose errors it then has. */
export function fromReadableStream(given, { limits, total = new Mixed(limits) } = {}) {
  return new MessageStream(undefined, undefined, undefined, undefined, (sink) => {
    const source = new Lines(total, limits);
    return { total, source, flow: new Relay(given, sink) };
  });
}

/** Accumulates lines: chats or completions, depending on the first line. */
class Mixed {
  #limits;
  #total;
  /** Whether each choice has ended, by its index. */
  #ended = new Map();

  constructor(limits) {
    this.#limits = limits;
  }

  item(value) {
    this.#total ??= new (value.object === "text_completion" ? CompletionTotal : ChatTotal)(this.#limits);
    return this.#total.item(value);
  }

  push(item) {
    for (const { index = 0, finish_reason } of item.choices ?? []) this.#ended.set(index, this.#ended.get(index) || finish_reason != null);
    this.#total.push(item);
  }

  /** Whether all choices have ended. */
  get isComplete() {
    return this.#ended.size > 0 && [...this.#ended.values()].every(Boolean);
  }

  finish() {
    this.#total?.finish();
  }

  output() {
    return (this.#total ??= new ChatTotal(this.#limits)).output();
  }
}

const CUT = "the stream ended before its end was announced; the connection was cut or the route was stopped; the stream keeps what arrived";
/** The module's default, in bytes. */
const EVENT = 16 << 20;

class Lines {
  /** The complete lines that were not read yet, and the number of lines that were read. */
  #lines = [];
  #read = 0;
  /** The incomplete line. */
  #line = "";
  /** Whether the last line was blank, which marks the end of `toReadableStream`. */
  #isMarked = false;
  #total;
  #most;

  constructor(total, { event = EVENT } = {}) {
    this.#total = total;
    this.#most = Number(event);
  }

  feed(text) {
    const [first, ...more] = text.split("\n");
    this.#line += first;
    for (const next of more) {
      this.#isMarked = this.#line.trim() === "";
      if (!this.#isMarked) this.#lines.push(this.#line);
      this.#line = next;
    }
  }

  /** The body has ended. A truncated body may end without an error. */
  end() {
    const isWhole = this.#isMarked || this.#total.isComplete !== false;
    if (this.#line.trim() !== "" || !isWhole) throw new TabbyError({ kind: "truncated", code: "truncated", message: CUT });
  }

  next() {
    if (this.#read < this.#lines.length) {
      const value = JSON.parse(this.#lines[this.#read++]);
      if (value.error && !value.choices) throw TabbyError.from(value.error);
      return this.#total.item(value);
    }
    this.#lines = [];
    this.#read = 0;
    // An endless line must not fill the memory. It has at least as many bytes as units.
    if (this.#line.length > this.#most) {
      throw tooLarge("event_too_large", `a line of the stream has more than ${this.#most} bytes`, "raise `limits.event` if such lines are expected");
    }
    return undefined;
  }
}

/** Delivers lines, like a flow delivers records. */
class Relay {
  #given;
  #sink;
  #reader;
  #decoder = new (needed("TextDecoder"))();
  #busy = false;
  #over = false;

  constructor(given, sink) {
    this.#given = given;
    this.#sink = sink;
  }

  async want() {
    if (this.#busy || this.#over) return;
    this.#busy = true;
    try {
      this.#reader ??= await this.#open();
      const { done, value } = await this.#reader.read();
      this.#busy = false;
      if (this.#over) return;
      this.#sink.source.feed(this.#decoder.decode(value, { stream: !done }));
      this.#sink.records("");
      if (!done) return;
      this.#sink.source.end?.();
      this.finish();
    } catch (error) {
      this.finish(error instanceof TabbyError ? error : new TabbyError({ kind: "transport", code: "transport", message: `the stream broke: ${wordsOf(error)}` }, { cause: error }));
    }
  }

  async #open() {
    const given = await this.#given;
    const response = typeof given?.getReader === "function" ? { body: given } : given;
    if (typeof response?.body?.getReader !== "function") throw misuse("`fromReadableStream` takes a `ReadableStream` or a `Response` with one");
    const { ok = true, status = 200, headers = [] } = response;
    if (!ok) throw new TabbyError({ kind: "server", code: `http_${status}`, status, message: `the stream was refused with status ${status}` });
    this.#sink.head(() => ({ status, headers: [...headers] }));
    return response.body.getReader();
  }

  cancel(reason) {
    this.finish(cancelled(reason));
  }

  placed(error) {
    return error;
  }

  finish(error) {
    if (this.#over) return;
    this.#over = true;
    if (error) this.#reader?.cancel().catch(() => {});
    this.#sink.end(error);
  }
}
