// The state machine of a tool run, without IO: the next step, and the result.

import { misuse } from "./error.js";
import { fieldsOf, known } from "./settings.js";
import { bytesOf, failure } from "./toolfailure.js";
import { definitionOf, named } from "./toolset.js";
import { added } from "./usage.js";

/** The limits of a run: responses, calls at a time, calls per response, milliseconds per call, bytes per result. */
const LIMITS = { rounds: 8, parallel: 4, calls: 16, timeout: 60_000, resultBytes: 64 << 10 };
const LEAST = { rounds: 1, parallel: 1, calls: 0, timeout: 0, resultBytes: 0 };

/** The constraints under which a model cannot write a tool call. */
const FORMS = ["response_format", "json_schema", "regex_pattern", "grammar_string"];

/** The minimum limit for the message of a failure, in bytes, so that the model can use it. */
const MESSAGE = 512;

export class ToolLoop {
  /** The request. Its messages are complete rounds: each call is followed by its result. */
  #request;
  #limits;
  /** The calls of the current response, each with its state. */
  #calls;
  /** How the run ended. */
  #end;
  /** The constraint for the last round, once no more tools are called. */
  #form;
  #answer;
  #usage;
  #counts = { rounds: 0, calls: 0, failures: 0 };
  tools;

  /** Adds the tools to the definitions of the request. They replace definitions with the same name. */
  constructor(given, tools, limits) {
    const request = fieldsOf(given);
    if (request.n > 1) throw misuse("a run with tools requires a single choice; leave `n` unset");
    const { runnable, definitions } = named(tools);
    this.tools = runnable;
    const own = [...runnable.entries()].map(([name, tool]) => definitionOf(name, tool));
    const all = [...definitions.filter((tool) => !runnable.has(tool.function?.name)), ...own];
    this.#request = { ...request, messages: [...(request.messages ?? [])], tools: all };
    if (all.length === 0) delete this.#request.tools;
    else this.#form = this.#takeForm();
    this.#limits = limitsOf(limits);
  }

  /** The number of responses so far. */
  get rounds() {
    return this.#counts.rounds;
  }

  /** The time limit of a call, in milliseconds. */
  get timeout() {
    return this.#limits.timeout;
  }

  /** Returns the next step: `ask` with a request, `call` to run with its `index`, nothing while results are awaited, or `end`. */
  step() {
    if (this.#end) return { end: this.#end };
    if (!this.#calls) return { ask: { ...this.#request, messages: [...this.#request.messages] } };
    const { message, slots } = this.#calls;
    const index = slots.findIndex((slot) => slot === "waiting");
    if (index < 0 || slots.filter((slot) => slot === "running").length >= this.#limits.parallel) return {};
    slots[index] = "running";
    return { index, call: message.tool_calls[index] };
  }

  /** Takes the response to the request of `ask`. */
  answer(answer) {
    if (this.#calls || this.#end) throw misuse("an answer was passed that was not requested");
    this.#counts.rounds++;
    if (answer.usage) this.#usage = added(this.#usage ?? {}, answer.usage);
    const request = this.#request;
    // The next round may respond freely, even if this one had to call a tool.
    if (request.tool_choice === "required" || typeof request.tool_choice === "object") request.tool_choice = "auto";
    const choice = answer.choices?.[0];
    const message = { ...choice?.message, role: "assistant" };
    const isWanted = choice?.finish_reason === "tool_calls";
    this.#answer = answer;
    if (message.tool_calls?.length) return this.#begin(message);
    delete message.tool_calls;
    if (this.#form && !isWanted) {
      Object.assign(request, this.#form, { tool_choice: "none" });
      this.#form = undefined;
      return undefined;
    }
    if (!isWanted || message.content) request.messages.push(message);
    this.#end = isWanted ? "unreadable" : "answered";
    return undefined;
  }

  /** Takes the result of a running call: `{ text }`, or `{ failure }`. Returns it as the model receives it. */
  result(index, given) {
    const slots = this.#calls?.slots;
    if (slots?.[index] !== "running") throw misuse("a result was passed for a call that was not running");
    const result = capped(given, this.#limits.resultBytes);
    slots[index] = result;
    if (result.failure && this.#limits.stopOnFailure) this.#complete("tool_failed");
    else if (slots.every((slot) => typeof slot === "object")) this.#complete();
    return result;
  }

  /** The result so far. `partial` is an incomplete response. */
  output(partial) {
    const answer = partial ?? this.#answer;
    const text = answer?.choices?.[0]?.message?.content ?? "";
    return { end: this.#end ?? "unfinished", answer, text, messages: [...this.#request.messages], ...this.#counts, usage: this.#usage };
  }

  #takeForm() {
    const form = {};
    for (const name of FORMS) {
      const value = this.#request[name];
      if (value == null || (name === "response_format" && value.type === "text")) continue;
      form[name] = value;
      delete this.#request[name];
    }
    return Object.keys(form).length > 0 ? form : undefined;
  }

  /** Starts the calls of a response. */
  #begin(message) {
    const { rounds } = this.#counts;
    const ids = new Set();
    // Results refer to calls by id, so each call needs a unique one.
    message.tool_calls = message.tool_calls.map((call, index) => {
      const id = call.id && !ids.has(call.id) ? call.id : `call_${rounds}_${index}`;
      ids.add(id);
      return { ...call, id };
    });
    const cap = this.#limits.calls;
    const tooMany = () => ({ failure: failure("too_many_calls", `only the first ${cap} calls of an answer are run`) });
    const slots = message.tool_calls.map((_, index) => (index < cap ? "waiting" : tooMany()));
    this.#calls = { message, slots };
    if (rounds >= this.#limits.rounds) this.#complete("round_limit");
    else if (this.#limits.stopOnFailure && slots.length > cap) this.#complete("tool_failed");
    else if (slots.every((slot) => typeof slot === "object")) this.#complete();
  }

  /** Appends the calls and their results, and continues or ends. */
  #complete(end) {
    const { message, slots } = this.#calls;
    this.#calls = undefined;
    this.#end = end;
    this.#request.messages.push(message);
    for (const [index, slot] of slots.entries()) {
      const result = typeof slot === "object" ? slot : { failure: failure("not_run", "the conversation was ended before this call was run") };
      this.#counts.calls++;
      if (result.failure) this.#counts.failures++;
      const content = result.failure ? JSON.stringify(result.failure) : result.text;
      this.#request.messages.push({ role: "tool", tool_call_id: message.tool_calls[index].id, content });
    }
  }
}

function limitsOf(given) {
  known(given, [...Object.keys(LIMITS), "stopOnFailure"], "limits");
  const limits = { ...LIMITS, stopOnFailure: Boolean(given?.stopOnFailure) };
  for (const name in LIMITS) {
    const value = given?.[name];
    if (value == null) continue;
    if (typeof value !== "number" || !(value >= 0)) throw misuse(`\`limits.${name}\` must be a number of at least ${LEAST[name]}, or \`Infinity\``, undefined, "invalid_option");
    limits[name] = Math.max(value, LEAST[name]);
  }
  return limits;
}

/** A result as the model receives it. */
function capped(result, cap) {
  if (result.failure) {
    const { error, message } = result.failure;
    return { failure: { error, message: cut(message, Math.max(cap, MESSAGE)) } };
  }
  const bytes = bytesOf(result.text);
  if (bytes <= cap) return result;
  return { failure: failure("too_large", `the result has ${bytes} bytes, more than the cap of ${cap}; ask for less`) };
}

function cut(text, most) {
  if (bytesOf(text) <= most) return text;
  // Only whole characters.
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(most));
  return text.slice(0, read);
}
