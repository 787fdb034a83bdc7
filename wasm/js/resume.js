// Resumes streams: the module decides, and this file writes the request for the rest and joins the items.

import { misuse } from "./error.js";
import { amount, known } from "./settings.js";
import { added } from "./usage.js";

/** Request fields that constrain a response. */
const CONSTRAINTS = ["json_schema", "regex_pattern", "grammar_string", "grammar", "guided_json", "guided_regex", "guided_grammar", "structured_outputs"];

/** The settings for resuming, for the module; undefined if resuming is off. */
export function resumeOf(given, request, operation) {
  if (given == null || given === false) return undefined;
  const { attempts, base, cap, anyModel, finalMessage, onResume } = given === true ? {} : given;
  if (typeof given !== "object" && given !== true) throw misuse("`resume` must be an object, or true");
  if (given !== true) known(given, ["attempts", "base", "cap", "anyModel", "finalMessage", "onResume"], "resume");
  if (!/^(chat|completions)\.stream/.test(operation)) throw misuse("`resume` is for streams of conversations and completions");
  if (onResume != null && typeof onResume !== "function") throw misuse("`resume.onResume` must be a function");
  const { response_format: format } = request;
  const isSet = (name) => request[name] != null;
  return {
    attempts: amount(attempts, "resume", "attempts"),
    base: amount(base, "resume", "base"),
    cap: amount(cap, "resume", "cap"),
    any_model: Boolean(anyModel),
    final_message: Boolean(finalMessage),
    constrained: CONSTRAINTS.some(isSet) || (format != null && format.type !== "text"),
    max_tokens: mostOf(request),
    opens: request.add_generation_prompt !== false,
    continues: request.continue_final_message === true,
  };
}

function mostOf(request) {
  const most = request.max_tokens ?? request.max_completion_tokens ?? request.max_length;
  return typeof most === "number" ? most : null;
}

/** Joins the items of a stream that may arrive in parts. `records` has the items of all parts. */
export class Joined {
  #records;
  #request;
  #queue = [];
  #part = 0;
  /** The metadata of the first chunk. */
  #head = {};
  #said = { text: "", reasoning: "" };
  #isNamed = false;
  /** The usage of earlier parts, and the last usage of this part. */
  #before;
  #latest;

  /** `request` is the original request. */
  constructor(records, request) {
    this.#records = records;
    this.#request = request;
  }

  feed(text) {
    this.#records.feed(text);
  }

  next() {
    return this.#queue.length > 0 ? this.#queue.shift() : this.#read();
  }

  /** Returns the request for the rest, after `tokens` tokens. Items that were not read yet are kept. */
  rest({ tokens, as_message: asMessage }) {
    for (let item = this.#read(); item !== undefined; item = this.#read()) this.#queue.push(item);
    const request = spent(this.#request, tokens);
    const { text, reasoning } = this.#said;
    if ("prompt" in request) {
      const { prompt } = request;
      return { ...request, prompt: Array.isArray(prompt) ? [prompt[0] + text] : prompt + text };
    }
    const said = (request.response_prefix ?? "") + text;
    if (!asMessage) return { ...request, response_prefix: said };
    // Templates and the server trim messages. A prefix is not changed.
    const content = said.trimEnd();
    const message = { role: "assistant", content, ...(reasoning ? { reasoning_content: reasoning } : {}) };
    const { response_prefix: _, ...others } = request;
    const blank = said.slice(content.length);
    const continued = { messages: [...request.messages, message], continue_final_message: true, add_generation_prompt: false };
    return { ...others, ...continued, ...(blank ? { response_prefix: blank } : {}) };
  }

  #read() {
    for (;;) {
      const item = this.#records.next();
      if (item === undefined) return undefined;
      if (this.#take(item)) return item;
    }
  }

  /** Adds an item to the joined stream. Returns whether it has content there. */
  #take(item) {
    const isLater = this.#records.part > 0;
    if (this.#records.part !== this.#part) {
      this.#part = this.#records.part;
      if (this.#latest) this.#before = added(this.#before, this.#latest);
      this.#latest = undefined;
    }
    const { usage } = item;
    if (usage) this.#latest = usage;
    if (usage && this.#before) item.usage = added(usage, this.#before);
    for (const name of HEAD) {
      if (this.#head[name] == null || this.#head[name] === "") this.#head[name] = item[name];
      else if (isLater || item[name] == null) item[name] = this.#head[name];
    }
    let says = !isLater || Boolean(usage);
    const isNamed = this.#isNamed;
    for (const choice of item.choices) {
      const { delta = {} } = choice;
      if (delta.role) this.#isNamed = true;
      if (isLater && isNamed) delete delta.role;
      this.#said.text += delta.content ?? choice.text ?? "";
      this.#said.reasoning += delta.reasoning_content ?? "";
      says ||= Object.keys(delta).length > 0 || Boolean(choice.text || choice.finish_reason || choice.logprobs);
    }
    return says;
  }
}

const HEAD = ["id", "object", "created", "model", "model_name"];

/** Reduces the limits of a request by the tokens that are known to have arrived. */
function spent(request, tokens) {
  const most = mostOf(request);
  const less = most > 0 ? { max_tokens: Math.max(most - tokens, 1) } : {};
  const { min_tokens: least } = request;
  return { ...request, ...less, ...(typeof least === "number" ? { min_tokens: Math.max(least - tokens, 0) } : {}) };
}
