// The client: its services.

import { coreOf } from "./core.js";
import { TabbyError } from "./error.js";
import { ready } from "./load.js";
import * as services from "./services.js";

/** A client of one TabbyAPI server. */
export class Tabby {
  #options;
  #routes;

  constructor(options) {
    this.#options = options;
    const core = coreOf(options ?? {}, ready);
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

/** Answers have the fields that a server adds; this gives them a type. */
export const extraOf = (answer) => answer;

export { TabbyError };
export { init } from "./load.js";
export { fromReadableStream } from "./relay.js";
export { LoadStream, MessageStream, Stream } from "./stream.js";
