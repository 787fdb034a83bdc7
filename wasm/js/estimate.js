// Token estimates for texts and conversations, without a server, and the part of a conversation that fits. The numbers are those of the Rust
// library (src/protocol/estimate): `tests/estimate/estimates.json` tests both.

import { TabbyError, misuse } from "./error.js";
import { amount, needClient } from "./settings.js";
import { bytesOf, wellFormed } from "./text.js";
import { partsOf, withoutMarks } from "./textparts.js";

/** Tokens per unit of each kind of part: typical, minimum, maximum. */
const WEIGHTS = [
  ...[[1.08, 1.0, 1.25], [0.18, 0.1, 0.4], [0.06, 0.0, 0.4], [0.54, 0.36, 0.85], [1.33, 1.3, 1.5], [0.57, 0.5, 0.9], [0.02, 0.0, 0.4]],
  ...[[0.69, 0.6, 1.0], [0.16, 0.1, 0.3], [0.03, 0.0, 0.2], [0.05, 0.0, 0.4], [1.13, 0.0, 1.2], [0.45, 0.33, 1.74], [0.69, 0.4, 1.74]],
  ...[[0.69, 0.38, 1.74], [0.75, 0.44, 1.74], [0.68, 0.33, 2.61], [0.7, 0.4, 2.61], [1.29, 0.88, 2.61], [0.73, 0.52, 2.61], [1.22, 0.72, 2.61]],
  ...[[0.0, 0.0, 0.87], [0.89, 0.7, 2.61], [2.6, 1.7, 4.2], [2.0, 0.8, 4.0]],
];
const MARGIN = 0.15;

/** The lowest bound of a calibration, the number of samples that it needs, and an additional error of any estimate, in tokens. */
const LEAST_BOUND = 0.05;
const SAMPLES = 3;
const SLACK = 2;

const weight = (tokens, low, high) => ({ tokens, low, high });
/** The tokens around a message, before the response, around a call and around tools, and of an image. */
const MESSAGE = weight(5, 3, 8);
const PROMPT = weight(3, 0, 8);
const CALL = weight(15, 6, 30);
const TOOLS = weight(80, 0, 300);
const IMAGE = weight(768, 64, 4096);
const NONE = weight(0, 0, 0);

const plus = (one, other) => weight(one.tokens + other.tokens, one.low + other.low, one.high + other.high);

/** The tokens of parts, for unknown tokenizers. */
function weightOf(parts) {
  const sum = (at) => WEIGHTS.reduce((sum, weights, part) => sum + weights[at] * parts[part], 0);
  return weight(sum(0), sum(1) * (1 - MARGIN), sum(2) * (1 + MARGIN));
}

function rounded({ tokens, low, high }) {
  const middle = Math.round(tokens);
  const slack = high > low ? SLACK : 0;
  return weight(middle, Math.min(Math.floor(Math.max(low - slack, 0)), middle), Math.max(Math.ceil(high + slack), middle));
}

/** Estimates tokens. The same text always gives the same estimate. */
export class Estimator {
  /** The factor of tokens, 1 unless calibrated; and the bound by which counts may differ from `tokens`, undefined unless calibrated. */
  factor = 1;
  bound;
  #image = IMAGE;

  constructor({ imageTokens } = {}) {
    const tokens = amount(imageTokens, "imageTokens") ?? -1;
    if (tokens >= 0) this.#image = weight(tokens, tokens, tokens);
  }

  /** Returns an estimator for the tokenizer of these samples: pairs of a text and its number of tokens, without the token that starts a text. */
  calibrate(samples) {
    const pairs = [...samples].map(([text, tokens]) => [weightOf(partsOf(textOf(text))).tokens, tokens]).filter(([estimate, tokens]) => estimate > 0 && tokens > 0);
    const made = new Estimator();
    made.#image = this.#image;
    [made.factor, made.bound] = [this.factor, this.bound];
    if (pairs.length === 0) return made;
    const estimates = pairs.reduce((sum, [estimate]) => sum + estimate, 0);
    const tokens = pairs.reduce((sum, [, tokens]) => sum + tokens, 0);
    const errors = pairs.map(([estimate, count]) => {
      const scaled = (estimate * (tokens - count)) / (estimates - estimate);
      return Math.max(Math.abs(count - scaled) - SLACK, 0) / scaled;
    });
    made.factor = tokens / estimates;
    made.bound = pairs.length >= SAMPLES ? errors.reduce((most, error) => Math.max(most, error), LEAST_BOUND) : undefined;
    return made;
  }

  /** Estimates a text, without the token that starts it. */
  text(given) {
    const text = textOf(given);
    const { tokens, low, high } = rounded(this.#weigh(text));
    const [least, most] = text === "" ? [0, 0] : [1, bytesOf(text) + 1];
    return weight(tokens, Math.min(Math.max(low, least), tokens), Math.max(Math.min(high, most), tokens));
  }

  /** Estimates a message, with the tokens that templates add around it. */
  message(message) {
    return rounded(this.#message(message));
  }

  /** Estimates messages, and the start of the response. */
  messages(messages) {
    return this.request({ messages });
  }

  /** Estimates everything that a request adds to the context, without the generated tokens. */
  request(request) {
    return rounded(listOf(request?.messages).reduce((sum, message) => plus(sum, this.#message(message)), this.#frame(request)));
  }

  /** Estimates the parts of a request around its messages. */
  frame(request) {
    return rounded(this.#frame(request));
  }

  #message(message) {
    if (typeof message !== "object" || message === null) throw misuse("a message to estimate must be an object");
    const { content, reasoning_content: reasoning, tool_calls: calls } = message;
    let sum = MESSAGE;
    if (typeof content === "string") sum = plus(sum, this.#weigh(wellFormed(content)));
    else for (const part of content ?? []) sum = plus(sum, this.#part(part));
    if (reasoning != null) sum = plus(sum, { ...this.#weigh(textOf(reasoning)), low: 0 });
    for (const { function: called } of calls ?? []) {
      sum = [CALL, this.#weigh(textOf(called?.name ?? "")), this.#weigh(textOf(called?.arguments ?? ""))].reduce(plus, sum);
    }
    return sum;
  }

  #part(part) {
    if (part?.type === "text" && typeof part.text === "string") return this.#weigh(wellFormed(part.text));
    return part?.type === "image_url" ? this.#image : this.#weigh(JSON.stringify(part) ?? "");
  }

  #frame({ tools, functions, response_prefix: prefix }) {
    const texts = [...(tools ?? []), ...(functions ?? [])].map((tool) => JSON.stringify(tool) ?? "");
    let sum = texts.reduce((sum, text) => plus(sum, this.#weigh(text)), PROMPT);
    if (texts.length > 0) sum = plus(sum, TOOLS);
    return prefix == null ? sum : plus(sum, this.#weigh(textOf(prefix)));
  }

  #weigh(text) {
    if (text === "") return NONE;
    const scaled = this.#scaled(weightOf(partsOf(text)));
    // A possible special token counts as one token in the lower bound.
    const { rest, marks } = withoutMarks(text);
    const low = marks === 0 ? scaled.low : this.#scaled(weightOf(partsOf(rest))).low + marks;
    // A token has at least one byte, except for the token that some tokenizers put before a text.
    const most = bytesOf(text) + 1;
    const tokens = Math.min(Math.max(scaled.tokens, 1), most);
    return weight(tokens, Math.min(low, tokens), Math.max(Math.min(scaled.high, most), tokens));
  }

  #scaled({ tokens, low, high }) {
    const { factor, bound } = this;
    const scaled = tokens * factor;
    if (bound === undefined) return weight(scaled, low * factor, high * factor);
    return weight(scaled, scaled * Math.max(1 - bound, 0), scaled * (1 + bound));
  }
}

/** Estimates a request: its prompt, and its responses up to `max_tokens`. */
export function requestTokens(request, estimator = new Estimator()) {
  if (typeof request !== "object" || request === null) throw misuse("the request must be an object");
  const { messages, prompt, input, n, max_tokens: most } = request;
  const answer = Math.max(n ?? 1, 1) * (most ?? 0);
  if (messages !== undefined) return estimator.request(request).tokens + answer;
  const texts = [prompt ?? input ?? []].flat();
  // Anything except a text is a token, or a list of tokens.
  const sizes = texts.map((text) => (typeof text === "string" ? estimator.text(text).tokens : (text?.length ?? 1)));
  const prompts = texts.every((text) => typeof text === "number") ? 1 : texts.length;
  return sizes.reduce((sum, size) => sum + size, 0) + (prompt === undefined ? 0 : prompts * answer);
}

function textOf(text) {
  if (typeof text !== "string") throw misuse("a text to estimate must be a string");
  return wellFormed(text);
}

function listOf(messages) {
  if (!Array.isArray(messages)) throw misuse("`messages` must be a list");
  return messages;
}

/** Returns an estimator for the tokenizer of the loaded model, from the server's counts of these texts. */
export async function calibrate(tabby, texts, estimator = new Estimator(), options) {
  needClient(tabby, "tokens");
  if (typeof texts === "string") throw misuse("`texts` must be a list of texts");
  const samples = [];
  for (const text of texts) samples.push([text, (await tabby.tokens.encode({ text, add_bos_token: false }, options)).length]);
  return estimator.calibrate(samples);
}

/** Keeps the latest turns of a conversation that take at most `budget` tokens, with all instructions. */
export function fit(messages, budget, estimator = new Estimator()) {
  const tokens = amount(budget, "budget");
  if (tokens === null) throw misuse("`budget` is missing; give the number of tokens that may be used");
  return fitAround({}, listOf(messages), tokens < 0 ? Infinity : tokens, estimator);
}

/** Fits a request into a context of this size, or into a model with these parameters, with room for its tools and its response. */
export function fitInto(request, model, estimator = new Estimator()) {
  // The card of a model has its sizes as `parameters`.
  const sizes = typeof model === "number" ? { max_seq_len: model } : (model?.parameters ?? model ?? {});
  const { max_seq_len: context, cache_size: cache, chunk_size: chunk } = sizes;
  if (!(typeof context === "number" && context >= 0)) {
    throw new TabbyError({ kind: "decode", code: "no_context", message: "the server did not report the size of its context" });
  }
  const asked = request?.max_tokens > 0 ? request.max_tokens : Math.floor(context / 4);
  const room = Math.max(context - asked, 0);
  // The server refuses a prompt unless a whole chunk also fits into the cache, in pages of 256 tokens.
  const longest = cache >= 0 && chunk >= 0 ? Math.max(Math.floor(cache / 256) * 256 + 1 - chunk, 0) : Infinity;
  const hint = "shorten the last message, or load the model with a larger `cache_size` or a smaller `chunk_size`: a whole chunk is kept free beside the prompt";
  return fitAround(request, listOf(request?.messages), Math.min(room, longest), estimator, longest < room ? hint : undefined);
}

/** Fits a request into the loaded model. Requests its sizes from the server. */
export async function fitLoaded(tabby, request, estimator, options) {
  needClient(tabby, "models");
  const { parameters } = await tabby.models.current(options);
  if (parameters?.max_seq_len != null) return fitInto(request, parameters, estimator);
  const { default_generation_settings: settings } = await tabby.models.props(options);
  return fitInto(request, { max_seq_len: settings?.n_ctx }, estimator);
}

const SHORTEN = "shorten the last message, ask for fewer tokens with `max_tokens`, or calibrate the estimator";

function fitAround(around, messages, budget, estimator, hint = SHORTEN) {
  const turns = turnsOf(messages);
  const last = turns.reduce((last, turn) => Math.max(last, turn), 0);
  // Instructions and the last turn are always kept.
  const costs = Array.from({ length: last }, () => NONE);
  let sum = estimator.frame(around);
  messages.forEach((message, at) => {
    const cost = estimator.message(message);
    if (turns[at] < last && turns[at] >= 0) costs[turns[at]] = plus(costs[turns[at]], cost);
    else sum = plus(sum, cost);
  });
  if (sum.high > budget) {
    const reason = `the conversation does not fit: its instructions and its last turn alone take up to ${sum.high} tokens of ${budget}`;
    throw new TabbyError({ kind: "encode", code: "conversation_too_long", message: `${reason}; ${hint}`, reason, hint });
  }
  let first = last;
  for (; first > 0; first--) {
    const more = plus(sum, costs[first - 1]);
    if (more.high > budget) break;
    sum = more;
  }
  const kept = messages.filter((_, at) => turns[at] < 0 || turns[at] >= first);
  return { messages: kept, dropped: messages.length - kept.length, estimate: sum };
}

/** The turn of each message, counted from 0; -1 for instructions, which belong to no turn. */
function turnsOf(messages) {
  let turn = 0;
  let isBegun = false;
  return messages.map(({ role }) => {
    if (role === "system" || role === "developer") return -1;
    if (role === "user" && isBegun) turn += 1;
    isBegun = true;
    return turn;
  });
}

