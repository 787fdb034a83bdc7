// Validates the options of clients and calls, and writes them for the module.

import { TabbyError, misuse } from "./error.js";
import { needed } from "./host.js";
import { wordsOf } from "./secrets.js";

const KINDS = { read: "read", generate: "generate", stream: "stream", streamTools: "stream_tools", load: "load", download: "download" };
const TIMES = { head: "head", firstItem: "first_item", idle: "idle", total: "total" };
const OF_RETRY = { base: "base", cap: "cap", retryAfterCap: "retry_after_cap" };
const OF_LIMITS = { event: "event", body: "body", errorExcerpt: "error_excerpt" };
/** The limits that JavaScript enforces. */
const OWN_LIMITS = ["accumulated", "indices", "items", "depth", "expansion"];

/** Options by the module's names; see wasm/src/config.rs. */
export function settingsOf({ headers, timeouts, timeoutPolicy, timeout, maxRetries, retry, limits, preferAdminKey, server }) {
  known(timeoutPolicy, Object.keys(KINDS), "timeoutPolicy");
  known(retry, ["maxRetries", ...Object.keys(OF_RETRY), "retryGenerations"], "retry");
  known(limits, [...Object.keys(OF_LIMITS), ...OWN_LIMITS], "limits");
  known(timeouts, Object.keys(TIMES), "timeouts");
  for (const name in timeoutPolicy) known(timeoutPolicy[name], Object.keys(TIMES), `timeoutPolicy.${name}`);
  const own = amounts(TIMES, timeouts, "timeouts");
  const kinds = Object.entries(KINDS).map(([name, wire]) => [wire, { ...own, ...amounts(TIMES, timeoutPolicy?.[name], "timeoutPolicy", name) }]);
  for (const name of OWN_LIMITS) amount(limits?.[name], "limits", name);
  return {
    secrets: headersOf(headers).map(([, value]) => value),
    retry: {
      ...amounts({ maxRetries: "max_retries" }, { maxRetries: maxRetries ?? retry?.maxRetries }),
      ...amounts(OF_RETRY, retry, "retry"),
      retry_generations: retry?.retryGenerations == null ? null : Boolean(retry.retryGenerations),
    },
    limits: amounts(OF_LIMITS, limits, "limits"),
    timeout_policy: Object.fromEntries(kinds),
    // Timeouts of a call replace an earlier timeout.
    timeout: timeout == null && timeouts != null ? -1 : amount(timeout, "timeout"),
    prefer_admin_key: preferAdminKey == null ? null : Boolean(preferAdminKey),
    server: server == null ? null : addressOf(server),
  };
}

/** The numbers that are set. */
function amounts(names, given, ...place) {
  const set = Object.entries(names).map(([name, wire]) => [wire, amount(given?.[name], ...place, name)]);
  return Object.fromEntries(set.filter(([, value]) => value !== null));
}

/** Rejects a setting that is not an object or has an unknown member, which would otherwise be ignored. */
export function known(given, names, place) {
  if (given == null) return;
  if (typeof given !== "object" || Array.isArray(given)) throw misuse(`\`${place}\` must be an object`);
  const odd = Object.keys(given).find((name) => given[name] !== undefined && !names.includes(name));
  if (odd === undefined) return;
  const there = names.map((name) => `\`${name}\``).join(", ");
  throw new TabbyError({ kind: "config", code: "invalid_option", message: `\`${place}\` has no \`${odd.slice(0, 64)}\`; there are ${there}` });
}

/** Rejects a value that is not a client with this service. */
export function needClient(tabby, service) {
  if (typeof tabby?.[service] !== "object") throw misuse("the first argument must be a client, such as `new Tabby({ baseURL: \"http://127.0.0.1:5000\" })`");
}

/** A count in the form for the module, since JSON has no infinity. */
export function amount(value, ...names) {
  if (value == null) return null;
  if (typeof value === "number" && value >= 0) return value === Infinity ? -1 : value;
  const shown = typeof value === "number" || typeof value === "string" ? JSON.stringify(String(value).slice(0, 32)) : `a value of the type ${typeof value}`;
  const message = `\`${names.join(".")}\` is ${shown}; give a number of at least 0, or \`Infinity\``;
  throw new TabbyError({ kind: "config", code: "invalid_option", message });
}

/** Headers as pairs. Errors contain only the name of an invalid header, since the value may be a key. */
export function headersOf(given) {
  if (given == null) return [];
  const headers = new (needed("Headers"))();
  for (const [name, value] of pairsOf(given)) {
    try {
      headers.append(name, value);
    } catch {
      const what = `the header ${JSON.stringify(String(name).slice(0, 64))} cannot be sent`;
      throw new TabbyError({ kind: "config", code: "invalid_header", message: `${what}: its name must be a token, and its value one line of Latin-1` });
    }
  }
  return [...headers];
}

function pairsOf(given) {
  if (typeof given !== "object") throw misuse("`headers` must be an object, a list of pairs or a `Headers`");
  if (typeof given[Symbol.iterator] !== "function") return Object.entries(given);
  const pairs = [...given];
  if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) throw misuse("each of the `headers` must be a pair of name and value");
  return pairs;
}

/** An option that must be an `AbortSignal`, if it is set. */
export function signalOf(signal) {
  if (signal == null) return undefined;
  if (typeof signal.aborted === "boolean" && typeof signal.addEventListener === "function") return signal;
  const hint = typeof signal.signal?.aborted === "boolean" ? "; pass `controller.signal`, not the controller" : "";
  throw misuse(`\`signal\` is not an AbortSignal${hint}`);
}

/** The listeners of calls, per signal. Hosts warn of many listeners, so each signal has one for all calls. */
const listened = new WeakMap();

/** Calls back when a signal aborts. Returns a function that stops listening. */
export function onAbort(signal, callback) {
  let entry = listened.get(signal);
  if (entry === undefined) {
    const callbacks = new Set();
    const listener = () => [...callbacks].forEach((callback) => callback());
    signal.addEventListener("abort", listener, { once: true });
    listened.set(signal, (entry = { callbacks, listener }));
  }
  entry.callbacks.add(callback);
  return () => {
    entry.callbacks.delete(callback);
    if (entry.callbacks.size > 0 || listened.get(signal) !== entry) return;
    listened.delete(signal);
    try {
      signal.removeEventListener("abort", entry.listener);
    } catch {
      // The signal may be a custom one. If it throws, the call must still end.
    }
  };
}

/** The server's address as text. In pages and their workers, a path refers to the page's own server. */
export function addressOf(given) {
  const text = typeof given?.href === "string" ? given.href : given;
  if (typeof text !== "string") {
    throw misuse("`baseURL` is missing; give the server's address, such as `new Tabby({ baseURL: \"http://127.0.0.1:5000\" })`");
  }
  if (!text.startsWith("/")) return text;
  const origin = globalThis.location?.origin;
  if (typeof origin === "string" && origin !== "null") return new URL(text, origin).href;
  throw misuse(`\`baseURL\` is the path \`${text}\`, and only pages have a server of their own; give the full address`);
}

/** Options that are passed to `fetch`. */
export function fetchOptionsOf(given) {
  if (given == null || (typeof given === "object" && !Array.isArray(given))) return given ?? undefined;
  throw misuse("`fetchOptions` must be an object");
}

/** The JSON of a request. */
export function jsonOf(request) {
  let json;
  try {
    json = JSON.stringify(request);
  } catch (error) {
    // The message comes from the host, or from a `toJSON`. It does not quote the value.
    throw new TabbyError({ kind: "encode", code: "encode", message: `the request cannot be written as JSON: ${wordsOf(error).split("\n")[0]}` }, { cause: error });
  }
  if (json === undefined) throw new TabbyError({ kind: "encode", code: "encode", message: "the request cannot be written as JSON: it is not an object" });
  return json;
}

/** The fields of a request, including those of `extra_body`. Undefined fields are omitted. */
export function fieldsOf(request) {
  if (typeof request !== "object" || request === null || Array.isArray(request)) throw misuse("the request must be an object");
  try {
    const { extra_body, ...fields } = request;
    for (const name in fields) if (fields[name] === undefined) delete fields[name];
    if (extra_body == null) return fields;
    if (typeof extra_body !== "object" || Array.isArray(extra_body)) throw new TypeError("`extra_body` must be an object");
    return { ...fields, ...extra_body };
  } catch (error) {
    throw misuse(`the request cannot be read: ${wordsOf(error)}`, error);
  }
}

/** Converts a thrown value to an error of this package. */
export function asTabbyError(thrown, what = "the call cannot be made") {
  if (thrown instanceof TabbyError) return thrown;
  return misuse(`${what}: ${wordsOf(thrown)}`, thrown);
}
