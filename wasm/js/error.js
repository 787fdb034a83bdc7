import { wordsOf } from "./secrets.js";

/** What went wrong. It prints as one sentence: what happened, where, and what to do. */
export class TabbyError extends Error {
  constructor(told, { cause, partial } = {}) {
    super(told.message, cause === undefined ? undefined : { cause });
    this.kind = told.kind ?? "misuse";
    this.code = told.code ?? this.kind;
    this.retryable = told.retryable ?? false;
    this.partial = partial;
    this.attempts = told.outcome?.attempts ?? [];
    this.reason = told.reason ?? told.message;
    this.hint = told.hint ?? undefined;
    for (const name of ["status", "phase", "path", "trace", "method", "url"]) this[name] = told[name] ?? undefined;
    this.validation = told.validation ?? [];
    // Headers and bodies can hold prompts, so they do not show when the error is logged.
    hide(this, "headers", new Headers(told.headers ?? []));
    hide(this, "body", told.body ?? undefined);
    hide(this, "outcome", told.outcome ?? undefined);
  }
}
// On the prototype, so that it does not show as a field of each error.
hide(TabbyError.prototype, "name", "TabbyError");

function hide(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
}

export function cancelled(reason) {
  const told = { kind: "cancelled", code: "cancelled", message: "the call was cancelled" };
  return new TabbyError(told, { cause: reason });
}

export function misuse(message, cause) {
  return new TabbyError({ kind: "misuse", code: "misuse", message }, { cause });
}

/** The module trapped: a defect of this package, which costs the calls that are under way and no others. */
export function trapped(cause) {
  const message =
    `the WebAssembly module of tabbyapi trapped (${wordsOf(cause)}); this is a defect of the package, please report it; ` +
    "the next call starts a fresh instance";
  return new TabbyError({ kind: "trapped", code: "trapped", message }, { cause });
}

/** An error over a body that nobody could read, since the host did not decode it, in place of what was made of its bytes. */
export function encodedOr(told, headers, begins) {
  const encoding = headers.find(([name]) => name === "content-encoding")?.[1];
  if (!UNREAD.has(told.kind) || !encoding || encoding.toLowerCase() === "identity" || isText(begins)) return told;
  const reason = `the answer is encoded with \`${encoding}\`, although the request said \`accept-encoding: identity\``;
  const hint = "switch compression off in the proxy in front of the server, or use a `fetch` that decodes it";
  return { ...told, kind: "decode", code: "encoded_body", reason, hint, message: `${told.method} ${told.url}: ${reason}; ${hint}`, retryable: false };
}

const UNREAD = new Set(["decode", "truncated"]);

function isText(bytes) {
  if (bytes === undefined || bytes.some((byte) => byte < 9)) return bytes === undefined;
  try {
    // The last character may be cut.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true }) !== undefined;
  } catch {
    return false;
  }
}

/** Why `fetch` failed, as far as the host tells: the fault, whether the server can have seen the request, and words. */
export function faultOf(error, url) {
  const { name, code, words } = facts(error);
  const fault = (name, sent, message) => ({ fault: name, sent, message: `${message} (${words})` });
  if (name === "RedirectError") return fault("redirect", true, "no answer");
  if (name === "AbortError") return fault("aborted", true, "the host aborted the request");
  if (name === "TimeoutError") return fault("timeout", true, "the host's own time limit passed");
  const refused = REFUSED.has(code) || words.includes("client error (Connect)");
  if (refused || globalThis.navigator?.onLine === false) return fault("connect", false, "no connection could be made");
  // Only pages and their workers have an origin to compare with.
  const origin = globalThis.location?.origin;
  const target = typeof origin === "string" && origin !== "null" ? new URL(url) : undefined;
  if (!target || target.origin === origin) return fault("network", true, "the connection failed");
  if (origin.startsWith("https:") && target.protocol === "http:" && !LOOPBACK.test(target.hostname)) {
    return fault("mixed_content", false, "a page that came by https may not ask a server by http");
  }
  return fault("cors_suspected", true, "the server cannot be reached from here, or does not allow the page's origin (CORS)");
}

/** What an error tells. It may be anything, even something whose fields throw. */
function facts(error) {
  try {
    const cause = error?.cause;
    const words = [wordsOf(error), cause && wordsOf(cause)].filter(Boolean).join(": ");
    return { name: error?.name, code: cause?.code, words };
  } catch {
    return { words: wordsOf(error) };
  }
}

const REFUSED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);
const LOOPBACK = /^(127\.|localhost$|\[::1\]$)/;
