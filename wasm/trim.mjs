// Makes panics bare traps: what they would say, a module without imports can tell nobody.
//
// The standard library is compiled to say it all the same: with formatting of everything, tables of printable characters, names of
// files. `trim` gives the functions that a panic ends in, which never return, a body that only traps, and drops what then nothing
// live refers to. It goes by the linker's relocations and names, so it takes a module linked with --emit-relocs and not stripped.

/** What only panics print: it prints nothing, and returns `Ok`. No text of this package is made by it. */
const DEBUG = /5Debug3fmt|fmt\.\.Debug\$GT\$3fmt/;

/** The ends of panics, by parts of their names in either of Rust's manglings: a length stands before each part. */
const ENDS = [
  /4core9panicking/,
  /4core.*(unwrap_failed|expect_failed|slice_error_fail|_index_fail|_len_fail|_mismatch_fail|panic_already)/,
  /18panic_access_error/,
  /3std9panicking(?!.*panic_count)|17rust_begin_unwind|10rust_panic/,
  /5alloc.*(12handle_error|18handle_alloc_error|17capacity_overflow|13assert_failed)|rdl_oom|8rust_oom/,
];

// Sections, and relocations as the linker's conventions number them.
const [EXPORT, ELEMENTS, CODE, DATA] = [7, 9, 10, 11];
const [FUNCTION, SLOT, SLOT_IN_DATA] = [0, 1, 2];
const ADDRESSES = [3, 4, 5];
const WITH_ADDEND = [...ADDRESSES, 8, 9];
const [LOCAL, CONSTANT, ADD] = [0x20, 0x41, 0x6a];

/** Bodies without locals: unreachable; 0. */
const [TRAP, SILENT] = [Uint8Array.of(0x00, 0x00, 0x0b), Uint8Array.of(0x00, 0x41, 0x00, 0x0b)];

/** The module without what panics say. */
export function trim(module) {
  const parts = new Module(module);
  const live = mark(parts);
  let count = 0;
  const bodies = parts.functions.map(({ start, end }, index) => {
    if (live.functions.has(index) && parts.debugs.has(index)) return SILENT;
    if (live.functions.has(index) && !parts.ends.has(index)) return module.subarray(start, end);
    count++;
    return TRAP;
  });
  // A slot of the table that nobody calls holds one that traps.
  const [stub] = parts.ends;
  const slots = parts.slots.map((index) => (live.functions.has(index) && !parts.ends.has(index) ? index : stub));
  const data = Buffer.from(module);
  for (const { start, end } of parts.data) data.fill(0, start, end);
  // Symbols can overlap.
  for (const { start, end } of live.data) module.copy(data, start, start, end);
  const content = {
    [ELEMENTS]: Buffer.concat([Uint8Array.of(1, 0, 0x41), leb(parts.firstSlot), Uint8Array.of(0x0b), leb(slots.length), ...slots.map(leb)]),
    [CODE]: Buffer.concat([leb(bodies.length), ...bodies.flatMap((body) => [leb(body.length), body])]),
  };
  const sections = parts.sections.filter(({ name }) => !name || name === "name").flatMap(({ id, start, end }) => {
    const bytes = content[id] ?? data.subarray(start, end);
    return [Uint8Array.of(id), leb(bytes.length), bytes];
  });
  return { module: Buffer.concat([module.subarray(0, 8), ...sections]), count };
}

/** What is reached from the exports. */
function mark(parts) {
  const functions = new Set();
  const data = new Set();
  const left = [...parts.exported];
  const reach = (references) => {
    for (const { index, symbol } of references) left.push(...(index === undefined ? [symbol] : [index]));
  };
  while (left.length > 0) {
    const next = left.pop();
    const seen = typeof next === "number" ? functions : data;
    if (next === undefined || seen.has(next) || parts.isPlace(next)) continue;
    seen.add(next);
    if (typeof next !== "number") reach(parts.within("reloc.DATA", next));
    else if (!parts.ends.has(next) && !parts.debugs.has(next)) reach(parts.within("reloc.CODE", parts.functions[next]));
  }
  return { functions, data };
}

class Module {
  #at = 8;
  #relocations = {};

  constructor(bytes) {
    this.bytes = bytes;
    this.sections = [];
    while (this.#at < bytes.length) {
      const id = bytes[this.#at++];
      const end = this.#number() + this.#at;
      this.sections.push({ id, start: this.#at, end, name: id === 0 ? this.#text() : undefined, content: this.#at });
      this.#at = end;
    }
    this.#readCode();
    this.#readTable();
    const names = this.#names();
    const named = (test) => new Set([...names].filter(([, name]) => test(name)).map(([index]) => index));
    this.ends = named((name) => ENDS.some((end) => end.test(name)));
    this.debugs = named((name) => DEBUG.test(name));
    this.#readSymbols();
    for (const name of ["reloc.CODE", "reloc.DATA"]) this.#readRelocations(name);
  }

  /** The references in a function or a piece of data. */
  within(name, { start, end }) {
    const list = this.#relocations[name];
    let [from, to] = [0, list.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (list[middle].at < start) from = middle + 1;
      else to = middle;
    }
    const found = [];
    for (; from < list.length && list[from].at < end; from++) found.push(list[from]);
    return found.filter((reference) => !this.#isForPanic(reference));
  }

  /** Whether data is a place in the source, which is for panics alone: the address of a path, its length, line and column. */
  isPlace(symbol) {
    if (typeof symbol === "number" || symbol.end - symbol.start !== 16) return false;
    const [path, ...others] = this.within("reloc.DATA", symbol);
    if (path?.at !== symbol.start || !path.symbol || others.length > 0) return false;
    const { start } = path.symbol;
    return this.bytes.toString("latin1", start, start + this.bytes.readUInt32LE(symbol.start + 4)).endsWith(".rs");
  }

  /**
   * Whether an address is among what a call is given that ends in a panic: a text, the place in the source. From there to the call, things
   * are only put on the stack, which nobody comes back to.
   */
  #isForPanic({ at, type }) {
    if (type !== 4 || this.bytes[at - 1] !== CONSTANT) return false;
    this.#at = at + 5;
    for (; ; ) {
      const next = this.bytes[this.#at];
      if (next !== CONSTANT && next !== LOCAL && next !== ADD) break;
      this.#at++;
      if (next !== ADD) this.#number();
    }
    if (this.bytes[this.#at++] !== 0x10) return false;
    return this.ends.has(this.#number());
  }

  #section(which) {
    const found = this.sections.find(({ id, name }) => (typeof which === "number" ? id === which : name === which));
    if (!found) throw new Error(`the module has no section ${which}`);
    this.#at = found.content;
    return found;
  }

  #readCode() {
    this.#section(CODE);
    this.functions = this.#list(() => {
      const length = this.#number();
      const start = this.#at;
      this.#at += length;
      return { start, end: this.#at };
    });
    this.#section(EXPORT);
    const exports = this.#list(() => [this.#text(), this.bytes[this.#at++], this.#number()]);
    this.exported = exports.filter(([, kind]) => kind === 0).map(([, , index]) => index);
  }

  #readTable() {
    this.#section(ELEMENTS);
    if (this.#number() !== 1 || this.#number() !== 0) throw new Error("the table is filled in an unknown way");
    this.#at++;
    this.firstSlot = this.#number();
    this.#at++;
    this.slots = this.#list(() => this.#number());
    this.#section(DATA);
    this.segments = this.#list(() => {
      if (this.#number() !== 0) throw new Error("data is laid out in an unknown way");
      while (this.bytes[this.#at++] !== 0x0b);
      const length = this.#number();
      this.#at += length;
      return this.#at - length;
    });
  }

  #names() {
    const { end } = this.#section("name");
    const names = new Map();
    while (this.#at < end) {
      const kind = this.bytes[this.#at++];
      const next = this.#number() + this.#at;
      if (kind === 1) this.#list(() => names.set(this.#number(), this.#text()));
      this.#at = next;
    }
    return names;
  }

  /** The symbols of data, by their numbers; others are left out. */
  #readSymbols() {
    const { end } = this.#section("linking");
    this.#number();
    this.symbols = [];
    while (this.#at < end) {
      const kind = this.bytes[this.#at++];
      const next = this.#number() + this.#at;
      if (kind === 8) this.symbols = this.#list(() => this.#symbol());
      this.#at = next;
    }
    this.data = this.symbols.filter((symbol) => symbol);
  }

  #symbol() {
    const kind = this.bytes[this.#at++];
    const flags = this.#number();
    if (kind === 1) {
      this.#text();
      if (flags & 0x10) return undefined;
      const start = this.segments[this.#number()] + this.#number();
      return { start, end: start + this.#number() };
    }
    this.#number();
    // Of what is defined here, and of sections the number alone.
    if (kind !== 3 && (!(flags & 0x10) || flags & 0x40)) this.#text();
    return undefined;
  }

  #readRelocations(name) {
    const { end } = this.#section(name);
    const section = this.sections[this.#number()];
    const list = this.#list(() => {
      const type = this.bytes[this.#at++];
      const at = section.start + this.#number();
      const symbol = this.#number();
      if (WITH_ADDEND.includes(type)) while (this.bytes[this.#at++] >= 0x80);
      return { type, at, symbol: ADDRESSES.includes(type) ? this.symbols[symbol] : undefined };
    });
    if (this.#at !== end) throw new Error(`${name} is not understood`);
    for (const reference of list) {
      this.#at = reference.at;
      if (reference.type === FUNCTION) reference.index = this.#number();
      if (reference.type === SLOT) reference.index = this.slots[this.#number() - this.firstSlot];
      if (reference.type === SLOT_IN_DATA) reference.index = this.slots[this.bytes.readUInt32LE(this.#at) - this.firstSlot];
    }
    this.#relocations[name] = list.sort((one, other) => one.at - other.at);
  }

  #list(read) {
    return Array.from({ length: this.#number() }, read);
  }

  #number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.#at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  #text() {
    const length = this.#number();
    this.#at += length;
    return this.bytes.toString("utf8", this.#at - length, this.#at);
  }
}

function leb(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80);
  return Uint8Array.of(...bytes, value);
}
