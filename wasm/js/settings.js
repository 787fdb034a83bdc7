// Options of clients and calls: looked at, and written as the module takes them.

import { TabbyError, misuse } from "./error.js";
import { wordsOf } from "./secrets.js";

const KINDS = ["read", "generate", "stream", "streamTools", "load", "download"];
const PARTS = ["head", "firstItem", "idle", "total"];

/** Options as the module takes them: some by name, and numbers by their places, see wasm/src/config.rs. */
export function settingsOf({ headers, timeouts, timeoutPolicy, timeout, maxRetries, retry, limits, preferAdminKey }) {
  const numbers = [
    ...[maxRetries ?? retry?.maxRetries, retry?.base, retry?.cap, retry?.retryAfterCap, retry?.retryGenerations],
    ...[limits?.event, limits?.body, limits?.errorExcerpt],
    ...KINDS.flatMap((kind) => PARTS.map((part) => timeoutPolicy?.[kind]?.[part] ?? timeouts?.[part])),
  ];
  return {
    secrets: headersOf(headers).map(([, value]) => value),
    numbers: numbers.map(numberOf),
    // Timeouts of a call replace an earlier timeout.
    timeout: timeout == null && timeouts != null ? -1 : numberOf(timeout),
    prefer_admin_key: preferAdminKey == null ? null : Boolean(preferAdminKey),
  };
}

/** JSON has no infinity. */
const numberOf = (value) => (value === Infinity ? -1 : value == null ? null : Number(value));

/** Headers as pairs. A wrong one is named, without its value, which may be a key. */
export function headersOf(given) {
  if (given == null) return [];
  const headers = new Headers();
  for (const [name, value] of pairsOf(given)) {
    try {
      headers.append(name, value);
    } catch {
      const what = `the header ${JSON.stringify(String(name).slice(0, 64))} cannot be sent`;
      throw new TabbyError({ kind: "config", code: "invalid_header", message: `${what}: its name is a word, and its value one line of Latin-1` });
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

/** An option that must be an `AbortSignal`, if it is there. */
export function signalOf(signal) {
  if (signal == null) return undefined;
  if (typeof signal.aborted === "boolean" && typeof signal.addEventListener === "function") return signal;
  const hint = typeof signal.signal?.aborted === "boolean" ? "; pass `controller.signal`, not the controller" : "";
  throw misuse(`\`signal\` is no AbortSignal${hint}`);
}

/** The JSON of a request. */
export function jsonOf(request) {
  let json;
  try {
    json = JSON.stringify(request);
  } catch (error) {
    // The words are the host's own, or those of a `toJSON`; a value that is no JSON is not quoted in them.
    throw new TabbyError({ kind: "encode", code: "encode", message: `the request cannot be written as JSON: ${wordsOf(error).split("\n")[0]}` }, { cause: error });
  }
  if (json === undefined) throw new TabbyError({ kind: "encode", code: "encode", message: "the request cannot be written as JSON: it is no object" });
  return json;
}

/** The fields of a request. */
export function fieldsOf(request) {
  if (typeof request !== "object" || request === null || Array.isArray(request)) throw misuse("the request must be an object");
  try {
    return { ...request };
  } catch (error) {
    throw misuse(`the request cannot be read: ${wordsOf(error)}`, error);
  }
}

/** Whatever was thrown, as an error of this package. */
export function asTabbyError(thrown, what = "the call cannot be made") {
  if (thrown instanceof TabbyError) return thrown;
  return misuse(`${what}: ${wordsOf(thrown)}`, thrown);
}
