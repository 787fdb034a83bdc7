/**
 * How many tokens a text or a conversation takes, without a server, and the part of a conversation that fits into the context.
 *
 * ```ts
 * import { Estimator, fitLoaded } from "tabbyapi/estimate";
 *
 * const { low, tokens, high } = new Estimator().text("The quick brown fox");
 * const { messages } = await fitLoaded(tabby, request); // the latest turns that the loaded model has room for
 * ```
 */
import type { CallOptions, ChatRequest, ModelCard, Tabby } from "./index.js";

type Message = ChatRequest["messages"][number];

/** An estimated number of tokens. */
export interface Estimate {
  /** The most likely count. */
  tokens: number;
  /** The lower bound. */
  low: number;
  /** The upper bound. Use it to check whether something fits. */
  high: number;
}

/**
 * Estimates tokens for unknown tokenizers. The same text always gives the same estimate, which is that of the Rust library. For larger vocabularies,
 * the median error of `tokens` is 9 %; scripts other than Latin differ up to threefold among tokenizers, and so do the bounds there.
 */
export class Estimator {
  /** `imageTokens` is the number of tokens of an image, which depends on the model; from 64 to 4096 if it is not set, 768 as the most likely. */
  constructor(options?: { imageTokens?: number | undefined });
  /** The scaling factor of tokens; 1 unless calibrated. */
  readonly factor: number;
  /** The calibrated bound: counts differ from `tokens` by at most this fraction, plus or minus two tokens; undefined unless calibrated. */
  readonly bound: number | undefined;
  /**
   * Returns an estimator for the tokenizer that these counts are of: pairs of a text and its tokens, without the token that starts a text. From three
   * pairs on the bounds are narrowed, to what these texts show; use some pages of the kind of text to estimate.
   */
  calibrate(samples: Iterable<readonly [text: string, tokens: number]>): Estimator;
  /** Estimates a text, without the token that starts it. */
  text(text: string): Estimate;
  /** Estimates a message, including what the template adds around it: 3 to 8 tokens. */
  message(message: Message): Estimate;
  /** Estimates messages, and the start of a response. */
  messages(messages: readonly Message[]): Estimate;
  /** Estimates everything that a request adds to the context: messages, tools, the start of a response. Excludes the generated tokens. */
  request(request: ChatRequest): Estimate;
  /** Estimates the parts of a request around its messages. */
  frame(request: Omit<ChatRequest, "messages">): Estimate;
}

/** A conversation that fits. */
export interface Fitted {
  /** The messages that are kept, in order. */
  messages: Message[];
  /** The number of messages that were left out. */
  dropped: number;
  /** The estimated tokens of what is kept, with everything that the request adds. `high` is within the budget. */
  estimate: Estimate;
}

/** The sizes of a loaded model, as `models.current()` returns them in `parameters`. */
export interface ModelSizes {
  /** The size of the context, in tokens. */
  max_seq_len?: number | null | undefined;
  /** The size of the cache, in tokens. */
  cache_size?: number | null | undefined;
  /** The number of prompt tokens that are processed at a time. */
  chunk_size?: number | null | undefined;
}

/**
 * Leaves out the oldest turns of a conversation until the rest fits into `budget` tokens, by the upper bound of the estimate. A turn is a message of the
 * user and everything up to the next one, and is left out whole, so a tool call keeps its result. Instructions (`system`, `developer`) and the last
 * turn are always kept. Throws a `TabbyError` with code `conversation_too_long` if they alone do not fit.
 */
export function fit(messages: readonly Message[], budget: number, estimator?: Estimator): Fitted;

/**
 * The same for a request and a model, by the size of its context, by its sizes or by its card: keeps room for the tools and for `max_tokens`, or for a quarter of the
 * context if that is unset. With the sizes of cache and chunks, the prompt is one that the server accepts. Throws with code `no_context` without a size.
 */
export function fitInto(request: ChatRequest, model: number | ModelSizes | ModelCard, estimator?: Estimator): Fitted;

/** The same for the loaded model: requests its sizes from the server. */
export function fitLoaded(tabby: Tabby, request: ChatRequest, estimator?: Estimator, options?: CallOptions): Promise<Fitted>;

/**
 * Returns the estimated tokens of a request for chat, completions or embeddings: the prompt, and the responses as far as `max_tokens` bounds them. For
 * `rateLimit.estimate` of a client.
 */
export function requestTokens(request: object, estimator?: Estimator): number;

/** Returns an estimator for the tokenizer of the loaded model, from the server's counts of these texts: one request each. */
export function calibrate(tabby: Tabby, texts: Iterable<string>, estimator?: Estimator, options?: CallOptions): Promise<Estimator>;
