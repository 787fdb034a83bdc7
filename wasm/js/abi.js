// The abi to the WebAssembly module: numbers, bytes, and strings that are written to and read from its memory. What the
// functions do is described in wasm/src/abi.rs; what `poll` and the other steps return, in wasm/src/machine.rs.

import { trapped } from "./error.js";
import { needed } from "./host.js";

/** The version of what the functions take and give; `machine.rs` has the same. */
export const VERSION = 4;

export const READ = 0;
export const SEND = 1;
export const WAIT = 2;
export const AUTHORIZE = 3;
export const DONE = 4;
export const FAILED = 5;

/** So many bytes are read in less time than a decoder takes to be called: the record of a token, mostly. */
const SHORT = 12;

/** These bytes as text, if they are ASCII. */
function asciiOf(bytes, start, end) {
  let text = "";
  for (let at = start; at < end; at++) {
    if (bytes[at] > 0x7f) return undefined;
    text += String.fromCharCode(bytes[at]);
  }
  return text;
}

let encoder;

export const encode = (text) => (encoder ??= new (needed("TextEncoder"))()).encode(text);

/** Calls back when something was collected as garbage, where the host supports it. */
export const registry = (forgotten) =>
  typeof FinalizationRegistry === "function" ? new FinalizationRegistry(forgotten) : { register() {} };

/** One instance of the module. Once it trapped it is dead, and the runtime makes another. */
export class Abi {
  #exports;
  // A string may begin with U+FEFF, which is part of it.
  #decoder = new (needed("TextDecoder"))("utf-8", { ignoreBOM: true });
  #bytes = new Uint8Array();
  #dead;
  /** Calls under way, by number. */
  flows = new Map();

  constructor(instance) {
    this.#exports = instance.exports;
  }

  get dead() {
    return this.#dead !== undefined;
  }

  /** How much memory the instance has. */
  get memoryBytes() {
    return this.#exports.memory.buffer.byteLength;
  }

  open = (settings) => this.#numberOf("open", this.#write(encode(settings)));
  close = (client) => void this.#call("close", client);
  view = (client, settings) => this.#numberOf("view", client, this.#write(encode(settings)));
  servers = (client, now) => (this.#numberOf("servers", client, now), this.detail());
  loaded = (client, what) => void this.#numberOf("loaded", client, this.#write(encode(what)));
  start = (client, call) => this.#numberOf("start", client, this.#write(encode(call)));
  drop = (call) => void (this.dead || this.#call("drop_call", call));
  poll = (call, now) => this.#call("poll", call, now);
  head = (call, now, status, headers) => this.#call("head", call, now, status, this.#write(encode(headers)));
  chunk = (call, now, bytes) => this.#call("chunk", call, now, this.#write(bytes));
  end = (call, now) => this.#call("end", call, now);
  failed = (call, now, how, message) => this.#call("failed", call, now, how, this.#write(encode(message)));
  key = (call, now, kind, expiresIn, text) => this.#call("key", call, now, kind, expiresIn, this.#write(encode(text)));
  /** What a further function of the module that takes a text last gives, and what it answers to that. */
  number = (name, text, ...numbers) => this.#numberOf(name, ...numbers, this.#write(encode(text)));
  closed = (name, number) => void this.#call(name, number);
  ask = (...args) => (this.number(...args), this.detail());
  deadline = () => this.#call("deadline");

  /** The records that the last call gave. */
  output() {
    const length = this.#call("output_length");
    return length === 0 ? "" : this.#read(this.#call("output"), length);
  }

  /** The detail of the last call. */
  detail() {
    const length = this.#call("detail_length");
    return JSON.parse(this.#read(this.#call("detail"), length));
  }

  /** Polls the calls that waited for what others did. */
  wake() {
    try {
      for (let number = 1; number !== 0 && !this.dead; ) {
        number = this.#call("woken");
        this.flows.get(number)?.poll();
      }
    } catch {
      // It trapped: the calls that wait are ended below.
    }
    // Nothing comes of calls whose instance is dead.
    if (this.dead) for (const flow of [...this.flows.values()]) flow.finish(this.#dead);
  }

  #numberOf(name, ...args) {
    const number = this.#call(name, ...args);
    if (number === 0) throw this.detail();
    return number;
  }

  #call(name, a, b, c, d, e) {
    if (this.#dead) throw this.#dead;
    try {
      return this.#exports[name](a, b, c, d, e);
    } catch (error) {
      this.#dead = trapped(error);
      throw this.#dead;
    }
  }

  #memory() {
    const { buffer } = this.#exports.memory;
    // A memory that grows gets another buffer.
    if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    return this.#bytes;
  }

  #write(bytes) {
    // Addresses are unsigned.
    const at = this.#call("input", bytes.length) >>> 0;
    this.#memory().set(bytes, at);
    return bytes.length;
  }

  #read(at, length) {
    const memory = this.#memory();
    const start = at >>> 0;
    const short = length <= SHORT ? asciiOf(memory, start, start + length) : undefined;
    return short ?? this.#decoder.decode(memory.subarray(start, start + length));
  }
}
