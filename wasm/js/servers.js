// The servers of a client, with their keys and limits, in the form for the module.

import { misuse } from "./error.js";
import { breakerOf, limitsOf } from "./policies.js";
import { addressOf, known } from "./settings.js";

const OF_SERVER = ["baseURL", "apiKey", "adminKey", "bearer", "registrationToken", "concurrency", "rateLimit"];
const BALANCES = { leastInFlight: "least_in_flight", roundRobin: "round_robin", inOrder: "in_order" };

/**
 * The servers of a client in the form for the module: the first one, with its keys and limits, and `servers`, the others with theirs. All have the
 * same breaker settings, each with its own state.
 */
export function serversOf({ baseURL, apiKey, adminKey, bearer, registrationToken, servers, balance, concurrency, rateLimit, breaker }) {
  const own = { baseURL, apiKey, adminKey, bearer, registrationToken };
  const shared = { ...limitsOf({ concurrency, rateLimit }), breaker: breakerOf(breaker) };
  if (servers == null) return { ...serverOf(own), ...shared };
  if (!Array.isArray(servers) || (servers.length === 0 && baseURL == null)) throw misuse("`servers` must be a list of addresses, or of objects with `baseURL` and keys");
  if (balance != null && !Object.hasOwn(BALANCES, balance)) throw misuse(`\`balance\` must be one of ${Object.keys(BALANCES).join(", ")}`);
  const given = servers.map((server) => (typeof server === "string" || typeof server?.href === "string" ? { baseURL: server } : { ...server }));
  for (const server of given) known(server, OF_SERVER, "servers[]");
  if (baseURL != null) given.unshift(own);
  else if ([apiKey, adminKey, bearer].some((key) => key != null)) throw misuse("keys next to `servers` are for `baseURL`; give each of the `servers` its own keys");
  const [first, ...others] = given.map(serverOf);
  return { ...first, ...shared, ...limitsOfFirst(first, others, shared), servers: others, balance: balance && BALANCES[balance] };
}

/** The module applies the limits of the first server to all servers without their own limits, so the others get the client's here. */
function limitsOfFirst(first, others, shared) {
  const limits = {};
  for (const name of ["concurrency", "rate_limit"]) {
    if (first[name] === null) continue;
    limits[name] = first[name];
    // An empty object is no limit.
    for (const server of others) server[name] ??= shared[name] ?? {};
  }
  // All servers share one queue.
  if (limits.concurrency) limits.concurrency.waiting = shared.concurrency?.waiting;
  return limits;
}

function serverOf({ baseURL, apiKey, adminKey, bearer, registrationToken, concurrency, rateLimit }) {
  for (const [name, key] of Object.entries({ apiKey, adminKey, bearer, registrationToken })) {
    if (key != null && typeof key !== "string") throw misuse(`\`${name}\` must be a string`);
  }
  const keys = { api_key: apiKey, admin_key: adminKey, bearer, registration_token: registrationToken };
  return { base_url: addressOf(baseURL), ...keys, ...limitsOf({ concurrency, rateLimit }) };
}
