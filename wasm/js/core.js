// The state that the calls of a client share: its settings, and its number in the module.

import { registry } from "./abi.js";
import { TabbyError } from "./error.js";
import { host } from "./exchange.js";
import { clock, needed, report } from "./host.js";
import { estimateOf } from "./policies.js";
import { Secrets } from "./secrets.js";
import { serversOf } from "./servers.js";
import { asTabbyError, fetchOptionsOf, headersOf, settingsOf } from "./settings.js";

/** The original of a derived client, whose servers, keys, limits and breakers it shares, by its options. */
const origins = new WeakMap();
/** Clients that differ in one of these share nothing. */
const OWN = ["baseURL", "servers", "balance", "apiKey", "adminKey", "bearer", "getKey", "token", "registrationToken", "getToken", "concurrency", "rateLimit", "breaker"];

/** The options of a client derived from one with this core: its options, overridden by these. */
export function derived(core, made, changes) {
  const options = { ...made, ...changes };
  if (OWN.every((name) => options[name] === made?.[name])) origins.set(options, core);
  return options;
}

/**
 * Creates the shared state of a client, on the module from `ready`. Invalid options are errors of this package. `given` is
 * the options of the client.
 */
export function coreOf(options, ready, given = options) {
  try {
    return new Core(options, ready, origins.get(given));
  } catch (error) {
    throw asTabbyError(error, "an option is invalid");
  }
}

/** The state that the calls of a client share. */
class Core {
  #settings;
  #hooks;
  /** The client's number in an instance of the module. Another instance does not have it. */
  #opened;
  #headers;
  #limits;
  /** The core of the client with which servers, keys, limits and breakers are shared. */
  #other;
  /** The secrets: recently used keys, and the client's headers. */
  secrets;
  fetch;
  fetchOptions;
  getKey;
  /** Estimates the tokens of a request, if a limit needs this. */
  estimate;
  /** Returns a usable instance of the module. */
  ready;

  constructor(options, ready, other) {
    this.ready = ready;
    this.#other = other;
    const { getKey, fetch, fetchOptions, onAttempt, onOutcome, logger, ...rest } = options;
    this.getKey = getKey;
    // Called as a plain function, which some hosts require.
    const own = fetch;
    this.fetch = own ? (url, init) => own(url, init) : (url, init) => globalThis.fetch(url, { ...host.options(), ...init });
    this.fetchOptions = fetchOptionsOf(fetchOptions);
    this.#hooks = { onAttempt, onOutcome, logger };
    this.#headers = headersOf(rest.headers);
    this.#limits = rest.limits;
    const servers = serversOf(rest);
    const keys = [servers, ...(servers.servers ?? [])].flatMap((server) => [server.api_key, server.admin_key, server.bearer, server.registration_token]);
    this.secrets = new Secrets(this.#headers, keys, other?.secrets);
    this.estimate = estimateOf(rest);
    this.#settings = { ...servers, asks_for_keys: !!getKey, ...settingsOf(rest) };
  }

  /** The client's number in this instance. */
  open(abi) {
    if (this.#opened?.abi !== abi) {
      // Not earlier: some hosts have no randomness before the first request.
      const settings = JSON.stringify({ ...this.#settings, seed: Math.random() });
      const number = this.#other ? abi.view(this.#other.open(abi), settings) : abi.open(settings);
      this.#opened = { abi, number };
      unused.register(this, this.#opened);
    }
    return this.#opened.number;
  }

  /** The state of the servers, and the number of waiting calls. */
  state() {
    return this.#ask((abi, client) => abi.servers(client, clock.now()));
  }

  /** Records the loaded model of a server; null if there is none. */
  loaded(server, model) {
    return this.#ask((abi, client) => abi.loaded(client, JSON.stringify({ server, model })));
  }

  async #ask(ask) {
    const abi = await this.ready();
    try {
      return ask(abi, this.open(abi));
    } catch (error) {
      // The module reports an error as an object.
      throw error instanceof Error ? error : new TabbyError(this.secrets.cleaner().value(error));
    }
  }

  /** The headers of a request: the module's, overridden by those of the client and the call, except for keys. */
  headers(given, own) {
    if (this.#headers.length + own.length === 0) return given;
    const headers = new (needed("Headers"))(given);
    const kept = new Set([...headers.keys()].filter((name) => name !== "accept"));
    for (const [name, value] of [...this.#headers, ...own]) {
      if (!kept.has(name)) headers.set(name, value);
    }
    return [...headers];
  }

  /** The limits of a call. */
  limits(own) {
    const limits = { ...this.#limits };
    for (const name in own) limits[name] = own[name] ?? limits[name];
    return limits;
  }

  /** Error messages contain neither keys nor prompts. */
  #log(hook, { operation, attempt, method, url, ok, error, elapsed }) {
    const { logger } = this.#hooks;
    if (logger == null) return;
    if (hook === "onAttempt") logger.debug?.(`tabbyapi: ${operation}: attempt ${attempt}: ${method} ${url}`);
    else if (ok) logger.debug?.(`tabbyapi: ${operation}: done${took(elapsed)}`);
    else logger.warn?.(`tabbyapi: ${operation}: failed${took(elapsed)}: ${error.message}`);
  }

  /** Calls a hook. Its exceptions do not affect the call. */
  notify(hook, event) {
    try {
      this.#log(hook, event);
      const done = this.#hooks[hook]?.(event);
      if (typeof done?.then === "function") done.then(undefined, report);
    } catch (error) {
      report(error);
    }
  }
}

/** The time in milliseconds, if known. */
const took = (elapsed) => (elapsed == null ? "" : ` after ${Math.round(elapsed)} ms`);

const unused = registry(({ abi, number }) => abi.dead || abi.close(number));
