import { wordsOf } from "./secrets.js";

/** The fields of an error, besides headers, body, outcome and causes. */
const FIELDS = ["status", "phase", "path", "trace", "method", "url"];

/** An error. It prints as one sentence: what happened, where, and what to do. */
export class TabbyError extends Error {
  constructor(given, { cause, partial } = {}) {
    super(given.message, cause === undefined ? undefined : { cause });
    this.kind = given.kind ?? "misuse";
    this.code = given.code ?? this.kind;
    this.retryable = given.retryable ?? false;
    this.partial = partial;
    this.attempts = given.outcome?.attempts ?? given.attempts ?? [];
    this.reason = given.reason ?? given.message;
    this.hint = given.hint ?? undefined;
    for (const name of FIELDS) this[name] = given[name] ?? undefined;
    this.retryAfter = given.retry_after ?? given.retryAfter ?? undefined;
    this.validation = given.validation ?? [];
    // Headers and bodies can contain prompts, so they are not printed when the error is logged.
    hide(this, "headers", headers(given.headers ?? []));
    hide(this, "body", given.body ?? undefined);
    hide(this, "outcome", given.outcome ?? undefined);
    if (given.name !== undefined) hide(this, "name", given.name);
  }

  /** The value for `JSON.stringify`: the fields that are printed when the error is logged, with its name and message. */
  toJSON() {
    return { name: this.name, message: this.message, ...this };
  }

  /** Creates an error from the result of `toJSON`, on the other side of a worker or a connection. */
  static from(value) {
    const given = typeof value === "object" && value !== null ? value : { message: wordsOf(value) };
    return new TabbyError({ ...given, message: String(given.message ?? given.reason ?? "an error without a message") }, { partial: given.partial });
  }
}
// On the prototype, so that it is not printed as a field of each error.
hide(TabbyError.prototype, "name", "TabbyError");

function hide(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
}

/** Some hosts lack the class. */
const headers = (pairs) => (typeof Headers === "function" ? new Headers(pairs) : new Map(pairs));

/** Sets the name that programs check, including the name for a signal that timed out. */
export function cancelled(reason) {
  const name = nameOf(reason) === "TimeoutError" ? "TimeoutError" : "AbortError";
  return new TabbyError({ name, kind: "cancelled", code: "cancelled", message: "the call was cancelled" }, { cause: reason });
}

function nameOf(reason) {
  try {
    return reason?.name;
  } catch {
    return undefined;
  }
}

/** The call site. Errors arise in events of the host, whose stacks do not show it. */
export function callSite(made) {
  if (typeof Error.captureStackTrace !== "function") return new Error();
  const site = {};
  Error.captureStackTrace(site, made);
  return site;
}

/** Sets the stack of the error to that of its call, with its code in the first line, which `structuredClone` keeps. */
export function placed(error, site) {
  if (site === undefined || !(error instanceof TabbyError)) return error;
  const frames = String(site.stack ?? "");
  // Some hosts begin a stack with the name and message of the error, others with the first frame.
  const rest = /^\w*Error/.test(frames) ? frames.slice(frames.indexOf("\n") + 1 || frames.length) : frames;
  hide(error, "stack", `${error.name} [${error.code}]: ${error.message}\n${rest}`);
  return error;
}

export function misuse(message, cause, code = "misuse") {
  return new TabbyError({ kind: "misuse", code, message }, { cause });
}

/** The error if the module trapped: a bug of this package, which only fails the running calls. */
export function trapped(cause) {
  const message =
    `the WebAssembly module of tabbyapi trapped (${wordsOf(cause)}); this is a bug in the package, please report it; ` +
    "the next call starts a new instance";
  return new TabbyError({ kind: "trapped", code: "trapped", message }, { cause });
}

/** The error for a body that the host did not decode, in place of the error about its bytes. */
export function encodedOr(given, headers, begins) {
  const encoding = headers.find(([name]) => name === "content-encoding")?.[1];
  if (!UNREAD.has(given.kind) || !encoding || encoding.toLowerCase() === "identity" || isText(begins)) return given;
  const reason = `the answer is encoded with \`${encoding}\`, although the request said \`accept-encoding: identity\``;
  const hint = "disable compression in the proxy in front of the server, or use a `fetch` that decodes it";
  return { ...given, kind: "decode", code: "encoded_body", reason, hint, message: `${given.method} ${given.url}: ${reason}; ${hint}`, retryable: false };
}

const UNREAD = new Set(["decode", "truncated"]);

function isText(bytes) {
  if (bytes === undefined || bytes.some((byte) => byte < 9)) return bytes === undefined;
  try {
    // The last character may be incomplete.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true }) !== undefined;
  } catch {
    return false;
  }
}
