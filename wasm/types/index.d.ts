/**
 * A client for TabbyAPI servers. Requests and answers are plain objects with the names that they have on the wire.
 *
 * ```ts
 * import { Tabby } from "tabbyapi";
 *
 * const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000", apiKey: "…" });
 * for await (const chunk of tabby.chat.stream({ messages: [{ role: "user", content: "Name a river." }] })) {
 *   console.log(chunk.choices[0]?.delta.content ?? "");
 * }
 * ```
 */
export * from "./wire.js";
export * from "./values.js";

import type * as values from "./values.js";
import type * as web from "./web.js";
import type * as wire from "./wire.js";

/** Loads the WebAssembly module. Calls do it by themselves; this does it early, or takes a module that you bring. */
export function init(options?: {
  /** The module: compiled, its bytes, a `Response` with them, or its address. Give it before the first call. */
  module?: ModuleSource | Promise<ModuleSource> | undefined;
}): Promise<void>;

/** Where the module is: compiled, its bytes, an answer with them, or its address. */
export type ModuleSource = web.WasmModule | ArrayBuffer | ArrayBufferView | web.ResponseObject | string | web.UrlObject;

/** The fields of an answer that this package has no name for: the same object, with another type. */
export function extraOf(answer: object): Record<string, unknown>;

/**
 * The stream whose lines `toReadableStream` wrote on another machine: of the body of a response, or of the response. Its errors are those
 * of the stream there, without the address of the server behind it.
 */
export function fromReadableStream<Item = wire.ChatChunk, Total = wire.ChatCompletion>(
  from: web.ByteStream | web.ResponseObject | Promise<web.ByteStream | web.ResponseObject>,
  options?: { limits?: Limits | undefined },
): MessageStream<Item, Total>;

/** A client of one server. Making one sends nothing and loads nothing. */
export class Tabby {
  /** Throws a `TabbyError` if an option cannot be used. */
  constructor(options: TabbyOptions);
  /** Conversations. */
  readonly chat: Chat;
  /** Texts that the model goes on with. */
  readonly completions: Completions;
  /** Vectors of texts. */
  readonly embeddings: Embeddings;
  /** What models there are, what is loaded, loading and unloading, downloading. */
  readonly models: Models;
  /** The same for embedding models. */
  readonly embeddingModels: EmbeddingModels;
  /** LoRA adapters. */
  readonly loras: Loras;
  /** Chat templates. */
  readonly templates: Templates;
  /** Text to tokens of the loaded model and back. */
  readonly tokens: Tokens;
  /** Overrides of sampling parameters on the server. */
  readonly sampling: Sampling;
  /** Whether the server is there and ready. */
  readonly health: Health;
  /** What the client's key may do. */
  readonly auth: Auth;
  /**
   * Asks a route that the services have no method for, with the keys, timeouts and retries of the client. The answer is JSON. Other methods than
   * `GET` and `HEAD` are sent again only if the server cannot have begun.
   */
  request<T = unknown>(request: RouteRequest & { stream?: false | undefined }, options?: CallOptions): Answer<T>;
  /** The same for a route that answers with events: what each of them says, in JSON, up to `[DONE]` or to the end. */
  request<T = unknown>(request: RouteRequest & { stream: true }, options?: CallOptions): Stream<T, T[]>;
  /** Another client with the options of this one, and these in the place of some. */
  withOptions(options: Partial<TabbyOptions>): Tabby;
  /** The KoboldAI API, which servers have only if they are configured to. */
  readonly kobold: Kobold;
}

/** Settings of a client. */
export interface TabbyOptions {
  /**
   * The server's address, such as `http://127.0.0.1:5000`; a path prefix or a trailing `/v1` is fine. In pages and their workers a path,
   * such as `/api`, is one of the page's own server.
   */
  baseURL: string | web.UrlObject;
  /** The API key (`X-API-Key`). */
  apiKey?: string | undefined;
  /** The admin key (`X-Admin-Key` on admin operations, `X-API-Key` on lists and where there is no API key). */
  adminKey?: string | undefined;
  /** A key sent as `Authorization: Bearer` where no other key fits. */
  bearer?: string | undefined;
  /**
   * Keys from elsewhere, in place of fixed ones: asked once for all calls, kept until they expire, asked again after a 401, upon
   * which the request is sent once more. A string is an API key, or an admin key where the scope is `admin`.
   */
  getKey?: ((wanted: KeyRequest) => Key | string | null | undefined | Promise<Key | string | null | undefined>) | undefined;
  /** Deadlines by kind of work. */
  timeoutPolicy?: Partial<Record<"read" | "generate" | "stream" | "streamTools" | "load" | "download", Timeouts>> | undefined;
  /** Deadlines for every kind of work. */
  timeouts?: Timeouts | undefined;
  /**
   * How long a call may keep you waiting, in milliseconds: until its first item (connecting, keys, retries and the waits between them
   * included), and then in each silence of a stream, in which keep-alive comments do not count. Whole answers and downloads are bounded to
   * their end, model loads until they begin. How long a stream takes is not bounded as long as it goes on. It replaces what stands in
   * `timeoutPolicy` and `timeouts`, but for a `total` that is longer. Not set by default; `Infinity` takes it back.
   */
  timeout?: number | undefined;
  /**
   * Whether calls that need an API key carry the admin key in its place, if there is one, as `X-API-Key`; false by default. A server with inline
   * model loading loads the `model` that a generation names for the admin key alone. `getKey` is asked for the scope `prefer_admin` then, as for lists.
   */
  preferAdminKey?: boolean | undefined;
  /** How often a failed call is tried again, where that can help; 2 by default. */
  maxRetries?: number | undefined;
  /** More about that. */
  retry?: Retry | undefined;
  /** Caps on what is accepted. */
  limits?: Limits | undefined;
  /** Headers for every request. */
  headers?: web.HeadersLike | undefined;
  /** In place of the host's own `fetch`. */
  fetch?: ((url: string, init: web.FetchOptions) => Promise<web.ResponseObject>) | undefined;
  /** Passed on to `fetch`, but for method, headers, body, signal and redirect: `{ dispatcher }` in Node, `{ cache, credentials }` in pages. */
  fetchOptions?: web.FetchOptions | undefined;
  /** Called before each request that is sent. */
  onAttempt?: ((attempt: AttemptEvent) => void) | undefined;
  /** Such as `console`: `debug` is called for each request and each call that came to its end, `warn` for each that failed. */
  logger?: Logger | undefined;
  /** Called at the end of each call. */
  onOutcome?: ((outcome: OutcomeEvent) => void) | undefined;
}

/** A request to any route. */
export interface RouteRequest {
  /** The method; `GET` by default. */
  method?: string | undefined;
  /** The path under `baseURL`, with its leading slash, and a query if there is one. */
  path: string;
  /** The body, which is sent as JSON; none by default. */
  body?: unknown;
  /** Which key it carries; `api` by default. `prefer_admin` takes the admin key if there is one. */
  scope?: "api" | "admin" | "prefer_admin" | "public" | undefined;
}

/** What is logged to, in single lines that hold neither keys nor prompts. */
export interface Logger {
  /** Requests that are sent, and calls that came to their end. */
  debug?(line: string): void;
  /** Calls that failed. */
  warn?(line: string): void;
}

/** What a key must be good for. */
export interface KeyRequest {
  /** Which key fits: `prefer_admin` takes the admin key if there is one. */
  scope: "api" | "prefer_admin" | "admin";
  /** The server refused the key that was given last. */
  rejected: boolean;
}

/** A key, as the header that carries it: one of the three. */
export interface Key {
  /** Sent as `X-API-Key`. */
  apiKey?: string | undefined;
  /** Sent as `X-Admin-Key`, or as `X-API-Key` on lists. */
  adminKey?: string | undefined;
  /** Sent as `Authorization: Bearer`. */
  bearer?: string | undefined;
  /** In how many milliseconds it stops being good. */
  expiresIn?: number | undefined;
}

/**
 * How long each part of a call may take, in milliseconds; `Infinity` is for ever, and what is left out stays as it is. Defaults by kind of
 * work, in seconds:
 *
 * | | `head` | `firstItem` | `idle` | `total` |
 * |---|---|---|---|---|
 * | `read` | 30 | | 30 | 60 |
 * | `generate` | 600 | | 60 | |
 * | `stream` | 300 | 600 | 120 | |
 * | `streamTools` | 300 | 600 | 900 | |
 * | `load` | 30 | | | |
 * | `download` | | | | |
 */
export interface Timeouts {
  /** From sending the request to the head of the answer. */
  head?: number | undefined;
  /** From sending the request to the first item of a stream. */
  firstItem?: number | undefined;
  /** Between two arrivals of data; keep-alive comments are no data, and time in which you do not read does not count. */
  idle?: number | undefined;
  /** The whole call, with its retries and waits. */
  total?: number | undefined;
}

/** When a failed call is tried again. */
export interface Retry {
  /** How often a failed call is tried again, from 0; 2 by default. */
  maxRetries?: number | undefined;
  /** The first wait before jitter, in milliseconds; 500 by default. */
  base?: number | undefined;
  /** The longest wait before jitter, in milliseconds; 8000 by default. */
  cap?: number | undefined;
  /** The longest `Retry-After` that is kept to, in milliseconds; 60000 by default. */
  retryAfterCap?: number | undefined;
  /** Tries generations again even if the server may have begun them, at the price of generating twice; off by default. */
  retryGenerations?: boolean | undefined;
}

/** Caps on what is accepted from a server, in bytes of UTF-8. */
export interface Limits {
  /** The largest event of a stream; 16 MiB by default. */
  event?: number | undefined;
  /** The largest body that is no stream; 64 MiB by default. */
  body?: number | undefined;
  /** How much of an error's body is kept; 64 KiB by default. */
  errorExcerpt?: number | undefined;
  /** All text, tool arguments and logprobs that a stream may accumulate; 64 MiB by default. */
  accumulated?: number | undefined;
  /** The number of choices, and of tool calls in a choice, that a stream may have; 1024 by default. Not in bytes. */
  indices?: number | undefined;
  /** The number of values that one JSON document may have; 16,777,216 by default. Not in bytes. Documents of up to 64 KiB are not counted. */
  items?: number | undefined;
  /** How deep one JSON document may be nested; 128 by default, and never more. Not in bytes. */
  depth?: number | undefined;
  /** How many times its own size the values of a JSON document may take in memory; 4 by default, and 16 MiB in any case. Not in bytes. */
  expansion?: number | undefined;
}

/** What a call may override. */
export interface CallOptions {
  /** Gives the call up: it fails with the signal's reason as `cause`. */
  signal?: web.Signal | undefined;
  /** Headers of this call, beside those of the client and before them. */
  headers?: web.HeadersLike | undefined;
  /** Passed on to `fetch`, beside those of the client and before them. */
  fetchOptions?: web.FetchOptions | undefined;
  /** It is in the place of the client's `timeout`, too. */
  timeouts?: Timeouts | undefined;
  /** In the place of the client's, in milliseconds; see `TabbyOptions`. */
  timeout?: number | undefined;
  /** How often the call is tried again, from 0; as the client by default. */
  maxRetries?: number | undefined;
  /** More about that. */
  retry?: Retry | undefined;
  /** Caps on what is accepted. */
  limits?: Limits | undefined;
  /** Whether to carry the admin key where an API key would do, as for inline model loading; see `TabbyOptions`. */
  preferAdminKey?: boolean | undefined;
}

/** A request that is about to be sent. */
export interface AttemptEvent {
  /** Such as `chat.create`. */
  operation: string;
  /** Counted from 1. */
  attempt: number;
  /** The method, such as `POST`. */
  method: string;
  /** Where it goes. */
  url: string;
}

/** How a call went. */
export interface OutcomeEvent extends Partial<Outcome> {
  /** Such as `chat.create`. */
  operation: string;
  /** Whether it came to its end. */
  ok: boolean;
  /** What it failed of. */
  error?: Error | undefined;
}

/** What a call did. Times are milliseconds since its start. */
export interface Outcome {
  /** The HTTP status of the last answer. */
  status: number | null;
  /** The headers of the last answer, as pairs. */
  headers: [string, string][];
  /** How long it took, in milliseconds. */
  elapsed: number | null;
  /** When the first item was there, in milliseconds since the start. */
  first_item: number | null;
  /** Time spent waiting between attempts and for keys, in milliseconds. */
  waited: number;
  /** How many items came. */
  items: number;
  /** How often `getKey` was asked again after a 401. */
  key_refreshes: number;
  /** How many requests were sent. */
  attempt_count: number;
  /** Of more than 16 the first 15 and the last. */
  attempts: Attempt[];
}

/** One request. */
export interface Attempt {
  /** The server that was asked. */
  base: string;
  /** When the request was sent, in milliseconds since the start of the call. */
  sent: number;
  /** When the head of the answer was there, in milliseconds since the start of the call. */
  head: number | null;
  /** When it ended, in milliseconds since the start of the call. */
  ended: number | null;
  /** The HTTP status. */
  status: number | null;
  /** The length of the request's body. */
  request_bytes: number;
  /** How many bytes of the answer's body came, decompressed. */
  response_bytes: number;
  /** Why it failed: the code of the error. */
  cause: string | null;
  /** How long the call then waited, in milliseconds. */
  retry_after: number | null;
}

/** The class of an error. */
export type ErrorKind =
  | "config" | "encode" | "credentials" | "connect" | "transport" | "timeout" | "server" | "truncated" | "decode" | "too_large"
  | "cancelled" | "misuse" | "trapped";

/** Words for programs that say what went wrong; servers have others, which are passed on. */
export type ErrorCode =
  | "already_complete" | "already_exists" | "already_loaded" | "attempts_used_up" | "bad_header" | "bad_request"
  | "body_too_large" | "cancelled" | "cannot_continue" | "certificate" | "circuit_open" | "config" | "connect" | "connection_lost"
  | "constrained" | "context_length_exceeded" | "conversation_too_long" | "decoded_too_large" | "download_timeout"
  | "empty_stream" | "encode" | "encoded_body" | "event_too_large" | "generation_aborted" | "generation_cut" | "graphql_error"
  | "http_error" | "image_too_large" | "image_unknown" | "image_unreadable" | "inconsistent_answer" | "invalid_header"
  | "invalid_json" | "invalid_key" | "invalid_line" | "invalid_option" | "invalid_recording" | "invalid_request" | "invalid_token"
  | "key_file_invalid" | "key_file_unreadable" | "key_invalid" | "kobold_disabled" | "lagged" | "logprobs_apart"
  | "method_not_allowed" | "missing_key" | "misuse" | "module_unavailable" | "no_chat_model" | "no_completion_model"
  | "no_context" | "no_embedding_model_loaded" | "no_input" | "no_model_loaded" | "no_prompt" | "no_template" | "not_finite"
  | "not_found" | "not_resumable" | "not_text" | "nothing_named" | "nothing_to_continue" | "nothing_to_download" | "oai_disabled"
  | "oauth_answer" | "oauth_connect" | "oauth_setup" | "oauth_timeout" | "oauth_token_type" | "other_model" | "queue_full"
  | "rate_limited" | "reasoning_restarted" | "reasoning_unfinished" | "redirect" | "repo_forbidden" | "request_timeout"
  | "request_too_large" | "retry_budget_used_up" | "server_error" | "several_choices" | "sign_in_needed" | "state_mismatch"
  | "stopped" | "stream_error" | "stream_in_use" | "stream_restarted" | "stream_too_large" | "template_error"
  | "timeout_first_item" | "timeout_head" | "timeout_host" | "timeout_idle" | "timeout_ready" | "timeout_total" | "too_deep"
  | "too_large" | "too_many_indices" | "too_many_items" | "tools_called" | "transport" | "trapped" | "truncated" | "unauthorized"
  | "unexpected_content_type" | "unexpected_json" | "unknown_model" | "unknown_preset" | "unknown_repo" | "unknown_template"
  | "unstructured" | "unsupported_media_type" | "validation_failed"
  | (string & {});

/** What went wrong. It prints as one sentence: what happened, where, and what to do. Keys never show, nor do prompts. */
export class TabbyError<Partial = unknown> extends Error {
  /** `AbortError` or `TimeoutError` for what a signal gave up, as programs look for these. */
  readonly name: "TabbyError" | "AbortError" | "TimeoutError";
  /** The class of the error. */
  readonly kind: ErrorKind;
  /** A stable word for programs: the server's own, such as `context_length_exceeded`, or one like `no_model_loaded`. */
  readonly code: ErrorCode;
  /** The HTTP status, when the server had answered. */
  readonly status: number | undefined;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** What had arrived of a stream, added up. */
  partial: Partial | undefined;
  /** The requests that were made. */
  readonly attempts: Attempt[];
  /** What happened, without the place and the hint: the server's own words if they are its. */
  readonly reason: string;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** The part of the call that ran out of time. */
  readonly phase: "head" | "first_item" | "idle" | "total" | undefined;
  /** The path inside the document that could not be read. */
  readonly path: string | undefined;
  /** The server's traceback, if it sends such. */
  readonly trace: string | undefined;
  /** The method of the request. */
  readonly method: string | undefined;
  /** The address of the request. */
  readonly url: string | undefined;
  /** The entries of a 422 answer. */
  readonly validation: { loc: string[]; msg: string; type: string; input: string | null }[];
  /** The headers of the answer. A page reads only those of another origin that the server exposes. */
  readonly headers: web.HeadersObject;
  /** The raw body of the answer, or the event that carried the error; it can echo the request. */
  readonly body: string | undefined;
  /** How the call went. */
  readonly outcome: Outcome | undefined;
  /** What `JSON.stringify` writes, which also `structuredClone` and `postMessage` take whole. */
  toJSON(): Record<string, unknown>;
  /** An error out of what `toJSON` gave, on the other side. */
  static from(value: unknown): TabbyError;
}

/** A call that answers once: a promise of the answer. */
export interface Answer<T> extends Promise<T> {
  /** The answer with what came around it. */
  withResponse(): Promise<{ data: T; status: number; headers: web.HeadersObject; attempts: Attempt[]; outcome: Outcome }>;
}

/**
 * A streamed answer. Nothing is sent before it is first asked for an item; not asking holds the server back. Leaving the loop, or
 * forgetting the stream, closes the connection. It has one reader: a second one is refused with code `stream_in_use`.
 */
export class Stream<Item, Total> implements AsyncIterable<Item> {
  protected constructor();
  [Symbol.asyncIterator](): AsyncIterableIterator<Item>;
  /** Two readers in place of one: each gets all items, and those that only one has read are kept for the other. */
  tee(): [AsyncIterableIterator<Item>, AsyncIterableIterator<Item>];
  /** Sends the request, and gives the head of an answer that is no error: to be awaited before a route answers with the stream. */
  readonly opened: Promise<{ status: number; headers: web.HeadersObject }>;
  /** What has arrived so far, added up. */
  readonly soFar: Total;
  /** Whether it has ended, whichever way. */
  readonly ended: boolean;
  /** How the call went, once it has ended. */
  readonly outcome: Outcome | undefined;
  /** Reads the rest, or waits until a loop has read it, and gives the whole; an error has what had arrived as `partial`. */
  final(): Promise<Total>;
  /**
   * Calls back with each piece of text and the index of its choice. Listening reads the stream, unless a loop does, and begins in the same turn.
   * What listeners throw is reported and ends nothing.
   */
  on(event: "content", listener: (piece: string, index: number) => void): this;
  /** Calls back with each tool call once it is whole, and the index of its choice. */
  on(event: "toolCall", listener: (call: wire.ToolCall, index: number) => void): this;
  /** Calls back if it fails or is given up. Without such a listener the error is reported as an uncaught one is. */
  on(event: "error", listener: (error: TabbyError<Total>) => void): this;
  /** Calls back with the whole once it is there. */
  on(event: "end", listener: (whole: Total) => void): this;
  /** Gives it up: closes the connection, upon which the server ends the generation. Loops over it end without an error. */
  abort(reason?: unknown): void;
  /**
   * The items as lines of JSON, for the body of a `Response`, say; an error is the last line, as `{"error": …}`. Cancelling it gives the
   * stream up. `fromReadableStream` reads it.
   */
  toReadableStream(): web.ByteStream;
}

/** A streamed conversation or completion. */
export class MessageStream<Item, Total> extends Stream<Item, Total> {
  /** Reads the rest, and gives the whole answer. */
  finalMessage(): Promise<Total>;
  /** Reads the rest, and gives the text of the first choice; empty if it has none. */
  text(): Promise<string>;
}

/** A model that is being loaded, as its progress. Dropping it does not stop the load. */
export class LoadStream extends Stream<wire.LoadProgress, values.LoadReport> {
  /** Reads the rest. The model can be used then: "finished" events come before that. */
  finalReport(): Promise<values.LoadReport>;
}

/** Conversations. */
export interface Chat {
  /** The whole answer. Usage is asked for unless the request's `stream_options` say otherwise. */
  create(request: wire.ChatRequest, options?: CallOptions): Answer<wire.ChatCompletion>;
  /** The answer as it comes. */
  stream(request: wire.ChatRequest, options?: CallOptions): MessageStream<wire.ChatChunk, wire.ChatCompletion>;
}

/** Texts that the model goes on with. */
export interface Completions {
  /** The whole answer. */
  create(request: wire.CompletionRequest, options?: CallOptions): Answer<wire.Completion>;
  /** The answer as it comes. Set `max_tokens`: the server fails on streamed completions without it. */
  stream(request: wire.CompletionRequest, options?: CallOptions): MessageStream<wire.CompletionChunk, wire.Completion>;
}

/** Vectors of texts. */
export interface Embeddings {
  /** One vector per text, in the order of the texts. */
  create(request: wire.EmbeddingsRequest, options?: CallOptions): Answer<values.Embeddings>;
}

/** Models. */
export interface Models {
  /** The models that can be loaded, if there is an admin key; the loaded one else. */
  list(options?: CallOptions): Answer<wire.ModelList>;
  /** The loaded model. Errors with code `no_model_loaded` if there is none. */
  current(options?: CallOptions): Answer<wire.ModelCard>;
  /** Context size, chat template and slots of the loaded model. */
  props(options?: CallOptions): Answer<wire.ModelProps>;
  /** Loads a model in place of the loaded one; needs the admin key. */
  load(request: wire.LoadRequest, options?: CallOptions): LoadStream;
  /**
   * Unloads whatever is loaded, then loads: the way to change the parameters of the loaded model. The unload ends the running
   * generations of all users, so it rejects with code `unknown_model`, and nothing is unloaded, unless the server's lists show what
   * is asked for; they are complete for the admin key only.
   */
  reload(request: wire.LoadRequest, options?: CallOptions): Promise<LoadStream>;
  /** Unloads the model; needs the admin key. */
  unload(options?: CallOptions): Answer<void>;
  /** The draft models that can be loaded along. */
  drafts(options?: CallOptions): Answer<wire.ModelList>;
  /** Has the server download a model or a LoRA from the Hugging Face hub; answers when all of it is there. */
  download(request: wire.DownloadRequest, options?: CallOptions): Answer<{ download_path: string }>;
}

/** Embedding models. One can be loaded beside the model that generates. */
export interface EmbeddingModels {
  /** The embedding models that can be loaded, if there is an admin key; the loaded one else. */
  list(options?: CallOptions): Answer<wire.ModelList>;
  /** The loaded one. Errors with code `no_embedding_model_loaded` if there is none. */
  current(options?: CallOptions): Answer<wire.ModelCard>;
  /** Loads one; answers when it is loaded. */
  load(request: wire.EmbeddingLoadRequest, options?: CallOptions): Answer<wire.LoadProgress>;
  /** Unloads it; needs the admin key. */
  unload(options?: CallOptions): Answer<void>;
}

/** LoRA adapters. */
export interface Loras {
  /** The LoRAs that can be loaded. */
  list(options?: CallOptions): Answer<wire.LoraList>;
  /** Those that are in use. */
  active(options?: CallOptions): Answer<wire.LoraList>;
  /** Loads LoRAs; needs the admin key. Says which of them could be loaded. */
  load(request: wire.LoraLoadRequest, options?: CallOptions): Answer<{ success: string[]; failure: string[] }>;
  /** Unloads all; needs the admin key. */
  unload(options?: CallOptions): Answer<void>;
}

/** Chat templates. */
export interface Templates {
  /** The names of the templates on the server. */
  list(options?: CallOptions): Answer<{ object?: string; data: string[] }>;
  /** Switches to the template of this name. Errors with code `unknown_template` if the server does not have it. */
  switch(name: string, options?: CallOptions): Answer<void>;
  /** Unloads the template; needs the admin key. */
  unload(options?: CallOptions): Answer<void>;
}

/** Tokens of the loaded model. */
export interface Tokens {
  /** The tokens of a text, or of a conversation as the chat template writes it. */
  encode(request: string | wire.ChatMessage[] | wire.EncodeRequest, options?: CallOptions): Answer<wire.Encoded>;
  /** The text of tokens. */
  decode(request: number[] | wire.DecodeRequest, options?: CallOptions): Answer<{ text: string }>;
  /** How many tokens a text or a conversation has. */
  count(request: string | wire.ChatMessage[] | wire.EncodeRequest, options?: CallOptions): Answer<number>;
}

/** Overrides of sampling parameters. */
export interface Sampling {
  /** Those in force, and the names of presets for the admin key. */
  overrides(options?: CallOptions): Answer<wire.OverrideList>;
  /** Switches to the preset of this name, without `.yml`. */
  switchPreset(preset: string, options?: CallOptions): Answer<void>;
  /** Sets these, by field, in place of those in force; needs the admin key. */
  setOverrides(overrides: Record<string, wire.SamplerOverride>, options?: CallOptions): Answer<void>;
  /** Takes all back; needs the admin key. */
  unload(options?: CallOptions): Answer<void>;
}

/** Whether the server is there and ready. */
export interface Health {
  /** The server's own view. A 503 with a body is an answer, not an error. */
  check(options?: CallOptions): Answer<wire.HealthReport>;
  /** Names and addresses of the server's APIs. */
  serviceInfo(options?: CallOptions): Answer<wire.ServiceInfo>;
  /** Waits until a model is loaded, and gives its card; `timeout` in milliseconds, a minute by default. */
  waitUntilReady(options?: { timeout?: number | undefined; signal?: web.Signal | undefined }): Promise<wire.ModelCard>;
}

/** What the client's key may do. */
export interface Auth {
  /** What the key may do that generation calls carry. */
  permission(options?: CallOptions): Answer<"api" | "admin" | (string & {})>;
}

/** The KoboldAI API. */
export interface Kobold {
  /** The whole text. */
  generate(request: wire.KoboldRequest, options?: CallOptions): Answer<wire.KoboldResults>;
  /** The text as it comes. */
  stream(request: wire.KoboldRequest, options?: CallOptions): Stream<{ token: string }, wire.KoboldResults>;
  /** Ends the generation of this key. */
  abort(genkey: string, options?: CallOptions): Answer<{ success: boolean }>;
  /** The text so far of the generation of this key. */
  check(genkey: string, options?: CallOptions): Answer<wire.KoboldResults>;
  /** The name of the loaded model. */
  model(options?: CallOptions): Answer<{ result: string }>;
  /** How many tokens a text has. */
  countTokens(prompt: string, options?: CallOptions): Answer<{ value: number; ids?: number[] }>;
  /** How many tokens are generated by default. */
  maxLength(options?: CallOptions): Answer<{ value: number }>;
  /** The context size, in tokens. */
  maxContextLength(options?: CallOptions): Answer<{ value: number }>;
  /** The version of the API. */
  version(options?: CallOptions): Answer<{ result: string }>;
  /** The name and version of the server. */
  extraVersion(options?: CallOptions): Answer<{ result: string; version: string }>;
}
