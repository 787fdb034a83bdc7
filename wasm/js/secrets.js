// Keys and other secrets of a client, and their removal from whatever it prints.

/** What stands where a secret stood. */
const REMOVED = "[removed]";
/** Shorter texts guard nothing, and stand in others by chance. */
const SHORTEST = 6;
/** How many keys of `getKey` are remembered. */
const MOST_KEYS = 16;
/** How deep into an error's causes to look. */
const DEEPEST = 8;

/** Headers whose value is made of parts that are secrets themselves. */
const OF_PARTS = /auth|key|token|secret|cookie|session|password/i;

export class Secrets {
  #keys = new Set();
  #fixed;

  /**
   * `headers` are those that the client sends with each request, as pairs, and `keys` those that it has from the start. With the secrets of another
   * client, keys that are added are added to both.
   */
  constructor(headers = [], keys = [], other) {
    if (other) this.#keys = other.#keys;
    this.#fixed = [...headers.flatMap(secretsOf), ...keys.filter((key) => typeof key === "string").map((key) => key.trim())];
  }

  /** Adds keys. They are sent without the blanks around them, so they are looked for in that way, too. */
  add(...keys) {
    for (const key of keys) {
      if (typeof key !== "string") continue;
      this.#keys.add(key.trim());
    }
    while (this.#keys.size > MOST_KEYS) this.#keys.delete(this.#keys.values().next().value);
  }

  /** What removes them, and the secrets of these headers of a single call. */
  cleaner(headers = []) {
    const plain = [...this.#keys, ...this.#fixed, ...headers.flatMap(secretsOf)];
    const all = new Set(plain.filter((text) => text.length >= SHORTEST).flatMap(writings));
    // The longest first: a secret that contains another one goes whole.
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

  /** A value out of JSON: its texts are cleaned, also the names of fields. */
  value(value) {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((entry) => this.value(entry));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [this.text(name), this.value(entry)]));
  }

  /** Headers as pairs; a value that holds a secret goes whole. */
  headers(pairs) {
    return pairs.map(([name, value]) => [name, this.isIn(value) ? REMOVED : value]);
  }

  /** What caused an error: another one in its place, if a secret stands in it. */
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

/** The words of whatever was thrown. */
export function wordsOf(thrown) {
  try {
    const message = thrown?.message ?? thrown;
    return typeof message === "object" ? JSON.stringify(message) ?? "an object" : String(message);
  } catch {
    return "something that has no words";
  }
}

/** All that may be printed of a thrown value and its causes. */
function shown(value, depth = 0) {
  if (depth > DEEPEST || value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  const own = Object.getOwnPropertyNames(value).map((name) => `${name}: ${shown(value[name], depth + 1)}`);
  return [wordsOf(value), ...own].join("\n");
}

/** The secrets in a header: its value, and the parts of one that carries keys. */
function secretsOf([name, value]) {
  if (!OF_PARTS.test(name)) return [value];
  // The scheme of an `authorization` is none.
  const rest = /^[\w-]+\s+\S/.test(value) ? value.replace(/^\S+\s+/, "") : value;
  const parts = rest.split(/[\s;,]+/).flatMap((part) => {
    const [, name, given] = /^([\w-]+)="?([^="].*?)"?$/.exec(part) ?? [];
    return name === undefined ? [part] : PUBLIC.has(name) ? [] : [given];
  });
  return [value, rest, ...parts, ...parts.flatMap(basic)];
}

/** What a Digest names besides its secrets. */
const PUBLIC = new Set(["realm", "uri", "algorithm", "qop", "nc", "charset"]);

/** `user:password` and its password, if this is what they are written as. */
function basic(part) {
  if (part.length < SHORTEST || !/^[\w+/=-]+$/.test(part)) return [];
  try {
    const text = atob(part);
    return text.includes(":") && /^[\x20-\x7e]+$/.test(text) ? [text, text.slice(text.indexOf(":") + 1)] : [];
  } catch {
    return [];
  }
}

/** The ways in which a server may write a text. */
function writings(text) {
  const all = [text, JSON.stringify(text).slice(1, -1)];
  try {
    all.push(encodeURIComponent(text), btoa(text));
  } catch {
    // Half a character, or one that Base64 does not know.
  }
  return all;
}
