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

  /** Asks any route: an answer, or with `stream` a stream of what its events say. */
  request(request, options) {
    return this.#routes.request(request, options);
  }

  /** The state of its servers. */
  async servers() {
    return (await this.#core.state()).servers;
  }

  /** How many of its calls wait for a server. */
  async waiting() {
    return (await this.#core.state()).waiting;
  }

  /** Asks each server which model it has loaded, so that calls that name a model go where it is. */
  probe(options) {
    return services.probe(this.#core, options);
  }

  /** Another client with the options of this one, and these in the place of some. */
  withOptions(options) {
    return new Tabby(derived(this.#core, this.#options, options));
  }
}

/** Answers have the fields that a server adds; this gives them a type. */
export const extraOf = (answer) => answer;

export { TabbyError };
export { init } from "./load.js";
export { fromReadableStream } from "./relay.js";
export { LoadStream, MessageStream, Stream } from "./stream.js";
