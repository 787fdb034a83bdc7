// The client: settings, and the services that use them.

import { registry } from "./border.js";
import { TabbyError, misuse } from "./error.js";
import { settingsOf } from "./flow.js";
import * as services from "./services.js";

/** What the calls of a client share. */
class Core {
  #settings;
  #hooks;
  /** The client's number in an instance of the module; another instance knows nothing of it. */
  #opened;
  #headers;
  /** Keys that were in use lately. */
  #keys = new Set();
  fetch;
  getKey;

  constructor(options) {
    const { baseURL, apiKey, adminKey, bearer, getKey, fetch, onAttempt, onOutcome, ...rest } = options;
    this.getKey = getKey;
    // Called as a plain function, as some hosts insist.
    const own = fetch;
    this.fetch = own ? (url, init) => own(url, init) : (url, init) => globalThis.fetch(url, init);
    this.#hooks = { onAttempt, onOutcome };
    this.#headers = rest.headers;
    this.guard(apiKey, adminKey, bearer);
    this.#settings = { base_url: baseURL, api_key: apiKey, admin_key: adminKey, bearer, asks_for_keys: !!getKey, ...settingsOf(rest) };
  }

  /** The client's number in this instance. */
  open(border) {
    if (this.#opened?.border !== border) {
      // Not before: some hosts have no randomness until a request is there.
      const settings = { ...this.#settings, seed: Math.random() };
      this.#opened = { border, number: border.open(JSON.stringify(settings)) };
      unused.register(this, this.#opened);
    }
    return this.#opened.number;
  }

  /** The headers of a request: the module's, with the client's and the call's own in the place of what is no key. */
  headers(given, own) {
    const headers = new Headers(given);
    const kept = new Set([...headers.keys()].filter((name) => name !== "accept"));
    for (const [name, value] of [...new Headers(this.#headers), ...new Headers(own)]) {
      if (!kept.has(name)) headers.set(name, value);
    }
    return [...headers];
  }

  /** Keeps keys, lest they show. */
  guard(...keys) {
    for (const key of keys) if (key?.length >= SHORTEST_SECRET) this.#keys.add(key);
    if (this.#keys.size > MOST_KEYS) this.#keys.delete(this.#keys.values().next().value);
  }

  /** What must not show of an answer. */
  secrets(own) {
    const values = [...new Headers(this.#headers).values(), ...new Headers(own).values()];
    return [...this.#keys, ...values.filter((value) => value.length >= SHORTEST_SECRET)];
  }

  /** Calls a hook. What it throws is its own affair. */
  tell(hook, event) {
    try {
      this.#hooks[hook]?.(event);
    } catch (error) {
      if (globalThis.reportError) globalThis.reportError(error);
      else console.error(error);
    }
  }
}

/** Shorter texts guard nothing, and stand in others by chance. */
const SHORTEST_SECRET = 6;
const MOST_KEYS = 16;

const unused = registry(({ border, number }) => border.dead || border.close(number));

/** A client of one TabbyAPI server. */
export class Tabby {
  constructor(options) {
    if (typeof options?.baseURL !== "string") {
      throw misuse("`baseURL` is missing; give the server's address, such as `new Tabby({ baseURL: \"http://127.0.0.1:5000\" })`");
    }
    const core = new Core(options);
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
}

export { TabbyError };
export { init } from "./border.js";
export { LoadStream, MessageStream, Stream } from "./stream.js";
