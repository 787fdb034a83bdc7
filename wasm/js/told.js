// Messages that stand beside deltas or in place of them: pieces, or each time all that was said so far.

const TEXTS = ["content", "reasoning_content"];

/** What deltas and messages have said in a stream, so that nothing is said twice. */
export class Told {
  /** What came by deltas, of any choice. */
  #byDeltas = new Set();
  /** What came by messages, by choice. */
  #messages = new Map();

  /** Takes over what a choice says in its `message`, and remembers what it says in its delta. */
  merge(choice, index) {
    const { delta, message } = choice;
    for (const name of TEXTS) if (delta[name]) this.#byDeltas.add(name);
    if (delta.tool_calls?.length) this.#byDeltas.add("tool_calls");
    delete choice.message;
    if (!message) return;
    if (this.#byDeltas.size === 0) {
      for (const name in message) if (!OF_PIECES.has(name) && message[name] != null) delta[name] ??= message[name];
    }
    if (!this.#messages.has(index)) this.#messages.set(index, { content: "", reasoning_content: "" });
    const before = this.#messages.get(index);
    const isLast = choice.finish_reason != null;
    for (const name of TEXTS) {
      const text = message[name];
      if (this.#byDeltas.has(name) || typeof text !== "string") continue;
      const known = before[name];
      // One that begins with all that was said, and goes on, is all of it again; and so is the last one, if it is the same.
      const isAll = known !== "" && text.startsWith(known) && (isLast || text.length > known.length);
      delta[name] = isAll ? text.slice(known.length) : text;
      before[name] += delta[name];
    }
    if (this.#byDeltas.has("tool_calls") || !message.tool_calls?.length) return;
    const calls = JSON.stringify(message.tool_calls);
    if (before.calls !== calls) delta.tool_calls = message.tool_calls;
    before.calls = calls;
  }
}

const OF_PIECES = new Set([...TEXTS, "tool_calls", "__proto__"]);
