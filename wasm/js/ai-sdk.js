// A provider for the Vercel AI SDK, on the client of this package.

import { Tabby, TabbyError } from "tabbyapi";
import { NoSuchModelError, callError } from "./ai-sdk-errors.js";
import { contentOf, finishOf, metadataOf, usageOf } from "./ai-sdk-answers.js";
import { requestOf } from "./ai-sdk-requests.js";
import { partsOf } from "./ai-sdk-streams.js";

export { TabbyError };

/** The maximum number of texts per embeddings request. The AI SDK splits longer lists. */
const TEXTS = 256;

const env = (name) => globalThis.process?.env?.[name]?.trim() || undefined;

/** A provider: a function that returns a model by its name on the server. */
export function createTabby(options = {}) {
  const { client, ...rest } = options;
  // Servers of a list have their own keys.
  const found = rest.servers != null && rest.baseURL == null ? {} : { baseURL: env("TABBY_URL") ?? "http://127.0.0.1:5000", apiKey: env("TABBY_API_KEY") };
  const tabby = client ?? new Tabby({ ...found, ...rest });
  const languageModel = (modelId = "") => new TabbyLanguageModel(tabby, modelId);
  const embeddingModel = (modelId = "") => new TabbyEmbeddingModel(tabby, modelId);
  const none = (modelType) => (modelId) => {
    throw new NoSuchModelError(modelId, modelType);
  };
  return Object.assign((modelId) => languageModel(modelId), {
    specificationVersion: "v4",
    languageModel,
    chat: languageModel,
    embeddingModel,
    textEmbeddingModel: embeddingModel,
    imageModel: none("imageModel"),
    client: tabby,
  });
}

/** The options of a client call that a call of the AI SDK sets. */
function callOf({ abortSignal, headers }) {
  const sent = Object.fromEntries(Object.entries(headers ?? {}).filter(([, value]) => value !== undefined));
  return { signal: abortSignal, headers: sent };
}

const isAnswered = ({ choices: [choice] }) => !choice?.message?.tool_calls?.length && choice?.finish_reason !== "tool_calls";

class TabbyLanguageModel {
  specificationVersion = "v4";
  provider = "tabbyapi";
  modelId;
  /** The server fetches images itself. */
  supportedUrls = { "image/*": [/^https?:\/\/.*$/] };
  #tabby;

  constructor(tabby, modelId) {
    this.#tabby = tabby;
    this.modelId = modelId;
  }

  async doGenerate(options) {
    const { request, form, warnings } = requestOf(this.modelId, options);
    const chat = this.#tabby.chat;
    try {
      let [sent, answered] = [request, await chat.create(request, callOf(options)).withResponse()];
      // A constrained model cannot call tools, so the format is requested once it calls none.
      if (form && isAnswered(answered.data)) {
        sent = { ...request, ...form };
        answered = await chat.create(sent, callOf(options)).withResponse();
      }
      const { data, headers } = answered;
      return {
        content: contentOf(data),
        finishReason: finishOf(data.choices[0]),
        usage: usageOf(data.usage),
        providerMetadata: metadataOf(data),
        request: { body: sent },
        response: { id: data.id, timestamp: new Date(data.created * 1000), modelId: data.model, headers: Object.fromEntries(headers), body: data },
        warnings,
      };
    } catch (error) {
      throw callError(error, request, options.abortSignal);
    }
  }

  async doStream(options) {
    const { request, form, warnings } = requestOf(this.modelId, options);
    const chat = this.#tabby.chat;
    const call = callOf(options);
    try {
      let [sent, stream] = [request, chat.stream(request, call)];
      const { headers } = await stream.opened;
      if (form) {
        const answer = await stream.final();
        const isLast = isAnswered(answer);
        if (isLast) sent = { ...request, ...form };
        stream = isLast ? chat.stream(sent, call) : whole(answer);
        if (isLast) await stream.opened;
      }
      const failed = (error) => callError(error, sent, options.abortSignal);
      return { stream: partsOf(stream, warnings, failed, options), request: { body: sent }, response: { headers: Object.fromEntries(headers) } };
    } catch (error) {
      throw callError(error, request, options.abortSignal);
    }
  }
}

/** Converts a complete response to a stream. */
function whole(answer) {
  const choices = answer.choices.map(({ message, ...choice }) => ({ ...choice, delta: message }));
  return {
    soFar: answer,
    abort() {},
    async *[Symbol.asyncIterator]() {
      yield { ...answer, choices };
    },
  };
}

class TabbyEmbeddingModel {
  specificationVersion = "v4";
  provider = "tabbyapi";
  modelId;
  maxEmbeddingsPerCall = TEXTS;
  supportsParallelCalls = true;
  #tabby;

  constructor(tabby, modelId) {
    this.#tabby = tabby;
    this.modelId = modelId;
  }

  async doEmbed(options) {
    const { values, dimensions, providerOptions } = options;
    const request = { input: values, ...(this.modelId ? { model: this.modelId } : {}), ...providerOptions?.tabbyapi };
    const warnings = dimensions == null ? [] : [{ type: "unsupported", feature: "dimensions" }];
    try {
      const { data, headers } = await this.#tabby.embeddings.create(request, callOf(options)).withResponse();
      const embeddings = data.data.map(({ embedding }) => Array.from(embedding));
      // The server counts characters here, so there are no tokens to report.
      return { embeddings, warnings, response: { headers: Object.fromEntries(headers) } };
    } catch (error) {
      throw callError(error, request, options.abortSignal);
    }
  }
}
