// The shapes of answers, as far as the package relies on them. Other servers write numbers as strings, lists of parts for texts and more
// of that kind: what a field means is kept, what means nothing is left out, and the rest survives.

import { TabbyError } from "./error.js";
import { wellFormed } from "./text.js";

/** Reads a value: what it means, or `undefined` if it means nothing. */
const text = (value) => (typeof value === "string" ? wellFormed(value) : typeof value === "number" ? String(value) : undefined);

const count = (value) => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && number > -1 && number < 2 ** 64 ? Math.trunc(number) + 0 : undefined;
};

/** Text, or a list of parts that have some. The last character may be half of one, whose other half comes with the next piece. */
const content = (value) => {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((part) => content(part) ?? "").join("");
  if (typeof value === "object" && value !== null) return content(value.text);
  return typeof value === "number" ? String(value) : typeof value === "string" ? value : undefined;
};

/** The arguments of a call: JSON text, or what it would be the text of. */
const json = (value) => (typeof value === "string" ? value : value == null ? undefined : JSON.stringify(value));

/** Anything, with its texts mended. */
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
/** Counts of tokens are 0 if they mean nothing. */
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

/** What stands for null and for what is missing, where callers go through it. */
const EMPTY = { choices: () => [], data: () => [], results: () => [], delta: () => ({}), message: () => ({}) };
/** Fields of another shape that cannot be left out: there would be no answer. */
const NEEDED = new Set(["choices", "data", "results", "tokens"]);

/** Of whole answers, by operation. */
const ANSWERS = {
  "embeddings.create": { data: list({ index: count }) },
  "tokens.encode": { tokens: (value) => (Array.isArray(value) && value.every((id) => count(id) === id) ? value : undefined), length: count },
};

export const shapeOf = (operation) => ANSWERS[operation] ?? (/list|drafts|active/.test(operation) ? LIST : undefined);

/** The value, an object of these fields, with what they mean in their places. It is changed where it means something else. */
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
    // Only what is there: most fields are not.
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

/** Whatever went wrong with what the server said. Words of the host could quote the answer. */
export const unreadable = (error) => (error instanceof TabbyError ? error : unread("it has a shape that was not expected"));

function unread(reason, path) {
  return new TabbyError({ kind: "decode", code: "unexpected_json", message: `the answer could not be read: ${reason}`, path });
}
