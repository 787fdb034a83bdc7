// The parts of the services beyond the plain methods of operations.js: conversion of requests and arguments, decoding of responses, and
// methods that make several calls.

import { vectors } from "./embeddings.js";
import { TabbyError } from "./error.js";
import * as operations from "./operations.js";
import { Service } from "./service.js";
import { fieldsOf, settingsOf } from "./settings.js";
import { MessageStream, Stream, whole } from "./stream.js";
import { ChatTotal, CompletionTotal, ListTotal } from "./total.js";

/** The request of a generation: the method decides about streaming, and usage is requested. */
function generation(given, streamed) {
  const { stream: _, ...request } = fieldsOf(given);
  const asked = { stream_options: { include_usage: true }, ...request };
  return streamed ? { ...asked, stream: true } : asked;
}

class Chat extends operations.Chat {
  create(request, options) {
    return this.ask("chat.create", () => generation(request, false), options);
  }

  stream(request, options) {
    const make = () => {
      // Tool calls arrive complete at the end, after a silence that has its own timeouts.
      const asked = generation(request, true);
      const operation = asked.tools?.length || asked.functions?.length ? "chat.stream.tools" : "chat.stream";
      return { operation, request: asked, choices: asked.n ?? 1 };
    };
    return this.streamed(MessageStream, "chat.stream", make, options, ChatTotal);
  }
}

class Completions extends operations.Completions {
  create(request, options) {
    return this.ask("completions.create", () => prompted(request, false), options);
  }

  stream(request, options) {
    const make = () => {
      const asked = prompted(request, true);
      const bounded = asked.max_tokens ?? asked.max_completion_tokens ?? asked.max_length;
      const operation = bounded == null ? "completions.stream.unbounded" : "completions.stream";
      return { operation, request: asked, choices: (asked.n ?? 1) * promptsOf(asked) };
    };
    return this.streamed(MessageStream, "completions.stream", make, options, CompletionTotal);
  }
}

/** The number of prompts. A list of numbers is one prompt, of tokens. */
function promptsOf({ prompt }) {
  return Array.isArray(prompt) && typeof prompt[0] !== "number" ? prompt.length : 1;
}

function prompted(given, streamed) {
  const request = fieldsOf(given);
  if (Array.isArray(request.prompt) && request.prompt.length === 0) {
    const message = "the list of prompts is empty; a server that streams never ends on it";
    throw new TabbyError({ kind: "encode", code: "no_prompt", message });
  }
  return generation(request, streamed);
}

class Embeddings extends operations.Embeddings {
  create(given, options) {
    let count = 1;
    const make = () => {
      const request = fieldsOf(given);
      if (Array.isArray(request.input)) count = request.input.length;
      if (count === 0) {
        throw new TabbyError({ kind: "encode", code: "no_input", message: "the list of texts is empty; the server fails on it" });
      }
      // A quarter of the size of decimals, and faster to decode.
      return { encoding_format: "base64", ...request };
    };
    return this.ask("embeddings.create", make, options, (answer) => vectors(answer, count));
  }
}

class Models extends operations.Models {
  /** Unloads the loaded model, then loads. If the server does not list the model, nothing is unloaded. */
  async reload(given, options) {
    const request = fieldsOf(given);
    const unlessNoneLoaded = (error) => {
      if (error.code !== "no_model_loaded") throw error;
    };
    if (await this.current(options).catch(unlessNoneLoaded)) {
      mustList(await this.list(options), request.model_name, "models");
      const draft = request.draft_model?.draft_model_name;
      if (draft != null) mustList(await this.drafts(options), draft, "draft models");
      await this.unload(options).catch(unlessNoneLoaded);
    }
    return this.load(request, options);
  }
}

function mustList(list, name, what) {
  if (list.data?.some((card) => card.id === name)) return;
  const hint =
    "the whole list requires the admin key, and models in subfolders are in no list; if the model exists, call `unload` and then `load`";
  const message = `\`${name}\` is not in the server's list of ${what}, so nothing was unloaded; ${hint}`;
  throw new TabbyError({ kind: "encode", code: "unknown_model", message, hint });
}

class Tokens extends operations.Tokens {
  encode = (request, options) => this.ask("tokens.encode", () => textual(request), options);
  decode = (request, options) => this.ask("tokens.decode", () => (Array.isArray(request) ? { tokens: request } : fieldsOf(request)), options);
  count = (request, options) => this.ask("tokens.encode", () => textual(request), options, ({ tokens, length }) => length ?? tokens.length);
}

const textual = (request) => (typeof request === "string" || Array.isArray(request) ? { text: request } : fieldsOf(request));

/** The interval between two checks of the server, in milliseconds. */
const INTERVAL = 250;

class Health extends operations.Health {
  /** Waits until a model is loaded, by requesting it four times a second, and returns its card. */
  async waitUntilReady(options) {
    const { timeout = 60_000, signal } = options ?? {};
    settingsOf({ timeout });
    const until = Date.now() + timeout;
    for (;;) {
      const timeouts = { total: Math.max(until - Date.now(), INTERVAL) };
      try {
        return await this.ask("models.current", undefined, { signal, timeouts, maxRetries: 0 });
      } catch (error) {
        const isLater = LATER.has(error.kind) || (error.kind === "policy" && OWN_POLICIES.has(error.code)) || (error.kind === "server" && error.status >= 502 && error.status <= 504);
        if (!isLater) throw error;
        if (Date.now() + INTERVAL >= until) {
          const message = `the server was not ready within ${timeout} ms; the last check reported: ${error.message}`;
          throw new TabbyError({ kind: "timeout", code: "timeout_ready", phase: "total", retryable: true, message }, { cause: error });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    }
  }
}

const LATER = new Set(["connect", "transport", "timeout", "truncated"]);
const OWN_POLICIES = new Set(["circuit_open", "rate_limited", "queue_full"]);

class Auth extends operations.Auth {
  permission = (options) => this.ask("auth.permission", undefined, options, ({ permission }) => permission);
}

/** The services by their names in a client. */
export const SERVICES = {
  ...operations.SERVICES,
  chat: Chat,
  completions: Completions,
  embeddings: Embeddings,
  models: Models,
  tokens: Tokens,
  health: Health,
  auth: Auth,
};

/** Requests the loaded model of each server, once and concurrently, and records it. */
export async function probe(core, options) {
  const { servers } = await core.state();
  return Promise.all(
    servers.map(async ({ base }) => {
      try {
        const model = await whole(core, { operation: "models.current" }, { ...options, server: base, maxRetries: 0, retry: undefined });
        await core.loaded(base, model.id);
        return { base, model };
      } catch (error) {
        if (error.code === "no_model_loaded") await core.loaded(base, null);
        return { base, error };
      }
    }),
  );
}

/** Calls to any route, for routes without a method in the services. */
export class Routes extends Service {
  request(given, options) {
    const { method = "GET", path, body, stream, scope = "api" } = given ?? {};
    const route = { method, path, scope };
    const make = body === undefined ? undefined : () => body;
    if (!stream) return whole(this.core, { operation: "request", route, make }, options);
    return new Stream(this.core, { operation: "request.stream", route, make: () => ({ request: body }) }, options, ListTotal);
  }
}
