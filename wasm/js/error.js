/** What went wrong. It prints as one sentence: what happened, where, and what to do. */
export class TabbyError extends Error {
  constructor(told, { cause, partial } = {}) {
    super(spelled(told.message), cause === undefined ? undefined : { cause });
    this.kind = told.kind ?? "misuse";
    this.code = told.code ?? this.kind;
    this.retryable = told.retryable ?? false;
    this.partial = partial;
    this.attempts = told.outcome?.attempts ?? [];
    this.reason = told.reason ?? told.message;
    this.hint = told.hint ? spelled(told.hint) : undefined;
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

/** What a hint names, by its name in JavaScript; the module has those of Rust. */
function spelled(text) {
  return text.replace(/`(client\.|Pace::|Limits::|ContentPart::)([^`]+)`/g, (_, of, rest) => {
    const name = rest.replace("()", "").replace("..)", "...)").replace(/_./g, (part) => part[1].toUpperCase());
    return of in OWNERS ? `\`${OWNERS[of]}.${name}\`` : "a `data:` URL";
  });
}

const OWNERS = { "client.": "tabby", "Pace::": "pace", "Limits::": "limits" };

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
    `the WebAssembly module of tabbyapi trapped (${cause?.message ?? cause}); this is a defect of the package, please report it; ` +
    "the next call starts a fresh instance";
  return new TabbyError({ kind: "trapped", code: "trapped", message }, { cause });
}

/** Why `fetch` failed, as far as the host tells: the fault, whether the server can have seen the request, and words. */
export function faultOf(error, url) {
  const words = [error?.message ?? String(error), error?.cause?.message].filter(Boolean).join(": ");
  const fault = (name, sent, message) => ({ fault: name, sent, message: `${message} (${words})` });
  if (error?.name === "AbortError") return fault("aborted", true, "the host aborted the request");
  if (error?.name === "TimeoutError") return fault("timeout", true, "the host's own time limit passed");
  const refused = REFUSED.has(error?.cause?.code) || words.includes("client error (Connect)");
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

const REFUSED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);
const LOOPBACK = /^(127\.|localhost$|\[::1\]$)/;
