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

/** A request for a response that matches a schema. It cannot have other constraints. */
export interface ParseRequest<S extends Schema = Schema> extends Omit<ChatRequest, "response_format" | "json_schema" | "regex_pattern" | "grammar_string"> {
  /**
   * A schema of zod, valibot, arktype or any other Standard Schema library, or a JSON schema. It is sent as `response_format` of the type
   * `json_schema`, which the server enforces, with the properties in their order. The package always checks the response as well, since the
   * server ignores a schema that it cannot compile.
   */
  schema: S;
  /** The JSON schema to send, if the library cannot convert `schema`. */
  jsonSchema?: JsonSchema | undefined;
}

/** A response that matches a schema. */
export interface Parsed<T> {
  /** The value. */
  value: T;
  /** The text of the model, from which the value was parsed. */
  raw: string;
  /** The whole response, with reasoning separate from the text. */
  answer: ChatCompletion;
}

/**
 * Requests a response that matches a schema. Awaiting it returns the value; iterating it returns partial values while the response streams. Nothing is sent
 * before that. Rejects with an `UnparsedError` if the response does not match the schema, and with other `TabbyError`s like a stream.
 */
export function parse<S extends Schema, T = unknown>(tabby: Tabby, request: ParseRequest<S>, options?: CallOptions): ParsedStream<OutputOf<S, T>, InputOf<S, T>>;

/** Parses a response that was requested elsewhere. Rejects with an `UnparsedError`. */
export function parsed<S extends Schema, T = unknown>(answer: ChatCompletion, schema: S): Promise<Parsed<OutputOf<S, T>>>;

/** Adds the method `chat.parse` to the client, and returns the client. */
export function withParse<T extends Tabby>(tabby: T): T & { readonly chat: Chat & ChatParse };

/** The method that `withParse` adds. */
export interface ChatParse {
  /** Requests a response that matches a schema; see the function `parse`. */
  parse<S extends Schema, T = unknown>(request: ParseRequest<S>, options?: CallOptions): ParsedStream<OutputOf<S, T>, InputOf<S, T>>;
}

/** A response that matches a schema: a promise of its value, and an iterable of partial values. */
export class ParsedStream<T, Written = T> implements PromiseLike<T>, AsyncIterable<DeepPartial<Written>> {
  protected constructor();
  /** The stream of chunks from which the value is parsed. It has one reader. */
  readonly stream: MessageStream<ChatChunk, ChatCompletion>;
  /** Returns the value with the raw text and the whole response. */
  result(): Promise<Parsed<T>>;
  /** Yields the partial value after each piece that changes it; beyond 4096 characters, each time the text has grown by a sixteenth. */
  [Symbol.asyncIterator](): AsyncIterableIterator<DeepPartial<Written>>;
  then<Result1 = T, Result2 = never>(
    resolve?: ((value: T) => Result1 | PromiseLike<Result1>) | null,
    reject?: ((reason: any) => Result2 | PromiseLike<Result2>) | null,
  ): Promise<Result1 | Result2>;
  catch<Result = never>(reject?: ((reason: any) => Result | PromiseLike<Result>) | null): Promise<T | Result>;
  finally(last?: (() => void) | null): Promise<T>;
  /** Closes the connection. The server then ends the generation. */
  abort(reason?: unknown): void;
}

/** The error if the response does not match the schema. Its code is `unstructured`, its kind `decode`. */
export class UnparsedError extends TabbyError<ChatCompletion> {
  protected constructor();
  /**
   * The reason: there is no text (`empty`), `max_tokens` cut it off (`cut_off`), it is not JSON or has other text around it (`not_json`), or it is
   * JSON of another shape (`unexpected`).
   */
  readonly unparsed: "empty" | "cut_off" | "not_json" | "unexpected";
  /** All mismatches with the schema, if the shape differs; `path` is the location of the first one. */
  readonly issues: { path: PropertyKey[]; message: string }[];
  /** The text of the response, unchanged. It is not printed when the error is logged. */
  readonly raw: string;
  /** The whole response. */
  readonly answer: ChatCompletion;
}
