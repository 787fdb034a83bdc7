// The client: settings, and the services that use them.

import { registry } from "./abi.js";
import { TabbyError, misuse } from "./error.js";
import { host } from "./exchange.js";
import { needed, report } from "./host.js";
import { Secrets } from "./secrets.js";
import * as services from "./services.js";
import { addressOf, asTabbyError, fetchOptionsOf, headersOf, settingsOf } from "./settings.js";

/** What the calls of a client share. */
class Core {
  #settings;
  #hooks;
  /** The client's number in an instance of the module; another instance knows nothing of it. */
  #opened;
  #headers;
  #limits;
  /** What must not show: keys that were in use lately, and the client's headers. */
  secrets;
  fetch;
  fetchOptions;
  getKey;

  constructor(options) {
    const { baseURL, apiKey, adminKey, bearer, getKey, fetch, fetchOptions, onAttempt, onOutcome, logger, ...rest } = options;
    this.getKey = getKey;
    // Called as a plain function, as some hosts insist.
    const own = fetch;
    this.fetch = own ? (url, init) => own(url, init) : (url, init) => globalThis.fetch(url, { ...host.options(), ...init });
    this.fetchOptions = fetchOptionsOf(fetchOptions);
    this.#hooks = { onAttempt, onOutcome, logger };
    this.#headers = headersOf(rest.headers);
    this.#limits = rest.limits;
    this.secrets = new Secrets(this.#headers);
    for (const [name, key] of Object.entries({ apiKey, adminKey, bearer })) {
      if (key != null && typeof key !== "string") throw misuse(`\`${name}\` must be a string`);
      this.secrets.add(key);
    }
    this.#settings = { base_url: addressOf(baseURL), api_key: apiKey, admin_key: adminKey, bearer, asks_for_keys: !!getKey, ...settingsOf(rest) };
  }

  /** The client's number in this instance. */
  open(abi) {
    if (this.#opened?.abi !== abi) {
      // Not before: some hosts have no randomness until a request is there.
      const settings = { ...this.#settings, seed: Math.random() };
      this.#opened = { abi, number: abi.open(JSON.stringify(settings)) };
      unused.register(this, this.#opened);
    }
    return this.#opened.number;
  }

  /** The headers of a request: the module's, with the client's and the call's own in the place of what is no key. */
  headers(given, own) {
    const headers = new (needed("Headers"))(given);
    const kept = new Set([...headers.keys()].filter((name) => name !== "accept"));
    for (const [name, value] of [...this.#headers, ...own]) {
      if (!kept.has(name)) headers.set(name, value);
    }
    return [...headers];
  }

  /** The caps of a call. */
  limits(own) {
    const limits = { ...this.#limits };
    for (const name in own) limits[name] = own[name] ?? limits[name];
    return limits;
  }

  /** Errors have neither keys nor prompts in their words. */
  #log(hook, { operation, attempt, method, url, ok, error, elapsed }) {
    const { logger } = this.#hooks;
    if (logger == null) return;
    if (hook === "onAttempt") logger.debug?.(`tabbyapi: ${operation}: attempt ${attempt}: ${method} ${url}`);
    else if (ok) logger.debug?.(`tabbyapi: ${operation}: done${took(elapsed)}`);
    else logger.warn?.(`tabbyapi: ${operation}: failed${took(elapsed)}: ${error.message}`);
  }

  /** Calls a hook. What it throws is its own affair. */
  tell(hook, event) {
    try {
      this.#log(hook, event);
      const done = this.#hooks[hook]?.(event);
      if (typeof done?.then === "function") done.then(undefined, report);
    } catch (error) {
      report(error);
    }
  }
}

/** In milliseconds, if it is known. */
const took = (elapsed) => (elapsed == null ? "" : ` after ${Math.round(elapsed)} ms`);

const unused = registry(({ abi, number }) => abi.dead || abi.close(number));

/** A client of one TabbyAPI server. */
export class Tabby {
  #options;
  #routes;

  constructor(options) {
    this.#options = options;
    const core = made(options ?? {});
    this.#routes = new services.Routes(core);
    this.chat = new services.Chat(core);
    this.completions = new services.Completions(core);
    this.embeddings = new services.Embeddings(core);
    this.models = new services.Models(core);
    this.embeddingModels = new services.EmbeddingModels(core);
    this.loras = new services.Loras(core);
    this.templates = new services.Templates(core);
    this.tokens = new services.Tokens(core);
    this.sampling = new services.Sampling(core);
    this.health = new services.Health(core);
    this.auth = new services.Auth(core);
    this.kobold = new services.Kobold(core);
  }

  /** Asks any route: an answer, or with `stream` a stream of what its events say. */
  request(request, options) {
    return this.#routes.request(request, options);
  }

  /** Another client with the options of this one, and these in the place of some. */
  withOptions(options) {
    return new Tabby({ ...this.#options, ...options });
  }
}

function made(options) {
  try {
    return new Core(options);
  } catch (error) {
    throw asTabbyError(error, "an option cannot be used");
  }
}

/** Answers have the fields that a server adds; this gives them a type. */
export const extraOf = (answer) => answer;

export { TabbyError };
export { init } from "./load.js";
export { fromReadableStream } from "./relay.js";
export { LoadStream, MessageStream, Stream } from "./stream.js";
