/**
 * Structured output: sends a schema with the request, and returns a typed value.
 *
 * ```ts
 * import { Tabby } from "tabbyapi";
 * import { parse } from "tabbyapi/schema";
 * import { z } from "zod";
 *
 * const City = z.object({ name: z.string(), people: z.number() });
 * const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000", apiKey: "…" });
 * const city = await parse(tabby, { messages: [{ role: "user", content: "The largest city of Norway?" }], schema: City });
 * console.log(city.name);
 * ```
 */
import type { CallOptions, Chat, ChatChunk, ChatCompletion, ChatRequest, JsonSchema, MessageStream, Tabby } from "./index.js";
import { TabbyError } from "./index.js";
import type { DeepPartial, InputOf, OutputOf, Schema } from "./standard.js";

export { jsonSchemaOf } from "./standard.js";
export type { DeepPartial, InputOf, OutputOf, Schema, StandardResult, StandardSchema } from "./standard.js";

/** A request for an answer of a schema. Other ways to hold the answer to a form cannot stand beside it. */
export interface ParseRequest<S extends Schema = Schema> extends Omit<ChatRequest, "response_format" | "json_schema" | "regex_pattern" | "grammar_string"> {
  /**
   * A schema of zod, valibot, arktype or any other library of Standard Schema, or a JSON schema. It goes out as `response_format` of the type
   * `json_schema`, which the server enforces, with the properties in their order. The answer is checked against it here in any case, since the
   * server ignores a schema that it cannot compile.
   */
  schema: S;
  /** The JSON schema to send for it, where the library has none for it. */
  jsonSchema?: JsonSchema | undefined;
}

/** An answer of a schema. */
export interface Parsed<T> {
  /** The value. */
  value: T;
  /** The text of the model, from which it was read. */
  raw: string;
  /** The whole answer, with reasoning apart from the text. */
  answer: ChatCompletion;
}

/**
 * Requests an answer that satisfies a schema. Awaiting it returns the value; iterating it returns partial values while the answer streams. Nothing is sent
 * before that. Rejects with an `UnparsedError` if the answer does not match the schema, and with other `TabbyError`s as a stream does.
 */
export function parse<S extends Schema, T = unknown>(tabby: Tabby, request: ParseRequest<S>, options?: CallOptions): ParsedStream<OutputOf<S, T>, InputOf<S, T>>;

/** Parses an answer that was requested elsewhere. Rejects with an `UnparsedError`. */
export function parsed<S extends Schema, T = unknown>(answer: ChatCompletion, schema: S): Promise<Parsed<OutputOf<S, T>>>;

/** Adds the method `chat.parse` to the client, and returns the client. */
export function withParse<T extends Tabby>(tabby: T): T & { readonly chat: Chat & ChatParse };

/** What `withParse` adds. */
export interface ChatParse {
  /** Requests an answer that satisfies a schema; see the function `parse`. */
  parse<S extends Schema, T = unknown>(request: ParseRequest<S>, options?: CallOptions): ParsedStream<OutputOf<S, T>, InputOf<S, T>>;
}

/** An answer that is held to a schema: a promise of its value, and a loop over what is known of it. */
export class ParsedStream<T, Written = T> implements PromiseLike<T>, AsyncIterable<DeepPartial<Written>> {
  protected constructor();
  /** The stream of chunks that the value is read from; it has one reader. */
  readonly stream: MessageStream<ChatChunk, ChatCompletion>;
  /** The value with the raw text and the whole answer. */
  result(): Promise<Parsed<T>>;
  /** The value as far as it has arrived, after each piece that changes it; for texts of more than 4096 characters, each time the text has grown by a sixteenth. */
  [Symbol.asyncIterator](): AsyncIterableIterator<DeepPartial<Written>>;
  then<Result1 = T, Result2 = never>(
    resolve?: ((value: T) => Result1 | PromiseLike<Result1>) | null,
    reject?: ((reason: any) => Result2 | PromiseLike<Result2>) | null,
  ): Promise<Result1 | Result2>;
  catch<Result = never>(reject?: ((reason: any) => Result | PromiseLike<Result>) | null): Promise<T | Result>;
  finally(last?: (() => void) | null): Promise<T>;
  /** Closes the connection, upon which the server ends the generation. */
  abort(reason?: unknown): void;
}

/** The answer does not match the schema. Its code is `unstructured`, its kind `decode`. */
export class UnparsedError extends TabbyError<ChatCompletion> {
  protected constructor();
  /**
   * What is wrong: there is no text (`empty`), it was cut by `max_tokens` (`cut_off`), it is not JSON or has other text around it (`not_json`), or it is
   * JSON of another shape (`unexpected`).
   */
  readonly unparsed: "empty" | "cut_off" | "not_json" | "unexpected";
  /** All that the schema found wrong, if the shape is another one; `path` has the place of the first. */
  readonly issues: { path: PropertyKey[]; message: string }[];
  /** The text of the answer, unchanged. It does not show when the error is logged. */
  readonly raw: string;
  /** The whole answer. */
  readonly answer: ChatCompletion;
}
