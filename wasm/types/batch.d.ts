/**
 * Vectors of many texts.
 *
 * ```ts
 * import { embedMany } from "tabbyapi/batch";
 *
 * const { data } = await embedMany(tabby, { input: texts });
 * ```
 */
import type { CallOptions, EmbeddingsRequest, Tabby } from "./index.js";
import { TabbyError } from "./index.js";
import type { Embeddings } from "./values.js";

/** Texts to turn into vectors, and how they are split. */
export interface EmbedManyRequest extends Omit<EmbeddingsRequest, "input"> {
  /** The texts. An empty list sends nothing. */
  input: readonly string[];
  /** The most texts of a request, from 1; 64 by default. */
  perRequest?: number | undefined;
  /** The most tokens of a request, estimated as a third of the bytes, from 1; 16384 by default. A text that is longer goes alone. */
  tokensPerRequest?: number | undefined;
  /** How many requests run at a time, from 1; 2 by default. */
  parallel?: number | undefined;
}

/**
 * A vector for each text, in their order, as if one request had been made; usage is added up. Requests that fail do not end the others, unless the key
 * is refused or the call is aborted. Fails with a `PartialEmbeddingsError` if a text has no vector.
 */
export function embedMany(tabby: Tabby, request: EmbedManyRequest, options?: CallOptions): Promise<Embeddings>;

/** Some texts have no vector. It has kind, code and status of the first request that failed, which is its `cause`. */
export class PartialEmbeddingsError extends TabbyError<PartialEmbeddings> {
  protected constructor();
}

/** Vectors of some texts, and why there are none of others. */
export interface PartialEmbeddings {
  /** The vector of each text; undefined where its request failed or was not made. */
  vectors: (Float32Array | undefined)[];
  /** The texts of requests that failed, from `start` to before `end`, in their order. */
  errors: { start: number; end: number; error: TabbyError }[];
  /** The directory of the embedding model. */
  model: string | undefined;
  /** The usage of all answers, added up. */
  usage: { prompt_tokens: number; total_tokens: number } | undefined;
}
