// Keys and other secrets of a client, and their removal from everything that it prints.

/** The replacement for a secret. */
const REMOVED = "[removed]";
/** Shorter texts protect nothing, and occur in other texts by chance. */
const SHORTEST = 6;
/** The number of remembered keys of `getKey`. */
const MOST_KEYS = 16;
/** The maximum depth of causes to inspect. */
const DEEPEST = 8;

/** Headers whose value has parts that are secrets themselves. */
const OF_PARTS = /auth|key|token|secret|cookie|session|password/i;

export class Secrets {
  #keys = new Set();
  #fixed;

  /**
   * `headers` are the headers that the client sends with each request, as pairs, and `keys` its initial keys. With the secrets of another
   * client, keys that are added are added to both.
   */
  constructor(headers = [], keys = [], other) {
    if (other) this.#keys = other.#keys;
    this.#fixed = [...headers.flatMap(secretsOf), ...keys.filter((key) => typeof key === "string").map((key) => key.trim())];
  }

  /** Adds keys. They are sent trimmed, so the trimmed form is also searched. */
  add(...keys) {
    for (const key of keys) {
      if (typeof key !== "string") continue;
      this.#keys.add(key.trim());
    }
    while (this.#keys.size > MOST_KEYS) this.#keys.delete(this.#keys.values().next().value);
  }

  /** Returns a redactor for these secrets and for the headers of a single call. */
  cleaner(headers = []) {
    const plain = [...this.#keys, ...this.#fixed, ...headers.flatMap(secretsOf)];
    const all = new Set(plain.filter((text) => text.length >= SHORTEST).flatMap(writings));
    // The longest first, so that a secret that contains another one is removed whole.
    return new Cleaner([...all].sort((one, other) => other.length - one.length));
  }
}

class Cleaner {
  #secrets;

  constructor(secrets) {
    this.#secrets = secrets;
  }

  isIn(text) {
    return this.#secrets.some((secret) => text.includes(secret));
  }

  text(text) {
    return this.#secrets.reduce((text, secret) => (text.includes(secret) ? text.replaceAll(secret, REMOVED) : text), text);
  }

  /** Cleans a JSON value: its texts, and the names of fields. */
  value(value) {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((entry) => this.value(entry));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [this.text(name), this.value(entry)]));
  }

  /** Cleans headers, as pairs. A value that contains a secret is removed whole. */
  headers(pairs) {
    return pairs.map(([name, value]) => [name, this.isIn(value) ? REMOVED : value]);
  }

  /** Cleans the cause of an error: returns a replacement if it contains a secret. */
  cause(cause) {
    if (cause === undefined || this.#secrets.length === 0) return cause;
    try {
      if (!this.isIn(shown(cause))) return cause;
      const clean = new Error(this.text(wordsOf(cause)));
      if (typeof cause?.name === "string") clean.name = this.text(cause.name);
      clean.stack = this.text(typeof cause?.stack === "string" ? cause.stack : "");
      return clean;
    } catch {
      return new Error(REMOVED);
    }
  }
}

/** The message of a thrown value. */
export function wordsOf(thrown) {
  try {
    const message = thrown?.message ?? thrown;
    return typeof message === "object" ? JSON.stringify(message) ?? "an object" : String(message);
  } catch {
    return "a value without a message";
  }
}

/** All printable texts of a thrown value and its causes. */
function shown(value, depth = 0) {
  if (depth > DEEPEST || value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  const own = Object.getOwnPropertyNames(value).map((name) => `${name}: ${shown(value[name], depth + 1)}`);
  return [wordsOf(value), ...own].join("\n");
}

/** The secrets in a header: its value, and the parts of one that carries keys. */
function secretsOf([name, value]) {
  if (!OF_PARTS.test(name)) return [value];
  // The scheme of an `authorization` header is not a secret.
  const rest = /^[\w-]+\s+\S/.test(value) ? value.replace(/^\S+\s+/, "") : value;
  const parts = rest.split(/[\s;,]+/).flatMap((part) => {
    const [, name, given] = /^([\w-]+)="?([^="].*?)"?$/.exec(part) ?? [];
    return name === undefined ? [part] : PUBLIC.has(name) ? [] : [given];
  });
  return [value, rest, ...parts, ...parts.flatMap(basic)];
}

/** The parameters of a Digest that are not secrets. */
const PUBLIC = new Set(["realm", "uri", "algorithm", "qop", "nc", "charset"]);

/** `user:password` and the password, if the value is their encoding. */
function basic(part) {
  if (part.length < SHORTEST || !/^[\w+/=-]+$/.test(part)) return [];
  try {
    const text = atob(part);
    return text.includes(":") && /^[\x20-\x7e]+$/.test(text) ? [text, text.slice(text.indexOf(":") + 1)] : [];
  } catch {
    return [];
  }
}

/** The encodings that a server may use for a text. */
function writings(text) {
  const all = [text, JSON.stringify(text).slice(1, -1)];
  try {
    all.push(encodeURIComponent(text), btoa(text));
  } catch {
    // Half of a character, or a character that Base64 does not support.
  }
  return all;
}
