// The session of an editor: it decides when to request completions, what to send, what to show and what to report. The module makes the
// decisions; this file passes on the events of the editor. Times are arguments, in milliseconds.

import { registry } from "./abi.js";
import { TabbyError, misuse } from "./error.js";
import { ready } from "./tabbyml-load.js";

const forgotten = registry(({ abi, number }) => abi.dead || abi.closed("close_session", number));

export class CompletionSession {
  #abi;
  #number;

  /** Loads the module if needed, and opens a session. */
  static async open(settings) {
    const session = new CompletionSession();
    session.#abi = await ready();
    session.#number = asError(() => session.#abi.number("open_session", JSON.stringify(settingsOf(settings ?? {}))));
    forgotten.register(session, { abi: session.#abi, number: session.#number }, session);
    return session;
  }

  /** The document or the cursor has changed. */
  edit(now, cursor) {
    this.#session(now, { do: "edit", ...placeOf(cursor) });
  }

  /** The user asks for a completion. */
  trigger(now, cursor) {
    this.#session(now, { do: "trigger", ...placeOf(cursor) });
  }

  /** Completions are not needed for now. */
  stop(now) {
    this.#session(now, { do: "stop" });
  }

  /** Returns the next action. */
  poll(now) {
    const action = this.#session(now, { do: "poll" });
    if (action.type === "wait") action.until ??= Infinity;
    return action;
  }

  /** The response to a request. */
  answered(now, id, { id: completion, choices }) {
    this.#session(now, { do: "answered", id, response: { id: completion, choices } });
  }

  /** A request failed with an error. */
  failed(now, id, error) {
    this.#session(now, { do: "answered", id, code: String(error?.code ?? "") });
  }

  /** The suggestion is shown. */
  shown(now) {
    this.#session(now, { do: "shown" });
  }

  /** The user accepted the suggestion, or this many characters of it. */
  accepted(now, length) {
    this.#session(now, { do: "accepted", length });
  }

  /** The user rejected the suggestion. */
  dismissed(now) {
    this.#session(now, { do: "dismissed" });
  }

  /** The suggestion that is shown, or about to be shown. */
  get suggestion() {
    return this.#session(0, { do: "suggestion" }) ?? undefined;
  }

  /** Segments within the session's budget. */
  trim(segments) {
    return this.#session(0, { do: "trim", segments });
  }

  /** Frees the session. */
  close() {
    if (this.#number === undefined || this.#abi.dead) return;
    forgotten.unregister?.(this);
    this.#abi.closed("close_session", this.#number);
    this.#number = undefined;
  }

  #session(now, what) {
    if (this.#number === undefined) throw misuse("the session is closed, or was not made by `CompletionSession.open`");
    return asError(() => this.#abi.ask("tell_session", JSON.stringify(what), this.#number, now));
  }
}

/** Converts an error object of the module to an error of this package. */
function asError(ask) {
  try {
    return ask();
  } catch (reported) {
    throw reported instanceof Error ? reported : new TabbyError(reported);
  }
}

const placeOf = ({ language, filepath, prefix, suffix }) => ({ language, filepath, prefix, suffix });

/** The settings by the module's names. */
function settingsOf({ debounce, budget, cleanup, cached, cachedFor, pause }) {
  const named = (given) => Object.fromEntries(Object.entries(given).map(([name, value]) => [snake(name), value]));
  const rules = typeof cleanup === "object" && cleanup !== null ? named(cleanup) : cleanup;
  return { debounce, budget: budget && named(budget), cleanup: rules, cached, cached_for: cachedFor, pause };
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
