// The shapes of responses, as far as the package relies on them. Other servers send numbers as strings, lists of parts as texts, and similar
// deviations: the meaning of a field is kept, meaningless values are omitted, and the rest is kept.

import { TabbyError } from "./error.js";
import { wellFormed } from "./text.js";

/** Reads a value. Returns its meaning, or `undefined` if it has none. */
const text = (value) => (typeof value === "string" ? wellFormed(value) : typeof value === "number" ? String(value) : undefined);

const count = (value) => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && number > -1 && number < 2 ** 64 ? Math.trunc(number) + 0 : undefined;
};

/** Text, or a list of parts with text. The last character may be incomplete, and the next piece completes it. */
const content = (value) => {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((part) => content(part) ?? "").join("");
  if (typeof value === "object" && value !== null) return content(value.text);
  return typeof value === "number" ? String(value) : typeof value === "string" ? value : undefined;
};

/** The arguments of a call: JSON text, or the value itself. */
const json = (value) => (typeof value === "string" ? value : value == null ? undefined : JSON.stringify(value));

/** Any value, with its texts repaired. */
const any = (value) => {
  if (typeof value === "string") return wellFormed(value);
  if (Array.isArray(value)) return value.map(any);
  if (typeof value === "object" && value !== null) for (const name in value) value[name] = any(value[name]);
  return value;
};

/** A list of objects. A single object is a list of one; other entries are ignored. */
const list = (fields) => (value) => {
  const entries = Array.isArray(value) ? value : [value];
  const isObject = (entry) => typeof entry === "object" && entry !== null && !Array.isArray(entry);
  if (!Array.isArray(value) && !isObject(value)) return undefined;
  return entries.every(isObject) ? (entries.forEach((entry) => read(entry, fields)), entries) : list(fields)(entries.filter(isObject));
};

const object = (fields) => (value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? read(value, fields) : undefined);

const FUNCTION = object({ name: text, arguments: json });
const CALLS = list({ index: count, id: text, type: text, function: FUNCTION });
export const MESSAGE = { role: text, content, reasoning_content: content, reasoning: content, refusal: content, tool_calls: CALLS };
const REASONS = { finish_reason: text, eos_reason: text };
const USAGE = object({
  ...{ prompt_tokens: count, completion_tokens: count, total_tokens: count },
  prompt_tokens_details: object({ cached_tokens: count }),
  completion_tokens_details: object({ accepted_prediction_tokens: count, rejected_prediction_tokens: count }),
});
/** Token counts are 0 if they are meaningless. */
const usage = (value) => {
  const counts = USAGE(value);
  for (const name of ["prompt_tokens", "completion_tokens", "total_tokens"]) if (counts) counts[name] ??= 0;
  return counts;
};
const HEAD = { id: text, object: text, created: count, model: text, model_name: text, usage };
const CHAT_LOGPROBS = object({ content: list({ token: text, top_logprobs: list({ token: text }) }) });
const LOGPROBS = object({ tokens: any });

const CHAT_CHOICE = { index: count, delta: object(MESSAGE), message: object(MESSAGE), logprobs: CHAT_LOGPROBS, ...REASONS };
export const CHAT_CHUNK = { ...HEAD, choices: list(CHAT_CHOICE) };
export const COMPLETION = { ...HEAD, choices: list({ index: count, text: content, logprobs: LOGPROBS, ...REASONS }) };
export const PIECE = { token: content };
export const PROGRESS = { model_type: text, module: count, modules: count, status: text };
export const CHAT = CHAT_CHUNK;
export const RESULTS = { results: list({ text: content }) };
const LIST = { data: list({}) };

/** The replacement for null and missing values that callers iterate. */
const EMPTY = { choices: () => [], data: () => [], results: () => [], delta: () => ({}), message: () => ({}) };
/** Fields that cannot be omitted, since the response would be empty without them. */
const NEEDED = new Set(["choices", "data", "results", "tokens"]);

/** The shapes of whole responses, by operation. */
const ANSWERS = {
  "embeddings.create": { object: text, data: list({ index: count, object: text }) },
  "tokens.encode": { tokens: (value) => (Array.isArray(value) && value.every((id) => count(id) === id) ? value : undefined), length: count },
};

export const shapeOf = (operation) => ANSWERS[operation] ?? (/list|drafts|active/.test(operation) ? LIST : undefined);

/** Replaces the fields of an object with their meaning, where it differs. */
export function shaped(value, fields) {
  if (fields === undefined) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unread("it is not an object");
  for (const name in fields) {
    if (NEEDED.has(name) && value[name] != null && fields[name](value[name]) === undefined) throw unread(`\`${name}\` is not a list`, name);
  }
  return read(value, fields);
}

function read(value, fields) {
  for (const name in fields) {
    // Only present fields, since most are missing.
    if (!(name in value)) continue;
    const given = value[name];
    if (given === null) {
      if (name in EMPTY) value[name] = EMPTY[name]();
      continue;
    }
    const meant = fields[name](given);
    if (meant === given) continue;
    if (meant !== undefined) value[name] = meant;
    else if (name in EMPTY) value[name] = EMPTY[name]();
    else delete value[name];
  }
  return value;
}

/** Creates the error for an invalid response. Messages of the host could quote it. */
export const unreadable = (error) => (error instanceof TabbyError ? error : unread("it has a shape that was not expected"));

function unread(reason, path) {
  return new TabbyError({ kind: "decode", code: "unexpected_json", message: `the answer could not be read: ${reason}`, path });
}
