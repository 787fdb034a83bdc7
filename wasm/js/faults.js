// Finds out why `fetch` failed. Each host has its own messages and codes.

import { host } from "./exchange.js";
import { wordsOf } from "./secrets.js";

/** The ways in which a request fails, for the module: whether the server can have received it, or another cause. */
const NOT_SENT = 0;
const MAYBE_SENT = 1;
const CERTIFICATE = 2;
const PROXY = 3;

/** The maximum depth of causes to inspect. */
const DEEPEST = 4;

/**
 * Describes a failed request. `how` and `message` are for the module. `limit` describes a time limit of the host, which ends the call:
 * a retry would reach the same limit.
 */
export function faultOf(error, url) {
  const { name, code, words } = facts(error);
  const fault = (how, message) => ({ how, message: `${message} (${words})` });
  const limit = LIMITS[code] ?? (name === "TimeoutError" ? "a time limit of `fetch` itself" : undefined);
  if (limit) return { ...fault(MAYBE_SENT, `${limit} passed`), limit };
  if (name === "RedirectError") return fault(MAYBE_SENT, "no answer");
  if (name === "AbortError") return fault(MAYBE_SENT, "the host aborted the request");
  if (CERTIFICATES.test(code) || /certificate/i.test(words)) return { how: CERTIFICATE, message: words };
  const refused = REFUSED.has(code) || HANDSHAKE.test(code) || UNSENT.test(words);
  if (refused || globalThis.navigator?.onLine === false) {
    const proxy = host.proxyOf?.(url);
    return proxy ? { how: PROXY, message: `${proxy.address}\n${proxy.variable}\n${words}` } : { how: NOT_SENT, message: words };
  }
  if (VAGUE.test(words)) return fault(MAYBE_SENT, "the host reports no reason; no server may listen there, or the certificate may be invalid");
  // Only pages and their workers have an origin.
  const origin = globalThis.location?.origin;
  const target = typeof origin === "string" && origin !== "null" ? new URL(url) : undefined;
  if (!target || target.origin === origin) return { how: MAYBE_SENT, message: words };
  if (origin.startsWith("https:") && target.protocol === "http:" && !LOOPBACK.test(target.hostname)) {
    return fault(NOT_SENT, "a page loaded over https cannot send requests to a server over http");
  }
  return fault(MAYBE_SENT, "the server cannot be reached from here, or does not allow the page's origin (CORS)");
}

/** The codes and messages of an error and its causes. The error may be any value, even one whose fields throw. */
function facts(error) {
  const found = { name: undefined, code: "", words: wordsOf(error) };
  try {
    found.name = error?.name;
    let cause = error;
    for (let depth = 0; depth < DEEPEST && typeof cause === "object" && cause !== null; depth++, cause = cause.cause) {
      if (depth > 0) found.words += `: ${wordsOf(cause)}`;
      if (typeof cause.code === "string") found.code ||= cause.code;
    }
  } catch {
    // Use what was found so far.
  }
  return found;
}

/** The limits of Node, which apply although the package sets none; see connections.js. */
const LIMITS = {
  UND_ERR_HEADERS_TIMEOUT: "the host's time limit for the response head (`headersTimeout` of undici)",
  UND_ERR_BODY_TIMEOUT: "the host's time limit between two pieces of a response (`bodyTimeout` of undici)",
};

/** The codes of Node, then of Bun. */
const REFUSED = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
  ...["ConnectionRefused", "FailedToOpenSocket", "DNSException"],
]);
const CERTIFICATES = /^(CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY|DECODE_ISSUER)|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;
/** The server does not support TLS, or has no TLS version in common with the host. */
const HANDSHAKE = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|SSL.*_ALERT_HANDSHAKE|TLSV1_ALERT|SSLV3_ALERT_HANDSHAKE|VERSION_TOO_LOW)/;
/** The messages of Deno, Node, Bun and workerd; `fetch` also refuses some ports. */
const UNSENT = /client error \(Connect\)|before secure TLS connection was established|TLS handshake failed|connect\(\): |\bbad port\b|port \d+ (are|is) blocked/;
/** The message of workerd for any failure. */
const VAGUE = /^(Network connection lost\.|internal error; reference = )/;
const LOOPBACK = /^(127\.|localhost$|\[::1\]$)/;
