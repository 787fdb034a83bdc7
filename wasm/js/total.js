// What the items of a stream add up to: the answer that the same request would have got whole.

import { TabbyError } from "./error.js";
import { CHAT, CHAT_CHUNK, COMPLETION, PIECE, PROGRESS, RESULTS, shaped } from "./shape.js";

/** How many choices, calls of a choice, and parts of a model there may be; how many characters may be added up. */
const MOST = 1024;
const MOST_TEXT = 64 << 20;

/** What is read by its name, or must not be copied: `message` is the sum, `__proto__` would be no field. */
const OF_DELTA = new Set(["role", "content", "reasoning_content", "tool_calls", "__proto__"]);
const OF_CHOICE = ["index", "logprobs", "finish_reason", "eos_reason", "__proto__"];
const OF_CHAT = new Set([...OF_CHOICE, "delta", "message"]);
const OF_COMPLETION = new Set([...OF_CHOICE, "text"]);

class Budget {
  #left = MOST_TEXT;

  take(length) {
    this.#left -= length;
    if (this.#left < 0) throw tooLarge("stream_too_large", `the answer adds up to more than the cap of ${MOST_TEXT} characters`);
  }

  append(text, more) {
    this.take(more.length);
    return (text ?? "") + more;
  }

  oneMore(count, what) {
    if (count >= MOST) throw tooLarge("too_many_indices", `the answer has more ${what} than the cap of ${MOST}`);
  }
}

const tooLarge = (code, message) => new TabbyError({ kind: "too_large", code, message });

/** Adds up chunks of chat completions. */
export class ChatTotal {
  shape = CHAT_CHUNK;
  #answer = { id: "", object: "chat.completion", created: 0, model: "", choices: [] };
  #budget = new Budget();
  /** The call of each choice that was last added to. */
  #latest = new Map();

  push(chunk) {
    const answer = this.#answer;
    head(answer, chunk);
    for (const piece of chunk.choices) this.#choice(piece);
  }

  output() {
    return this.#answer;
  }

  /** Chunks of a whole answer. */
  split(whole) {
    const { choices, ...rest } = shaped(whole, CHAT);
    const pieces = choices.map(({ message, ...choice }) => ({ ...choice, delta: message }));
    return [{ ...rest, object: "chat.completion.chunk", choices: pieces }];
  }

  #choice(piece) {
    const { delta = {}, logprobs, finish_reason, eos_reason } = piece;
    const index = piece.index ?? 0;
    const make = () => ({ index, message: { role: "assistant", content: null }, finish_reason: null });
    const choice = sorted(this.#answer.choices, index, make, this.#budget, "choices");
    const { message } = choice;
    const { role, content, reasoning_content, tool_calls } = delta;
    if (role) message.role = role;
    if (typeof content === "string") message.content = this.#budget.append(message.content, content);
    if (typeof reasoning_content === "string") {
      message.reasoning_content = this.#budget.append(message.reasoning_content, reasoning_content);
    }
    if (tool_calls?.length) this.#calls(choice, tool_calls);
    if (logprobs?.content) {
      choice.logprobs ??= { content: [] };
      extend(choice.logprobs.content, logprobs.content, this.#budget);
    }
    // Some servers say "" before the end.
    if (finish_reason) choice.finish_reason = finish_reason;
    if (eos_reason) choice.eos_reason = eos_reason;
    merge(message, delta, OF_DELTA, this.#budget);
    merge(choice, piece, OF_CHAT, this.#budget);
  }

  #calls(choice, pieces) {
    const calls = (choice.message.tool_calls ??= []);
    // One chunk never holds two pieces of one call: what looks like it are two calls with a repeated index.
    const touched = new Set();
    for (const piece of pieces) {
      let call = route(calls, this.#latest.get(choice), piece, touched);
      if (call === undefined) {
        this.#budget.oneMore(calls.length, "tool calls in a choice");
        call = { id: "", type: "function", function: { name: "", arguments: "" } };
        // After its equals, so that calls under one index keep the order in which they came.
        const after = piece.index == null ? calls.length - 1 : calls.findLastIndex((c) => c.index == null || c.index <= piece.index);
        calls.splice(after + 1, 0, call);
      }
      this.#latest.set(choice, call);
      touched.add(call);
      if (piece.id && !call.id) call.id = this.#budget.append("", piece.id);
      if (call.index == null && piece.index != null) call.index = piece.index;
      if (piece.type) call.type = piece.type;
      const { name, arguments: text } = piece.function ?? {};
      if (name && name !== call.function.name) call.function.name = this.#budget.append("", name);
      if (typeof text === "string") call.function.arguments = this.#budget.append(call.function.arguments, text);
    }
  }
}

/** The call that a piece belongs to: by id, then by index, then the latest one; undefined if it begins a new one. */
function route(calls, latest, piece, touched) {
  const id = piece.id ?? "";
  const name = piece.function?.name ?? "";
  if (id) {
    const same = latest?.id === id ? latest : calls.find((call) => call.id === id);
    if (same) return same;
  }
  let call;
  if (piece.index == null) call = latest ?? calls.at(-1);
  else call = latest?.index === piece.index ? latest : calls.findLast((other) => other.index === piece.index);
  if (call === undefined) return undefined;
  const named = name !== "" && call.function.name !== "";
  // The id is late if the call has none yet; a new id under an old index is a new call.
  if (id) return call.id === "" && !touched.has(call) && !named ? call : undefined;
  const another = named && (piece.index == null || call.function.name !== name || touched.has(call));
  return another ? undefined : call;
}

/** Adds up chunks of completions. */
export class CompletionTotal {
  shape = COMPLETION;
  #answer = { id: "", object: "text_completion", created: 0, model: "", choices: [] };
  #budget = new Budget();

  push(chunk) {
    head(this.#answer, chunk);
    for (const piece of chunk.choices) {
      const { text, logprobs, finish_reason, eos_reason } = piece;
      const index = piece.index ?? 0;
      const make = () => ({ index, text: "", finish_reason: null });
      const choice = sorted(this.#answer.choices, index, make, this.#budget, "choices");
      if (typeof text === "string") choice.text = this.#budget.append(choice.text, text);
      if (logprobs) {
        choice.logprobs ??= {};
        for (const [name, list] of Object.entries(logprobs)) {
          if (!Array.isArray(list) || name in Object.prototype) continue;
          extend((choice.logprobs[name] ??= []), list, this.#budget);
        }
      }
      if (finish_reason) choice.finish_reason = finish_reason;
      if (eos_reason) choice.eos_reason = eos_reason;
      merge(choice, piece, OF_COMPLETION, this.#budget);
    }
  }

  output() {
    return this.#answer;
  }

  split(whole) {
    return [shaped(whole, COMPLETION)];
  }
}

/** Adds up the events of a load. */
export class LoadTotal {
  shape = PROGRESS;
  #report = { parts: [] };

  push({ model_type, module, modules, status }) {
    const { parts } = this.#report;
    let part = parts.find((other) => other.model_type === model_type);
    if (part === undefined) {
      if (parts.length >= MOST) throw tooLarge("too_many", `the load has more parts of a model than the cap of ${MOST}`);
      part = { model_type, finished: false };
      parts.push(part);
    }
    Object.assign(part, { module: module ?? 0, modules: modules ?? 0, finished: part.finished || status === "finished" });
  }

  output() {
    const { parts } = this.#report;
    // The one sign by which the server tells that it did nothing.
    const wasLoadedAlready = parts.length === 1 && parts[0].model_type === "model" && parts[0].modules === 1;
    return { ...this.#report, wasLoadedAlready };
  }
}

/** Adds up the pieces of a KoboldAI stream. */
export class KoboldTotal {
  shape = PIECE;
  #text = "";
  #budget = new Budget();

  push({ token }) {
    this.#text = this.#budget.append(this.#text, token ?? "");
  }

  output() {
    return { results: [{ text: this.#text }] };
  }

  split(whole) {
    return shaped(whole, RESULTS).results.slice(0, 1).map(({ text }) => ({ token: text ?? "" }));
  }
}

/** What is the same in all chunks; the server says `model_name` in chunks of completions. */
function head(answer, { id, created, model, model_name, usage }) {
  answer.id ||= id ?? "";
  answer.model ||= model ?? model_name ?? "";
  answer.created ||= created ?? 0;
  if (usage) answer.usage = usage;
}

/** The entry of an index in a list that is sorted by it. */
function sorted(list, index, make, budget, what) {
  const last = list.at(-1);
  if (last?.index === index) return last;
  const at = list.findIndex((entry) => entry.index >= index);
  if (at >= 0 && list[at].index === index) return list[at];
  budget.oneMore(list.length, what);
  const entry = make();
  list.splice(at < 0 ? list.length : at, 0, entry);
  return entry;
}

/** A list may be too long for the arguments of one call. */
function extend(list, more, budget) {
  for (const entry of more) {
    budget.take(weight(entry));
    list.push(entry);
  }
}

/** Copies what was not read by name. (To gather the rest by `...rest` makes an object per chunk, and takes twice as long.) */
function merge(to, from, read, budget) {
  for (const name in from) {
    const value = from[name];
    if (value == null || value === to[name] || read.has(name)) continue;
    budget.take(name.length + weight(value));
    to[name] = value;
  }
}

/** Roughly what a value takes, in characters. */
function weight(value) {
  if (typeof value === "string") return value.length;
  let sum = 16;
  if (typeof value === "object") for (const name in value) sum += name.length + weight(value[name]);
  return sum;
}
