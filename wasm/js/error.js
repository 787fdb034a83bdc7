import { wordsOf } from "./secrets.js";

/** What an error has for programs, besides headers, body, outcome and causes. */
const FIELDS = ["status", "phase", "path", "trace", "method", "url"];

/** What went wrong. It prints as one sentence: what happened, where, and what to do. */
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
    // Headers and bodies can hold prompts, so they do not show when the error is logged.
    hide(this, "headers", headers(given.headers ?? []));
    hide(this, "body", given.body ?? undefined);
    hide(this, "outcome", given.outcome ?? undefined);
    if (given.name !== undefined) hide(this, "name", given.name);
  }

  /** What `JSON.stringify` writes: what an error shows when it is logged, with its name and message. */
  toJSON() {
    return { name: this.name, message: this.message, ...this };
  }

  /** An error out of what `toJSON` gave, on the other side of a worker or of a connection. */
  static from(value) {
    const given = typeof value === "object" && value !== null ? value : { message: wordsOf(value) };
    return new TabbyError({ ...given, message: String(given.message ?? given.reason ?? "an error without words") }, { partial: given.partial });
  }
}
// On the prototype, so that it does not show as a field of each error.
hide(TabbyError.prototype, "name", "TabbyError");

function hide(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
}

/** Some hosts lack the class. */
const headers = (pairs) => (typeof Headers === "function" ? new Headers(pairs) : new Map(pairs));

/** Has the name that programs look for, also that of a signal whose time was over. */
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

/** Where a call was made: its errors come out of the host's events, whose stacks say nothing. */
export function callSite(made) {
  if (typeof Error.captureStackTrace !== "function") return new Error();
  const site = {};
  Error.captureStackTrace(site, made);
  return site;
}

/** Gives the error the stack of its call, with its code in the first line, which also outlives `structuredClone`. */
export function placed(error, site) {
  if (site === undefined || !(error instanceof TabbyError)) return error;
  const frames = String(site.stack ?? "");
  // Some hosts begin with the name and message of an error, others with the first frame.
  const rest = /^\w*Error/.test(frames) ? frames.slice(frames.indexOf("\n") + 1 || frames.length) : frames;
  hide(error, "stack", `${error.name} [${error.code}]: ${error.message}\n${rest}`);
  return error;
}

export function misuse(message, cause, code = "misuse") {
  return new TabbyError({ kind: "misuse", code, message }, { cause });
}

/** The module trapped: a defect of this package, which costs the calls that are under way and no others. */
export function trapped(cause) {
  const message =
    `the WebAssembly module of tabbyapi trapped (${wordsOf(cause)}); this is a defect of the package, please report it; ` +
    "the next call starts a fresh instance";
  return new TabbyError({ kind: "trapped", code: "trapped", message }, { cause });
}

/** An error over a body that nobody could read, since the host did not decode it, in place of what was made of its bytes. */
export function encodedOr(given, headers, begins) {
  const encoding = headers.find(([name]) => name === "content-encoding")?.[1];
  if (!UNREAD.has(given.kind) || !encoding || encoding.toLowerCase() === "identity" || isText(begins)) return given;
  const reason = `the answer is encoded with \`${encoding}\`, although the request said \`accept-encoding: identity\``;
  const hint = "switch compression off in the proxy in front of the server, or use a `fetch` that decodes it";
  return { ...given, kind: "decode", code: "encoded_body", reason, hint, message: `${given.method} ${given.url}: ${reason}; ${hint}`, retryable: false };
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
