/**
 * Token estimates for texts and conversations, without a server, and the part of a conversation that fits into the context.
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
 * Estimates tokens for unknown tokenizers. The same text always gives the same estimate, as in the Rust library. For larger vocabularies,
 * the median error of `tokens` is 9 %. In scripts other than Latin, tokenizers differ up to threefold, and so do the bounds.
 */
export class Estimator {
  /** `imageTokens` is the number of tokens of an image, which depends on the model. If it is not set, the bounds are 64 and 4096, and 768 is most likely. */
  constructor(options?: { imageTokens?: number | undefined });
  /** The scaling factor of tokens; 1 unless calibrated. */
  readonly factor: number;
  /** The calibrated bound: counts differ from `tokens` by at most this fraction, plus or minus two tokens; undefined unless calibrated. */
  readonly bound: number | undefined;
  /**
   * Returns an estimator for the tokenizer of these samples: pairs of a text and its number of tokens, without the token that starts a text. With three
   * or more pairs, the bounds are narrowed to what the samples show. Use several pages of text similar to the texts to estimate.
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
  /** The number of removed messages. */
  dropped: number;
  /** The estimated tokens of the kept messages, with everything that the request adds. `high` is within the budget. */
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
 * Removes the oldest turns of a conversation until the rest fits into `budget` tokens, by the upper bound of the estimate. A turn is a user
 * message and everything up to the next one. Turns are removed whole, so a tool call keeps its result. Instructions (`system`, `developer`) and the last
 * turn are always kept. Throws a `TabbyError` with code `conversation_too_long` if these alone do not fit.
 */
export function fit(messages: readonly Message[], budget: number, estimator?: Estimator): Fitted;

/**
 * Fits a request to a model, given as the size of its context, its sizes or its card. Reserves room for the tools and for `max_tokens`, or for a quarter
 * of the context if that is unset. If the sizes of cache and chunks are known, the server accepts the prompt. Throws with code `no_context` without a size.
 */
export function fitInto(request: ChatRequest, model: number | ModelSizes | ModelCard, estimator?: Estimator): Fitted;

/** Fits a request to the loaded model. Requests its sizes from the server. */
export function fitLoaded(tabby: Tabby, request: ChatRequest, estimator?: Estimator, options?: CallOptions): Promise<Fitted>;

/**
 * Returns the estimated tokens of a request for chat, completions or embeddings: the prompt, and the responses up to `max_tokens`. For
 * `rateLimit.estimate` of a client.
 */
export function requestTokens(request: object, estimator?: Estimator): number;

/** Returns an estimator for the tokenizer of the loaded model, from the server's counts of these texts: one request each. */
export function calibrate(tabby: Tabby, texts: Iterable<string>, estimator?: Estimator, options?: CallOptions): Promise<Estimator>;
