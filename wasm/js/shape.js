// The shapes of answers, as far as the package relies on them: one of another shape is an error that says where.

import { TabbyError } from "./error.js";

const MESSAGE = { content: "", reasoning_content: "", tool_calls: [{ index: 0, id: "", function: { name: "", arguments: "" } }] };
const LOGPROBS = { content: [{}] };

// Examples of what stands where; what is absent, or not named here, is left to whoever reads.
export const CHAT_CHUNK = { choices: [{ index: 0, delta: MESSAGE, logprobs: LOGPROBS }] };
export const COMPLETION = { choices: [{ index: 0, text: "", logprobs: {} }] };
export const PIECE = { token: "" };
export const PROGRESS = { model_type: "", module: 0, modules: 0, status: "" };

export const CHAT = { choices: [{ index: 0, message: MESSAGE, logprobs: LOGPROBS }] };
export const RESULTS = { results: [{ text: "" }] };
const LIST = { data: [] };

/** What stands for null, in place of an error: the server writes what it does not know so. */
const EMPTY = { choices: () => [], data: () => [], results: () => [], delta: () => ({}), message: () => ({}) };

/** Of whole answers, by operation. */
const ANSWERS = {
  "chat.create": CHAT,
  "completions.create": COMPLETION,
  "embeddings.create": { data: [{ index: 0 }] },
  "tokens.encode": { tokens: [0], length: 0 },
  "kobold.generate": RESULTS,
};

export const shapeOf = (operation) => ANSWERS[operation] ?? (/list|drafts|active/.test(operation) ? LIST : undefined);

/** The value, if it has the shape. */
export function shaped(value, shape, path = "") {
  if (shape === undefined) return value;
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) throw unread(`\`${path}\` is no list`, path);
    if (shape.length > 0) value.forEach((entry, at) => shaped(entry, shape[0], `${path}[${at}]`));
  } else if (typeof shape === "object") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw unread(`\`${path}\` is no object`, path);
    for (const name in shape) {
      // What callers go through is there for them.
      if (value[name] === null && name in EMPTY) value[name] = EMPTY[name]();
      if (value[name] != null) shaped(value[name], shape[name], path ? `${path}.${name}` : name);
    }
  } else if (typeof value !== typeof shape || (shape === 0 && !(Number.isInteger(value) && value >= 0))) {
    throw unread(`\`${path}\` is no ${shape === 0 ? "whole number" : "string"}`, path);
  }
  return value;
}

/** Whatever went wrong with what the server said. */
export const unreadable = (error) => (error instanceof TabbyError ? error : unread(error.message));

function unread(reason, path) {
  return new TabbyError({ kind: "decode", code: "unexpected_json", message: `the answer could not be read: ${reason}`, path });
}
