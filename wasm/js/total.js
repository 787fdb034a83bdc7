// Accumulates the items of a stream to the response that the same request would have returned whole.

import { Budget } from "./budget.js";
import { addCalls } from "./calls.js";
import { CHAT, CHAT_CHUNK, COMPLETION, PIECE, PROGRESS, RESULTS, shapeOf, shaped } from "./shape.js";
import { Halves, bytesOf, wellFormed } from "./text.js";

/** The number of characters that are kept as pieces. */
const TAIL = 1024;

/** The texts of a message that arrive in pieces. */
const TEXTS = ["content", "reasoning_content", "refusal"];

/** Fields that are read by name, or must not be copied: `message` is the accumulated one, `__proto__` would not be a field. */
const OF_HEAD = new Set(["id", "object", "created", "model", "model_name", "choices", "usage", "error", "__proto__"]);
const OF_DELTA = new Set([...TEXTS, "role", "reasoning", "tool_calls", "function_call", "reasoning_details", "__proto__"]);
const OF_CHOICE = ["index", "logprobs", "finish_reason", "eos_reason", "error", "__proto__"];
const OF_CHAT = new Set([...OF_CHOICE, "delta", "message"]);
const OF_COMPLETION = new Set([...OF_CHOICE, "text", "message"]);

/** The common part of streams with choices. */
class ChoiceTotal {
  shape;
  budget;
  answer;
  halves = new Halves();
  /** Whether there is only one choice, whatever its index is: some servers increment it with each token. */
  #isOne;
  /** The template of the last item, and where its text was added, if further items of this template only add text. */
  #repeated;
  #grown;
  #field = "";
  /** The text there: the joined part, and the latest pieces. */
  #base = "";
  #tail = "";

  constructor(shape, object, limits, expected) {
    this.shape = shape;
    this.budget = new Budget(limits);
    this.answer = { id: "", object, created: 0, model: "", choices: [] };
    this.#isOne = expected === 1;
  }

  /** Converts an event to an item. */
  item(chunk) {
    const item = shaped(chunk, this.shape);
    item.choices ??= [];
    // Several choices in one event are distinguished by their indices.
    if (this.#isOne && item.choices.length === 1 && item.choices[0].index) item.choices[0].index = 0;
    for (const choice of item.choices) this.mend(choice, choice.index ?? 0);
    return item;
  }

  /** Whether the items of a template equal their events. `root` is one of these events. */
  isPlain(root) {
    const written = JSON.stringify(root);
    const isPlain = ({ index, delta, message, finish_reason }) =>
      !message && !finish_reason && !(this.#isOne && index) && !delta?.tool_calls && !("reasoning" in (delta ?? {}));
    return JSON.stringify(shaped(root, this.shape)) === written && Array.isArray(root.choices) && root.choices.every(isPlain);
  }

  /** Whether items of a template with well-formed texts can be used unchanged. */
  get passes() {
    return this.halves.isEmpty;
  }

  /** Adds an item. With a `template`, the item is that template with `text`. */
  push(item, template, text) {
    if (template !== undefined && template === this.#repeated) return this.#grow(text);
    this.add(item);
    this.#repeated = undefined;
    if (template?.field === undefined) return;
    const [piece] = item.choices;
    this.#grown = this.grown(this.choice(piece.index ?? 0), piece, template.field);
    if (this.#grown === undefined) return;
    this.#field = template.field;
    this.#base = this.#grown[template.field];
    this.#tail = "";
    this.#repeated = template;
  }

  /** Adds another item of the same template: only its text is new. */
  #grow(text) {
    this.budget.take(bytesOf(text));
    this.#tail += text;
    // A string that grows piece by piece is a chain of all its pieces until it is read, and the garbage collector moves the chain repeatedly.
    if (this.#tail.length > TAIL && this.#tail.charCodeAt(0) >= 0) {
      this.#base += this.#tail;
      this.#tail = "";
    }
    this.#grown[this.#field] = this.#base + this.#tail;
  }

  /** Adds the fields that are the same in all chunks. The server sends `model_name` in chunks of completions. */
  head(chunk) {
    const { answer } = this;
    const { id, created, model, model_name, usage } = chunk;
    answer.id ||= id ?? "";
    answer.model ||= model ?? model_name ?? "";
    answer.created ||= created ?? 0;
    if (usage) answer.usage = usage;
    this.budget.merge(answer, chunk, OF_HEAD);
  }

  /** The entry with this index in a list sorted by index. */
  choice(index, make) {
    const list = this.answer.choices;
    const last = list.at(-1);
    if (last?.index === index) return last;
    const at = list.findIndex((entry) => entry.index >= index);
    if (at >= 0 && list[at].index === index) return list[at];
    this.budget.oneMore(list.length, "choices");
    this.budget.take(64);
    const entry = make(index);
    list.splice(at < 0 ? list.length : at, 0, entry);
    return entry;
  }

  output() {
    return this.answer;
  }

  /** Drops halves of characters when a part broke, since the next part repeats them whole. */
  nextPart() {
    this.halves = new Halves();
    this.#repeated = undefined;
  }

  /** Ends the stream: adds incomplete characters, and completes the text. */
  finish() {
    this.#repeated = undefined;
    for (const name of this.halves.names) this.left(name, this.halves.rest(name));
  }
}

/** Accumulates chunks of chat completions. */
export class ChatTotal extends ChoiceTotal {
  /** The latest call of each choice. */
  #latest = new Map();
  /** Choices with a message in place of deltas. */
  #messages = new Set();

  constructor(limits, expected) {
    super(CHAT_CHUNK, "chat.completion", limits, expected);
  }

  add(chunk) {
    this.head(chunk);
    for (const piece of chunk.choices) this.#choice(piece);
  }

  /** The field to which the text of a piece was added, if it is the only text. */
  grown({ message }, { delta }, field) {
    return TEXTS.every((name) => name === field || !delta[name]) ? message : undefined;
  }

  /** Holds back halves of characters, and reduces a message next to the delta, or in its place, to its new part. */
  mend(choice, index) {
    choice.delta ??= {};
    const { delta, message } = choice;
    if (message) this.#said(delta, message, index, !!choice.finish_reason);
    unify(delta);
    for (const name of TEXTS) {
      if (typeof delta[name] === "string") delta[name] = this.halves.join(`${index} ${name}`, delta[name]);
    }
    for (const [at, call] of (delta.tool_calls ?? []).entries()) {
      const { function: called } = call;
      if (typeof called?.arguments === "string") called.arguments = this.halves.join(`${index} ${call.index ?? at} call`, called.arguments);
    }
    if (choice.finish_reason) this.#finish(delta, index);
  }

  /** Converts a whole response to chunks. */
  split(whole) {
    const { choices, ...rest } = wholeChat(whole);
    const pieces = choices.map(({ message, ...choice }) => ({ ...choice, delta: message }));
    return [{ ...rest, object: "chat.completion.chunk", choices: pieces }];
  }

  left(name, rest) {
    const [index, field] = name.split(" ");
    const message = this.answer.choices.find((choice) => choice.index === Number(index))?.message;
    if (message && TEXTS.includes(field)) message[field] = (message[field] ?? "") + rest;
  }

  /** The incomplete characters of a choice that has ended. */
  #finish(delta, index) {
    for (const name of TEXTS) {
      const rest = this.halves.rest(`${index} ${name}`);
      if (rest) delta[name] = (delta[name] ?? "") + rest;
    }
  }

  #said(delta, message, index, isLast) {
    const sum = this.answer.choices.find((choice) => choice.index === index)?.message ?? {};
    unify(message);
    for (const name of TEXTS) {
      const [text, known] = [message[name], sum[name] ?? ""];
      if (delta[name] || typeof text !== "string") continue;
      const isAll = text.startsWith(known) && (isLast || text.length > known.length);
      delta[name] = isAll ? text.slice(known.length) : text;
    }
    delta.role ??= message.role;
    const isPiece = this.#messages.has(index) || !sum.tool_calls?.length;
    if (!delta.tool_calls?.length && message.tool_calls?.length && isPiece) {
      this.#messages.add(index);
      delta.tool_calls = message.tool_calls.map((call) => news(call, sum.tool_calls, isLast));
    }
  }

  #choice(piece) {
    const { budget } = this;
    const { delta = {}, logprobs, finish_reason, eos_reason } = piece;
    const make = (index) => ({ index, message: { role: "assistant", content: null }, finish_reason: null });
    const choice = this.choice(piece.index ?? 0, make);
    const { message } = choice;
    const { role, tool_calls, function_call, reasoning_details } = delta;
    if (role) message.role = role;
    for (const name of TEXTS) {
      if (typeof delta[name] === "string") message[name] = budget.append(message[name], delta[name]);
    }
    if (tool_calls?.length) this.#latest.set(choice, addCalls((message.tool_calls ??= []), this.#latest.get(choice), tool_calls, budget));
    if (function_call) message.function_call = joined(message.function_call, function_call, budget);
    if (Array.isArray(reasoning_details)) message.reasoning_details = detailed(message.reasoning_details, reasoning_details, budget);
    if (logprobs?.content) {
      choice.logprobs ??= { content: [] };
      budget.extend(choice.logprobs.content, logprobs.content);
    }
    // Some servers send "" before the end.
    if (finish_reason) choice.finish_reason = finish_reason;
    if (eos_reason) choice.eos_reason = eos_reason;
    budget.merge(message, delta, OF_DELTA);
    budget.merge(choice, piece, OF_CHAT);
  }
}

/** Accumulates chunks of completions. */
export class CompletionTotal extends ChoiceTotal {
  constructor(limits, expected) {
    super(COMPLETION, "text_completion", limits, expected);
  }

  add(chunk) {
    this.head(chunk);
    const { budget } = this;
    for (const piece of chunk.choices) {
      const { text, logprobs, finish_reason, eos_reason } = piece;
      const choice = this.choice(piece.index ?? 0, (index) => ({ index, text: "", finish_reason: null }));
      if (typeof text === "string") choice.text = budget.append(choice.text, text);
      if (logprobs) {
        choice.logprobs ??= {};
        const offsets = offsetsAfter(choice.logprobs, logprobs);
        for (const [name, list] of Object.entries(logprobs)) {
          if (!Array.isArray(list) || name in Object.prototype) continue;
          budget.extend((choice.logprobs[name] ??= []), name === "text_offset" ? offsets : list);
        }
      }
      if (finish_reason) choice.finish_reason = finish_reason;
      if (eos_reason) choice.eos_reason = eos_reason;
      budget.merge(choice, piece, OF_COMPLETION);
    }
  }

  grown(choice) {
    return choice;
  }

  mend(choice, index) {
    if (typeof choice.text === "string") choice.text = this.halves.join(`${index}`, choice.text);
    const rest = choice.finish_reason && this.halves.rest(`${index}`);
    if (rest) choice.text = (choice.text ?? "") + rest;
  }

  left(name, rest) {
    const choice = this.answer.choices.find(({ index }) => index === Number(name));
    if (choice) choice.text += rest;
  }

  split(whole) {
    return [wholeCompletion(whole)];
  }
}

/** The offsets of a chunk in the whole text. Each chunk starts at 0; other offsets are used unchanged. */
function offsetsAfter({ text_offset = [], tokens = [] }, { text_offset: offsets }) {
  const [last, token] = [text_offset.at(-1), tokens.at(-1)];
  if (offsets?.[0] !== 0 || typeof last !== "number" || typeof token !== "string") return offsets;
  // In characters.
  const base = last + [...token].length;
  return offsets.map((offset) => (typeof offset === "number" ? offset + base : offset));
}

/** Accumulates the events of a load. */
export class LoadTotal {
  #report = { parts: [] };
  #budget;

  constructor(limits) {
    this.#budget = new Budget(limits);
  }

  item(event) {
    return shaped(event, PROGRESS);
  }

  push({ model_type = "", module, modules, status }) {
    const { parts } = this.#report;
    let part = parts.find((other) => other.model_type === model_type);
    if (part === undefined) {
      this.#budget.oneMore(parts.length, "parts of a model");
      part = { model_type, finished: false };
      parts.push(part);
    }
    Object.assign(part, { module: module ?? 0, modules: modules ?? 0, finished: part.finished || status === "finished" });
  }

  output() {
    const { parts } = this.#report;
    // This is the only sign that the server did nothing.
    const wasLoadedAlready = parts.length === 1 && parts[0].model_type === "model" && parts[0].modules === 1;
    return { ...this.#report, wasLoadedAlready };
  }
}

/** Accumulates events of unknown type as a list. */
export class ListTotal {
  #list = [];
  #budget;

  constructor(limits) {
    this.#budget = new Budget(limits);
  }

  item(event) {
    return event;
  }

  push(event) {
    this.#budget.extend(this.#list, [event]);
  }

  output() {
    return this.#list;
  }
}

/** Accumulates the pieces of a KoboldAI stream. */
export class KoboldTotal {
  #text = "";
  #budget;
  #halves = new Halves();

  constructor(limits) {
    this.#budget = new Budget(limits);
  }

  item(event) {
    const item = shaped(event, PIECE);
    item.token = this.#halves.join("", item.token ?? "");
    return item;
  }

  get passes() {
    return this.#halves.isEmpty;
  }

  push({ token }) {
    this.#text = this.#budget.append(this.#text, token ?? "");
  }

  finish() {
    this.#text += this.#halves.rest("");
  }

  output() {
    return { results: [{ text: this.#text }] };
  }

  split(whole) {
    return wholeResults(whole).results.slice(0, 1).map(({ text }) => ({ token: text ?? "" }));
  }
}

/** Converts a whole response to its meaning. */
export function wholeOf(operation) {
  return WHOLE[operation] ?? ((answer) => shaped(answer, shapeOf(operation)));
}

const WHOLE = { "chat.create": wholeChat, "completions.create": wholeCompletion, "kobold.generate": wholeResults };

function wholeChat(answer) {
  for (const { message } of shaped(answer, CHAT).choices ?? []) if (message) wholeMessage(message);
  return answer;
}

function wholeCompletion(answer) {
  for (const choice of shaped(answer, COMPLETION).choices ?? []) if (choice.text !== undefined) choice.text = wellFormed(choice.text);
  return answer;
}

function wholeResults(answer) {
  for (const result of shaped(answer, RESULTS).results ?? []) if (result.text !== undefined) result.text = wellFormed(result.text);
  return answer;
}

function wholeMessage(message) {
  unify(message);
  for (const name of TEXTS) if (typeof message[name] === "string") message[name] = wellFormed(message[name]);
  for (const call of message.tool_calls ?? []) {
    // Calls of kinds without a function are not changed.
    if (call.function === undefined && (call.type ?? "function") !== "function") continue;
    const { name = "", arguments: text = "" } = (call.function ??= {});
    Object.assign(call.function, { name, arguments: wellFormed(text) });
  }
}

/** A call of a message without the known part, since each message may repeat the whole call. */
function news(call, known = [], isLast) {
  const same = call.id ? known.find(({ id }) => id === call.id)?.function.arguments : undefined;
  const text = call.function?.arguments;
  if (!same || typeof text !== "string" || !text.startsWith(same) || !(isLast || text.length > same.length)) return call;
  return { ...call, function: { ...call.function, arguments: text.slice(same.length) } };
}

/** Reasoning has two field names. */
function unify(message) {
  if (!("reasoning" in message)) return;
  if (typeof message.reasoning === "string") message.reasoning_content ||= message.reasoning;
  delete message.reasoning;
}

/** A function call of the older kind, with name and arguments in pieces. */
function joined(call, piece, budget) {
  if (typeof piece !== "object") return call;
  call ??= {};
  for (const name in piece) {
    if (name === "__proto__" || piece[name] == null) continue;
    const isText = typeof piece[name] === "string" && typeof (call[name] ?? "") === "string";
    const isSame = name === "name" && call.name === piece.name;
    if (isText && !isSame) call[name] = budget.append(call[name], piece[name]);
  }
  return call;
}

/** Details of reasoning: entries with the same index and type are pieces of one. */
function detailed(list = [], pieces, budget) {
  for (const piece of pieces) {
    if (typeof piece !== "object" || piece === null) continue;
    const same = list.find((entry) => piece.index != null && entry.index === piece.index && (piece.type ?? entry.type) === entry.type);
    if (same === undefined) {
      budget.oneMore(list.length, "details of reasoning in a choice");
      budget.extend(list, [{ ...piece }]);
      continue;
    }
    for (const name in piece) {
      if (name === "__proto__" || piece[name] == null) continue;
      if (PIECES.has(name) && typeof piece[name] === "string") same[name] = budget.append(same[name], piece[name]);
      else same[name] ??= piece[name];
    }
  }
  return list;
}

const PIECES = new Set(["text", "summary", "data", "signature"]);
