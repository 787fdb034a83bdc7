// The ABI to the WebAssembly module: numbers, bytes, and strings that are written to and read from its memory. wasm/src/abi.rs
// documents the functions, wasm/src/machine.rs documents the results of `poll` and the other steps.

import { trapped } from "./error.js";
import { needed } from "./host.js";

/** The version of the ABI; `machine.rs` has the same. */
export const VERSION = 4;

export const READ = 0;
export const SEND = 1;
export const WAIT = 2;
export const AUTHORIZE = 3;
export const DONE = 4;
export const FAILED = 5;

/** Up to this many bytes, reading is faster than calling a decoder. Most records of tokens are shorter. */
const SHORT = 12;

/** Returns these bytes as text, if they are ASCII. */
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

/** Calls back when an object was garbage-collected, if the host supports it. */
export const registry = (forgotten) =>
  typeof FinalizationRegistry === "function" ? new FinalizationRegistry(forgotten) : { register() {} };

/** One instance of the module. After a trap it is dead, and the runtime creates another one. */
export class Abi {
  #exports;
  // A string may begin with U+FEFF, which must be kept.
  #decoder = new (needed("TextDecoder"))("utf-8", { ignoreBOM: true });
  #bytes = new Uint8Array();
  #dead;
  /** The running calls, by number. */
  flows = new Map();

  constructor(instance) {
    this.#exports = instance.exports;
  }

  get dead() {
    return this.#dead !== undefined;
  }

  /** The size of the instance's memory. */
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
  /** Calls a function of the module whose last argument is a text, and returns its result. */
  number = (name, text, ...numbers) => this.#numberOf(name, ...numbers, this.#write(encode(text)));
  closed = (name, number) => void this.#call(name, number);
  ask = (...args) => (this.number(...args), this.detail());
  deadline = () => this.#call("deadline");

  /** The records of the last call. */
  output() {
    const length = this.#call("output_length");
    return length === 0 ? "" : this.#read(this.#call("output"), length);
  }

  /** The detail of the last call. */
  detail() {
    const length = this.#call("detail_length");
    return JSON.parse(this.#read(this.#call("detail"), length));
  }

  /** Polls the calls that waited for other calls. */
  wake() {
    try {
      for (let number = 1; number !== 0 && !this.dead; ) {
        number = this.#call("woken");
        this.flows.get(number)?.poll();
      }
    } catch {
      // It trapped: the waiting calls are ended below.
    }
    // Calls of a dead instance cannot continue.
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
    // Growing the memory replaces its buffer.
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
