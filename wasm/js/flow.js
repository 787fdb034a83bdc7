// Drives one call: the module decides, and this file carries it out, with the exchange, the timer, the key and the signal.

import { AUTHORIZE, DONE, FAILED, READ, SEND, WAIT, encode } from "./abi.js";
import { TabbyError, cancelled, encodedOr, placed } from "./error.js";
import { Exchange } from "./exchange.js";
import { faultOf } from "./faults.js";
import { clock, needed } from "./host.js";
import { wordsOf } from "./secrets.js";
import { asTabbyError, amount, fetchOptionsOf, headersOf, jsonOf, onAbort, settingsOf, signalOf } from "./settings.js";

/** Hosts store delays in 31 bits, and treat longer ones as 0. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;
/** The error that takes the place of a key. */
const NO_KEY = 4;
/** The headers that calls read, in the order of the module. Not every module reads the last one. */
const LOOKED_AT = ["content-type", "retry-after", "date", "x-should-retry", "retry-after-ms", "location"];

/**
 * A call. It reports to its `sink`: `head(read)` for a successful response, where `read` returns the head, `records(text)`, and `end(error, outcome)`, which may
 * return another error.
 * It reads only on demand, so that not reading applies back-pressure to the server.
 */
export class Flow {
  #core;
  #operation;
  #body;
  #options;
  /** The call's own headers, as pairs. */
  #ownHeaders = [];
  #signal;
  #sink;
  #abi;
  #number;
  #exchange;
  #timer;
  #timerAt = Infinity;
  #keying = false;
  #attempts = 0;
  /** The current request: method, URL, and the status of its response. */
  #asked = {};
  #over = false;
  #wanted = false;
  #eager;
  /** The number of requested choices. */
  #choices;
  /** Whether usage is requested. */
  #wantsUsage;
  /** The requested model and the estimated tokens, if servers are chosen or limited by them. */
  #model;
  #tokens;
  #cause;
  /** The error, if the call cannot start. */
  #unsent;
  /** The settings for resuming, for the module. */
  #resume;
  /** The call site. */
  #site;
  #unlisten;
  #fetchOptions;
  #route;
  /** Whether the head of a successful response has arrived. */
  #opened = false;
  /** The headers of the last response, and the beginning of its body. */
  #headers;
  #begins;
  /** The time during which the caller processed items. The call's clock stands still then, so it does not count as waiting. */
  #paused = 0;
  #idleSince;

  /** `call` has the `operation`, its `route` if it is not a method, its `request`, the number of `choices`, its `site`, and `unsent`, the error if it cannot start. */
  constructor(core, { operation, route, request, choices = 1, resume, site, unsent }, options, sink, eager) {
    this.#core = core;
    this.#operation = operation;
    this.#options = options ?? {};
    this.#sink = sink;
    this.#eager = eager;
    this.#choices = choices;
    this.#resume = resume;
    this.#site = site;
    this.#route = route;
    this.#unsent = unsent;
    this.#fetchOptions = core.fetchOptions;
    // A copy, since the caller may change the request before it is sent. A request that cannot be serialized rejects the call.
    try {
      this.#body = request === undefined ? undefined : encode(jsonOf(request));
      this.#wantsUsage = request?.stream_options?.include_usage === true;
      this.#weigh(request);
    } catch (error) {
      this.#unsent ??= error;
    }
  }

  /** Determines what the choice of a server depends on. */
  #weigh(request) {
    const [, service] = /^(chat|completions|embeddings)\./.exec(this.#operation) ?? [];
    if (service === undefined) return;
    if (typeof request.model === "string" && service !== "embeddings") this.#model = request.model;
    const { estimate } = this.#core;
    if (estimate) this.#tokens = Math.min(amount(estimate(request), "rateLimit", "estimate()"), Number.MAX_SAFE_INTEGER);
  }

  /** Requests more data, and starts the call if needed. */
  want() {
    this.#wanted = true;
    if (this.#idleSince !== undefined) {
      this.#paused += clock.now() - this.#idleSince;
      this.#idleSince = undefined;
    }
    if (this.#abi === undefined) {
      if (!this.#over) this.#begin();
    } else if (this.#exchange?.reader) {
      this.#arm();
      this.#exchange.read();
    }
  }

  /** Aborts the call. */
  cancel(reason) {
    this.finish(cancelled(reason));
  }

  /** Adds the location to an error about received data. */
  placed(error, outcome) {
    const { method, url, status } = this.#asked;
    Object.assign(error, this.#cleaner().value({ method, url, status, message: `${method} ${url}: ${error.message}` }));
    if (outcome) Object.assign(error, { outcome, attempts: outcome.attempts });
    return placed(error, this.#site);
  }

  poll() {
    if (!this.#over) this.#guard(() => this.#abi.poll(this.#number, this.#now()));
  }

  async #begin() {
    // Once: `want` may be called again while the module loads.
    this.#abi = null;
    try {
      const { signal, headers, timeouts, timeout, maxRetries, retry, limits, preferAdminKey, server } = this.#options;
      if (this.#unsent) throw this.#unsent;
      this.#ownHeaders = headersOf(headers);
      this.#signal = signalOf(signal);
      if (this.#signal?.aborted) throw cancelled(reasonOf(signal));
      if (this.#signal) this.#unlisten = onAbort(this.#signal, this.#aborted);
      needed("AbortController");
      const own = fetchOptionsOf(this.#options.fetchOptions);
      if (own) this.#fetchOptions = { ...this.#fetchOptions, ...own };
      const abi = await this.#core.ready();
      if (this.#over) return;
      const call = {
        operation: this.#operation,
        ...this.#route,
        has_body: this.#body !== undefined,
        choices: this.#choices,
        wants_usage: this.#wantsUsage,
        resume: this.#resume,
        request_bytes: this.#body?.length ?? 0,
        model: this.#model,
        tokens: this.#tokens,
        ...ownSettings({ headers, timeouts, timeout, maxRetries, retry, limits, preferAdminKey, server }),
      };
      this.#number = abi.start(this.#core.open(abi), JSON.stringify(call));
      this.#abi = abi;
      abi.flows.set(this.#number, this);
    } catch (error) {
      // The module reports an error as an object.
      const isDetail = typeof error === "object" && typeof error?.kind === "string" && !(error instanceof Error);
      return this.finish(isDetail ? this.#errorOf(error) : asTabbyError(error));
    }
    this.poll();
  }

  /** Passes an input to the module, and carries out the result. */
  #guard(input) {
    try {
      this.#step(input());
    } catch (error) {
      this.finish(asTabbyError(error, "the response could not be processed"));
    }
    this.#abi.wake();
  }

  #step(code) {
    const abi = this.#abi;
    const records = abi.output();
    if (records !== "") {
      this.#wanted = this.#eager;
      this.#sink.records(records);
      // The caller may have requested more, or aborted.
      if (this.#over) return;
      if (!this.#wanted && code === READ) this.#idleSince ??= clock.now();
    }
    switch (code) {
      case READ:
        if (this.#asked.status < 400 && !this.#opened) {
          this.#opened = true;
          const [{ status }, headers] = [this.#asked, this.#headers ?? []];
          this.#sink.head?.(() => ({ status, headers: this.#cleaner().headers(headers) }));
          if (this.#over) return;
        }
        if (this.#exchange?.reader && !this.#wanted) return;
        this.#arm();
        this.#exchange?.read();
        break;
      case SEND:
        this.#arm();
        this.#send(abi.detail());
        break;
      case WAIT: {
        this.#drop();
        const detail = abi.detail();
        this.#resumed(detail);
        if (this.#over) break;
        if (detail.for_others && this.#paused > 0) return this.#catchUp();
        this.#arm();
        break;
      }
      case AUTHORIZE:
        this.#drop();
        this.#arm();
        if (!this.#keying) this.#authorize(abi.detail());
        break;
      case DONE: {
        const outcome = abi.detail();
        this.#resumed(outcome);
        this.finish(undefined, { ...outcome, headers: this.#answered() });
        break;
      }
      case FAILED: {
        const detail = abi.detail();
        if (detail.outcome) this.#resumed(detail.outcome);
        const error = this.#errorOf(detail);
        this.finish(error, error.outcome);
        break;
      }
    }
  }

  /** Waits that involve several calls use a common clock, which never stands still. */
  #catchUp() {
    this.#paused = 0;
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    this.#step(this.#abi.poll(this.#number, this.#now()));
  }

  /** Reports the action for a stream that broke. */
  #resumed(detail) {
    const { events } = detail;
    delete detail.events;
    for (const { error, ...event } of events ?? []) {
      try {
        this.#options.resume?.onResume?.({ ...event, error: this.#errorOf(error) });
      } catch {
        // An exception of the caller must not end the stream.
      }
    }
  }

  #send(request) {
    this.#drop();
    this.#resumed(request);
    if (this.#over) return;
    if (request.rest) this.#body = encode(jsonOf(this.#sink.rest(request.rest)));
    this.#asked = { method: request.method, url: request.url };
    this.#cause = undefined;
    this.#attempts += 1;
    this.#core.notify("onAttempt", { operation: this.#operation, attempt: this.#attempts, method: request.method, url: request.url });
    if (this.#over) return;
    this.#headers = this.#begins = undefined;
    request.headers = this.#core.headers(request.headers, this.#ownHeaders);
    this.#exchange = new Exchange(this, this.#core.fetch, request, this.#body, this.#fetchOptions);
  }

  /** Handles the events of an exchange. Events of a dropped exchange are ignored. */
  report(exchange, input) {
    if (this.#over || exchange !== this.#exchange) return;
    this.#guard(() => {
      const { type, status, headers, bytes, error, url } = input;
      const [abi, number, now] = [this.#abi, this.#number, this.#now()];
      switch (type) {
        case "head": {
          this.#headers = headers;
          this.#asked.status = status;
          const values = new Map(this.#headers);
          return abi.head(number, now, status, LOOKED_AT.map((name) => values.get(name) ?? "").join("\n"));
        }
        case "chunk":
          this.#begins ??= bytes.slice(0, 64);
          return abi.chunk(number, now, bytes);
        case "end":
          return abi.end(number, now);
        default: {
          this.#cause = error;
          const { how, message, limit } = faultOf(error, url);
          if (limit === undefined) return abi.failed(number, now, how, message);
          throw this.#cut(limit);
        }
      }
    });
  }

  #cleaner() {
    return this.#core.secrets.cleaner(this.#ownHeaders);
  }

  /** The headers of the last response, without keys that a server may echo. */
  #answered() {
    return this.#cleaner().headers(this.#headers ?? []);
  }

  /** Creates the error from a detail of the module, which has removed the keys of the request. Other keys of the client are removed here. */
  #errorOf(detail) {
    const cleaner = this.#cleaner();
    const headers = cleaner.headers(this.#headers ?? []);
    const actual = encodedOr(detail, headers, this.#begins);
    // Codes of the package, which programs read, are not changed.
    const clean = { ...cleaner.value(actual), kind: actual.kind, phase: actual.phase, method: actual.method };
    const outcome = clean.outcome ? { ...clean.outcome, headers } : undefined;
    return new TabbyError({ ...clean, headers, outcome }, { cause: cleaner.cause(this.#cause) });
  }

  /** The host has ended the exchange before the timeouts of the call. */
  #cut(limit) {
    const { method, url, status } = this.#asked;
    const reason = `${limit} passed before any timeout of the call`;
    const hint = "raise it in the host, for example with `fetchOptions: { dispatcher }`, or set shorter `timeouts`";
    const fields = { kind: "timeout", code: "timeout_host", phase: status === undefined ? "head" : "idle", retryable: true, method, url, status, reason, hint };
    const cleaner = this.#cleaner();
    const cause = cleaner.cause(this.#cause);
    return new TabbyError({ ...cleaner.value({ ...fields, message: `${method} ${url}: ${reason}; ${hint}` }), headers: this.#answered() }, { cause });
  }

  get wanted() {
    return this.#wanted;
  }

  async #authorize({ server, scope, rejected }) {
    this.#keying = true;
    let [kind, text, expiresIn] = [0, "", -1];
    try {
      const given = await this.#core.getKey({ server, scope, rejected });
      const key = typeof given === "string" ? { [scope === "admin" ? "adminKey" : "apiKey"]: given } : (given ?? {});
      const kinds = [key.apiKey, key.adminKey, key.bearer];
      if (kinds.some((text) => text != null && typeof text !== "string")) throw new TypeError("it gave a key that is not a string");
      this.#core.secrets.add(...kinds);
      kind = kinds.findIndex((text) => text != null) + 1;
      [text, expiresIn] = [kinds[kind - 1] ?? "", Number(key.expiresIn ?? -1)];
    } catch (error) {
      this.#cause = error;
      [kind, text] = [NO_KEY, `getKey failed: ${wordsOf(error)}`];
    }
    this.#keying = false;
    if (!this.#over) this.#guard(() => this.#abi.key(this.#number, this.#now(), kind, expiresIn, text));
  }

  #now() {
    return clock.now() - this.#paused;
  }

  /** Sets the timer, unless it is set for an earlier time. It may fire early, but never late. */
  #arm() {
    const deadline = this.#abi.deadline();
    if (this.#timerAt <= deadline) return;
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    const wait = Math.min(Math.max(Math.ceil(deadline - this.#now()), 0), LONGEST_TIMEOUT);
    this.#timer = setTimeout(this.#fired, wait);
  }

  #fired = () => {
    this.#timerAt = Infinity;
    // While the caller processes items, the call does not wait.
    if (this.#idleSince === undefined) this.poll();
  };

  #aborted = () => this.finish(cancelled(this.#cleaner().cause(reasonOf(this.#signal))));

  #drop() {
    this.#exchange?.drop();
    this.#exchange = undefined;
  }

  /** Ends the call. With an error, the call is dropped. */
  finish(error, outcome) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#unlisten?.();
    if (error) this.#drop();
    else this.#exchange?.linger();
    this.#exchange = undefined;
    const abi = this.#abi;
    if (abi) {
      abi.flows.delete(this.#number);
      abi.drop(this.#number);
      abi.wake();
    }
    // A received response may still be invalid.
    error = this.#sink.end(placed(error, this.#site), outcome) ?? error;
    this.#core.notify("onOutcome", { operation: this.#operation, ok: !error, error, ...(outcome ?? error?.outcome) });
  }
}

/** The settings of a call, if it has any. */
function ownSettings(given) {
  return Object.values(given).some((value) => value != null) ? settingsOf(given) : undefined;
}

function reasonOf(signal) {
  try {
    return signal.reason;
  } catch (thrown) {
    return thrown;
  }
}
