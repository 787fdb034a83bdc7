// Converts the records of the module to plain objects. wasm/src/records.rs describes the records.

import { weigh } from "./weigh.js";

const JSON_ITEM = 0;
const TEMPLATE = 1;
const SWITCH = 2;
const LONG = 3;
const ESCAPED = 4;
const WHOLE = 5;
const PART = 6;
const SHORT = 7;

/** A marker for the position of the text in a template, until it is found. */
const MARK = "@tabbyapi:slot:58b1c0de@";

/** The received records that were not read yet. Objects are created on demand. */
export class Records {
  #text = "";
  #at = 0;
  #templates = [];
  #inForce;
  #total;
  #limits;
  #items = [];
  /** The template of the last item and its text, if the item consists of these. */
  template;
  text = "";
  /** The part of a resumed stream that the last item belongs to, from 0. */
  part = 0;

  /**
   * `total.item` converts an event to an item; `total.split` converts a whole response that arrived in place of a stream to items.
   * `total.isPlain` returns whether items of this shape are equal to the event, as long as their text is well formed and `total.passes`.
   * `limits` are the limits on one document.
   */
  constructor(total, limits) {
    this.#total = total;
    this.#limits = limits;
  }

  feed(text) {
    this.#text = this.#at < this.#text.length ? this.#text.slice(this.#at) + text : text;
    this.#at = 0;
  }

  /** Returns the next item, `undefined` if there is none yet. */
  next() {
    this.template = undefined;
    if (this.#items.length > 0) return this.#items.shift();
    while (this.#at < this.#text.length) {
      const first = this.#text.charCodeAt(this.#at++);
      if (first >= SHORT) return this.#filled(this.#take(first - SHORT), true);
      switch (first) {
        case JSON_ITEM:
          return this.#total.item(this.#parsed());
        case LONG:
          return this.#filled(this.#take(this.#length()), true);
        case ESCAPED: {
          // Halves of characters only occur as escapes.
          const text = JSON.parse(`"${this.#take(this.#length())}"`);
          return this.#filled(text, text.isWellFormed?.() ?? false);
        }
        case TEMPLATE: {
          const number = this.#character();
          const [first, second] = [this.#length(), this.#length()];
          const [before, after] = [this.#take(first), this.#take(second)];
          // An event that the network split is learned again.
          const known = this.#templates.find((template) => template?.is(before, after));
          this.#inForce = this.#templates[number] = known ?? new Template(before, after, this.#total);
          break;
        }
        case SWITCH:
          this.#inForce = this.#templates[this.#character()];
          break;
        case WHOLE:
          this.#items = this.#total.split(this.#parsed());
          return this.next();
        case PART:
          this.part += 1;
          this.#total.nextPart?.();
          break;
      }
    }
    return undefined;
  }

  #parsed() {
    const text = this.#take(this.#length());
    weigh(text, this.#limits);
    return JSON.parse(text);
  }

  /** The item of the current template with this text. */
  #filled(text, isWellFormed) {
    const template = this.#inForce;
    const item = template.item(text);
    if (!isWellFormed || !template.isPlain || !this.#total.passes) return this.#total.item(item);
    this.template = template;
    this.text = text;
    return item;
  }

  #character() {
    return this.#text.charCodeAt(this.#at++);
  }

  #length() {
    let length = 0;
    for (let digit = 0; digit < 5; digit++) length = (length << 7) | this.#character();
    return length;
  }

  #take(length) {
    const start = this.#at;
    this.#at += length;
    return this.#text.slice(start, this.#at);
  }
}

/** A template: the text of an event around the one string that changes. */
class Template {
  #before;
  #after;
  /** The objects on the path to that string, from the outermost, and the names that lead to the next one. */
  #nodes = [];
  #names = [];
  /** Creates an item, if the path is one of those of chunks. */
  #make;
  /** Whether the total leaves its items unchanged. */
  isPlain;

  constructor(before, after, total) {
    this.#before = before;
    this.#after = after;
    const root = JSON.parse(before + MARK + after);
    this.isPlain = total.isPlain?.(JSON.parse(before + MARK + after)) ?? false;
    // Objects off the path would be shared by all items, and changing one would change all, so these events are parsed.
    if (!this.#trace(root) || !this.#nodes.every((node, at) => this.#isAlone(node, this.#names[at]))) this.#nodes = [];
    else this.#make = makerOf(this.#nodes, this.#names);
  }

  is(before, after) {
    return this.#before === before && this.#after === after;
  }

  /** The field of the text in its choice or delta, if the items only differ in the text. */
  get field() {
    return this.#make && this.#names.at(-1);
  }

  /** The item with this text. The objects on the path are copied, which takes a fraction of the time of parsing. */
  item(text) {
    return this.#make === undefined ? this.#any(text) : this.#make(text);
  }

  #any(text) {
    const nodes = this.#nodes;
    if (nodes.length === 0) return JSON.parse(this.#before + JSON.stringify(text).slice(1, -1) + this.#after);
    const names = this.#names;
    let value = text;
    for (let at = nodes.length - 1; at >= 0; at--) {
      const node = nodes[at];
      const copy = Array.isArray(node) ? node.slice() : { ...node };
      copy[names[at]] = value;
      value = copy;
    }
    return value;
  }

  #trace(node) {
    for (const [name, value] of Object.entries(node)) {
      const isWay = value === MARK || (typeof value === "object" && value !== null && this.#trace(value));
      if (!isWay) continue;
      if (value === MARK) node[name] = "";
      this.#nodes.unshift(node);
      this.#names.unshift(name);
      return true;
    }
    return false;
  }

  #isAlone(node, name) {
    return Object.entries(node).every(([other, value]) => other === name || typeof value !== "object" || value === null);
  }
}

/**
 * Creates items for the paths of chunks with one choice; `undefined` for other paths. Each of these literals has a known name and an
 * object of one shape, which engines compile to plain copying. A loop over names takes three times as long.
 */
function makerOf([root, list, choice, delta], [choices, first, ...names]) {
  if (choices !== "choices" || first !== "0" || list.length !== 1) return undefined;
  switch (names.join(".")) {
    case "text":
      return (text) => ({ ...root, choices: [{ ...choice, text }] });
    case "delta.content":
      return (content) => ({ ...root, choices: [{ ...choice, delta: { ...delta, content } }] });
    case "delta.reasoning_content":
      return (reasoning_content) => ({ ...root, choices: [{ ...choice, delta: { ...delta, reasoning_content } }] });
    default:
      return undefined;
  }
}
