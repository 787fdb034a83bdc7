// Streams that come as lines of JSON, as lines.js writes them, from a server of the caller's own.

import { TabbyError, cancelled, misuse } from "./error.js";
import { needed } from "./host.js";
import { wordsOf } from "./secrets.js";
import { MessageStream } from "./stream.js";
import { ChatTotal, CompletionTotal } from "./total.js";

/** The stream whose lines `toReadableStream` wrote: of the body of a response, say, or of the response, whose errors it then has. */
export function fromReadableStream(given, { limits, total = new Mixed(limits) } = {}) {
  return new MessageStream(undefined, undefined, undefined, undefined, (sink) => {
    const source = new Lines(total);
    return { total, source, flow: new Relay(given, sink) };
  });
}

/** What lines add up to: conversations or completions, as the first one says. */
class Mixed {
  #limits;
  #total;

  constructor(limits) {
    this.#limits = limits;
  }

  item(value) {
    this.#total ??= new (value.object === "text_completion" ? CompletionTotal : ChatTotal)(this.#limits);
    return this.#total.item(value);
  }

  push(item) {
    this.#total.push(item);
  }

  finish() {
    this.#total?.finish();
  }

  output() {
    return (this.#total ??= new ChatTotal(this.#limits)).output();
  }
}

class Lines {
  #text = "";
  #total;

  constructor(total) {
    this.#total = total;
  }

  feed(text) {
    this.#text += text;
  }

  next() {
    const end = this.#text.indexOf("\n");
    if (end < 0) return undefined;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    if (line.trim() === "") return this.next();
    const value = JSON.parse(line);
    if (value.error && !value.choices) throw TabbyError.from(value.error);
    return this.#total.item(value);
  }
}

/** Brings lines, as a flow brings records. */
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
      this.#sink.source.feed(this.#decoder.decode(value, { stream: !done }) + (done ? "\n" : ""));
      this.#sink.records("");
      if (done) this.finish();
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
    this.#sink.head({ status, headers: [...headers] });
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
