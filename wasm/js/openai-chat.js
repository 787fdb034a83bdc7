// Conversations that run automatically: one streamed response, or rounds with tools.

import { APIUserAbortError, OpenAIError } from "./openai-errors.js";
import { ChatRun } from "./openai-events.js";
import { isParsed, parsedCompletion, parses } from "./openai-parse.js";
import { ALL, Stream, linesOf } from "./openai-stream.js";
import { readJson } from "./json.js";
import { ChatTotal } from "./total.js";

/** A streamed response with events. */
export class ChatCompletionStream extends ChatRun {
  params;
  #adding;
  /** The calls of each choice, and its current call. */
  #states = new Map();

  constructor(params = null) {
    super();
    this.params = params;
  }

  /** The accumulated response so far. */
  get currentChatCompletionSnapshot() {
    return this.#adding?.soFar();
  }

  /** Sends a request and streams the response. */
  static createChatCompletion(client, params, options) {
    const made = new this(params);
    return made.run(async () => {
      for (const message of params.messages ?? []) made.addMessage(message, false);
      await made.read(client, params, options);
    }, () => made.emitFinal());
  }

  /** Creates a run from the lines of `toReadableStream`. */
  static fromReadableStream(readable) {
    const made = new this(null);
    return made.run(async () => {
      made.connected();
      for await (const line of linesOf(readable)) {
        if (made.controller.signal.aborted) throw new OpenAIError("Request was aborted.");
        if (line.error) throw new OpenAIError(line.error.message ?? "the stream failed");
        // Another response, or a result, follows the end of a response.
        if (made.#adding && (line.message || line.id !== made.#adding.id)) await made.#ending();
        if (line.message) made.addMessage(line.message);
        else made.#chunk(line, true);
      }
      if (made.#adding) await made.#ending();
    }, () => made.emitFinal());
  }

  /** Reads one response. */
  async read(client, params, options) {
    const call = joined(options, this.controller.signal);
    try {
      const stream = await client.chat.completions.create({ ...params, stream: true }, call.options);
      this.connected();
      const isAsked = Boolean(params.stream_options?.include_usage);
      for await (const chunk of stream[ALL]?.() ?? stream) this.#chunk(chunk, isAsked || chunk.choices?.length !== 0);
      if (call.options.signal.aborted || stream.controller?.signal.aborted) throw new APIUserAbortError();
      if (!this.#adding) throw new OpenAIError("request ended without sending any chunks");
      await this.#ending();
    } finally {
      call.stop();
      this.#adding = undefined;
    }
  }

  /** Accumulates a chunk, and emits its events if it is shown. */
  #chunk(chunk, isShown) {
    this.#adding ??= new Adding(chunk.id);
    const snapshot = this.#adding.push(chunk);
    if (!isShown) return;
    this.emit("chunk", chunk, snapshot);
    for (const { index = 0, delta, logprobs } of chunk.choices ?? []) {
      const choice = snapshot.choices.find((one) => one.index === index);
      if (!choice) continue;
      const { message } = choice;
      if (delta?.content != null && message.role === "assistant" && message.content) {
        this.emit("content", delta.content, message.content);
        const parsed = this.hasListener("content.delta") && parses(this.params) ? readJson(message.content).value : undefined;
        this.emit("content.delta", { delta: delta.content, snapshot: message.content, parsed });
      }
      if (delta?.refusal) this.emit("refusal.delta", { delta: delta.refusal, snapshot: message.refusal });
      if (logprobs?.content) this.emit("logprobs.content.delta", { content: logprobs.content, snapshot: choice.logprobs?.content ?? [] });
      if (logprobs?.refusal) this.emit("logprobs.refusal.delta", { refusal: logprobs.refusal, snapshot: choice.logprobs?.refusal ?? [] });
      for (const piece of delta?.tool_calls ?? []) this.#call(piece, index, message.tool_calls ?? []);
    }
  }

  #call(piece, choice, calls) {
    const at = Math.max(calls.findIndex((call) => (piece.index != null ? call.index === piece.index : call.id === piece.id)), 0);
    const call = calls[at];
    if (!call) return;
    const state = this.#states.get(choice) ?? { current: undefined };
    this.#states.set(choice, state);
    if (state.current !== undefined && state.current !== at) this.#callDone(calls[state.current], state.current);
    state.current = at;
    state.calls = calls;
    const { name, arguments: text } = call.function;
    const parsed = isParsed(this.#tool(name)) ? readJson(text).value : undefined;
    this.emit("tool_calls.function.arguments.delta", { name, index: at, arguments: text, parsed_arguments: parsed, arguments_delta: piece.function?.arguments ?? "" });
  }

  #callDone(call, index) {
    const { name, arguments: text } = call.function;
    const parsed = isParsed(this.#tool(name)) ? readJson(text).value : null;
    this.emit("tool_calls.function.arguments.done", { name, index, arguments: text, parsed_arguments: parsed });
  }

  #tool(name) {
    return this.params?.tools?.find((tool) => tool.function?.name === name);
  }

  /** Emits the events of a complete response. */
  async #ending() {
    const total = this.#adding.whole();
    this.#adding = undefined;
    for (const { calls, current } of this.#states.values()) if (current !== undefined) this.#callDone(calls[current], current);
    this.#states.clear();
    for (const { index, finish_reason } of total.choices) {
      if (!finish_reason) throw new OpenAIError(`missing finish_reason for choice ${index}`);
    }
    const completion = await parsedCompletion(total, this.params, true);
    for (const { message, logprobs } of completion.choices) {
      if (message.content) this.emit("content.done", { content: message.content, parsed: message.parsed });
      if (message.refusal) this.emit("refusal.done", { refusal: message.refusal });
      if (logprobs?.content?.length) this.emit("logprobs.content.done", { content: logprobs.content });
      if (logprobs?.refusal?.length) this.emit("logprobs.refusal.done", { refusal: logprobs.refusal });
    }
    this.addCompletion(completion);
  }

  /** Iterates over the chunks from now on. */
  [Symbol.asyncIterator]() {
    return this.queued({ chunk: (chunk) => chunk });
  }

  /** Iterates over the values of these events from now on, in order, without undefined ones. */
  queued(events) {
    const [buffered, readers] = [[], []];
    let failed;
    const push = (value) => {
      if (value === undefined) return;
      const reader = readers.shift();
      if (reader) reader.resolve({ value, done: false });
      else buffered.push(value);
    };
    for (const [event, say] of Object.entries(events)) this.on(event, (said) => push(say(said)));
    for (const event of ["abort", "error"]) this.on(event, (error) => (failed = error));
    this.on("end", () => {
      const last = failed;
      if (readers.length > 0) failed = undefined;
      for (const [at, { resolve, reject }] of readers.splice(0).entries()) last && at === 0 ? reject(last) : resolve({ value: undefined, done: true });
    });
    return {
      next: async () => {
        if (buffered.length > 0) return { value: buffered.shift(), done: false };
        const error = failed;
        failed = undefined;
        if (error) throw error;
        if (this.ended) return { value: undefined, done: true };
        return new Promise((resolve, reject) => readers.push({ resolve, reject }));
      },
      return: async () => {
        this.abort();
        return { value: undefined, done: true };
      },
    };
  }

  /** Returns the chunks as lines of JSON, with the results of tools between them. */
  toReadableStream() {
    const lines = this.lines();
    return new Stream(() => ({ [Symbol.asyncIterator]: () => lines }), this.controller).toReadableStream();
  }

  /** Iterates over the values of the lines from now on. */
  lines() {
    return this.queued({ chunk: (chunk) => chunk });
  }
}

/** Accumulates the chunks of a relayed response. */
class Adding {
  #total = new ChatTotal({}, undefined);
  id;

  constructor(id) {
    this.id = id;
  }

  push(chunk) {
    const { obfuscation: _, ...said } = structuredClone(chunk);
    this.#total.push(this.#total.item(said));
    return this.#total.output();
  }

  soFar() {
    return this.#total.output();
  }

  whole() {
    this.#total.finish();
    return this.#total.output();
  }
}

/** The options of a call that either signal aborts, and a function that stops listening. */
export function joined(options, own) {
  const both = new AbortController();
  const stops = [options?.signal, own].filter(Boolean).map((signal) => {
    const abort = () => both.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    return () => signal.removeEventListener("abort", abort);
  });
  return { options: { ...options, signal: both.signal }, stop: () => stops.forEach((stop) => stop()) };
}
