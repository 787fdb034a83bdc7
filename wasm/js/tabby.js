// The client: its services.

import { coreOf, derived } from "./core.js";
import { TabbyError } from "./error.js";
import { ready } from "./load.js";
import { Routes, SERVICES, probe } from "./services.js";

/** A client of one TabbyAPI server. */
export class Tabby {
  #options;
  #core;
  #routes;

  constructor(options) {
    this.#options = options;
    const core = coreOf(options ?? {}, ready);
    this.#core = core;
    this.#routes = new Routes(core);
    for (const name in SERVICES) this[name] = new SERVICES[name](core);
  }

  /** Calls any route: a response, or with `stream` a stream of the values of its events. */
  request(request, options) {
    return this.#routes.request(request, options);
  }

  /** The state of the servers. */
  async servers() {
    return (await this.#core.state()).servers;
  }

  /** The number of calls that wait for a server. */
  async waiting() {
    return (await this.#core.state()).waiting;
  }

  /** Requests the loaded model of each server, so that calls that name a model are routed to it. */
  probe(options) {
    return probe(this.#core, options);
  }

  /** Returns another client with the options of this one, overridden by these. */
  withOptions(options) {
    return new Tabby(derived(this.#core, this.#options, options));
  }
}

/** Responses include the fields that a server adds. This function only changes their type. */
export const extraOf = (answer) => answer;

export { TabbyError };
export { init } from "./load.js";
export { fromReadableStream } from "./relay.js";
export { LoadStream, MessageStream, Stream } from "./stream.js";
