// Embeds many texts: in requests of limited size, a few at a time, in the order of the texts.

import { TabbyError, misuse } from "./error.js";
import { asTabbyError, needClient } from "./settings.js";

/** The defaults: texts per request, estimated tokens per request, concurrent requests. */
const LIMITS = { perRequest: 64, tokensPerRequest: 16_384, parallel: 2 };

/** With most tokenizers, a token has at least three bytes of text. */
const BYTES = 3;

/** The error if some texts have no vector. `partial` has the vectors of the others. */
export class PartialEmbeddingsError extends TabbyError {
  constructor(partial) {
    const [{ error }] = partial.errors;
    const missing = partial.vectors.filter((vector) => vector === undefined).length;
    const message = `${missing} of ${partial.vectors.length} texts have no vector: ${error.message}`;
    super({ ...error, message, reason: error.reason, outcome: error.outcome }, { cause: error, partial });
  }
}

/** Returns a vector for each text, like a single request. */
export async function embedMany(tabby, given, options) {
  needClient(tabby, "embeddings");
  const { input, ...request } = given ?? {};
  const limits = {};
  for (const name in LIMITS) {
    const { [name]: value = LIMITS[name] } = request;
    delete request[name];
    if (!(typeof value === "number" && value >= 1)) throw misuse(`\`${name}\` must be a number of at least 1`, undefined, "invalid_option");
    limits[name] = value;
  }
  if (!Array.isArray(input) || !input.every((text) => typeof text === "string")) throw misuse("`input` must be a list of texts");
  const parts = split(input, limits);
  const joined = { vectors: Array.from({ length: input.length }), errors: [], model: undefined, usage: undefined };
  const stop = new AbortController();
  const signal = options?.signal;
  let next = 0;
  const work = async () => {
    while (next < parts.length && !stop.signal.aborted) {
      const part = parts[next++];
      try {
        add(joined, part, await tabby.embeddings.create({ ...request, input: input.slice(part.start, part.end) }, options));
      } catch (thrown) {
        const error = asTabbyError(thrown);
        joined.errors.push({ start: part.start, end: part.end, error });
        // After an abort nothing more is sent, and neither are requests that would fail in the same way.
        if (signal?.aborted || HOPELESS.has(error.kind) || error.status === 401 || error.status === 403) stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limits.parallel, parts.length) }, work));
  const { vectors, errors, model, usage } = joined;
  errors.sort((one, other) => one.start - other.start);
  if (errors.length > 0) throw new PartialEmbeddingsError(joined);
  return { object: "list", data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })), model, usage };
}

const HOPELESS = new Set(["config", "misuse", "encode", "credentials", "trapped"]);

/** Groups texts into requests. A long text is sent alone. */
function split(texts, { perRequest, tokensPerRequest }) {
  const parts = [];
  let tokens = 0;
  for (const [at, text] of texts.entries()) {
    const estimate = Math.ceil(new TextEncoder().encode(text).length / BYTES);
    const last = parts.at(-1);
    if (last && last.end - last.start < perRequest && tokens + estimate <= tokensPerRequest) {
      last.end = at + 1;
      tokens += estimate;
    } else {
      parts.push({ start: at, end: at + 1 });
      tokens = estimate;
    }
  }
  return parts;
}

function add(joined, { start }, { data, model, usage }) {
  const known = joined.vectors.find(Boolean);
  const odd = (what) => new TabbyError({ kind: "decode", code: "inconsistent_answer", message: `the answers do not belong together: ${what} changed between two requests` });
  if (joined.model !== undefined && model !== joined.model) throw odd("the model");
  if (known && data[0].embedding.length !== known.length) throw odd("the dimension of the vectors");
  joined.model = model;
  for (const { index, embedding } of data) joined.vectors[start + index] = embedding;
  if (!usage) return;
  joined.usage ??= { prompt_tokens: 0, total_tokens: 0 };
  for (const name in joined.usage) joined.usage[name] += usage[name] ?? 0;
}
