// One call on its way: the module decides, this file does. It has the exchange, the timer, the key, the signal.

import { AUTHORIZE, DONE, FAILED, READ, SEND, WAIT, encode } from "./abi.js";
import { TabbyError, cancelled, encodedOr, placed } from "./error.js";
import { Exchange } from "./exchange.js";
import { faultOf } from "./faults.js";
import { clock, needed } from "./host.js";
import { wordsOf } from "./secrets.js";
import { asTabbyError, amount, fetchOptionsOf, headersOf, jsonOf, onAbort, settingsOf, signalOf } from "./settings.js";

/** Hosts keep the time to wait in 31 bits, and take what is longer for nothing. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;
/** Why there is no key, in the place of one. */
const NO_KEY = 4;
/** The headers that calls look at, in the order that the module wants. Not every module looks at the last one. */
const LOOKED_AT = ["content-type", "retry-after", "date", "x-should-retry", "retry-after-ms", "location"];

/**
 * A call. It reports to its `sink`: `head(read)` once an answer is not an error, where `read` gives the head, `records(text)`, and `end(error, outcome)`, which may
 * answer with an error of its own.
 * Nothing is read unless it is wanted, so that who does not read holds the server back.
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
  /** The request under way: method, url, and the status of its answer. */
  #asked = {};
  #over = false;
  #wanted = false;
  #eager;
  /** How many choices are asked for. */
  #choices;
  /** Whether usage is asked for. */
  #wantsUsage;
  /** The model that is asked for, and the estimated tokens, where servers are chosen or limited by them. */
  #model;
  #tokens;
  #cause;
  /** Why the call cannot even begin. */
  #unsent;
  /** How the stream is resumed, as the module takes it. */
  #resume;
  /** Where it was made. */
  #site;
  #unlisten;
  #fetchOptions;
  #route;
  /** The head of an answer that is not an error has arrived. */
  #opened = false;
  /** Those of the last answer, and the beginning of its body. */
  #headers;
  #begins;
  /** Time that the caller was busy with what came, which does not count as waiting: the call's clock stands still meanwhile. */
  #paused = 0;
  #idleSince;

  /** `call` has the `operation`, its `route` if it has one of its own, its `request`, the number of `choices` asked for, `site`, and why it cannot begin as `unsent`. */
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
    // A copy: the caller may change the request before it is sent. One that cannot be written as JSON rejects the call.
    try {
      this.#body = request === undefined ? undefined : encode(jsonOf(request));
      this.#wantsUsage = request?.stream_options?.include_usage === true;
      this.#weigh(request);
    } catch (error) {
      this.#unsent ??= error;
    }
  }

  /** Looks up what the choice of a server depends on. */
  #weigh(request) {
    const [, service] = /^(chat|completions|embeddings)\./.exec(this.#operation) ?? [];
    if (service === undefined) return;
    if (typeof request.model === "string" && service !== "embeddings") this.#model = request.model;
    const { estimate } = this.#core;
    if (estimate) this.#tokens = Math.min(amount(estimate(request), "rateLimit", "estimate()"), Number.MAX_SAFE_INTEGER);
  }

  /** Asks for more, and begins the call if it has not begun. */
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

  /** Gives the call up. */
  cancel(reason) {
    this.finish(cancelled(reason));
  }

  /** An error over what came, with where that was. */
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
    // Once: `want` may be asked again while the module is loaded.
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
      // The module explains a refusal by an object.
      const isDetail = typeof error === "object" && typeof error?.kind === "string" && !(error instanceof Error);
      return this.finish(isDetail ? this.#errorOf(error) : asTabbyError(error));
    }
    this.poll();
  }

  /** What the module says to an input, and what is to be done then. */
  #guard(input) {
    try {
      this.#step(input());
    } catch (error) {
      this.finish(asTabbyError(error, "the answer could not be taken in"));
    }
    this.#abi.wake();
  }

  #step(code) {
    const abi = this.#abi;
    const records = abi.output();
    if (records !== "") {
      this.#wanted = this.#eager;
      this.#sink.records(records);
      // The caller may have asked for more at once, or given up.
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

  /** What the calls of a client wait for goes by one clock, which stands still for none of them. */
  #catchUp() {
    this.#paused = 0;
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    this.#step(this.#abi.poll(this.#number, this.#now()));
  }

  /** Reports what was done about a stream that broke. */
  #resumed(detail) {
    const { events } = detail;
    delete detail.events;
    for (const { error, ...event } of events ?? []) {
      try {
        this.#options.resume?.onResume?.({ ...event, error: this.#errorOf(error) });
      } catch {
        // An error of the caller must not end the stream.
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

  /** What an exchange reports; one that was dropped is not listened to. */
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

  /** The headers of the last answer, without the keys that a server may echo. */
  #answered() {
    return this.#cleaner().headers(this.#headers ?? []);
  }

  /** The error of a detail of the module, which has removed the keys of the request. Other keys of the client are removed here. */
  #errorOf(detail) {
    const cleaner = this.#cleaner();
    const headers = cleaner.headers(this.#headers ?? []);
    const actual = encodedOr(detail, headers, this.#begins);
    // Words of the package, which programs read, stay as they are.
    const clean = { ...cleaner.value(actual), kind: actual.kind, phase: actual.phase, method: actual.method };
    const outcome = clean.outcome ? { ...clean.outcome, headers } : undefined;
    return new TabbyError({ ...clean, headers, outcome }, { cause: cleaner.cause(this.#cause) });
  }

  /** The host has ended the exchange although the call would have waited. */
  #cut(limit) {
    const { method, url, status } = this.#asked;
    const reason = `${limit} passed before any timeout of the call did`;
    const hint = "raise it there, as in `fetchOptions: { dispatcher }`, or set shorter `timeouts`";
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

  /** Sets the timer, unless it is set for an earlier time: it may be early, never late. */
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
    // While the caller is busy, nobody waits.
    if (this.#idleSince === undefined) this.poll();
  };

  #aborted = () => this.finish(cancelled(this.#cleaner().cause(reasonOf(this.#signal))));

  #drop() {
    this.#exchange?.drop();
    this.#exchange = undefined;
  }

  /** Ends the call, which is dropped if there is an error. */
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
    // An answer that has come may still turn out to be none.
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
