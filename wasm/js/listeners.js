// Listeners of a stream: for pieces of text, complete tool calls, an error, the end.

import { report } from "./host.js";

export class Listeners {
  #total;
  #all = new Map();
  /** The number of reported calls of each choice. */
  #reported = new Map();

  constructor(total) {
    this.#total = total;
  }

  add(name, listener) {
    if (!this.#all.has(name)) this.#all.set(name, []);
    this.#all.get(name).push(listener);
  }

  item(item) {
    if (item.token) this.#call("content", item.token, 0);
    for (const { index = 0, delta, text, finish_reason } of item.choices ?? []) {
      const piece = delta?.content ?? text;
      if (piece) this.#call("content", piece, index);
      if (finish_reason) this.#calls(index);
    }
  }

  end(error) {
    for (const { index } of error ? [] : (this.#total.output().choices ?? [])) this.#calls(index);
    if (!error) return this.#call("end", this.#total.output());
    // An error without a listener must not be lost.
    if (this.#all.has("error")) this.#call("error", error);
    else report(error);
  }

  #calls(index) {
    const choice = this.#total.output().choices.find((choice) => choice.index === index);
    const calls = choice?.message?.tool_calls ?? [];
    for (const call of calls.slice(this.#reported.get(index) ?? 0)) this.#call("toolCall", call, index);
    this.#reported.set(index, calls.length);
  }

  #call(name, ...values) {
    for (const listener of this.#all.get(name) ?? []) {
      try {
        const done = listener(...values);
        if (typeof done?.then === "function") done.then(undefined, report);
      } catch (error) {
        report(error);
      }
    }
  }
}
