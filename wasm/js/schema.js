// Structured output: sends a schema with the request, and returns a typed value.

import { TabbyError, misuse } from "./error.js";
import { readJson } from "./json.js";
import { asTabbyError, needClient } from "./settings.js";
import { jsonSchemaOf, placeOf, validated } from "./standard.js";

export { jsonSchemaOf };

/** Fields that a request must not have, since a generation has only one constraint. */
const OTHER_FORMS = ["json_schema", "regex_pattern", "grammar_string", "response_format"];

/** A text up to this length is parsed again with each piece, a longer text when it has grown by a sixteenth. */
const SHORT = 4096;

/** The error if the response does not match the schema. */
export class UnparsedError extends TabbyError {
  constructor(unparsed, words, { raw, answer, issues = [], path, cause }) {
    const end = unparsed === "empty" ? "" : unparsed === "cut_off" ? "; raise `max_tokens`" : "; the server silently ignores schemas that it cannot use";
    const place = path === undefined ? "" : ` (at \`${path}\`)`;
    super({ kind: "decode", code: "unstructured", path, reason: words, message: `${words}${place}${end}` }, { cause });
    this.unparsed = unparsed;
    this.issues = issues;
    // Not enumerable, so that logs do not contain text of the model.
    Object.defineProperty(this, "raw", { value: raw, enumerable: false });
    Object.defineProperty(this, "answer", { value: answer, enumerable: false });
  }
}

/** Requests a response that matches a schema: a promise of the typed value, and a stream of partial values. Nothing is sent before one of them is used. */
export function parse(tabby, request, options) {
  return new ParsedStream(tabby, request, options);
}

/** Returns the client with `chat.parse`. */
export function withParse(tabby) {
  tabby.chat.parse = (request, options) => parse(tabby, request, options);
  return tabby;
}

/** Parses a response that was requested elsewhere. */
export async function parsed(answer, schema) {
  const choice = answer.choices?.[0];
  const raw = choice?.message?.content ?? "";
  const failed = (unparsed, words, more) => new UnparsedError(unparsed, words, { raw, answer, ...more });
  if (raw.trim() === "") throw failed("empty", "the answer has no text to read JSON from");
  const { value, state, at } = readJson(raw);
  if (state === "cut" && choice.finish_reason === "length") throw failed("cut_off", "the answer was cut off by `max_tokens` before its JSON was whole");
  if (state === "cut") throw failed("not_json", "the answer is not JSON: it ends before its JSON is whole");
  if (state === "broken") throw failed("not_json", `the answer is not JSON: unexpected text at ${lineOf(raw, at)}`);
  let result;
  try {
    result = await validated(schema, value);
  } catch (cause) {
    throw failed("unexpected", "the schema could not check the answer's JSON", { cause });
  }
  if (!result.issues) return { value: result.value, raw, answer };
  const [{ path, message }] = result.issues;
  throw failed("unexpected", `the answer's JSON has another shape: ${message}`, { issues: result.issues, path: placeOf(path) });
}

function lineOf(text, at) {
  const before = text.slice(0, at).split("\n");
  return `line ${before.length} column ${before.at(-1).length + 1}`;
}

/** A response that matches a schema, as partial values and as a whole. */
export class ParsedStream {
  #make;
  #schema;
  #made;
  #result;

  constructor(tabby, given, options) {
    this.#schema = given?.schema;
    this.#make = () => {
      needClient(tabby, "chat");
      return tabby.chat.stream(held(given), options);
    };
  }

  /** The stream of chunks from which the value is parsed. */
  get stream() {
    return (this.#made ??= this.#make());
  }

  /** The value, with the raw text and the whole response. */
  result() {
    return (this.#result ??= this.#finish());
  }

  /** A stream is also a promise of its value. */
  then(resolve, reject) {
    return this.result().then(({ value }) => value).then(resolve, reject);
  }

  catch(reject) {
    return this.then(undefined, reject);
  }

  finally(last) {
    return this.then((value) => value).finally(last);
  }

  /** Yields the partial value each time it grows. */
  async *[Symbol.asyncIterator]() {
    let [text, read, last] = ["", 0, undefined];
    for await (const chunk of this.stream) {
      const piece = chunk.choices.find(({ index }) => !index)?.delta.content;
      if (!piece) continue;
      text += piece;
      if (text.length > SHORT && text.length - read < read / 16) continue;
      read = text.length;
      const { value, state } = readJson(text);
      if (value === undefined || state === "broken") continue;
      const written = JSON.stringify(value);
      if (written === last) continue;
      last = written;
      yield value;
    }
    // Mismatches of the whole value are also thrown here.
    const { answer } = await this.result();
    const { value } = readJson(answer.choices[0].message.content);
    if (JSON.stringify(value) !== last) yield value;
  }

  /** Aborts the stream. */
  abort(reason) {
    this.stream.abort(reason);
  }

  async #finish() {
    let stream;
    try {
      stream = this.stream;
    } catch (error) {
      throw asTabbyError(error);
    }
    return parsed(await stream.final(), this.#schema);
  }
}

/** The request with the schema. */
function held(given) {
  if (typeof given !== "object" || given === null) throw misuse("the request must be an object");
  const { schema, jsonSchema, ...request } = given;
  const other = OTHER_FORMS.find((name) => request[name] != null || request.extra_body?.[name] != null);
  if (other) throw misuse(`\`${other}\` cannot be combined with \`schema\`: a response has one constraint`);
  return { ...request, response_format: { type: "json_schema", json_schema: jsonSchemaOf(schema, jsonSchema) } };
}
