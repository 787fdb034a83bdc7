// A client with the interface of npm `openai`, built on the client of this package.

import { Tabby, TabbyError } from "tabbyapi";
import * as errors from "./openai-errors.js";
import { APIPromise, responseOf } from "./openai-promise.js";
import { Completions, Embeddings, LegacyCompletions, Models, absent } from "./openai-resources.js";
import { Stream } from "./openai-stream.js";

export * from "./openai-errors.js";
export { ChatCompletionStream } from "./openai-chat.js";
export { responseFormat } from "./openai-parse.js";
export { APIPromise } from "./openai-promise.js";
export { Stream } from "./openai-stream.js";
export { ChatCompletionRunner, ChatCompletionStreamingRunner, ParsingToolFunction } from "./openai-tools.js";

/** A variable of the environment, if there is one. A blank variable counts as unset. */
const env = (name) => globalThis.process?.env?.[name]?.trim() || undefined;

const ofEnvironment = () => ({
  baseURL: env("OPENAI_BASE_URL") ?? env("TABBY_URL"),
  apiKey: env("OPENAI_API_KEY") ?? env("TABBY_API_KEY"),
  adminAPIKey: env("OPENAI_ADMIN_KEY") ?? env("TABBY_ADMIN_KEY"),
});

/** The address of the first server of a list. */
const firstOf = ([first]) => String(first?.baseURL ?? first ?? "");

const LEVELS = ["off", "error", "warn", "info", "debug"];

export class OpenAI {
  #options;
  #tabby;
  #keys;
  /** Whether the servers are only those of a list. */
  #isListed;

  constructor(options = {}) {
    this.#isListed = options.servers != null && options.baseURL == null;
    // Servers of a list have their own keys.
    const found = this.#isListed ? {} : ofEnvironment();
    const { baseURL = found.baseURL, apiKey = found.apiKey, adminAPIKey = found.adminAPIKey } = options;
    this.#options = { ...options, baseURL, apiKey, adminAPIKey };
    this.baseURL = baseURL || (this.#isListed && firstOf(options.servers)) || "http://127.0.0.1:5000/v1";
    this.apiKey = typeof apiKey === "function" ? "Missing Key" : (apiKey ?? null);
    this.adminAPIKey = adminAPIKey ?? null;
    this.maxRetries = options.maxRetries ?? 2;
    this.timeout = options.timeout ?? 600_000;
    this.logger = options.logger ?? console;
    this.logLevel = levelOf(options.logLevel) ?? this.#levelOfEnvironment() ?? "warn";
    this.#keys = keysOf(this.#options);
    this.#tabby = this.#client({});
    this.chat = { completions: new Completions(this) };
    this.completions = new LegacyCompletions(this);
    this.embeddings = new Embeddings(this);
    this.models = new Models(this);
  }

  /** The underlying client of this package. */
  get tabby() {
    return this.#tabby;
  }

  /** Returns another client with the options of this one, overridden by these. */
  withOptions(options) {
    const { maxRetries, timeout, logger, logLevel } = this;
    const baseURL = this.#isListed ? undefined : this.baseURL;
    const made = new this.constructor({ ...this.#options, baseURL, maxRetries, timeout, logger, logLevel, ...options });
    const [own, others] = [this.#options, made.#options];
    if (own.apiKey === others.apiKey && own.adminAPIKey === others.adminAPIKey) made.#keys = this.#keys;
    // With the state that calls of both share.
    made.#tabby = this.#tabby;
    made.#tabby = made.#client({});
    return made;
  }

  get(path, options) {
    return this.request({ method: "get", path, ...options });
  }

  post(path, options) {
    return this.request({ method: "post", path, ...options });
  }

  put(path, options) {
    return this.request({ method: "put", path, ...options });
  }

  patch(path, options) {
    return this.request({ method: "patch", path, ...options });
  }

  delete(path, options) {
    return this.request({ method: "delete", path, ...options });
  }

  /** Calls any route. */
  request({ method, path, body, stream, ...options }) {
    const prefix = /\/v1\/*$/.test(new URL(this.baseURL, "http://host").pathname) ? "/v1" : "";
    const request = { method: method.toUpperCase(), path: `${prefix}${path.startsWith("/") ? path : `/${path}`}`, body };
    if (stream) return this.streamed(options, (tabby, call) => tabby.request({ ...request, stream: true }, call));
    return this.asked(options, (tabby, call) => tabby.request(request, call));
  }

  /** A response: `ask` makes the call, `change` converts its result. */
  asked(options, ask, change = (value) => value) {
    const answered = async () => {
      const { data, status, headers } = await ask(this.#for(options), callOptions(options)).withResponse();
      const made = change(data);
      if (typeof made === "object" && made !== null && !Array.isArray(made)) {
        Object.defineProperty(made, "_request_id", { value: headers.get("x-request-id"), enumerable: false, configurable: true });
      }
      return { data: made, response: responseOf(status, headers) };
    };
    return new APIPromise(answered());
  }

  /** A streamed response, once its head has arrived. */
  streamed(options, open, pass = () => true) {
    const opened = async () => {
      const stream = open(this.#for(options), callOptions(options));
      const { status, headers } = await stream.opened;
      const controller = new AbortController();
      controller.signal.addEventListener("abort", () => stream.abort());
      return { data: new Stream(() => stream, controller, pass), response: responseOf(status, headers) };
    };
    return new APIPromise(opened());
  }

  /** A client for a call with these options. */
  client(options) {
    return this.#for(options);
  }

  /** Most options apply to a call. These options need a separate client. */
  #for(options) {
    const query = options?.query;
    return query && Object.keys(query).length > 0 ? this.#client(query) : this.#tabby;
  }

  #client(query) {
    const { logger, logLevel } = this;
    const { apiKey: ____, adminAPIKey: _____, fetch, fetchOptions, defaultHeaders, defaultQuery, maxRetries, timeout, ...rest } = this.#options;
    const { organization, project, dangerouslyAllowBrowser, webhookSecret, dataResidency, logger: _, logLevel: __, baseURL: ___, ...own } = rest;
    const all = { ...defaultQuery, ...query };
    // Called like in npm `openai`, since a custom `fetch` may inspect its arguments.
    const send = (url, init) => (fetch ?? globalThis.fetch)(withQuery(url, all), { ...init, headers: new Headers(init.headers), body: textOf(init.body) });
    const settings = {
      ...own,
      ...this.#keys,
      baseURL: this.#isListed ? undefined : this.baseURL,
      headers: headersOf(defaultHeaders),
      fetch: fetch || Object.keys(all).length > 0 ? send : undefined,
      fetchOptions,
      maxRetries,
      timeout,
      logger: leveled(logger, logLevel),
    };
    try {
      return this.#tabby ? this.#tabby.withOptions(settings) : new Tabby(settings);
    } catch (error) {
      throw errors.openAIError(error);
    }
  }

  #levelOfEnvironment() {
    const given = env("OPENAI_LOG");
    if (given === undefined || LEVELS.includes(given)) return given;
    this.logger.warn?.(`process.env['OPENAI_LOG'] was set to ${JSON.stringify(given)}, expected one of ${JSON.stringify(LEVELS)}`);
    return undefined;
  }
}

for (const [name, Kind] of Object.entries(errors)) if (name !== "openAIError") OpenAI[name] = Kind;
OpenAI.OpenAI = OpenAI;
OpenAI.DEFAULT_TIMEOUT = 600_000;
const ABSENT = [
  ...["responses", "images", "audio", "files", "moderations", "fineTuning", "vectorStores", "batches", "uploads", "beta", "realtime", "live", "graders", "evals"],
  ...["conversations", "containers", "skills", "videos", "webhooks", "admin", "safety", "decisions", "contentProvenanceChecks"],
];
absent(OpenAI.prototype, ABSENT);

export default OpenAI;
export { TabbyError };

/** The keys as options of this package. */
function keysOf({ apiKey, adminAPIKey }) {
  if (typeof apiKey !== "function") return { bearer: apiKey || undefined, adminKey: adminAPIKey || undefined };
  return { getKey: async ({ scope }) => (scope === "admin" && adminAPIKey ? adminAPIKey : { bearer: await apiKey() }) };
}

const levelOf = (level) => (LEVELS.includes(level) ? level : undefined);

function leveled(logger, level) {
  const at = LEVELS.indexOf(level);
  const log = (name, least) => (at >= LEVELS.indexOf(least) ? (line) => logger[name]?.(line) : undefined);
  // Errors are thrown, so they are only logged at a detailed level.
  return { debug: log("debug", "debug"), warn: log("warn", "info") };
}

/** Headers as options of this package. Null removes a header, which is then never sent. */
function headersOf(given) {
  if (given == null) return undefined;
  const pairs = typeof given[Symbol.iterator] === "function" ? [...given] : Object.entries(given);
  return pairs.flatMap(([name, value]) => (value == null ? [] : [value].flat().map((one) => [name, String(one)])));
}

function callOptions(options) {
  if (options == null) return undefined;
  const { signal, timeout, maxRetries, headers, fetchOptions, timeouts, limits } = options;
  return { signal: signal ?? undefined, timeout, maxRetries, headers: headersOf(headers), fetchOptions, timeouts, limits };
}

const textOf = (body) => (ArrayBuffer.isView(body) ? new TextDecoder().decode(body) : body);

function withQuery(url, query) {
  const made = new URL(url);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) made.searchParams.append(name, String(value));
  return made.href;
}
