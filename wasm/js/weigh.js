// Estimates the memory of a long JSON text before the host parses it: a few bytes can become many, such as `{}` in a list.

import { tooLarge } from "./budget.js";

/** Shorter texts are harmless and are not checked; in UTF-16 units. */
const SMALL = 64 << 10;
/** The memory that every text may take, in bytes. */
const FLOOR = 16 << 20;
/** The factor for memory during parsing, since the parser keeps each value until its list is complete. */
const WHILE_PARSING = 2.5;

/** The size of values in V8 on 64 bits without compressed pointers, in bytes. Other hosts take less. */
const SLOT = 8;
const NUMBER = 16;
const TEXT = 24;
/** Equal texts up to this length are shared. */
const SHARED = 10;
const EMPTY_LIST = 32;
const LIST = 48;
const EMPTY_OBJECT = 56;
const OBJECT = 24;
/** The cost of a field that no object had after the same fields. Objects with the same fields share their shape. */
const NEW_FIELD = 128;
/** An object with many fields is a table, and shares nothing. */
const MANY = 64;
const ROW = 64;
/** The memory of the parser for each value. */
const HELD = 16;

/** The limit of the module itself. */
const DEEPEST = 128;

/** The number of fields and short texts that can be distinguished. */
const KNOWN = 1 << 20;

const [QUOTE, PLUS, COMMA, DOT, NINE, COLON, BACKSLASH] = [..."\"+,.9:\\"].map((character) => character.charCodeAt(0));
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT, SMALL_E, LARGE_E, SMALL_U] = [..."[]{}eEu"].map((character) => character.charCodeAt(0));

/** Throws if the values of a JSON text would exceed the limits. Invalid JSON is left to the parser. */
export function weigh(text, { items = 1 << 24, depth = 128, expansion = 4 } = {}) {
  if (text.length <= SMALL) return;
  const scale = new Scale(text, Number(items), Number(depth), Number(expansion));
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = scale.text(at + 1);
    else if (unit === OPEN_LIST || unit === OPEN_OBJECT) scale.open(unit === OPEN_OBJECT);
    else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) scale.close();
    else if (unit > COMMA && unit !== COLON) at = scale.word(at);
  }
}

class Scale {
  #text;
  #items;
  #depth;
  #expansion;
  #room;
  #kept = 0;
  #held = 0;
  #values = 0;
  /** The hashes of what was seen, as bits: fields, each after the previous ones of its object, and short texts, each in its field. */
  #known = new Uint32Array(KNOWN / 32);
  #seed = (Math.random() * 2 ** 32) | 1;
  /** For each open list and object, by level: its kind, its values, the memory of the parser, its fractions, its fields. */
  #level = 0;
  #isObject;
  #counts;
  #helds;
  #fractions;
  #paths;

  constructor(text, items, depth, expansion) {
    [this.#text, this.#items, this.#expansion] = [text, items, expansion];
    // The module rejects more levels anyway.
    this.#depth = Math.min(Math.max(depth, 0), DEEPEST);
    this.#room = Math.max(text.length * expansion, FLOOR) + SMALL;
    const levels = this.#depth + 2;
    this.#isObject = new Uint8Array(levels);
    [this.#counts, this.#helds, this.#fractions] = [1, 2, 3].map(() => new Float64Array(levels));
    this.#paths = new Int32Array(levels);
  }

  /** Reads a string from its first character. Returns its end. */
  text(start) {
    const text = this.#text;
    let [at, hash, isWide] = [start, this.#paths[this.#level], false];
    for (; at < text.length; at++) {
      let unit = text.charCodeAt(at);
      if (unit === QUOTE) break;
      if (unit === BACKSLASH) unit = text.charCodeAt(++at);
      // Escapes are not decoded.
      isWide ||= unit > 0xff || unit === SMALL_U && text.charCodeAt(at - 1) === BACKSLASH;
      hash = Math.imul(hash ^ unit, 0x01000193);
    }
    const length = at - start;
    const size = length === 0 ? 0 : Math.max(TEXT, 24 + (isWide ? 2 : 1) * length);
    if (this.#isObject[this.#level] === 1 && text.charCodeAt(at + 1) === COLON) this.#field(hash, size);
    else this.#value(length > SHARED || this.#isNew(hash) ? size : 0);
    return at;
  }

  /** Reads a number, `true`, `false`, `null`, or the values that some servers send instead. */
  word(start) {
    const text = this.#text;
    let [at, isFraction] = [start, false];
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === DOT || unit === SMALL_E || unit === LARGE_E) isFraction = true;
      else if (unit <= COMMA && unit !== PLUS || unit === CLOSE_LIST || unit === CLOSE_OBJECT) break;
    }
    const first = text.charCodeAt(start);
    const isNumber = first <= NINE;
    // The host does not treat larger numbers as integers.
    if (isNumber && (isFraction || at - start > 9)) this.#fraction();
    else this.#value(0);
    return at - 1;
  }

  open(isObject) {
    this.#value(0);
    this.#level += 1;
    const level = this.#level;
    if (level > this.#depth) throw tooLarge("too_deep", `the JSON document is nested more than ${this.#depth} levels deep`, "raise `limits.depth` if such answers are expected");
    this.#isObject[level] = isObject ? 1 : 0;
    this.#counts[level] = this.#helds[level] = this.#fractions[level] = 0;
    this.#paths[level] = this.#seed;
  }

  close() {
    const level = this.#level;
    if (level === 0) return;
    const isEmpty = this.#counts[level] === 0;
    if (this.#isObject[level] === 1) this.#kept += isEmpty ? EMPTY_OBJECT : OBJECT;
    else this.#kept += isEmpty ? EMPTY_LIST : LIST;
    this.#held -= this.#helds[level];
    this.#level -= 1;
  }

  /** Adds a value of this size, besides its slot in the open list or object. A list of only numbers stores them in the slots. */
  #value(size) {
    const level = this.#level;
    if (this.#fractions[level] > 0 && this.#isObject[level] === 0) {
      size += NUMBER * this.#fractions[level];
      this.#fractions[level] = 0;
    }
    this.#add(size, HELD);
  }

  #fraction() {
    const level = this.#level;
    if (this.#isObject[level] === 1) return this.#add(NUMBER, HELD);
    this.#fractions[level] += 1;
    this.#add(0, HELD + NUMBER);
  }

  #field(hash, size) {
    const level = this.#level;
    const isRow = this.#counts[level] > MANY;
    if (isRow) this.#kept += ROW - SLOT;
    if (this.#isNew(hash)) this.#kept += size + (isRow ? 0 : NEW_FIELD);
    this.#paths[level] = hash;
  }

  /** Returns whether this hash is new, and records it. */
  #isNew(hash) {
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
    hash ^= hash >>> 12;
    const [at, bit] = [(hash >>> 5) % (KNOWN / 32), 1 << (hash & 31)];
    const isNew = (this.#known[at] & bit) === 0;
    this.#known[at] |= bit;
    return isNew;
  }

  #add(size, held) {
    const level = this.#level;
    this.#values += 1;
    this.#counts[level] += 1;
    this.#helds[level] += held;
    this.#held += held;
    this.#kept += SLOT + size;
    if (this.#values > this.#items) throw tooLarge("too_many_items", `the JSON document has more than ${this.#items} values`, "raise `limits.items` if such answers are expected");
    if (this.#kept <= this.#room && this.#kept + this.#held <= WHILE_PARSING * this.#room) return;
    const reason = `the JSON document of ${this.#text.length} characters takes more than ${this.#expansion} times its size in memory`;
    throw tooLarge("decoded_too_large", reason, "raise `limits.expansion` if such answers are expected");
  }
}
