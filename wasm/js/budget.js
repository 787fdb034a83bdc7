// Limits the size of an accumulated response.

import { TabbyError } from "./error.js";
import { bytesOf } from "./text.js";

/** In bytes of UTF-8, like all limits. */
const ACCUMULATED = 64 << 20;
const INDICES = 1024;

export class Budget {
  #cap;
  #left;
  #indices;

  constructor({ accumulated = ACCUMULATED, indices = INDICES } = {}) {
    this.#cap = this.#left = Number(accumulated);
    this.#indices = Number(indices);
  }

  take(bytes) {
    this.#left -= bytes;
    if (this.#left < 0) {
      const message = `the stream accumulates to more than the cap of ${this.#cap} bytes`;
      throw tooLarge("stream_too_large", message, "raise `limits.accumulated` if such answers are expected");
    }
  }

  append(text, more) {
    this.take(bytesOf(more));
    return (text ?? "") + more;
  }

  oneMore(present, what) {
    if (present < this.#indices) return;
    throw tooLarge("too_many_indices", `the stream has more than ${this.#indices} ${what}`, "raise `limits.indices` if so many are expected");
  }

  /** Appends in slices, since a list may be too long for the arguments of one call. */
  extend(list, more) {
    for (const entry of more) {
      this.take(weight(entry));
      list.push(entry);
    }
  }

  /** Copies the fields that were not read by name. (Collecting them with `...rest` creates an object per chunk, and takes twice as long.) */
  merge(to, from, read) {
    for (const name in from) {
      const value = from[name];
      if (value == null || value === to[name] || read.has(name)) continue;
      this.take(bytesOf(name) + weight(value));
      to[name] = value;
    }
  }
}

export function tooLarge(code, reason, hint) {
  return new TabbyError({ kind: "too_large", code, reason, hint, message: `${reason}; ${hint}` });
}

/** The approximate size of a value, in bytes. */
function weight(value) {
  if (typeof value === "string") return 16 + bytesOf(value);
  let sum = 16;
  if (typeof value === "object") for (const name in value) sum += bytesOf(name) + weight(value[name]);
  return sum;
}
