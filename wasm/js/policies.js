// Validates limits and breakers, and writes them for the module, which implements their rules.

import { TabbyError } from "./error.js";
import { amount, known } from "./settings.js";

const OF_BREAKER = { window: "window", minAttempts: "min_attempts", failureRate: "failure_rate", openFor: "open_for", probes: "probes" };

/** The limits of one server. */
export function limitsOf({ concurrency, rateLimit }) {
  return { concurrency: concurrencyOf(concurrency), rate_limit: rateOf(rateLimit) };
}

function concurrencyOf(given) {
  if (given == null) return null;
  if (typeof given !== "number") known(given, ["running", "waiting"], "concurrency");
  const { running, waiting } = typeof given === "number" ? { running: given } : given;
  if (running == null) throw invalid("`concurrency.running` is missing; give the number of calls that may run at a time");
  return { running: count(running, 1, "concurrency.running"), waiting: waiting == null ? null : count(waiting, 0, "concurrency.waiting") };
}

function rateOf(given) {
  if (given == null) return null;
  known(given, ["requests", "tokens", "interval", "whenFull", "estimate"], "rateLimit");
  const { requests, tokens, interval, whenFull = "wait", estimate } = given;
  if (requests == null && tokens == null) throw invalid("`rateLimit` sets no limit; set its `requests` or `tokens`");
  if (!(amount(interval, "rateLimit", "interval") > 0)) throw invalid("`rateLimit.interval` must be a number of milliseconds above 0");
  if (whenFull !== "wait" && whenFull !== "refuse") throw invalid("`rateLimit.whenFull` must be `wait` or `refuse`");
  if (tokens != null && typeof estimate !== "function") {
    throw invalid("`rateLimit.tokens` needs `rateLimit.estimate`, such as `requestTokens` of `tabbyapi/estimate`");
  }
  return {
    requests: requests == null ? null : count(requests, 1, "rateLimit.requests"),
    tokens: tokens == null ? null : count(tokens, 1, "rateLimit.tokens"),
    interval,
    refuses: whenFull === "refuse",
  };
}

/** The breaker of each server. */
export function breakerOf(given) {
  if (given == null || given === false) return null;
  if (given !== true) known(given, Object.keys(OF_BREAKER), "breaker");
  const { window, minAttempts, failureRate, openFor, probes } = given;
  if (failureRate != null && !(failureRate > 0 && failureRate <= 1)) throw invalid("`breaker.failureRate` must be a number above 0, up to 1");
  for (const [name, value] of Object.entries({ minAttempts, probes })) if (value != null) count(value, 1, `breaker.${name}`);
  const all = { window, minAttempts, failureRate, openFor, probes };
  return Object.fromEntries(Object.entries(OF_BREAKER).map(([name, wire]) => [wire, amount(all[name], "breaker", name)]));
}

/** The estimate of a request's tokens, if any limit needs it. */
export function estimateOf({ rateLimit, servers }) {
  const all = [rateLimit, ...(Array.isArray(servers) ? servers.map((server) => server?.rateLimit) : [])];
  return all.find((limit) => limit?.tokens != null)?.estimate;
}

/** An integer, or no limit. */
function count(value, least, name) {
  if (value === Infinity || (Number.isInteger(value) && value >= least)) return amount(value, name);
  throw invalid(`\`${name}\` must be an integer of at least ${least}, or \`Infinity\``);
}

const invalid = (message) => new TabbyError({ kind: "config", code: "invalid_option", message });
