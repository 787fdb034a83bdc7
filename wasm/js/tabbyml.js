// The client for TabbyML/tabby, the coding assistant: settings and services.

import { coreOf, derived } from "./core.js";
import { TabbyError } from "./error.js";
import { ready } from "./tabbyml-load.js";
import * as services from "./tabbyml-services.js";

/** The rate limit of the server for each user: requests in an interval of milliseconds. */
export const RATE_LIMIT = Object.freeze({ requests: 120, interval: 60000 });

/** A client of one TabbyML server. */
export class TabbyML {
  #options;
  #core;

  constructor(options) {
    this.#options = options;
    const core = coreOf(keysOf(options ?? {}), ready, options ?? {});
    this.#core = core;
    this.completions = new services.Completions(core);
    this.chat = new services.Chat(core);
    this.events = new services.Events(core);
    this.health = new services.Health(core);
    this.models = new services.Models(core);
    this.serverSetting = new services.ServerSetting(core);
    this.ingestion = new services.Ingestion(core);
    this.graphql = new services.GraphQl(core);
  }

  /** Returns which server is at the address: TabbyML/tabby, theroyallab/tabbyAPI, or another one. */
  detect(options) {
    return services.detect(this.#core, options);
  }

  /** The state of the server. */
  async servers() {
    return (await this.#core.state()).servers;
  }

  /** The number of calls that wait for the server. */
  async waiting() {
    return (await this.#core.state()).waiting;
  }

  /** Returns another client with the options of this one, overridden by these. */
  withOptions(options) {
    return new TabbyML(derived(this.#core, this.#options, options));
  }
}

/** The options with the module's names of the keys. This server only accepts bearer tokens. */
function keysOf({ token, registrationToken, getToken, apiKey: _, adminKey: __, bearer: ___, getKey: ____, ...rest }) {
  const keys = { bearer: token, registrationToken };
  if (getToken == null) return { ...rest, ...keys };
  const getKey = async ({ scope, rejected }) => {
    const given = await getToken({ kind: scope === "admin" ? "registration" : "user", rejected });
    return typeof given === "string" ? { bearer: given } : given && { bearer: given.token, expiresIn: given.expiresIn };
  };
  return { ...rest, ...keys, getKey };
}

export { TabbyError };
export { MessageStream, Stream } from "./stream.js";
export { init } from "./tabbyml-load.js";
export { CompletionSession } from "./tabbyml-session.js";
