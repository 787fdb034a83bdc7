// The abi to the WebAssembly module: numbers, bytes, and strings that are written to and read from its memory. What the
// functions do is told in wasm/src/abi.rs; what `poll` and its kin answer, in wasm/src/machine.rs.

import { misuse, trapped } from "./error.js";

export const READ = 0;
export const SEND = 1;
export const WAIT = 2;
export const AUTHORIZE = 3;
export const DONE = 4;
export const FAILED = 5;

const encoder = new TextEncoder();
// A string may begin with U+FEFF, which is part of it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export const encode = (text) => encoder.encode(text);

/** Calls back when something was forgotten, where the host tells. */
export const registry = (forgotten) =>
  typeof FinalizationRegistry === "function" ? new FinalizationRegistry(forgotten) : { register() {} };

/** One instance of the module. Once it trapped it is dead, and the runtime makes another. */
export class Abi {
  #exports;
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

  open = (settings) => this.#told("open", this.#write(encode(settings)));
  close = (client) => void this.#call("close", client);
  start = (client, call) => this.#told("start", client, this.#write(encode(call)));
  drop = (call) => void (this.dead || this.#call("drop_call", call));
  poll = (call, now) => this.#call("poll", call, now);
  head = (call, now, status, headers) => this.#call("head", call, now, status, this.#write(encode(headers)));
  chunk = (call, now, bytes) => this.#call("chunk", call, now, this.#write(bytes));
  end = (call, now) => this.#call("end", call, now);
  failed = (call, now, sent, message) => this.#call("failed", call, now, sent ? 1 : 0, this.#write(encode(message)));
  key = (call, now, kind, expiresIn, text) => this.#call("key", call, now, kind, expiresIn, this.#write(encode(text)));
  deadline = () => this.#call("deadline");

  /** The records that the last call gave. */
  output() {
    const length = this.#call("output_length");
    return length === 0 ? "" : this.#read(this.#call("output"), length);
  }

  /** What the last call told. */
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
      // It trapped: those who wait are told below.
    }
    // Nothing comes of calls whose instance is dead.
    if (this.dead) for (const flow of [...this.flows.values()]) flow.finish(this.#dead);
  }

  #told(name, ...args) {
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
    return decoder.decode(this.#memory().subarray(at >>> 0, (at >>> 0) + length));
  }
}

let load = () => Promise.reject(misuse("no WebAssembly module was given; call `await init({ module })` first"));
let compiled;
let current;

/** How this entry of the package finds the module. */
export function setLoader(loader) {
  load = loader;
}

/**
 * Loads the module. Calls do it by themselves; with `module`, that one is taken: bytes, a `Response`, a URL, or a compiled module.
 */
export async function init(options) {
  if (options?.module !== undefined) {
    const module = await compile(options.module);
    compiled = Promise.resolve(module);
    // Calls under way stay with the instance they have.
    current = undefined;
  }
  await ready();
}

/** A living instance. */
export function ready() {
  if (current === undefined || current.abi?.dead) {
    const source = compiled ?? load();
    if (source instanceof WebAssembly.Module) {
      // At once, since some hosts tie what is still under way to the request in which it began.
      const abi = new Abi(new WebAssembly.Instance(source));
      current = { abi, ready: Promise.resolve(abi) };
      return current.ready;
    }
    compiled ??= compile(source);
    const wanted = { abi: undefined };
    wanted.ready = compiled.then((module) => WebAssembly.instantiate(module)).then(
      (instance) => (wanted.abi = new Abi(instance)),
      (error) => {
        // The next call tries again: the network may be back.
        compiled = current = undefined;
        throw error;
      },
    );
    current = wanted;
  }
  return current.ready;
}

async function compile(source) {
  source = await source;
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL) source = await fetch(source);
  if (typeof Response === "function" && source instanceof Response) {
    if (!source.ok) throw misuse(`the WebAssembly module could not be loaded: ${source.url} answered ${source.status}`);
    const typed = source.headers.get("content-type")?.startsWith("application/wasm");
    if (typed && WebAssembly.compileStreaming) return WebAssembly.compileStreaming(source);
    source = await source.arrayBuffer();
  }
  return WebAssembly.compile(source);
}
