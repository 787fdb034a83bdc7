/**
 * Embeddings of many texts.
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

/** The texts to embed, and how they are split into requests. */
export interface EmbedManyRequest extends Omit<EmbeddingsRequest, "input"> {
  /** The texts. An empty list sends nothing. */
  input: readonly string[];
  /** The maximum number of texts per request, from 1; 64 by default. */
  perRequest?: number | undefined;
  /** The maximum number of tokens per request, estimated as a third of the bytes, from 1; 16384 by default. A longer text is sent alone. */
  tokensPerRequest?: number | undefined;
  /** The number of concurrent requests, from 1; 2 by default. */
  parallel?: number | undefined;
}

/**
 * Returns a vector for each text, in order, like a single request; usage is the sum over all requests. A failed request does not end the others, unless
 * the key is refused or the call is aborted. Rejects with a `PartialEmbeddingsError` if a text has no vector.
 */
export function embedMany(tabby: Tabby, request: EmbedManyRequest, options?: CallOptions): Promise<Embeddings>;

/** The error if some texts have no vector. It has the kind, code and status of the first failed request, whose error is its `cause`. */
export class PartialEmbeddingsError extends TabbyError<PartialEmbeddings> {
  protected constructor();
}

/** The vectors of some texts, and the errors of the others. */
export interface PartialEmbeddings {
  /** The vector of each text; undefined if its request failed or was not sent. */
  vectors: (Float32Array | undefined)[];
  /** The failed requests, in order, with the range of their texts: from `start` to before `end`. */
  errors: { start: number; end: number; error: TabbyError }[];
  /** The directory of the embedding model. */
  model: string | undefined;
  /** The sum of the usage of all responses. */
  usage: { prompt_tokens: number; total_tokens: number } | undefined;
}
