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

/** Settings of a client. Other settings of `Tabby` are passed on. */
export interface ClientOptions extends Omit<Partial<tabby.TabbyOptions>, "apiKey" | "baseURL" | "headers" | "logger" | "fetch" | "bearer" | "adminKey" | "getKey"> {
  /** The server's address; `OPENAI_BASE_URL`, then `TABBY_URL` of the environment, then `http://127.0.0.1:5000/v1` by default. */
  baseURL?: string | null | undefined;
  /** The key, or a function that returns it, sent as `Authorization: Bearer`; `OPENAI_API_KEY`, then `TABBY_API_KEY` by default. */
  apiKey?: string | (() => Promise<string>) | null | undefined;
  /** The admin key; `OPENAI_ADMIN_KEY`, then `TABBY_ADMIN_KEY` by default. */
  adminAPIKey?: string | null | undefined;
  /** Ignored: TabbyAPI has no organizations. */
  organization?: string | null | undefined;
  /** Ignored: TabbyAPI has no projects. */
  project?: string | null | undefined;
  /** Used instead of the host's own `fetch`. */
  fetch?: ((url: string, init?: any) => Promise<web.ResponseObject>) | undefined;
  /** Headers for every request; null omits one. */
  defaultHeaders?: Headers | undefined;
  /** Query parameters of every request. */
  defaultQuery?: Record<string, string | undefined> | undefined;
  /** Ignored: this package also supports browsers. */
  dangerouslyAllowBrowser?: boolean | undefined;
  /** The log level; `OPENAI_LOG`, then `warn` by default. Requests are logged as `debug`, failed calls as `info`, as their errors are thrown. */
  logLevel?: LogLevel | undefined;
  /** The logger; `console` by default. */
  logger?: Logger | undefined;
}

/** The accepted types of headers. */
export type Headers = web.HeadersLike | Record<string, string | string[] | null | undefined>;

/** A log level. */
export type LogLevel = "off" | "error" | "warn" | "info" | "debug";

/** A logger for lines. */
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

/** The options of a call, which override those of the client. */
export interface RequestOptions {
  /** Aborts the call. */
  signal?: web.Signal | null | undefined;
  /** In milliseconds; see `timeout` of `TabbyOptions`. */
  timeout?: number | undefined;
  /** The maximum number of retries of the call. */
  maxRetries?: number | undefined;
  /** Headers of this call. */
  headers?: Headers | undefined;
  /** Query parameters. */
  query?: Record<string, unknown> | null | undefined;
  /** Passed to `fetch`. */
  fetchOptions?: web.FetchOptions | undefined;
  /** Deadlines by part; see `Timeouts`. */
  timeouts?: tabby.Timeouts | undefined;
  /** Limits on what is accepted. */
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
  /** The maximum number of retries of a failed call. */
  maxRetries: number;
  /** In milliseconds. */
  timeout: number;
  /** The log level. */
  logLevel: LogLevel;
  /** The logger. */
  logger: Logger;
  /** The underlying client of this package, for everything that this class lacks. */
  readonly tabby: Tabby;
  /** Conversations. */
  readonly chat: { readonly completions: ChatCompletions };
  /** Text completions. */
  readonly completions: TextCompletions;
  /** Embedding vectors of texts. */
  readonly embeddings: EmbeddingsResource;
  /** Models. */
  readonly models: ModelsResource;
  /** Returns another client with the options of this one, overridden by these. */
  withOptions(options: Partial<ClientOptions>): this;
  /** Calls any route. */
  request<T = any>(request: RequestOptions & { method: string; path: string; body?: unknown; stream?: boolean | undefined }): APIPromise<T>;
  /** Calls any route. */
  get<T = any>(path: string, options?: RequestOptions): APIPromise<T>;
  /** Calls any route. */
  post<T = any>(path: string, options?: RequestOptions & { body?: unknown; stream?: boolean | undefined }): APIPromise<T>;
  /** Calls any route. */
  put<T = any>(path: string, options?: RequestOptions & { body?: unknown }): APIPromise<T>;
  /** Calls any route. */
  patch<T = any>(path: string, options?: RequestOptions & { body?: unknown }): APIPromise<T>;
  /** Calls any route. */
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

/** A promise of a response. */
export class APIPromise<T> extends Promise<T> {
  /** Returns the HTTP response with status and headers. Its body is the parsed response, serialized again. */
  asResponse(): Promise<web.ResponseObject>;
  /** Returns the parsed response, with the HTTP response and the id of the request. */
  withResponse(): Promise<{ data: T; response: web.ResponseObject; request_id: string | null }>;
}

/** A stream of chunks. It has one reader. */
export class Stream<Item> implements AsyncIterable<Item> {
  /** Aborts the stream. */
  controller: AbortController;
  [Symbol.asyncIterator](): AsyncIterator<Item>;
  /** Splits the stream into two. Each gets all chunks. */
  tee(): [Stream<Item>, Stream<Item>];
  /** Returns the chunks as lines of JSON. */
  toReadableStream(): web.ByteStream;
  /** Returns the chunks as events, as the server sends them. */
  toEventStream(): web.ByteStream;
  /** Creates a stream from the lines of `toReadableStream`. */
  static fromReadableStream<Item>(readable: web.ByteStream, controller?: AbortController): Stream<Item>;
}

/** The host's `AbortController`. */
type AbortController = { abort(reason?: unknown): void; readonly signal: web.Signal };

/** A tool of a request. A missing description is generated, since the server requires one. */
export interface ChatTool {
  /** The type. */
  type: "function";
  /** The function. */
  function: { name: string; description?: string | undefined; parameters?: tabby.JsonSchema | undefined; strict?: boolean | null | undefined };
}

/** A format of a response, including those of npm `openai`, such as from `zodResponseFormat`. */
export type ResponseFormat = tabby.ChatRequest["response_format"] | { type: "json_schema"; json_schema: { name: string; schema?: tabby.JsonSchema; strict?: boolean | null } };

/** A conversation to continue, with the fields of OpenAI and of TabbyAPI. */
export interface ChatParams extends Omit<tabby.ChatRequest, "tools" | "response_format"> {
  /** Whether the response is streamed. */
  stream?: boolean | null | undefined;
  /** The functions that the model may call. */
  tools?: ChatTool[] | undefined;
  /** The format of the response. */
  response_format?: ResponseFormat | undefined;
}

/** Returns a `response_format` for a Standard Schema or a JSON schema. Responses have their value as `parsed`. */
export function responseFormat<S extends Schema>(schema: S, name?: string, options?: { jsonSchema?: tabby.JsonSchema }): ParseableFormat<OutputOf<S>>;

/** A format whose values have a type. */
export type ParseableFormat<T> = { type: "json_schema"; json_schema: { name: string; schema?: tabby.JsonSchema; strict?: boolean | null }; $parseRaw(text: string): T | Promise<T> };

/** A response whose text and arguments are parsed. */
export type ParsedCompletion<T> = Omit<tabby.ChatCompletion, "choices"> & {
  choices: (Omit<tabby.ChatCompletion["choices"][number], "message"> & { message: ParsedMessage<T> })[];
};

/** A message whose text is parsed; `parsed` is null if there was nothing to parse. */
export type ParsedMessage<T> = tabby.ChatCompletion["choices"][number]["message"] & { parsed: T | null; refusal: string | null };

type ParsedOf<P> = P extends { response_format: { $parseRaw(text: string): infer T } } ? Awaited<T> : unknown;

/** Conversations. */
export interface ChatCompletions {
  /** Streams the response. */
  create(request: ChatParams & { stream: true }, options?: RequestOptions): APIPromise<Stream<tabby.ChatChunk>>;
  /** Returns the whole response. */
  create(request: ChatParams & { stream?: false | null | undefined }, options?: RequestOptions): APIPromise<tabby.ChatCompletion>;
  /** Streams the response or returns the whole response. */
  create(request: ChatParams, options?: RequestOptions): APIPromise<tabby.ChatCompletion | Stream<tabby.ChatChunk>>;
  /** Streams the response with events. */
  stream<P extends ChatParams>(request: P, options?: RequestOptions): ChatCompletionStream<ParsedOf<P>>;
  /** Returns the whole response, with its text and arguments parsed. */
  parse<P extends ChatParams>(request: P, options?: RequestOptions): APIPromise<ParsedCompletion<ParsedOf<P>>>;
  /** Runs tools in rounds, with streamed responses. */
  runTools(request: RunParams & { stream: true }, options?: RunOptions): ChatCompletionStreamingRunner;
  /** Runs tools in rounds. */
  runTools(request: RunParams & { stream?: false | undefined }, options?: RunOptions): ChatCompletionRunner;
}

/** A request whose tools are run. */
export interface RunParams extends Omit<ChatParams, "tools" | "stream"> {
  /** The tools. An exception of a function ends the run. Unknown names and arguments that `parse` rejects are reported to the model. */
  tools: readonly RunnableTool[];
  /** Passed to the functions. */
  toolContext?: unknown;
}

/** A function that the model may call, with its implementation. */
export interface RunnableTool {
  /** The type. */
  type: "function";
  /** The function. Its arguments are text, or the result of `parse`. */
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
  /** The type. */
  type: "function";
  /** The function. */
  function: RunnableTool["function"];
}

/** Options of a run. */
export interface RunOptions extends RequestOptions {
  /** The maximum number of responses; 10 by default. */
  maxChatCompletions?: number | undefined;
  /** Called after each response, when its calls have been run. */
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

/** Events of streamed responses, in addition to those of every run. */
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

/** A conversation that runs automatically. It starts in the next turn of the event loop. */
export class ChatRun<Events, T = unknown> {
  protected constructor();
  /** Aborts the run. */
  controller: AbortController;
  /** Whether the run has ended, failed, or was aborted. */
  readonly ended: boolean;
  readonly errored: boolean;
  readonly aborted: boolean;
  /** The conversation so far. Messages that are added are sent with the next round. */
  messages: tabby.ChatMessage[];
  on<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  once<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  off<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  /** Resolves to the value of the next event of this name. */
  emitted<Name extends keyof Events>(event: Name): Promise<Events[Name] extends (first: infer First, ...rest: any[]) => void ? First : void>;
  /** Settles when the run has ended. */
  done(): Promise<void>;
  /** Aborts the run. */
  abort(): void;
  allChatCompletions(): ParsedCompletion<T>[];
  finalChatCompletion(): Promise<ParsedCompletion<T>>;
  finalMessage(): Promise<ParsedMessage<T>>;
  finalContent(): Promise<string | null>;
  finalFunctionToolCall(): Promise<{ name: string; arguments: string } | undefined>;
  finalFunctionToolCallResult(): Promise<string | undefined>;
  /** The sum of the tokens of all responses. */
  totalUsage(): Promise<{ prompt_tokens: number; completion_tokens: number; total_tokens: number }>;
}

/** A streamed response with events, and an iterable of its chunks. */
export class ChatCompletionStream<T = unknown> extends ChatRun<StreamEvents, T> implements AsyncIterable<tabby.ChatChunk> {
  /** The accumulated response so far. */
  readonly currentChatCompletionSnapshot: tabby.ChatCompletion | undefined;
  [Symbol.asyncIterator](): AsyncIterator<tabby.ChatChunk>;
  /** Returns the chunks as lines of JSON, with the results of tools between them. */
  toReadableStream(): web.ByteStream;
  /** Creates a stream from such lines. */
  static fromReadableStream(readable: web.ByteStream): ChatCompletionStream;
}

/** A run with tools whose responses are not streamed. */
export class ChatCompletionRunner extends ChatRun<RunEvents> {}

/** A run with tools whose responses are streamed. */
export class ChatCompletionStreamingRunner extends ChatCompletionStream {}

/** Text completions. */
export interface TextCompletions {
  /** Streams the text. */
  create(request: tabby.CompletionRequest & { stream: true }, options?: RequestOptions): APIPromise<Stream<tabby.CompletionChunk>>;
  /** Returns the whole text. */
  create(request: tabby.CompletionRequest & { stream?: false | null | undefined }, options?: RequestOptions): APIPromise<tabby.Completion>;
}

/** Embedding vectors of texts. */
export interface EmbeddingsResource {
  /** Returns a vector for each text: a list of 32-bit numbers, or with `encoding_format: "base64"` their encoding. */
  create(request: tabby.EmbeddingsRequest & { encoding_format: "base64" }, options?: RequestOptions): APIPromise<Vectors<string>>;
  create(request: tabby.EmbeddingsRequest, options?: RequestOptions): APIPromise<Vectors<number[]>>;
}

/** A request for embeddings. */
export type Vectors<V> = Omit<Embeddings, "data"> & { data: { index: number; embedding: V; object?: string }[] };

/** Models. */
export interface ModelsResource {
  /** Lists the models that the key may see: a promise of a page, and an iterable of its models. */
  list(options?: RequestOptions): APIPromise<ModelsPage> & AsyncIterable<tabby.ModelCard>;
  /** Returns a model from the list, since the server has no route for it. Rejects with a `NotFoundError` if it is not there. */
  retrieve(id: string, options?: RequestOptions): APIPromise<tabby.ModelCard>;
}

/** The models. There is only one page. */
export interface ModelsPage extends AsyncIterable<tabby.ModelCard> {
  data: tabby.ModelCard[];
  object: string;
  getPaginatedItems(): tabby.ModelCard[];
  hasNextPage(): boolean;
}

/** An error. */
export class OpenAIError extends Error {}

/** An error response, or a missing response. `cause` is the error of this package, with attempts, partial responses and more. */
export class APIError<Status extends number | undefined = number | undefined> extends OpenAIError {
  constructor(status: Status, error: object | undefined, message: string | undefined, headers: web.HeadersObject | undefined);
  /** The HTTP status, if the server responded. */
  readonly status: Status;
  /** The headers of the response. */
  readonly headers: web.HeadersObject | undefined;
  /** The body of the error. */
  readonly error: any;
  /** The error code: the server's own, or that of `TabbyError`. */
  readonly code: string | null | undefined;
  readonly param: string | null | undefined;
  readonly type: string | undefined;
  /** The id of the request, if the server sent one. */
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
