/**
 * A provider for the Vercel AI SDK 7.
 *
 * ```ts
 * import { generateText } from "ai";
 * import { createTabby } from "tabbyapi/ai-sdk";
 *
 * const tabby = createTabby({ baseURL: "http://127.0.0.1:5000", apiKey: "…" });
 * const { text } = await generateText({ model: tabby("my-model"), prompt: "Name a river." });
 * ```
 *
 * The types are those of `@ai-sdk/provider` 4, which comes with `ai`.
 */
import type { EmbeddingModelV4, LanguageModelV4 } from "@ai-sdk/provider";
import type { ChatRequest, Tabby, TabbyOptions } from "./index.js";

export { TabbyError } from "./index.js";

/** Settings of a provider: the settings of a client, or a client. */
export interface TabbyProviderOptions extends Partial<TabbyOptions> {
  /** A client to use, instead of creating one from these settings. */
  client?: Tabby | undefined;
}

/** Creates a provider. `baseURL` and `apiKey` default to `TABBY_URL` and `TABBY_API_KEY` of the environment, then to `http://127.0.0.1:5000`. */
export function createTabby(options?: TabbyProviderOptions): TabbyProvider;

/** A provider: a function that returns a model by its name on the server. */
export interface TabbyProvider {
  /** Returns a language model; without a name, the loaded model. */
  (modelId?: string): LanguageModelV4;
  readonly specificationVersion: "v4";
  /** Returns a language model; without a name, the loaded model. */
  languageModel(modelId?: string): LanguageModelV4;
  /** The same as `languageModel`. */
  chat(modelId?: string): LanguageModelV4;
  /** Returns an embedding model. Requests have up to 256 texts. */
  embeddingModel(modelId?: string): EmbeddingModelV4;
  /** The same as `embeddingModel`. */
  textEmbeddingModel(modelId?: string): EmbeddingModelV4;
  /** Throws `AI_NoSuchModelError`: the server has no image models. */
  imageModel(modelId: string): never;
  /** The underlying client. */
  readonly client: Tabby;
}

/** The type of `providerOptions.tabbyapi`: any fields of a request, such as `min_p`. They override the fields of the call. */
export type TabbyModelOptions = Partial<Omit<ChatRequest, "messages">>;

/** The type of `providerMetadata.tabbyapi`. */
export interface TabbyMetadata {
  /** The reason why the response ended, more precise than `finishReason`. */
  eosReason?: string;
  /** The stop string that ended the response. */
  stopString?: string;
  /** The time for the prompt, in seconds. */
  promptTime?: number;
  /** The time for generating, in seconds. */
  completionTime?: number;
  /** The sum of both, in seconds. */
  totalTime?: number;
  /** Prompt tokens per second. */
  promptTokensPerSecond?: number;
  /** Generated tokens per second. */
  completionTokensPerSecond?: number;
  /** Log probabilities, if they were requested; values that are not finite are null. */
  logprobs?: { token: string; logprob: number | null }[];
}
