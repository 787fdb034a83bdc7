// Events of a conversation that runs automatically: chunks, messages, and results.

import { APIUserAbortError, OpenAIError, openAIError } from "./openai-errors.js";

/** A run that emits events. */
export class EventStream {
  controller = new AbortController();
  ended = false;
  errored = false;
  aborted = false;
  #listeners = new Map();
  #isConnected = false;
  #done = deferred();

  on(event, listener) {
    return this.#add(event, listener, false);
  }

  once(event, listener) {
    return this.#add(event, listener, true);
  }

  off(event, listener) {
    const list = this.#listeners.get(event) ?? [];
    const at = list.findIndex((entry) => entry.listener === listener);
    if (at >= 0) list.splice(at, 1);
    return this;
  }

  /** Resolves to the value of the next event of this name. Rejects if the stream fails. */
  emitted(event) {
    return new Promise((resolve, reject) => {
      if (event !== "error") this.#done.promise.catch(reject);
      this.once(event, (...args) => resolve(args[0]));
    });
  }

  /** Settles when the run has ended, with its error if there is one. */
  done() {
    return this.#done.promise;
  }

  abort() {
    this.controller.abort();
  }

  #add(event, listener, isOnce) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, []);
    this.#listeners.get(event).push({ listener, isOnce });
    return this;
  }

  hasListener(event) {
    return (this.#listeners.get(event)?.length ?? 0) > 0;
  }

  emit(event, ...args) {
    if (this.ended) return;
    if (event === "end") this.ended = true;
    const list = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, list.filter(({ isOnce }) => !isOnce));
    for (const { listener } of list) listener(...args);
  }

  connected() {
    if (this.ended || this.#isConnected) return;
    this.#isConnected = true;
    this.emit("connect");
  }

  /** Starts the run in a later turn, so that listeners can be added first. */
  run(body, finish) {
    setTimeout(async () => {
      try {
        await body();
        finish();
        this.#done.resolve();
        this.emit("end");
      } catch (error) {
        this.#fail(error);
      }
    }, 0);
    this.#done.promise.catch(() => {});
    return this;
  }

  #fail(thrown) {
    this.errored = true;
    let error = this.controller.signal.aborted ? new APIUserAbortError() : openAIError(thrown);
    if (!(error instanceof OpenAIError)) {
      const cause = error;
      error = new OpenAIError(cause instanceof Error ? cause.message : String(cause));
      error.cause = cause;
    }
    this.#done.reject(error);
    const isAbort = error instanceof APIUserAbortError;
    if (isAbort) this.aborted = true;
    try {
      this.emit(isAbort ? "abort" : "error", error);
    } finally {
      this.emit("end");
    }
  }
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** One or more rounds of a conversation, and the result. */
export class ChatRun extends EventStream {
  messages = [];
  completions = [];

  allChatCompletions() {
    return [...this.completions];
  }

  async finalChatCompletion() {
    await this.done();
    const last = this.completions.at(-1);
    if (!last) throw new OpenAIError("stream ended without producing a ChatCompletion");
    return last;
  }

  async finalContent() {
    await this.done();
    return this.#finalMessage().content ?? null;
  }

  async finalMessage() {
    await this.done();
    return this.#finalMessage();
  }

  async finalFunctionToolCall() {
    await this.done();
    return this.#finalCall();
  }

  async finalFunctionToolCallResult() {
    await this.done();
    return this.#finalResult();
  }

  async totalUsage() {
    await this.done();
    return this.#usage();
  }

  #finalMessage() {
    const found = this.messages.findLast(({ role }) => role === "assistant");
    if (!found) throw new OpenAIError("stream ended without producing a ChatCompletionMessage with role=assistant");
    return { ...found, content: found.content ?? null, refusal: found.refusal ?? null };
  }

  #finalCall() {
    return this.messages.findLast(({ role, tool_calls }) => role === "assistant" && tool_calls?.length)?.tool_calls.at(-1).function;
  }

  #finalResult() {
    return this.messages.findLast(({ role }) => role === "tool")?.content;
  }

  #usage() {
    const total = { completion_tokens: 0, prompt_tokens: 0, total_tokens: 0 };
    for (const { usage } of this.completions) for (const name in total) total[name] += usage?.[name] ?? 0;
    return total;
  }

  addCompletion(completion) {
    this.completions.push(completion);
    this.emit("chatCompletion", completion);
    const message = completion.choices[0]?.message;
    if (message) this.addMessage(message);
  }

  addMessage(message, emits = true) {
    this.messages.push(message);
    if (!emits) return;
    this.emit("message", message);
    if (message.role === "tool" && message.content !== undefined) this.emit("functionToolCallResult", message.content);
    if (message.role !== "assistant") return;
    for (const call of message.tool_calls ?? []) if (call.type === "function") this.emit("functionToolCall", call.function);
  }

  /** Emits the final events. */
  emitFinal() {
    const completion = this.completions.at(-1);
    if (!completion) throw new OpenAIError("stream ended without producing a ChatCompletion");
    this.emit("finalChatCompletion", completion);
    const message = this.#finalMessage();
    this.emit("finalMessage", message);
    if (message.content) this.emit("finalContent", message.content);
    const [call, result] = [this.#finalCall(), this.#finalResult()];
    if (call) this.emit("finalFunctionToolCall", call);
    if (result != null) this.emit("finalFunctionToolCallResult", result);
    if (this.completions.some(({ usage }) => usage)) this.emit("totalUsage", this.#usage());
  }
}
