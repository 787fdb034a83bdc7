// The services, with the methods that send a request and return its response. Generated from openapi.json by generate.mjs; do not edit.

import { Service, nothing } from "./service.js";
import { fieldsOf } from "./settings.js";
import { LoadStream, Stream } from "./stream.js";
import { KoboldTotal, LoadTotal } from "./total.js";

export class Completions extends Service {}

export class Chat extends Service {}

export class Embeddings extends Service {}

export class Models extends Service {
  list = (options) => this.ask("models.list", undefined, options);
  current = (options) => this.ask("models.current", undefined, options);
  props = (options) => this.ask("models.props", undefined, options);
  load = (request, options) => this.streamed(LoadStream, "models.load", () => ({ request: fieldsOf(request) }), options, LoadTotal);
  drafts = (options) => this.ask("models.drafts", undefined, options);
  download = (request, options) => this.ask("models.download", () => fieldsOf(request), options);
  unload = (options) => this.ask("models.unload", undefined, options, nothing);
}

export class EmbeddingModels extends Service {
  list = (options) => this.ask("embedding_models.list", undefined, options);
  current = (options) => this.ask("embedding_models.current", undefined, options);
  load = (request, options) => this.ask("embedding_models.load", () => fieldsOf(request), options);
  unload = (options) => this.ask("embedding_models.unload", undefined, options, nothing);
}

export class Loras extends Service {
  list = (options) => this.ask("loras.list", undefined, options);
  active = (options) => this.ask("loras.active", undefined, options);
  load = (request, options) => this.ask("loras.load", () => fieldsOf(request), options);
  unload = (options) => this.ask("loras.unload", undefined, options, nothing);
}

export class Templates extends Service {
  list = (options) => this.ask("templates.list", undefined, options);
  switch = (name, options) => this.ask("templates.switch", () => ({ prompt_template_name: name }), options, nothing);
  unload = (options) => this.ask("templates.unload", undefined, options, nothing);
}

export class Tokens extends Service {}

export class Sampling extends Service {
  overrides = (options) => this.ask("sampling.overrides", undefined, options);
  switchPreset = (name, options) => this.ask("sampling.switch_preset", () => ({ preset: name }), options, nothing);
  setOverrides = (overrides, options) => this.ask("sampling.set_overrides", () => ({ overrides }), options, nothing);
  unload = (options) => this.ask("sampling.unload", undefined, options, nothing);
}

export class Health extends Service {
  check = (options) => this.ask("health.check", undefined, options);
  serviceInfo = (options) => this.ask("health.service_info", undefined, options);
}

export class Auth extends Service {}

export class Kobold extends Service {
  generate = (request, options) => this.ask("kobold.generate", () => fieldsOf(request), options);
  stream = (request, options) => this.streamed(Stream, "kobold.stream", () => ({ request: fieldsOf(request) }), options, KoboldTotal);
  abort = (genkey, options) => this.ask("kobold.abort", () => ({ genkey }), options);
  check = (genkey, options) => this.ask("kobold.check", () => ({ genkey }), options);
  model = (options) => this.ask("kobold.model", undefined, options);
  countTokens = (prompt, options) => this.ask("kobold.count_tokens", () => ({ prompt }), options);
  maxLength = (options) => this.ask("kobold.max_length", undefined, options);
  maxContextLength = (options) => this.ask("kobold.max_context_length", undefined, options);
  trueMaxContextLength = (options) => this.ask("kobold.true_max_context_length", undefined, options);
  version = (options) => this.ask("kobold.version", undefined, options);
  extraVersion = (options) => this.ask("kobold.extra_version", undefined, options);
  softPrompts = (options) => this.ask("kobold.soft_prompts", undefined, options);
  softPrompt = (options) => this.ask("kobold.soft_prompt", undefined, options);
  setSoftPrompt = (value, options) => this.ask("kobold.set_soft_prompt", () => ({ value }), options, nothing);
}

/** The services by their names in a client. */
export const SERVICES = {
  completions: Completions,
  chat: Chat,
  embeddings: Embeddings,
  models: Models,
  embeddingModels: EmbeddingModels,
  loras: Loras,
  templates: Templates,
  tokens: Tokens,
  sampling: Sampling,
  health: Health,
  auth: Auth,
  kobold: Kobold,
};
