// A request and its response, on the wire. `fetch` may be the host's or the caller's own, so its results are not trusted.

import { headersOf } from "./settings.js";

/** How long the end of a body may take after the announced end of its stream, in milliseconds. */
const LINGER = 1000;

/** The servers that received requests. */
export const origins = new Set();
/**
 * The properties of the host (see connections.js): whether connections that answered 5xx are closed, and additional options of
 * its `fetch`. Some hosts know the proxy for a server (see proxies.js).
 */
export const host = { closes: false, options: () => undefined, proxyOf: undefined };

/** The time from a 500 until the server has closed its connection, and the longest wait for that; in milliseconds. */
const CLOSING = 250;
const LONGEST = 1000;

/** For each server, the time when the last connection that answered 500 is closed. */
const closing = new Map();

/** Waits until no connection to this server is about to be closed: a request that is sent on one is lost. */
async function closed(origin) {
  const longest = Date.now() + LONGEST;
  for (let at = closing.get(origin); at !== undefined; at = closing.get(origin)) {
    const now = Date.now();
    if (now >= at) closing.delete(origin);
    if (now >= Math.min(at, longest)) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(at, longest) - now));
  }
}

const nothing = () => {};

/** Returns a promise of the result of a function, which may throw. */
const settle = (make) => new Promise((resolve) => resolve(make()));

/** The origin of the last URL, since most are used again. */
let latest = { url: "", origin: "" };

function originOf(url) {
  if (latest.url !== url) latest = { url, origin: new URL(url).origin };
  return latest.origin;
}

export class Exchange {
  reader;
  #flow;
  #url;
  #origin;
  #controller = new AbortController();
  #reading = false;
  #dropped = false;

  constructor(flow, fetch, { method, url, headers }, body, options) {
    this.#flow = flow;
    this.#url = url;
    this.#origin = originOf(url);
    origins.add(this.#origin);
    // Redirects are not followed, since keys would be sent with them.
    const init = { ...options, method, headers, body, signal: this.#controller.signal, redirect: "manual" };
    const send = () => (this.#dropped ? Promise.reject(new Error("it is no longer needed")) : fetch(url, init));
    settle(() => (closing.has(this.#origin) ? closed(this.#origin).then(send) : send()))
      .then(this.#answered)
      .catch(this.#failed);
  }

  /** Continues reading, if more is wanted and no read is pending. */
  read() {
    if (this.#reading || !this.reader || !this.#flow.wanted) return;
    this.#reading = true;
    try {
      // Without an unnecessary promise, since this runs for each piece of a body.
      Promise.resolve(this.reader.read()).then(this.#read, this.#failed);
    } catch (error) {
      Promise.reject(error).catch(this.#failed);
    }
  }

  /** Aborts the exchange in any state. */
  drop() {
    this.#dropped = true;
    this.#controller.abort();
    // A custom `fetch` may not support signals.
    const { reader } = this;
    if (reader) settle(() => reader.cancel()).catch(nothing);
  }

  /** The stream has announced its end. The end of the body follows, after which the connection can be reused. */
  linger() {
    if (!this.reader || this.#reading) return;
    const { reader } = this;
    const limit = setTimeout(() => this.drop(), LINGER);
    const ended = (result) => {
      clearTimeout(limit);
      if (!result?.done) this.drop();
    };
    settle(() => reader.read()).then(ended, ended);
  }

  #answered = (response) => {
    if (this.#dropped) return settle(() => response.body.cancel()).catch(nothing);
    if (typeof response !== "object" || response === null) throw new TypeError("`fetch` returned no response");
    if (response.type === "opaqueredirect") {
      const message = "the server redirects; redirects are not followed, so that keys are not sent to another address; set `baseURL` to the new address";
      throw Object.assign(new Error(message), { name: "RedirectError" });
    }
    const { status } = response;
    if (!Number.isInteger(status) || status < 100 || status > 999) throw new TypeError("`fetch` returned a response without a status");
    if (response.bodyUsed === true) throw new TypeError("`fetch` returned a response whose body was already read");
    if (status === 500 && !host.closes) closing.set(this.#origin, Date.now() + CLOSING);
    const headers = lenient(response.headers);
    this.reader = readerOf(response);
    this.#flow.report(this, { type: "head", status, headers });
    if (!this.reader) this.#flow.report(this, { type: "end" });
  };

  #read = (result) => {
    this.#reading = false;
    try {
      const { done, value } = result;
      if (done) this.reader = undefined;
      this.#flow.report(this, done ? { type: "end" } : { type: "chunk", bytes: bytesOf(value) });
    } catch (error) {
      this.#failed(error);
    }
  };

  #failed = (error) => {
    this.#reading = false;
    const { reader } = this;
    this.reader = undefined;
    if (reader) settle(() => reader.cancel()).catch(nothing);
    this.#flow.report(this, { type: "failed", error, url: this.#url });
  };
}

/** Headers as pairs; empty if their type is unknown. */
function lenient(headers) {
  try {
    return headersOf(headers);
  } catch {
    return [];
  }
}

/** The reader of a body: a web stream, a Node stream, as in some replacements of `fetch`, or the whole body at once. */
function readerOf(response) {
  const { body } = response;
  if (body == null) {
    if (typeof response.arrayBuffer !== "function") return undefined;
    return once(() => response.arrayBuffer());
  }
  if (typeof body.getReader === "function") {
    const reader = body.getReader();
    if (typeof reader?.read === "function") return reader;
  } else if (typeof body[Symbol.asyncIterator] === "function") {
    const pieces = body[Symbol.asyncIterator]();
    return { read: () => pieces.next(), cancel: () => pieces.return?.() };
  }
  throw new TypeError("`fetch` returned a response whose body is not a stream");
}

function once(read) {
  let done = false;
  return {
    async read() {
      if (done) return { done };
      done = true;
      return { done: false, value: await read() };
    },
    cancel: nothing,
  };
}

function bytesOf(value) {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  // Also from another realm, as in some test runners.
  if (Object.prototype.toString.call(value) === "[object ArrayBuffer]") return new Uint8Array(value);
  throw new TypeError("`fetch` returned a body with a piece that is not bytes");
}
