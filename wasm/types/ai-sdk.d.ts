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

/** Settings of a provider: those of a client, or a client. */
export interface TabbyProviderOptions extends Partial<TabbyOptions> {
  /** A client to use, in place of one of these settings. */
  client?: Tabby | undefined;
}

/** Makes a provider. `TABBY_URL` and `TABBY_API_KEY` of the environment are in the place of `baseURL` and `apiKey`, then `http://127.0.0.1:5000`. */
export function createTabby(options?: TabbyProviderOptions): TabbyProvider;

/** A provider: a function that gives a model, by the name that the server knows it by. */
export interface TabbyProvider {
  /** A model; without a name it is the one that is loaded. */
  (modelId?: string): LanguageModelV4;
  readonly specificationVersion: "v4";
  /** A model; without a name it is the one that is loaded. */
  languageModel(modelId?: string): LanguageModelV4;
  /** The same. */
  chat(modelId?: string): LanguageModelV4;
  /** A model for vectors. Requests have up to 256 texts. */
  embeddingModel(modelId?: string): EmbeddingModelV4;
  /** The same. */
  textEmbeddingModel(modelId?: string): EmbeddingModelV4;
  /** There is none: it throws `AI_NoSuchModelError`. */
  imageModel(modelId: string): never;
  /** The client that does the work. */
  readonly client: Tabby;
}

/** What may be given as `providerOptions.tabbyapi`: any fields of a request, such as `min_p`; they go before those of the call. */
export type TabbyModelOptions = Partial<Omit<ChatRequest, "messages">>;

/** What is found as `providerMetadata.tabbyapi`. */
export interface TabbyMetadata {
  /** What ended the answer, more closely. */
  eosReason?: string;
  /** The text that ended it. */
  stopString?: string;
  /** What the prompt took, in seconds. */
  promptTime?: number;
  /** What generating took, in seconds. */
  completionTime?: number;
  /** Their sum, in seconds. */
  totalTime?: number;
  /** Tokens of the prompt a second. */
  promptTokensPerSecond?: number;
  /** Generated tokens a second. */
  completionTokensPerSecond?: number;
  /** Log probabilities, if they were asked for; those that are not finite are null. */
  logprobs?: { token: string; logprob: number | null }[];
}
