/**
 * A client with the interface of npm `openai`, built on the client of this package. Programs written for npm `openai` only change their import.
 *
 * ```ts
 * import OpenAI from "tabbyapi/openai";
 *
 * const client = new OpenAI({ baseURL: "http://127.0.0.1:5000/v1", apiKey: "…" });
 * const answer = await client.chat.completions.create({ model: "any", messages: [{ role: "user", content: "Name a river." }] });
 * ```
 */
import type * as tabby from "./index.js";
import { Tabby } from "./index.js";
import type { OutputOf, Schema } from "./standard.js";
import type { Embeddings } from "./values.js";
import type * as web from "./web.js";

export { TabbyError } from "./index.js";

/** Settings of a client. Those of `Tabby` that are not named here are passed on. */
export interface ClientOptions extends Omit<Partial<tabby.TabbyOptions>, "apiKey" | "baseURL" | "headers" | "logger" | "fetch" | "bearer" | "adminKey" | "getKey"> {
  /** The server's address; `OPENAI_BASE_URL`, then `TABBY_URL` of the environment, then `http://127.0.0.1:5000/v1` by default. */
  baseURL?: string | null | undefined;
  /** The key, or a function that gives it, sent as `Authorization: Bearer`; `OPENAI_API_KEY`, then `TABBY_API_KEY` by default. */
  apiKey?: string | (() => Promise<string>) | null | undefined;
  /** The admin key; `OPENAI_ADMIN_KEY`, then `TABBY_ADMIN_KEY` by default. */
  adminAPIKey?: string | null | undefined;
  /** Ignored: TabbyAPI has no organizations. */
  organization?: string | null | undefined;
  /** Ignored: TabbyAPI has no projects. */
  project?: string | null | undefined;
  /** In place of the host's own `fetch`. */
  fetch?: ((url: string, init?: any) => Promise<web.ResponseObject>) | undefined;
  /** Headers for every request; null leaves one out. */
  defaultHeaders?: Headers | undefined;
  /** Parameters of every address. */
  defaultQuery?: Record<string, string | undefined> | undefined;
  /** Ignored: this package is made for pages, too. */
  dangerouslyAllowBrowser?: boolean | undefined;
  /** What is logged; `OPENAI_LOG`, then `warn` by default. Requests are `debug`, calls that failed `info`, as their errors are thrown. */
  logLevel?: LogLevel | undefined;
  /** Where to; `console` by default. */
  logger?: Logger | undefined;
}

/** Headers as they may be given. */
export type Headers = web.HeadersLike | Record<string, string | string[] | null | undefined>;

/** What is logged. */
export type LogLevel = "off" | "error" | "warn" | "info" | "debug";

/** Takes lines. */
export interface Logger {
  /** Errors. */
  error(...rest: any[]): void;
  /** Warnings. */
  warn(...rest: any[]): void;
  /** Information. */
  info(...rest: any[]): void;
  /** Everything else. */
  debug(...rest: any[]): void;
}

/** What a call may override. */
export interface RequestOptions {
  /** Aborts the call. */
  signal?: web.Signal | null | undefined;
  /** In milliseconds; see `timeout` of `TabbyOptions`. */
  timeout?: number | undefined;
  /** How often the call is tried again. */
  maxRetries?: number | undefined;
  /** Headers of this call. */
  headers?: Headers | undefined;
  /** Parameters of the address. */
  query?: Record<string, unknown> | null | undefined;
  /** Passed on to `fetch`. */
  fetchOptions?: web.FetchOptions | undefined;
  /** Deadlines by part; see `Timeouts`. */
  timeouts?: tabby.Timeouts | undefined;
  /** Caps on what is accepted. */
  limits?: tabby.Limits | undefined;
}

/** A client with the interface of npm `openai`. */
export class OpenAI {
  constructor(options?: ClientOptions);
  /** The server's address. */
  baseURL: string;
  /** The key; null without one. */
  apiKey: string | null;
  /** The admin key; null without one. */
  adminAPIKey: string | null;
  /** How often a failed call is tried again. */
  maxRetries: number;
  /** In milliseconds. */
  timeout: number;
  /** What is logged. */
  logLevel: LogLevel;
  /** Where to. */
  logger: Logger;
  /** The client of this package that does the work, for everything that this class lacks. */
  readonly tabby: Tabby;
  /** Conversations. */
  readonly chat: { readonly completions: ChatCompletions };
  /** Texts. */
  readonly completions: TextCompletions;
  /** Vectors of texts. */
  readonly embeddings: EmbeddingsResource;
  /** Models. */
  readonly models: ModelsResource;
  /** Another client with the options of this one, and these in the place of some. */
  withOptions(options: Partial<ClientOptions>): this;
  /** Asks any route. */
  request<T = any>(request: RequestOptions & { method: string; path: string; body?: unknown; stream?: boolean | undefined }): APIPromise<T>;
  /** Asks any route. */
  get<T = any>(path: string, options?: RequestOptions): APIPromise<T>;
  /** Asks any route. */
  post<T = any>(path: string, options?: RequestOptions & { body?: unknown; stream?: boolean | undefined }): APIPromise<T>;
  /** Asks any route. */
  put<T = any>(path: string, options?: RequestOptions & { body?: unknown }): APIPromise<T>;
  /** Asks any route. */
  patch<T = any>(path: string, options?: RequestOptions & { body?: unknown }): APIPromise<T>;
  /** Asks any route. */
  delete<T = any>(path: string, options?: RequestOptions): APIPromise<T>;
  static OpenAIError: typeof OpenAIError;
  static APIError: typeof APIError;
  static APIConnectionError: typeof APIConnectionError;
  static APIConnectionTimeoutError: typeof APIConnectionTimeoutError;
  static APIUserAbortError: typeof APIUserAbortError;
  static BadRequestError: typeof BadRequestError;
  static AuthenticationError: typeof AuthenticationError;
  static PermissionDeniedError: typeof PermissionDeniedError;
  static NotFoundError: typeof NotFoundError;
  static ConflictError: typeof ConflictError;
  static UnprocessableEntityError: typeof UnprocessableEntityError;
  static RateLimitError: typeof RateLimitError;
  static InternalServerError: typeof InternalServerError;
}
export default OpenAI;

/** A promise of an answer. */
export class APIPromise<T> extends Promise<T> {
  /** The response: its status and headers; the body is the answer, serialized again. */
  asResponse(): Promise<web.ResponseObject>;
  /** The answer, with the response and the id of the request. */
  withResponse(): Promise<{ data: T; response: web.ResponseObject; request_id: string | null }>;
}

/** A stream of chunks. It has one reader. */
export class Stream<Item> implements AsyncIterable<Item> {
  /** Aborts the stream. */
  controller: AbortController;
  [Symbol.asyncIterator](): AsyncIterator<Item>;
  /** Two streams in place of this one: each gets all chunks. */
  tee(): [Stream<Item>, Stream<Item>];
  /** The chunks as lines of JSON. */
  toReadableStream(): web.ByteStream;
  /** The chunks as events, as the server sends them. */
  toEventStream(): web.ByteStream;
  /** A stream out of lines that `toReadableStream` has made. */
  static fromReadableStream<Item>(readable: web.ByteStream, controller?: AbortController): Stream<Item>;
}

/** The host's `AbortController`. */
type AbortController = { abort(reason?: unknown): void; readonly signal: web.Signal };

/** A tool of a request; a description is made where there is none, since the server insists on one. */
export interface ChatTool {
  /** What it is. */
  type: "function";
  /** The function. */
  function: { name: string; description?: string | undefined; parameters?: tabby.JsonSchema | undefined; strict?: boolean | null | undefined };
}

/** A form of an answer: also those of npm `openai`, such as of `zodResponseFormat`. */
export type ResponseFormat = tabby.ChatRequest["response_format"] | { type: "json_schema"; json_schema: { name: string; schema?: tabby.JsonSchema; strict?: boolean | null } };

/** A conversation to continue: the fields of OpenAI, and those of TabbyAPI. */
export interface ChatParams extends Omit<tabby.ChatRequest, "tools" | "response_format"> {
  /** Whether it is streamed. */
  stream?: boolean | null | undefined;
  /** The functions that the model may call. */
  tools?: ChatTool[] | undefined;
  /** The form that the answer is held to. */
  response_format?: ResponseFormat | undefined;
}

/** A `response_format` of a schema of Standard Schema or a JSON schema, whose values are `parsed`. */
export function responseFormat<S extends Schema>(schema: S, name?: string, options?: { jsonSchema?: tabby.JsonSchema }): ParseableFormat<OutputOf<S>>;

/** A form whose values are known. */
export type ParseableFormat<T> = { type: "json_schema"; json_schema: { name: string; schema?: tabby.JsonSchema; strict?: boolean | null }; $parseRaw(text: string): T | Promise<T> };

/** An answer whose text and arguments are parsed. */
export type ParsedCompletion<T> = Omit<tabby.ChatCompletion, "choices"> & {
  choices: (Omit<tabby.ChatCompletion["choices"][number], "message"> & { message: ParsedMessage<T> })[];
};

/** A message whose text is parsed; `parsed` is null if there was nothing to parse. */
export type ParsedMessage<T> = tabby.ChatCompletion["choices"][number]["message"] & { parsed: T | null; refusal: string | null };

type ParsedOf<P> = P extends { response_format: { $parseRaw(text: string): infer T } } ? Awaited<T> : unknown;

/** Conversations. */
export interface ChatCompletions {
  /** The answer as it comes. */
  create(request: ChatParams & { stream: true }, options?: RequestOptions): APIPromise<Stream<tabby.ChatChunk>>;
  /** The whole answer. */
  create(request: ChatParams & { stream?: false | null | undefined }, options?: RequestOptions): APIPromise<tabby.ChatCompletion>;
  /** Either. */
  create(request: ChatParams, options?: RequestOptions): APIPromise<tabby.ChatCompletion | Stream<tabby.ChatChunk>>;
  /** A streamed answer with events. */
  stream<P extends ChatParams>(request: P, options?: RequestOptions): ChatCompletionStream<ParsedOf<P>>;
  /** The whole answer, with its text and arguments parsed. */
  parse<P extends ChatParams>(request: P, options?: RequestOptions): APIPromise<ParsedCompletion<ParsedOf<P>>>;
  /** Rounds with tools whose answers are streamed. */
  runTools(request: RunParams & { stream: true }, options?: RunOptions): ChatCompletionStreamingRunner;
  /** Rounds with tools. */
  runTools(request: RunParams & { stream?: false | undefined }, options?: RunOptions): ChatCompletionRunner;
}

/** A request whose tools are run. */
export interface RunParams extends Omit<ChatParams, "tools" | "stream"> {
  /** Functions, with what runs them. What one throws ends the run; a name that is not there and arguments that `parse` refuses are the model's. */
  tools: readonly RunnableTool[];
  /** Passed to the functions. */
  toolContext?: unknown;
}

/** A function that the model may call, and what runs it. */
export interface RunnableTool {
  /** What it is. */
  type: "function";
  /** The function; its arguments are text, or what `parse` makes of it. */
  function: {
    name?: string | undefined;
    description?: string | undefined;
    parameters: object;
    strict?: boolean | undefined;
    parse?: ((input: string) => any) | undefined;
    function: (args: any, runner: any, context: any) => unknown;
  };
}

/** A tool whose arguments are parsed before it is called. */
export class ParsingToolFunction<Args> {
  constructor(given: { name: string; description?: string; parameters: object; parse(input: string): Args | Promise<Args>; function(args: Args, runner: any, context: any): unknown });
  /** What it is. */
  type: "function";
  /** The function. */
  function: RunnableTool["function"];
}

/** Options of a run. */
export interface RunOptions extends RequestOptions {
  /** The most answers; 10 by default. */
  maxChatCompletions?: number | undefined;
  /** Called after each answer, when its calls have been run. */
  afterCompletion?: ((completion: tabby.ChatCompletion, runner: any) => unknown) | undefined;
}

/** Events of every run. */
export interface RunEvents {
  connect(): void;
  message(message: tabby.ChatMessage): void;
  chatCompletion(completion: ParsedCompletion<any>): void;
  content(delta: string, snapshot: string): void;
  functionToolCall(call: { name: string; arguments: string; parsed_arguments?: unknown }): void;
  functionToolCallResult(content: string): void;
  finalContent(content: string): void;
  finalMessage(message: ParsedMessage<any>): void;
  finalChatCompletion(completion: ParsedCompletion<any>): void;
  finalFunctionToolCall(call: { name: string; arguments: string }): void;
  finalFunctionToolCallResult(content: string): void;
  totalUsage(usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }): void;
  error(error: OpenAIError): void;
  abort(error: APIUserAbortError): void;
  end(): void;
}

/** Events of streamed answers, besides those of every run. */
export interface StreamEvents extends RunEvents {
  chunk(chunk: tabby.ChatChunk, snapshot: tabby.ChatCompletion): void;
  "content.delta"(event: { delta: string; snapshot: string; parsed: unknown }): void;
  "content.done"(event: { content: string; parsed: unknown }): void;
  "refusal.delta"(event: { delta: string; snapshot: string }): void;
  "refusal.done"(event: { refusal: string }): void;
  "tool_calls.function.arguments.delta"(event: { name: string; index: number; arguments: string; parsed_arguments: unknown; arguments_delta: string }): void;
  "tool_calls.function.arguments.done"(event: { name: string; index: number; arguments: string; parsed_arguments: unknown }): void;
  "logprobs.content.delta"(event: { content: unknown[]; snapshot: unknown[] }): void;
  "logprobs.content.done"(event: { content: unknown[] }): void;
  "logprobs.refusal.delta"(event: { refusal: unknown[]; snapshot: unknown[] }): void;
  "logprobs.refusal.done"(event: { refusal: unknown[] }): void;
}

/** A conversation that runs by itself; it begins in the next turn. */
export class ChatRun<Events, T = unknown> {
  protected constructor();
  /** Aborts it. */
  controller: AbortController;
  /** Whether it has ended, failed, was aborted. */
  readonly ended: boolean;
  readonly errored: boolean;
  readonly aborted: boolean;
  /** The conversation so far; what is added is sent with the next round. */
  messages: tabby.ChatMessage[];
  on<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  once<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  off<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  /** What an event says when it next happens. */
  emitted<Name extends keyof Events>(event: Name): Promise<Events[Name] extends (first: infer First, ...rest: any[]) => void ? First : void>;
  /** Settles when it has ended. */
  done(): Promise<void>;
  /** Aborts the run. */
  abort(): void;
  allChatCompletions(): ParsedCompletion<T>[];
  finalChatCompletion(): Promise<ParsedCompletion<T>>;
  finalMessage(): Promise<ParsedMessage<T>>;
  finalContent(): Promise<string | null>;
  finalFunctionToolCall(): Promise<{ name: string; arguments: string } | undefined>;
  finalFunctionToolCallResult(): Promise<string | undefined>;
  /** Tokens of all answers, added up. */
  totalUsage(): Promise<{ prompt_tokens: number; completion_tokens: number; total_tokens: number }>;
}

/** A streamed answer with events, and a loop over its chunks. */
export class ChatCompletionStream<T = unknown> extends ChatRun<StreamEvents, T> implements AsyncIterable<tabby.ChatChunk> {
  /** What has come so far, added up. */
  readonly currentChatCompletionSnapshot: tabby.ChatCompletion | undefined;
  [Symbol.asyncIterator](): AsyncIterator<tabby.ChatChunk>;
  /** Its chunks as lines of JSON, and the results of tools between them. */
  toReadableStream(): web.ByteStream;
  /** A stream out of such lines. */
  static fromReadableStream(readable: web.ByteStream): ChatCompletionStream;
}

/** Rounds with tools whose answers come whole. */
export class ChatCompletionRunner extends ChatRun<RunEvents> {}

/** Rounds with tools whose answers are streamed. */
export class ChatCompletionStreamingRunner extends ChatCompletionStream {}

/** Texts. */
export interface TextCompletions {
  /** The text as it comes. */
  create(request: tabby.CompletionRequest & { stream: true }, options?: RequestOptions): APIPromise<Stream<tabby.CompletionChunk>>;
  /** The whole text. */
  create(request: tabby.CompletionRequest & { stream?: false | null | undefined }, options?: RequestOptions): APIPromise<tabby.Completion>;
}

/** Vectors of texts. */
export interface EmbeddingsResource {
  /** A vector for each text: a list of numbers, or with `encoding_format: "base64"` the text of one. Numbers are those of 32 bits. */
  create(request: tabby.EmbeddingsRequest & { encoding_format: "base64" }, options?: RequestOptions): APIPromise<Vectors<string>>;
  create(request: tabby.EmbeddingsRequest, options?: RequestOptions): APIPromise<Vectors<number[]>>;
}

/** Vectors as they are asked for. */
export type Vectors<V> = Omit<Embeddings, "data"> & { data: { index: number; embedding: V; object?: string }[] };

/** Models. */
export interface ModelsResource {
  /** The models that the key is shown: a promise of a page, and a loop over its models. */
  list(options?: RequestOptions): APIPromise<ModelsPage> & AsyncIterable<tabby.ModelCard>;
  /** One of them, as the server has no route for it. Fails with a `NotFoundError`. */
  retrieve(id: string, options?: RequestOptions): APIPromise<tabby.ModelCard>;
}

/** The models; there is one page. */
export interface ModelsPage extends AsyncIterable<tabby.ModelCard> {
  data: tabby.ModelCard[];
  object: string;
  getPaginatedItems(): tabby.ModelCard[];
  hasNextPage(): boolean;
}

/** What went wrong. */
export class OpenAIError extends Error {}

/** An answer that is an error, or none at all. `cause` is the error of this package, with attempts, partial answers and more. */
export class APIError<Status extends number | undefined = number | undefined> extends OpenAIError {
  constructor(status: Status, error: object | undefined, message: string | undefined, headers: web.HeadersObject | undefined);
  /** The HTTP status, when the server had answered. */
  readonly status: Status;
  /** The headers of the answer. */
  readonly headers: web.HeadersObject | undefined;
  /** What the server said. */
  readonly error: any;
  /** A word for programs: the server's own, or that of `TabbyError`. */
  readonly code: string | null | undefined;
  readonly param: string | null | undefined;
  readonly type: string | undefined;
  /** The id of the request, if the server gave it one. */
  readonly requestID: string | null | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  static generate(status: number | undefined, body: object | undefined, message: string | undefined, headers: web.HeadersObject | undefined): APIError;
}
export class APIUserAbortError extends APIError<undefined> {
  constructor(given?: { message?: string });
}
export class APIConnectionError extends APIError<undefined> {
  constructor(given: { message?: string | undefined; cause?: Error | undefined });
}
export class APIConnectionTimeoutError extends APIConnectionError {
  constructor(given?: { message?: string });
}
export class BadRequestError extends APIError<400> {}
export class AuthenticationError extends APIError<401> {}
export class PermissionDeniedError extends APIError<403> {}
export class NotFoundError extends APIError<404> {}
export class ConflictError extends APIError<409> {}
export class UnprocessableEntityError extends APIError<422> {}
export class RateLimitError extends APIError<429> {}
export class InternalServerError extends APIError<number> {}
export class LengthFinishReasonError extends OpenAIError {}
export class ContentFilterFinishReasonError extends OpenAIError {}
