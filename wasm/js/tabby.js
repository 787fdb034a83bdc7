// The client: its services.

import { coreOf, derived } from "./core.js";
import { TabbyError } from "./error.js";
import { ready } from "./load.js";
import * as services from "./services.js";

/** A client of one TabbyAPI server. */
export class Tabby {
  #options;
  #core;
  #routes;

  constructor(options) {
    this.#options = options;
    const core = coreOf(options ?? {}, ready);
    this.#core = core;
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
    return services.probe(this.#core, options);
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
