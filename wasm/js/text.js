// Texts in pieces: incomplete characters, and byte lengths.

const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const UNKNOWN = "\ufffd";

/** The text with U+FFFD in place of halves of characters. */
export function wellFormed(text) {
  if (text.isWellFormed?.()) return text;
  return text.replace(LONE, UNKNOWN);
}

/** Joins halves of characters that arrived in two pieces. */
export class Halves {
  #held = new Map();

  /** Returns a piece of the text of this name. It ends with a whole character: a first half is kept for the next piece. */
  join(name, piece) {
    const held = this.#held.size > 0 ? this.#held.get(name) : undefined;
    if (held === undefined && (piece.isWellFormed?.() ?? !/[\ud800-\udfff]/.test(piece))) return piece;
    if (piece === "") return piece;
    this.#held.delete(name);
    const all = (held ?? "") + piece;
    const last = all.charCodeAt(all.length - 1);
    const isHalf = last >= 0xd800 && last < 0xdc00;
    if (isHalf) this.#held.set(name, all.slice(-1));
    return wellFormed(isHalf ? all.slice(0, -1) : all);
  }

  /** The rest of a text that has ended. */
  rest(name) {
    return this.#held.delete(name) ? UNKNOWN : "";
  }

  get isEmpty() {
    return this.#held.size === 0;
  }

  /** The texts with a rest. */
  get names() {
    return [...this.#held.keys()];
  }
}

/** The length of a text in bytes of UTF-8. */
export function bytesOf(text) {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // A pair of surrogates takes four bytes, so each half counts as two.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
