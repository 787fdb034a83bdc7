// Reads JSON that may be incomplete, such as from a streaming response.

/** Deeper values are treated as broken, like responses of a server. */
const DEEPEST = 128;

/**
 * Reads JSON as far as possible. `state` is "whole", "cut" if more text could complete it, or "broken"; `at` is where it is broken, or else
 * where it ends. `value` is the partial value: text so far, lists and objects with their finished and begun entries. A number or a word that more text
 * could change is omitted.
 */
export function readJson(text) {
  const reader = new Reader(text);
  const value = reader.value(0);
  if (reader.state === "whole") {
    reader.skip();
    if (reader.at < text.length) reader.state = "broken";
  }
  return { value: value === NOTHING ? undefined : value, state: reader.state, at: reader.at };
}

/** A marker that cannot be a JSON value. */
const NOTHING = Symbol("nothing");

const BLANK = /[ \t\n\r]*/y;
/** Characters of a string up to an escape or its end. */
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BEGUN_NUMBER = /^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?(?:(?<=\d)[eE][+-]?\d*)?)?$/;
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] };
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class Reader {
  at = 0;
  state = "whole";
  #text;
  /** The number of open lists and objects. */
  #depth = 0;

  constructor(text) {
    this.#text = text;
  }

  skip() {
    BLANK.lastIndex = this.at;
    BLANK.test(this.#text);
    this.at = BLANK.lastIndex;
  }

  value(depth) {
    this.skip();
    const first = this.#text[this.at];
    if (first === undefined) return this.#cut();
    if (first === '"') return this.#string();
    if (first === "{" || first === "[") {
      if (depth === DEEPEST) return this.#broken();
      return first === "{" ? this.#object(depth) : this.#list(depth);
    }
    return first in WORDS ? this.#word(...WORDS[first]) : this.#number();
  }

  #cut() {
    this.state = "cut";
    return NOTHING;
  }

  #broken() {
    this.state = "broken";
    return NOTHING;
  }

  #word(word, value) {
    const found = this.#text.slice(this.at, this.at + word.length);
    if (!word.startsWith(found)) return this.#broken();
    this.at += found.length;
    return found === word ? value : this.#cut();
  }

  #number() {
    const text = this.#text;
    NUMBER.lastIndex = this.at;
    const end = NUMBER.test(text) ? NUMBER.lastIndex : this.at;
    // More digits may follow.
    if (/^[-\d.eE+]*$/.test(text.slice(end, end + 4)) && end + 4 >= text.length && BEGUN_NUMBER.test(text.slice(this.at))) {
      // At the top level, the end of the text is also the end of the number.
      if (this.#depth === 0 && end === text.length) return this.#finished(end);
      return this.#cut();
    }
    return end === this.at ? this.#broken() : this.#finished(end);
  }

  #finished(end) {
    const number = Number(this.#text.slice(this.at, end));
    this.at = end;
    return number;
  }

  #string() {
    const text = this.#text;
    let value = "";
    this.at++;
    for (;;) {
      PLAIN.lastIndex = this.at;
      PLAIN.test(text);
      value += text.slice(this.at, PLAIN.lastIndex);
      this.at = PLAIN.lastIndex;
      const next = text[this.at];
      if (next === '"') return this.at++, value;
      if (next === undefined) return (this.state = "cut"), value;
      if (next !== "\\") return this.#broken();
      const escaped = text[this.at + 1];
      if (escaped === "u") {
        const digits = text.slice(this.at + 2, this.at + 6);
        if (!/^[\da-fA-F]*$/.test(digits)) return this.#broken();
        if (digits.length < 4) return (this.state = "cut"), value;
        value += String.fromCharCode(parseInt(digits, 16));
        this.at += 6;
      } else if (escaped === undefined) return (this.state = "cut"), value;
      else if (!(escaped in ESCAPES)) return this.#broken();
      else {
        value += ESCAPES[escaped];
        this.at += 2;
      }
    }
  }

  #list(depth) {
    const list = [];
    this.at++;
    this.#depth++;
    const isOver = this.#entries("]", () => {
      const value = this.value(depth + 1);
      if (value !== NOTHING) list.push(value);
    });
    if (isOver) this.#depth--;
    return list;
  }

  #object(depth) {
    const object = {};
    this.at++;
    this.#depth++;
    const isOver = this.#entries("}", () => {
      if (this.#text[this.at] !== '"') return this.#text[this.at] === undefined ? this.#cut() : this.#broken();
      const name = this.#string();
      if (this.state !== "whole") return undefined;
      this.skip();
      if (this.#text[this.at] !== ":") return this.#text[this.at] === undefined ? this.#cut() : this.#broken();
      this.at++;
      const value = this.value(depth + 1);
      // This also supports the name `__proto__`.
      if (value !== NOTHING) Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      return undefined;
    });
    if (isOver) this.#depth--;
    return object;
  }

  /** Reads entries up to the closing bracket. Returns whether it was found. */
  #entries(close, entry) {
    for (let isFirst = true; ; isFirst = false) {
      this.skip();
      if (isFirst && this.#text[this.at] === close) return this.at++, true;
      entry();
      if (this.state !== "whole") return false;
      this.skip();
      const next = this.#text[this.at++];
      if (next === close) return true;
      if (next === ",") {
        this.skip();
        continue;
      }
      this.at--;
      if (next === undefined) this.#cut();
      else this.#broken();
      return false;
    }
  }
}
